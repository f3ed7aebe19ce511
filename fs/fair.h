/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Fair shares of a connection: calls wait here, in a queue per flow, until they
 * may be sent. A flow is what one volume does on one connection.
 *
 * Calling sequence: fair_add(), then fair_next() and fair_take() when there is
 * room on the wire, fair_leave() when it is off the wire again. call->flow and
 * call->cost are set before and stay as they are meanwhile; a flow outlives its
 * calls and nothing else refers to it.
 *
 * Pure: time is what callers say. Threads: the shard's.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct fair_flow;
struct fair_volume;
struct nfs_call;

TAILQ_HEAD(fair_calls, nfs_call);
TAILQ_HEAD(fair_turns, fair_flow);

/* The server owes the answer to a change that was given up (nfs3_owed.h), or no more. */
typedef void (*fair_owes_fn)(struct fair_flow *flow, bool it_does);

struct fair_flow {
	struct fair_volume *volume;  /* borrowed; NULL = nobody's */
	fair_owes_fn owes;	     /* NULL = never mind */
	struct fair_calls waiting;   /* in order */
	TAILQ_ENTRY(fair_flow) turn; /* in queue->turns while calls wait */
	uint32_t credit;  /* bytes that it may still send in this turn */
	uint32_t n_calls; /* on the wire */
	uint32_t n_bytes;
};

struct fair_queue {
	struct fair_turns turns;
	uint32_t share_calls;
	uint32_t share_bytes;
};

/*
 * share_*: what one flow may have on the wire as long as others are active; one
 * call may always go. Who is alone has no such limit.
 */
void fair_queue_init(struct fair_queue *queue, uint32_t share_calls,
		     uint32_t share_bytes);
void fair_flow_init(struct fair_flow *flow, struct fair_volume *volume,
		    fair_owes_fn owes);

void fair_add(struct fair_queue *queue, struct nfs_call *call, uint64_t now_ns);
/* Before all others of its flow: it has waited before. */
void fair_add_again(struct fair_queue *queue, struct nfs_call *call,
		    uint64_t now_ns);
/* A call that waits does so no more. */
void fair_remove(struct fair_queue *queue, struct nfs_call *call,
		 uint64_t now_ns);

/*
 * Whose turn it is, the same until it is taken; NULL = nobody's, and then
 * *ret_again_ns is when to ask again, 0 = after the next fair_leave().
 */
struct nfs_call *fair_next(struct fair_queue *queue, uint64_t now_ns,
			   uint64_t *ret_again_ns);
/* What fair_next() gave is on the wire from now on. */
void fair_take(struct fair_queue *queue, struct nfs_call *call);
/* It is on the wire no more. */
void fair_leave(struct nfs_call *call, uint64_t now_ns);

/* A waiting call that was submitted before before_ns; NULL if there is none. */
struct nfs_call *fair_expired(const struct fair_queue *queue,
			      uint64_t before_ns);
