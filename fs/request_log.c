/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A slot is taken before read(2), and says where the request will be: a process that
 * is killed in or right after the call leaves it there, since the kernel does not
 * stop in the middle of a copy. Length and unique of the header are cleared before,
 * so that what an earlier request left in the buffer is not taken for one.
 *
 *	free -> reading -> inline (small) ------------> free, when it was answered
 *	           \   \-> apart -> apart, elsewhere --^
 *	            \-> free: nothing came, or what nobody answers
 *
 * The state is stored after what it speaks of, and cleared first; a move is one
 * store, after the bytes are in place. The next process moves what it executes again
 * in the same way, and is followed by a third one if it dies, too.
 *
 * A slot may outlive its request by a moment: the answer is written, and the process
 * dies before it clears the slot. So the kernel is asked for each whether it still
 * waits (resend.c). What nobody waits for is not executed: FORGET was counted when
 * its slot was free already, or is lost, and a count that is too high does no harm.
 *
 * A free slot says in `data` which one is the next free one; that is this process'
 * alone.
 */

#include "request_log.h"

#include <errno.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "inode_layout.h"

/* A request that was left. */
struct left {
	uint64_t unique;
	uint32_t slot;
	uint32_t len;
	const uint8_t *bytes;
};

struct request_log {
	struct table_header
		*header; /* borrowed, as slots: the table's memory */
	struct request_slot *slots;
	struct arena *arena; /* borrowed */
	struct left *left;   /* NULL until collected */
	uint32_t n_left;
	pthread_mutex_t lock; /* of all below, and header->n_requests */
	uint32_t free;	      /* the first one, or REQUEST_NONE */
};

int request_log_new(struct request_log **ret, struct inode_table *table,
		    struct arena *arena)
{
	struct request_log *log = calloc(1, sizeof(*log));

	if (!log)
		return -ENOMEM;
	log->header = inode_table_header(table);
	log->slots = inode_table_requests(table);
	log->arena = arena;
	log->free = REQUEST_NONE;
	(void)pthread_mutex_init(&log->lock, NULL);
	*ret = log;
	return 0;
}

struct request_log *request_log_free(struct request_log *log)
{
	if (!log)
		return NULL;
	(void)pthread_mutex_destroy(&log->lock);
	free(log->left);
	free(log);
	return NULL;
}

bool request_log_is_on(const struct request_log *log)
{
	return log && atomic_load(&log->header->logs_requests);
}

void request_log_turn_on(struct request_log *log)
{
	atomic_store(&log->header->logs_requests, 1);
}

/* --- slots ---------------------------------------------------------------------- */

uint32_t request_log_share(uint32_t n_users)
{
	return REQUESTS_MAX / n_users;
}

static uint32_t take_locked(struct request_log *log)
{
	uint32_t slot = log->free;

	if (slot == REQUEST_NONE)
		return log->header->n_requests < REQUESTS_MAX
			       ? log->header->n_requests++
			       : REQUEST_NONE;
	log->free = (uint32_t)atomic_load(&log->slots[slot].data);
	return slot;
}

uint32_t request_log_take(struct request_log *log)
{
	uint32_t slot;

	pthread_mutex_lock(&log->lock);
	slot = take_locked(log);
	pthread_mutex_unlock(&log->lock);
	return slot;
}

void request_log_end(struct request_log *log, uint32_t slot)
{
	request_log_came_not(log, slot);
	pthread_mutex_lock(&log->lock);
	atomic_store(&log->slots[slot].data, log->free);
	log->free = slot;
	pthread_mutex_unlock(&log->lock);
}

/* --- a request ------------------------------------------------------------------- */

void request_log_expect(struct request_log *log, uint32_t slot, uint8_t *data)
{
	struct request_slot *own = &log->slots[slot];
	struct fuse_in_header *header = (void *)data;

	header->len = 0;
	header->unique = 0;
	atomic_store(&own->data, arena_offset(log->arena, data));
	atomic_store(&own->state, REQUEST_READING);
}

void request_log_came_not(struct request_log *log, uint32_t slot)
{
	atomic_store(&log->slots[slot].state, REQUEST_FREE);
}

