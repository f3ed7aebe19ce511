/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Deficit round robin (Shreedhar and Varghese, 1995), in bytes: a flow sends as
 * long as its credit lasts, then gets QUANTUM more and goes behind the others. What
 * is too large for the credit waits until it has been saved up, which is what lets
 * 1 MiB and 4 KiB share alike.
 *
 * The order alone does not help him who sends one small call at a time: he waits
 * for what the others already have on the wire, at the server. So with others
 * about a flow is also limited in what it has there (share_*), and a flow at its
 * limit is passed over. So is who has to leave the server alone (fair_server.c),
 * which also knows who is about.
 *
 * Invariants:
 *  1. A flow is in turns exactly if calls wait in it.
 *  2. credit is 0 while nothing waits: who was idle has saved nothing up.
 *  3. fair_next() gives a call whose flow is the first in turns.
 */

#include "fair.h"

#include "fair_server.h"
#include "nfs_call.h"

#define QUANTUM (64u << 10)

void fair_queue_init(struct fair_queue *queue, uint32_t share_calls,
		     uint32_t share_bytes)
{
	*queue = (struct fair_queue){ .share_calls = share_calls,
				      .share_bytes = share_bytes };
	TAILQ_INIT(&queue->turns);
}

void fair_flow_init(struct fair_flow *flow, struct fair_volume *volume,
		    fair_owes_fn owes)
{
	*flow = (struct fair_flow){ .volume = volume, .owes = owes };
	TAILQ_INIT(&flow->waiting);
}

/* --- what waits ------------------------------------------------------------- */

static void begin_waiting(struct fair_queue *queue, struct nfs_call *call,
			  uint64_t now_ns)
{
	struct fair_flow *flow = call->flow;

	if (flow->volume)
		fair_server_begin(flow->volume, call, now_ns);
	if (!TAILQ_EMPTY(&flow->waiting))
		return;
	flow->credit = QUANTUM;
	TAILQ_INSERT_TAIL(&queue->turns, flow, turn);
}

void fair_add(struct fair_queue *queue, struct nfs_call *call, uint64_t now_ns)
{
	begin_waiting(queue, call, now_ns);
	TAILQ_INSERT_TAIL(&call->flow->waiting, call, entry);
}

void fair_add_again(struct fair_queue *queue, struct nfs_call *call,
		    uint64_t now_ns)
{
	begin_waiting(queue, call, now_ns);
	TAILQ_INSERT_HEAD(&call->flow->waiting, call, entry);
}

static void end_waiting(struct fair_queue *queue, struct nfs_call *call)
{
	struct fair_flow *flow = call->flow;

	TAILQ_REMOVE(&flow->waiting, call, entry);
	if (!TAILQ_EMPTY(&flow->waiting))
		return;
	flow->credit = 0;
	TAILQ_REMOVE(&queue->turns, flow, turn);
}

static void end(struct nfs_call *call, uint64_t now_ns)
{
	if (call->flow->volume)
		fair_server_end(call->flow->volume, call, now_ns);
}

void fair_remove(struct fair_queue *queue, struct nfs_call *call,
		 uint64_t now_ns)
{
	end_waiting(queue, call);
	end(call, now_ns);
}

struct nfs_call *fair_expired(const struct fair_queue *queue,
			      uint64_t before_ns)
{
	const struct fair_flow *flow;
	struct nfs_call *call;

	TAILQ_FOREACH (flow, &queue->turns, turn) {
		TAILQ_FOREACH (call, &flow->waiting, entry)
			if (call->start_ns < before_ns)
				return call;
	}
	return NULL;
}

/* --- turns ------------------------------------------------------------------ */

/* One call may always go. */
static bool is_at_share(const struct fair_queue *queue,
			const struct fair_flow *flow)
{
	uint32_t cost = TAILQ_FIRST(&flow->waiting)->cost;

	return flow->n_calls > 0 && (flow->n_calls >= queue->share_calls ||
				     flow->n_bytes + cost > queue->share_bytes);
}

static bool may_send(const struct fair_queue *queue,
		     const struct fair_flow *flow, uint64_t now_ns,
		     uint64_t *ret_again_ns)
{
	if (!flow->volume)
		return true;
	return fair_server_may_send(flow->volume, TAILQ_FIRST(&flow->waiting),
				    is_at_share(queue, flow), now_ns,
				    ret_again_ns);
}

static void to_the_end(struct fair_queue *queue, struct fair_flow *flow)
{
	TAILQ_REMOVE(&queue->turns, flow, turn);
	TAILQ_INSERT_TAIL(&queue->turns, flow, turn);
}

struct nfs_call *fair_next(struct fair_queue *queue, uint64_t now_ns,
			   uint64_t *ret_again_ns)
{
	const struct fair_flow *first_held = NULL;
	struct fair_flow *flow;

	*ret_again_ns = 0;
	/* Ends when all are held: the first of them is met again then. */
	while ((flow = TAILQ_FIRST(&queue->turns)) && flow != first_held) {
		struct nfs_call *call = TAILQ_FIRST(&flow->waiting);

		if (!may_send(queue, flow, now_ns, ret_again_ns)) {
			if (!first_held)
				first_held = flow;
		} else if (call->cost <= flow->credit) {
			return call;
		} else {
			flow->credit += QUANTUM;
			first_held = NULL;
		}
		to_the_end(queue, flow);
	}
	return NULL;
}

void fair_take(struct fair_queue *queue, struct nfs_call *call)
{
	struct fair_flow *flow = call->flow;

	flow->n_calls++;
	flow->n_bytes += call->cost;
	flow->credit -= call->cost;
	end_waiting(queue, call);
	if (flow->volume)
		fair_server_sent(flow->volume, call);
}

void fair_leave(struct nfs_call *call, uint64_t now_ns)
{
	call->flow->n_calls--;
	call->flow->n_bytes -= call->cost;
	end(call, now_ns);
}
