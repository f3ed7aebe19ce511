/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Keys that were worked on, and whose changes to the record may not be on the disk
 * yet (store_defer()). When they can't be written all of these keys are tried again.
 *
 * Threads: the one that defers.
 */

#include <stdint.h>

#include "queue.h"
#include "store.h"
#include "workers.h"

#define BATCH_MAX 64

struct batch {
	struct store *store;	 /* borrowed */
	struct queue *queue;	 /* borrowed */
	struct workers *workers; /* borrowed; begin what was written down */
	char *keys[BATCH_MAX];
	size_t n;
	uint64_t end_ns; /* who waits for a change waits no longer */
};

/* Puts all changes on the disk: before anything that must come after them. */
int batch_flush(struct batch *batch, struct err *err);
/* Flushes what has become large or old; logs. */
void batch_add(struct batch *batch, char *take_key);
/* Flushes; logs. */
void batch_end(struct batch *batch);
