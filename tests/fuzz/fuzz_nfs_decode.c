/* SPDX-License-Identifier: Apache-2.0 */

/*
 * libFuzzer target for what an NFS server sends. The first byte of the input
 * chooses the procedure, the second the size of the pieces that the rest, the
 * TCP stream, arrives in. Every record goes through the decoders as in nfs3.c;
 * what they give is read to its end, so that a sanitizer sees a bad pointer.
 */

#include <assert.h>

#include "cleanup.h"
#include "nfs3_xdr.h"
#include "nfs_record.h"

#define ASKED 4096 /* bytes, of READ and WRITE */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static volatile uint64_t sink; /* keeps the reads */

static void touch(const void *data, size_t len)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < len; i++)
		sink += bytes[i];
}

static void touch_entries(const struct nfs_call *call)
{
	for (uint32_t i = 0; i < call->res.readdir.n_entries; i++) {
		const struct nfs_entry *entry = &call->res.readdir.entries[i];

		assert(strlen(entry->name) > 0);
		assert(strlen(entry->name) <= NFS_NAME_MAX);
		assert(!entry->has_fh || entry->fh.len <= NFS_FH_MAX);
	}
}

static void touch_results(const struct nfs_call *call)
{
	switch (call->proc) {
	case NFS_READ:
		assert(call->res.read.count <= ASKED);
		touch(call->res.read.data, call->res.read.count);
		break;
	case NFS_WRITE:
		assert(call->res.write.count <= ASKED);
		break;
	case NFS_READLINK:
		touch(call->res.readlink.target,
		      strlen(call->res.readlink.target));
		break;
	case NFS_READDIR:
	case NFS_READDIRPLUS:
		touch_entries(call);
		break;
	default:
		assert(!call->res.has_fh || call->res.fh.len <= NFS_FH_MAX);
		break;
	}
}

static void decode(enum nfs_proc proc, uint8_t *record, uint32_t len)
{
	static struct nfs_entry entries[256];
	struct nfs_call call = { .proc = proc };
	struct xdr_reader r = xdr_reader_over(record, len);

	if (proc == NFS_READ)
		call.args.read.count = ASKED;
	if (proc == NFS_WRITE)
		call.args.write.count = ASKED;
	if (proc == NLM_TEST)
		call.args.lock.caller = "a node";
	if (nfs3_decode_reply(
		    &r, &call,
		    (struct nfs3_entries){ entries, ARRAY_SIZE(entries) }) == 0)
		touch_results(&call);
}

/* False when the stream makes no sense. */
static bool take_records(struct nfs_record *record, enum nfs_proc proc)
{
	uint8_t *data;
	uint32_t len;
	int r;

	while ((r = nfs_record_next(record, &data, &len)) > 0)
		decode(proc, data, len);
	return r == 0;
}

/* Returns how much of data was taken. */
static size_t feed(struct nfs_record *record, const uint8_t *data, size_t len)
{
	uint8_t *space;
	size_t space_len;

	if (nfs_record_space(record, &space, &space_len) < 0)
		return len;
	if (len > space_len)
		len = space_len;
	memcpy(space, data, len);
	nfs_record_filled(record, len);
	return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct buffer_pool *pool; /* for all inputs: it is dear */
	struct nfs_record record;
	enum nfs_proc proc;
	size_t piece;

	if (len < 2 || (!pool && buffer_pool_new(&pool, NULL) < 0))
		return 0;
	proc = data[0] % NFS_N_PROCS;
	piece = data[1] + 1u;
	nfs_record_init(&record, pool);
	for (size_t at = 2; at < len;) {
		at += feed(&record, data + at,
			   len - at < piece ? len - at : piece);
		if (!take_records(&record, proc))
			break;
	}
	nfs_record_fini(&record);
	return 0;
}
