/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Write-behind, mostly for volumes that other nodes write to as well and that so
 * can't have the kernel's write-back cache: a buffered write is answered at once
 * and sent a little later, together with its neighbours. close, fsync, and every look
 * at the file through this node wait for it; an error is told later (write_error.h).
 * What other nodes see is what close-to-open promises them.
 *
 * Threads: shards; commits' lock is held where a name says so.
 */

#include <stdbool.h>
#include <stdint.h>

#include "op.h"

struct behind;
struct commits;
struct kept_file;

/*
 * A WRITE whose payload is in op->extent, at op->io.offset. It is answered here,
 * now or when there is room.
 */
void behind_write(struct op *op);

/* Nothing of op->node is behind or kept. */
bool behind_is_first(struct op *op);

/* then(op) runs, now or later, when nothing is behind for op->node. */
void behind_drain(struct op *op, op_fn then);

/* Sends what is gathered, unless older data is being written again. */
void behind_flush_locked(struct kept_file *file);
/* The same, and true while something is behind: writers are released when not. */
bool behind_is_wanted(struct kept_file *file);

/* Raises a size that the server can't know yet. */
uint64_t behind_size(struct commits *commits, uint64_t nodeid, uint64_t size);

/* Sends everything, from this shard. */
void behind_flush_all_locked(struct commits *commits);
void behind_flush_all(struct commits *commits);
/* Nothing is behind. Any thread. */
bool behind_is_empty(const struct commits *commits);
/* Ends a call of this shard, without the lock; false = there is none. */
bool behind_cancel(struct commits *commits);
