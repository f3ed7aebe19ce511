/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Requests that were read and not answered, as the kernel sent them, in the volume's
 * shared memory. Kernels before 6.9 can't be asked for them again
 * (FUSE_NOTIFY_RESEND): there the next process executes them from here.
 *
 * Threads: any. A slot belongs to whoever took it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleanup.h"

struct arena;
struct inode_table;
struct request_log;

#define REQUEST_NONE UINT32_MAX

/*
 * In the reserved part of the table's memory; arena (borrowed) has what is large.
 * What a former process left stays until request_log_collect().
 */
int request_log_new(struct request_log **ret, struct inode_table *table,
		    struct arena *arena);
struct request_log *request_log_free(struct request_log *log);

/* Whether the volume's processes write the log; it stays so. */
bool request_log_is_on(const struct request_log *log);
void request_log_turn_on(struct request_log *log);

/* How many slots each of n users may have, so that none is ever without. */
uint32_t request_log_share(uint32_t n_users);
/* REQUEST_NONE when all are taken. */
uint32_t request_log_take(struct request_log *log);
/* Of a request that was answered, or that never came. */
void request_log_end(struct request_log *log, uint32_t slot);

/*
 * A request is about to be read to data, which is in the arena; then it has come
 * with len bytes, or has not. data has to stay as it is until the slot's request
 * ends or is moved, but for a request that request_log_is_inline().
 */
void request_log_expect(struct request_log *log, uint32_t slot, uint8_t *data);
void request_log_came(struct request_log *log, uint32_t slot,
		      const uint8_t *data, uint32_t len);
void request_log_came_not(struct request_log *log, uint32_t slot);
bool request_log_is_inline(uint32_t len);
/* Its bytes are at data now. */
void request_log_move(struct request_log *log, uint32_t slot,
		      const uint8_t *data);

/* --- what a former process left ------------------------------------------------- */

/* Whether the kernel still waits for the answer; -errno. */
typedef int (*request_is_pending_fn)(void *userdata, uint64_t unique);

/*
 * Finds what was left and is_pending, oldest first, and frees the rest; before the
 * arena is settled. -ENOMEM, or what is_pending() said.
 */
int request_log_collect(struct request_log *log,
			request_is_pending_fn is_pending, void *userdata);
uint32_t request_log_n_left(const struct request_log *log);
/*
 * Copies the i-th of them to data (size bytes in the arena), where it counts as come,
 * in its old slot. Its length; 0 when it does not fit.
 */
uint32_t request_log_fetch(struct request_log *log, uint32_t i, uint8_t *data,
			   uint32_t size, uint32_t *ret_slot);

DEFINE_CLEANUP(struct request_log *, request_log_free)
