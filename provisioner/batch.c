/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One commit for many keys. Its order is that of single commits, only that some of the
 * states in between are never on the disk: whoever comes after a crash finds what he
 * could have found without.
 */

#include "batch.h"

#include "clock.h"
#include "log.h"

#define BATCH_NS (50 * NS_PER_MS)

int batch_flush(struct batch *batch, struct err *err)
{
	int r = store_flush(batch->store, err);

	if (r < 0)
		workers_drop(batch->workers);
	else
		workers_begin(batch->workers);
	for (size_t i = 0; i < batch->n; i++) {
		if (r < 0)
			(void)queue_retry(batch->queue, batch->keys[i]);
		free(batch->keys[i]);
	}
	batch->n = 0;
	return r;
}

void batch_end(struct batch *batch)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;

	if (batch_flush(batch, &err) < 0)
		log_warn("changes were lost, will be made again", F_ERR(&err));
}

void batch_add(struct batch *batch, char *take_key)
{
	if (batch->n == 0)
		batch->end_ns = clock_ns() + BATCH_NS;
	batch->keys[batch->n++] = take_key;
	if (batch->n == BATCH_MAX || clock_ns() >= batch->end_ns)
		batch_end(batch);
}
