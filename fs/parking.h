/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A place where requests wait for something else than the server's answer to
 * their own call: their turn, room, somebody's COMMIT. Who waits is resumed on its
 * own shard, and can be given up like a call (op_give_up()).
 *
 * Part of another object. Threads: any; the lock is the owner's to use as well.
 */

#include <pthread.h>
#include <stdbool.h>
#include <sys/queue.h>

struct op;

TAILQ_HEAD(parked_ops, op);

struct parking {
	pthread_mutex_t lock;
	struct parked_ops ops; /* lock; in the order of their coming */
};

void parking_init(struct parking *parking);
void parking_fini(struct parking *parking);

/* resume(op) comes later, with op->call.status set. The op's shard, under lock. */
void parking_enter_locked(struct parking *parking, struct op *op,
			  void (*resume)(struct op *op));
/* Any thread, under lock. */
void parking_release_locked(struct parking *parking, struct op *op, int status);
/*
 * For who gives an op up, on its shard: true when it was still parked. It is not
 * any more; resuming it is up to the caller.
 */
bool parking_leave(struct op *op);
