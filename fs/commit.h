/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * COMMIT for a volume: what the server answered UNSTABLE is kept (kept.h) until a
 * COMMIT covers it, and written again if the server rebooted in between. fsync and
 * close wait for it; a background COMMIT bounds how much is kept, and for how
 * long.
 *
 * Every WRITE and every truncation of a file is framed by commits_begin_write()
 * and one of the three calls that end it, so that nothing is written to a file
 * while old data is being written again.
 *
 * Threads: shards, but for what says otherwise.
 */

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "op.h"

struct commits;
struct kept_extent;
struct kept_memory;

/* view and shards are borrowed. Control threads, like stop and free. */
int commits_new(struct commits **ret, struct view *view, struct shards *shards);
/*
 * Commits what is kept, for at most timeout_ms; no request of the volume runs any
 * more. Returns the bytes that the server may have lost; with leaves_rest the next
 * process finds those in the journal.
 */
uint64_t commits_stop(struct commits *commits, unsigned int timeout_ms,
		      bool leaves_rest);
/* Takes over what a former process kept, before any request. -ENOMEM. */
int commits_restore(struct commits *commits);
struct commits *commits_free(struct commits *commits);

/* Bytes that are kept now. Any thread. */
uint64_t commits_bytes(struct commits *commits);

/*
 * op is about to change op->node's data, whose handle is op->call.args.fh;
 * op->io.len is how much it adds, 0 for truncations. resume runs when it may, now or
 * later: with op->call.status 0, or with what ended the wait; only with 0 has the
 * write begun.
 */
void commits_begin_write(struct op *op, op_fn resume);
/* It failed, or there is nothing to keep. */
void commits_end_write(struct op *op);
/* All of the extent was answered, and noted (kept_extent_note_piece()). */
void commits_end_write_keep(struct op *op, struct kept_extent *take_extent);
/* The file was truncated. */
void commits_end_truncate(struct op *op, uint64_t size);

/*
 * done(op) runs, now or later, when all that was answered for op->node is
 * committed or lost (write_error.h says so then), or with what ended the wait in
 * op->call.status.
 */
void commits_sync(struct op *op, op_fn done);

/* What this shard packs small payloads of the volume into. */
struct kept_memory **commits_memory(struct commits *commits,
				    unsigned int shard);

DEFINE_CLEANUP(struct commits *, commits_free)
