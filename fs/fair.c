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
 * limit is passed over. "About" is who has added a call within ACTIVE_NS, for a
 * reader who waits for each answer has nothing queued most of the time. Two
 * sightings suffice to know it: whoever is not the latest flow has it for company,
 * and the latest has the other.
 *
 * Invariants:
 *  1. A flow is in turns exactly if calls wait in it.
 *  2. credit is 0 while nothing waits: who was idle has saved nothing up.
 *  3. fair_next() gives a call whose flow is the first in turns.
 */

#include "fair.h"

#include "clock.h"
#include "nfs_call.h"

#define QUANTUM	  (64u << 10)
#define ACTIVE_NS (100 * NS_PER_MS)

void fair_queue_init(struct fair_queue *queue, uint32_t share_calls,
		     uint32_t share_bytes)
{
	*queue = (struct fair_queue){ .share_calls = share_calls,
				      .share_bytes = share_bytes };
	TAILQ_INIT(&queue->turns);
}

void fair_flow_init(struct fair_flow *flow)
{
	*flow = (struct fair_flow){ 0 };
	TAILQ_INIT(&flow->waiting);
}

static void see(struct fair_queue *queue, const struct fair_flow *flow,
		uint64_t now_ns)
{
	struct fair_sighting *recent = queue->recent;

	if (recent[0].flow != flow)
		recent[1] = recent[0];
	recent[0] = (struct fair_sighting){ flow, now_ns };
}

static bool has_company(const struct fair_queue *queue,
			const struct fair_flow *flow, uint64_t now_ns)
{
	const struct fair_sighting *other =
		&queue->recent[queue->recent[0].flow == flow];

	return other->flow && now_ns < other->when_ns + ACTIVE_NS;
}

/* --- what waits ------------------------------------------------------------- */

static void begin_waiting(struct fair_queue *queue, struct fair_flow *flow)
{
	if (!TAILQ_EMPTY(&flow->waiting))
		return;
	flow->credit = QUANTUM;
	TAILQ_INSERT_TAIL(&queue->turns, flow, turn);
}

void fair_add(struct fair_queue *queue, struct nfs_call *call, uint64_t now_ns)
{
	see(queue, call->flow, now_ns);
	begin_waiting(queue, call->flow);
	TAILQ_INSERT_TAIL(&call->flow->waiting, call, entry);
}

void fair_add_again(struct fair_queue *queue, struct nfs_call *call)
{
	begin_waiting(queue, call->flow);
	TAILQ_INSERT_HEAD(&call->flow->waiting, call, entry);
}

void fair_remove(struct fair_queue *queue, struct nfs_call *call)
{
	struct fair_flow *flow = call->flow;

	TAILQ_REMOVE(&flow->waiting, call, entry);
	if (!TAILQ_EMPTY(&flow->waiting))
		return;
	flow->credit = 0;
	TAILQ_REMOVE(&queue->turns, flow, turn);
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

static bool is_full(const struct fair_queue *queue,
		    const struct fair_flow *flow, uint64_t now_ns)
{
	uint32_t cost = TAILQ_FIRST(&flow->waiting)->cost;

	if (flow->n_calls == 0 || !has_company(queue, flow, now_ns))
		return false;
	return flow->n_calls >= queue->share_calls ||
	       flow->n_bytes + cost > queue->share_bytes;
}

static void to_the_end(struct fair_queue *queue, struct fair_flow *flow)
{
	TAILQ_REMOVE(&queue->turns, flow, turn);
	TAILQ_INSERT_TAIL(&queue->turns, flow, turn);
}

struct nfs_call *fair_next(struct fair_queue *queue, uint64_t now_ns)
{
	const struct fair_flow *first_full = NULL;
	struct fair_flow *flow;

	/* Ends when all are full: the first of them is met again then. */
	while ((flow = TAILQ_FIRST(&queue->turns)) && flow != first_full) {
		struct nfs_call *call = TAILQ_FIRST(&flow->waiting);

		if (is_full(queue, flow, now_ns)) {
			if (!first_full)
				first_full = flow;
		} else if (call->cost <= flow->credit) {
			return call;
		} else {
			flow->credit += QUANTUM;
			first_full = NULL;
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
	fair_remove(queue, call);
}

void fair_leave(struct nfs_call *call)
{
	call->flow->n_calls--;
	call->flow->n_bytes -= call->cost;
}
