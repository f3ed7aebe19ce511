/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A hash table of keys, each of which is in at most one of two lists: `ready` in
 * the order in which they became due, or `delayed` in no order. A key in neither
 * is only remembered for its failures.
 *
 * Invariants:
 *  1. A key is in the table exactly once; a key without failures is in a list.
 *  2. n_keys (the table's size) never exceeds max_keys.
 *
 * The delayed list is searched from end to end when somebody takes a key. It
 * holds what failed or waits for a time, which is little compared with what a
 * key costs to work on.
 */

#include "queue.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/queue.h>

#include <uthash.h>

#include "clock.h"
#include "cond.h"

#define MAX_KEYS       65536
#define BACKOFF_MIN_NS (1 * NS_PER_S)
#define BACKOFF_MAX_NS (300 * NS_PER_S)
#define MAX_DOUBLINGS  20

struct entry {
	UT_hash_handle hh;
	TAILQ_ENTRY(entry) link;
	struct entry_list *list; /* NULL = in neither */
	uint64_t due_ns;	 /* in delayed only */
	unsigned int failures;
	char key[];
};

TAILQ_HEAD(entry_list, entry);

struct queue {
	struct queue_options options;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* CLOCK_MONOTONIC */
	/* All below: lock. */
	struct entry *table;
	struct entry_list ready;
	struct entry_list delayed;
	uint64_t random;
	bool is_closed;
};

int queue_new(struct queue **ret, const struct queue_options *options)
{
	struct queue *queue = calloc(1, sizeof(*queue));

	if (!queue)
		return -ENOMEM;
	queue->options = *options;
	if (!queue->options.max_keys)
		queue->options.max_keys = MAX_KEYS;
	if (!queue->options.backoff_min_ns)
		queue->options.backoff_min_ns = BACKOFF_MIN_NS;
	if (!queue->options.backoff_max_ns)
		queue->options.backoff_max_ns = BACKOFF_MAX_NS;
	if (!queue->options.now)
		queue->options.now = clock_ns;
	TAILQ_INIT(&queue->ready);
	TAILQ_INIT(&queue->delayed);
	queue->random = clock_ns() | 1;
	(void)pthread_mutex_init(&queue->lock, NULL);
	cond_init_monotonic(&queue->changed);
	*ret = queue;
	return 0;
}

/* --- entries, all with the lock held ---------------------------------------------- */

static void entry_unlist(struct entry *entry)
{
	if (entry->list)
		TAILQ_REMOVE(entry->list, entry, link);
	entry->list = NULL;
}

static void entry_list(struct entry *entry, struct entry_list *list)
{
	entry_unlist(entry);
	TAILQ_INSERT_TAIL(list, entry, link);
	entry->list = list;
}

static struct entry *entry_find(struct queue *queue, const char *key)
{
	struct entry *entry;

	HASH_FIND_STR(queue->table, key, entry);
	return entry;
}

static void entry_drop(struct queue *queue, struct entry *entry)
{
	entry_unlist(entry);
	HASH_DEL(queue->table, entry);
	free(entry);
}

static int entry_get(struct queue *queue, const char *key, struct entry **ret)
{
	struct entry *entry = entry_find(queue, key);
	size_t size = strlen(key) + 1;

	if (!entry) {
		if (HASH_COUNT(queue->table) >= queue->options.max_keys)
			return -ENOSPC;
		entry = calloc(1, sizeof(*entry) + size);
		if (!entry)
			return -ENOMEM;
		memcpy(entry->key, key, size);
		HASH_ADD_STR(queue->table, key, entry);
	}
	*ret = entry;
	return 0;
}

struct queue *queue_free(struct queue *queue)
{
	struct entry *entry, *next;

	if (!queue)
		return NULL;
	HASH_ITER(hh, queue->table, entry, next)
	{
		entry_drop(queue, entry);
	}
	(void)pthread_cond_destroy(&queue->changed);
	(void)pthread_mutex_destroy(&queue->lock);
	free(queue);
	return NULL;
}

/* --- adding -------------------------------------------------------------------------- */

static void delay_locked(struct queue *queue, struct entry *entry,
			 uint64_t delay_ns)
{
	uint64_t due = queue->options.now() + delay_ns;

	if (entry->list == &queue->ready ||
	    (entry->list == &queue->delayed && entry->due_ns <= due))
		return;
	entry->due_ns = due;
	entry_list(entry, &queue->delayed);
	(void)pthread_cond_broadcast(&queue->changed);
}

int queue_add(struct queue *queue, const char *key)
{
	struct entry *entry;
	int r;

	(void)pthread_mutex_lock(&queue->lock);
	r = entry_get(queue, key, &entry);
	if (r >= 0 && entry->list != &queue->ready) {
		entry_list(entry, &queue->ready);
		(void)pthread_cond_signal(&queue->changed);
	}
	(void)pthread_mutex_unlock(&queue->lock);
	return r;
}

int queue_add_after(struct queue *queue, const char *key, uint64_t delay_ns)
{
	struct entry *entry;
	int r;

	(void)pthread_mutex_lock(&queue->lock);
	r = entry_get(queue, key, &entry);
	if (r >= 0)
		delay_locked(queue, entry, delay_ns);
	(void)pthread_mutex_unlock(&queue->lock);
	return r;
}

/* xorshift64: spreading retries needs no better randomness. */
static uint64_t random_below(struct queue *queue, uint64_t limit)
{
	queue->random ^= queue->random << 13;
	queue->random ^= queue->random >> 7;
	queue->random ^= queue->random << 17;
	return limit ? queue->random % limit : 0;
}

static uint64_t backoff_locked(struct queue *queue, struct entry *entry)
{
	uint64_t delay = queue->options.backoff_min_ns << entry->failures;

	if (delay > queue->options.backoff_max_ns)
		delay = queue->options.backoff_max_ns;
	if (entry->failures < MAX_DOUBLINGS)
		entry->failures++;
	return delay - random_below(queue, delay / 4);
}

int queue_retry(struct queue *queue, const char *key)
{
	struct entry *entry;
	int r;

	(void)pthread_mutex_lock(&queue->lock);
	r = entry_get(queue, key, &entry);
	if (r >= 0)
		delay_locked(queue, entry, backoff_locked(queue, entry));
	(void)pthread_mutex_unlock(&queue->lock);
	return r;
}

void queue_forget(struct queue *queue, const char *key)
{
	struct entry *entry;

	(void)pthread_mutex_lock(&queue->lock);
	entry = entry_find(queue, key);
	if (entry)
		entry->failures = 0;
	if (entry && !entry->list)
		entry_drop(queue, entry);
	(void)pthread_mutex_unlock(&queue->lock);
}

/* --- taking -------------------------------------------------------------------------- */

/* Moves what is due; *ret_due: when the first of the rest is. */
static void collect_locked(struct queue *queue, uint64_t *ret_due)
{
	struct entry *entry = TAILQ_FIRST(&queue->delayed);
	uint64_t now = queue->options.now();
	uint64_t due = UINT64_MAX;

	while (entry) {
		struct entry *next = TAILQ_NEXT(entry, link);

		if (entry->due_ns <= now)
			entry_list(entry, &queue->ready);
		else if (entry->due_ns < due)
			due = entry->due_ns;
		entry = next;
	}
	*ret_due = due;
}

static int poll_locked(struct queue *queue, char **ret, uint64_t *ret_due)
{
	struct entry *entry;
	char *key;

	if (queue->is_closed)
		return QUEUE_CLOSED;
	collect_locked(queue, ret_due);
	entry = TAILQ_FIRST(&queue->ready);
	if (!entry)
		return QUEUE_EMPTY;
	key = strdup(entry->key);
	if (!key)
		return -ENOMEM;
	entry_unlist(entry);
	if (entry->failures == 0)
		entry_drop(queue, entry);
	*ret = key;
	return 0;
}

int queue_poll(struct queue *queue, char **ret, uint64_t *ret_due)
{
	int r;

	(void)pthread_mutex_lock(&queue->lock);
	r = poll_locked(queue, ret, ret_due);
	(void)pthread_mutex_unlock(&queue->lock);
	return r;
}

int queue_take(struct queue *queue, char **ret)
{
	uint64_t due;
	int r;

	(void)pthread_mutex_lock(&queue->lock);
	while ((r = poll_locked(queue, ret, &due)) == QUEUE_EMPTY)
		(void)cond_wait_until(&queue->changed, &queue->lock, due);
	(void)pthread_mutex_unlock(&queue->lock);
	return r;
}

void queue_close(struct queue *queue)
{
	(void)pthread_mutex_lock(&queue->lock);
	queue->is_closed = true;
	(void)pthread_cond_broadcast(&queue->changed);
	(void)pthread_mutex_unlock(&queue->lock);
}