bool request_log_is_inline(uint32_t len)
{
	return len <= REQUEST_INLINE_MAX;
}

static bool is_answered(const struct fuse_in_header *header)
{
	return header->opcode != FUSE_FORGET &&
	       header->opcode != FUSE_BATCH_FORGET &&
	       header->opcode != FUSE_INTERRUPT;
}

void request_log_came(struct request_log *log, uint32_t slot,
		      const uint8_t *data, uint32_t len)
{
	struct request_slot *own = &log->slots[slot];
	const struct fuse_in_header *header = (const void *)data;

	if (len < sizeof(*header) || !is_answered(header)) {
		request_log_came_not(log, slot);
		return;
	}
	own->unique = header->unique;
	own->len = len;
	if (request_log_is_inline(len)) {
		memcpy(own->bytes, data, len);
		atomic_store(&own->state, REQUEST_INLINE);
	} else {
		request_log_move(log, slot, data);
		atomic_store(&own->state, REQUEST_APART);
	}
}

void request_log_move(struct request_log *log, uint32_t slot,
		      const uint8_t *data)
{
	atomic_store(&log->slots[slot].data, arena_offset(log->arena, data));
}

/* --- what a former process left ------------------------------------------------- */

/* Where the slot has len bytes; NULL = nowhere. */
static const uint8_t *bytes_of(struct request_log *log,
			       const struct request_slot *slot, uint32_t len)
{
	if (atomic_load(&slot->state) != REQUEST_INLINE)
		return arena_find_left(log->arena, atomic_load(&slot->data),
				       len);
	return len <= sizeof(slot->bytes) ? slot->bytes : NULL;
}

/* Whether there is a request in the slot. */
static bool find_request(struct request_log *log, uint32_t slot,
			 struct left *ret)
{
	const struct request_slot *own = &log->slots[slot];
	uint32_t state = atomic_load(&own->state);
	const struct fuse_in_header *header;

	if (state == REQUEST_FREE)
		return false;
	header = (const void *)bytes_of(log, own, sizeof(*header));
	if (!header || header->unique == 0 || header->len < sizeof(*header) ||
	    !is_answered(header))
		return false;
	if (state != REQUEST_READING &&
	    (header->unique != own->unique || header->len != own->len))
		return false;
	*ret = (struct left){ .unique = header->unique,
			      .slot = slot,
			      .len = header->len,
			      .bytes = bytes_of(log, own, header->len) };
	return ret->bytes;
}

static int compare(const void *a, const void *b)
{
	const struct left *x = a;
	const struct left *y = b;

	return (x->unique > y->unique) - (x->unique < y->unique);
}

/* 1 = it has to be executed, 0 = the slot is free. */
static int collect_slot(struct request_log *log, uint32_t slot,
			request_is_pending_fn is_pending, void *userdata)
{
	struct left *left = &log->left[log->n_left];
	int r = 0;

	if (find_request(log, slot, left))
		r = is_pending(userdata, left->unique);
	if (r > 0)
		log->n_left++;
	else if (r == 0)
		request_log_end(log, slot);
	return r;
}

int request_log_collect(struct request_log *log,
			request_is_pending_fn is_pending, void *userdata)
{
	uint32_t n = log->header->n_requests;

	log->left = calloc(n + 1, sizeof(*log->left));
	if (!log->left)
		return -ENOMEM;
	/* The first ones are taken first: their pages are there. */
	while (n > 0) {
		int r = collect_slot(log, --n, is_pending, userdata);

		if (r < 0)
			return r;
	}
	qsort(log->left, log->n_left, sizeof(*log->left), compare);
	return 0;
}

uint32_t request_log_n_left(const struct request_log *log)
{
	return log ? log->n_left : 0;
}

uint32_t request_log_fetch(struct request_log *log, uint32_t i, uint8_t *data,
			   uint32_t size, uint32_t *ret_slot)
{
	const struct left *left = &log->left[i];

	if (left->len > size)
		return 0;
	memcpy(data, left->bytes, left->len);
	request_log_came(log, left->slot, data, left->len);
	*ret_slot = left->slot;
	return left->len;
}
