/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A FUSE session on one shard: reads its requests, counts those under way, and
 * looks after the ones that take long. Everything runs on the shard's thread.
 */

#include <stdbool.h>
#include <sys/queue.h>

#include "loop.h"

struct op;
struct session;
struct shard;

/* Requests under way per session and shard, above which no more are read. */
#define LANE_IN_FLIGHT_MAX 256

TAILQ_HEAD(op_queue, op);

struct lane {
	struct session *session; /* borrowed: the owner */
	struct shard *shard;	 /* borrowed */
	struct watch watch;
	struct timer tick;	 /* armed while requests are under way */
	struct op_queue running; /* oldest first */
	unsigned int n_running;
	unsigned int n_waiting; /* of them, for locks of other processes */
	bool is_paused;		/* the cap was reached */
	bool is_closing;	/* nothing is read any more */
};

void lane_init(struct lane *lane, struct session *session, struct shard *shard);

/* Starts reading; -errno from epoll. */
int lane_open(struct lane *lane);
/* Stops reading; session_lane_drained() follows, at once or later. */
void lane_close(struct lane *lane);
/* Gives up every request that waits for a server. */
void lane_cancel(struct lane *lane);

/* By op.c. */
void lane_add(struct lane *lane, struct op *op);
void lane_remove(struct lane *lane, struct op *op);

/*
 * A request of the lane waits for a lock, for as long as another process likes:
 * it does not count as under way. Nor does it any more.
 */
void lane_begin_wait(struct lane *lane);
void lane_end_wait(struct lane *lane);
