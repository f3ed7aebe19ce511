/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A FUSE session on one shard: reads its requests, counts those under way, and
 * looks after the ones that take long. Everything runs on the shard's thread.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "loop.h"

struct op;
struct request_log;
struct session;
struct shard;

/*
 * Requests under way per session and shard, and bytes that they keep: no more are
 * read above the first limit, or above the last one while the server is silent.
 */
#define LANE_IN_FLIGHT_MAX  256
#define LANE_IN_FLIGHT_LAST 4096
#define LANE_BYTES_MAX	    (64ull << 20)
#define LANE_BYTES_LAST	    (256ull << 20)
/* Of requests that wait at a closed gate; what is beyond counts as under way. */
#define LANE_BYTES_HELD (64ull << 20)

TAILQ_HEAD(op_queue, op);

struct lane_limit;

struct lane {
	struct session *session; /* borrowed: the owner */
	struct shard *shard;	 /* borrowed */
	struct watch watch;
	struct timer tick;	 /* armed while requests are under way */
	struct timer patience;	 /* armed while it is paused */
	struct op_queue running; /* oldest first */
	unsigned int n_running;
	unsigned int n_counted; /* of them, those that limits are about */
	uint64_t n_bytes;	/* that they keep */
	unsigned int n_held;	/* those at the gate that do not count */
	unsigned int n_more;	/* session_add_background() */
	uint64_t n_bytes_held;	/* that these keep */
	uint64_t n_ended;	/* requests, ever; not those given up */
	uint64_t n_ended_then;	/* when patience was armed */
	const struct lane_limit *limit; /* at which it pauses */
	bool is_paused;
	bool is_closing;	      /* nothing is read any more */
	bool is_cancelled;	      /* what waits ends at once */
	bool is_silent;		      /* it answers nobody any more */
	uint64_t unique;	      /* of the request that was read last */
	struct op *newest;	      /* its op, if that was not answered yet */
	struct request_log *requests; /* borrowed; NULL = there is none */
	uint32_t request;	      /* slot of the next one to be read */
	unsigned int n_requests_max;  /* under way, answered ones included */
};

/* requests: NULL = none is written down. */
void lane_init(struct lane *lane, struct session *session, struct shard *shard,
	       struct request_log *requests);

/*
 * Before it is opened: executes its part of what a former process has read and not
 * answered. -ENOMEM.
 */
int lane_read_again(struct lane *lane);
/* Starts reading; -errno from epoll. */
int lane_open(struct lane *lane);
/* Stops reading; session_lane_drained() follows, at once or later. */
void lane_close(struct lane *lane);
/* Gives up every request that waits for a server. */
void lane_cancel(struct lane *lane);

/* By op.c. */
void lane_add(struct lane *lane, struct op *op);
/* The kernel has op's answer. */
void lane_answered(struct lane *lane, struct op *op);
/* Until it ends, op keeps so many bytes more. */
void lane_charge(struct lane *lane, struct op *op, uint64_t bytes);
void lane_remove(struct lane *lane, struct op *op);

/*
 * A request of the lane waits for a lock, for as long as another process likes:
 * it does not count as under way. Nor does it any more.
 */
void lane_begin_wait(struct lane *lane);
void lane_end_wait(struct lane *lane);
/* The same for op, which waits at the volume's gate (gate.h), and for its bytes. */
void lane_begin_hold(struct lane *lane, struct op *op);
void lane_end_hold(struct lane *lane, struct op *op);
/* Whether others have waited for the server for longer. */
bool lane_has_older(const struct lane *lane, const struct op *op);
