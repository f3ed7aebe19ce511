/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Replies are used where they were received, so the art is to receive them to a
 * good place with few system calls:
 *
 *  - Between records up to 64 KiB are asked for: many small replies at once, or
 *    the beginning of a large one, at the start of the buffer.
 *  - Of a record that is larger exactly the rest is asked for. It ends where the
 *    receiving ends, so the next one starts at the start of the buffer, too, and
 *    a stream of 1 MiB replies is never moved.
 *  - What is moved is the beginning of a record behind small ones: < 64 KiB.
 *
 * The buffer goes back to the pool whenever nothing is half received, so that
 * idle connections hold none, and busy ones of a shard share the one that is in
 * the CPU's cache.
 *
 * Records of several fragments are rare (no server that we know sends them for
 * NFS). They are put together by moving what follows an inner mark over it.
 *
 * Invariants:
 *  1. start <= len <= buffer->size; buffer == NULL implies len == 0.
 *  2. n_fragments > 0: start is behind the first mark, the content of all marks
 *     that were seen is contiguous from start on, record_len bytes in all.
 *  3. After nfs_record_next() gave 0 the rest of the current record and one more
 *     mark fit behind len.
 */

#include "nfs_record.h"

#include <assert.h>
#include <string.h>

#include "nfs_rpc.h"

#define RECEIVE_CHUNK (64u << 10)
#define FRAGMENTS_MAX 1024 /* moving costs: this bounds it */

void nfs_record_init(struct nfs_record *record, struct buffer_pool *pool)
{
	*record = (struct nfs_record){ .pool = pool };
}

void nfs_record_fini(struct nfs_record *record)
{
	buffer_put(record->pool, record->buffer);
	nfs_record_init(record, record->pool);
}

/* Bytes that are missing until the record, or the next mark of it, is complete. */
static uint32_t missing(const struct nfs_record *record)
{
	uint32_t need = NFS_RPC_MARK_SIZE;
	uint32_t have = record->len - record->start;

	if (record->n_fragments > 0)
		need = record->record_len +
		       (record->is_last ? 0 : NFS_RPC_MARK_SIZE);
	return have < need ? need - have : 0;
}

int nfs_record_space(struct nfs_record *record, uint8_t **ret_data,
		     size_t *ret_len)
{
	uint32_t need = missing(record), left;

	if (!record->buffer)
		record->buffer = buffer_get(record->pool, BUFFER_LARGE_SIZE);
	if (!record->buffer)
		return -ENOMEM;
	left = record->buffer->size - record->len;
	if (need < RECEIVE_CHUNK)
		need = left < RECEIVE_CHUNK ? left : RECEIVE_CHUNK;
	assert(need > 0 && need <= left);
	*ret_data = record->buffer->data + record->len;
	*ret_len = need;
	return 0;
}

void nfs_record_filled(struct nfs_record *record, size_t len)
{
	record->len += (uint32_t)len;
	assert(record->len <= record->buffer->size);
}

static int take_mark(struct nfs_record *record, const uint8_t *at)
{
	uint32_t mark = xdr_load_u32(at);
	uint32_t len = mark & ~NFS_RPC_LAST_FRAGMENT;

	if (len > NFS_RECORD_MAX || record->record_len + len > NFS_RECORD_MAX ||
	    record->n_fragments == FRAGMENTS_MAX)
		return -EBADMSG;
	record->n_fragments++;
	record->record_len += len;
	record->is_last = mark & NFS_RPC_LAST_FRAGMENT;
	return 0;
}

static int take_first_mark(struct nfs_record *record)
{
	record->start += NFS_RPC_MARK_SIZE;
	return take_mark(record, record->buffer->data + record->start -
					 NFS_RPC_MARK_SIZE);
}

static int take_inner_mark(struct nfs_record *record)
{
	uint8_t *at = record->buffer->data + record->start + record->record_len;
	uint8_t *end = record->buffer->data + record->len;
	int r = take_mark(record, at);

	if (r < 0)
		return r;
	memmove(at, at + NFS_RPC_MARK_SIZE,
		(size_t)(end - at) - NFS_RPC_MARK_SIZE);
	record->len -= NFS_RPC_MARK_SIZE;
	return 0;
}

/* Makes invariant 3 true. */
static void make_room(struct nfs_record *record)
{
	uint32_t have = record->len - record->start;

	if (have == 0 && record->n_fragments == 0) {
		nfs_record_fini(record);
		return;
	}
	if (record->start == 0)
		return;
	memmove(record->buffer->data, record->buffer->data + record->start,
		have);
	record->start = 0;
	record->len = have;
}

int nfs_record_next(struct nfs_record *record, uint8_t **ret_data,
		    uint32_t *ret_len)
{
	int r;

	while (record->buffer && missing(record) == 0) {
		if (record->n_fragments == 0) {
			r = take_first_mark(record);
		} else if (!record->is_last) {
			r = take_inner_mark(record);
		} else {
			*ret_data = record->buffer->data + record->start;
			*ret_len = record->record_len;
			record->start += record->record_len;
			record->record_len = 0;
			record->n_fragments = 0;
			return 1;
		}
		if (r < 0)
			return r;
	}
	if (record->buffer)
		make_room(record);
	return 0;
}
