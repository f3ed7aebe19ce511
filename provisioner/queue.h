/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Keys that are to be looked at, each at most once in the queue however often it
 * is added, with delays and a back-off per key for those that failed.
 *
 * Calling sequence of a worker: queue_take(); look at the key; queue_forget() if
 * that went well, queue_retry() if not. A key that is added while it is worked on
 * is queued again.
 *
 * Threads: any may add; one or more may take.
 */

#include <stdint.h>

#include "cleanup.h"

struct queue;

struct queue_options {
	unsigned int max_keys;	 /* waiting or failing; 0 = 65536 */
	uint64_t backoff_min_ns; /* after the first failure; 0 = 1 s */
	uint64_t backoff_max_ns; /* 0 = 5 min */
	uint64_t (*now)(void);	 /* NULL = clock_ns() */
};

enum queue_outcome {
	QUEUE_CLOSED = 1,
	QUEUE_EMPTY = 2, /* nothing is due */
};

int queue_new(struct queue **ret, const struct queue_options *options);
struct queue *queue_free(struct queue *queue);

/* Due now, whatever delay the key had before. -ENOSPC when the queue is full. */
int queue_add(struct queue *queue, const char *key);
/* Due after the delay, or earlier if it was. */
int queue_add_after(struct queue *queue, const char *key, uint64_t delay_ns);
/* As above after a failure: the delay doubles each time, with jitter of a quarter. */
int queue_retry(struct queue *queue, const char *key);
/* The next failure is a first one again. */
void queue_forget(struct queue *queue, const char *key);

/* Waits for a key that is due; *ret is the caller's. 0, QUEUE_CLOSED or -ENOMEM. */
int queue_take(struct queue *queue, char **ret);
/* Does not wait: QUEUE_EMPTY; *ret_due: when the next key is, UINT64_MAX = never. */
int queue_poll(struct queue *queue, char **ret, uint64_t *ret_due);

/* Everybody who waits, now or later, gets QUEUE_CLOSED. */
void queue_close(struct queue *queue);

DEFINE_CLEANUP(struct queue *, queue_free)
