/* SPDX-License-Identifier: Apache-2.0 */

/*
 *	change -> door open ----> inside -> answered
 *	      \-> door closed -> parked -> opened -^
 *
 * A request belongs to its shard from begin to end, so a shard's count of changes under
 * way needs no lock: whoever closes the gate goes to each shard, closes the door there
 * and learns whether somebody is inside. The last one to leave tells him. That doors
 * close one after the other does not matter: nothing is said before all are closed and
 * nobody is inside.
 *
 * Invariants:
 *  1. Who is inside never waits for somebody who is not: changes pass the gate before
 *     they take a turn, set a name aside or keep others from opening a file. So
 *     whatever is inside comes to an end by itself, if the server answers.
 *  2. A closed door has a timer of its own, on its own shard: it opens even if
 *     everybody who could open it is gone, or waits for a shard.
 *  3. is_interrupted is set before the first door opens by itself: who sees it unset
 *     knows that all were closed until then.
 *
 * A change that was given up may be executed yet, so the server's answer is waited for
 * all the same (nfs3_owed.h).
 *
 * What the server has to be told again because it has rebooted (commit_job.c) is no
 * change and passes. Neither is COMMIT, nor anything that reads.
 */

#include "gate.h"

#include <errno.h>

#include "cond.h"
#include "lane.h"
#include "leftovers.h"
#include "log.h"
#include "op.h"
#include "shard.h"
#include "view.h"

void gate_init(struct gate *gate)
{
	parking_init(&gate->parking);
	cond_init_monotonic(&gate->changed);
}

void gate_fini(struct gate *gate)
{
	pthread_cond_destroy(&gate->changed);
	parking_fini(&gate->parking);
}

/* --- passing ---------------------------------------------------------------------- */

static struct gate_door *door_of(const struct op *op)
{
	return &op->view->shards[shard_index(op->lane->shard)].door;
}

static void resumed(struct op *op)
{
	lane_end_hold(op->lane, op);
	if (op->call.status < 0)
		op->resume(op);
	else
		gate_pass(op, op->resume);
}

static void hold(struct op *op, op_fn go)
{
	struct gate *gate = &op->view->gate;

	op->resume = go;
	lane_begin_hold(op->lane, op);
	pthread_mutex_lock(&gate->parking.lock);
	parking_enter_locked(&gate->parking, op, resumed);
	pthread_mutex_unlock(&gate->parking.lock);
}

void gate_pass(struct op *op, op_fn go)
{
	if (!op->is_inside) {
		if (!gate_enter(door_of(op))) {
			hold(op, go);
			return;
		}
		op->is_inside = true;
	}
	op->call.status = 0;
	go(op);
}

void gate_leave(struct op *op)
{
	op->is_inside = false;
	gate_exit(door_of(op));
}

bool gate_is_closed(const struct op *op)
{
	return door_of(op)->is_closed;
}

bool gate_enter(struct gate_door *door)
{
	if (door->is_closed)
		return false;
	door->n_inside++;
	return true;
}

static void await_no_longer(struct gate_door *door)
{
	struct gate *gate = &door->view->gate;

	door->is_awaited = false;
	pthread_mutex_lock(&gate->parking.lock);
	gate->n_awaited--;
	pthread_cond_broadcast(&gate->changed);
	pthread_mutex_unlock(&gate->parking.lock);
}

void gate_exit(struct gate_door *door)
{
	if (--door->n_inside == 0 && door->is_awaited)
		await_no_longer(door);
}

void gate_owes(struct fair_flow *flow, bool it_does)
{
	struct view *view = container_of(flow->volume, struct view, fair);
	struct gate_door *door =
		&view->shards[shard_index(shard_current())].door;

	if (it_does)
		door->n_inside++;
	else
		gate_exit(door);
}

/* --- opening ---------------------------------------------------------------------- */

/* They look again whether they may. */
static void let_in(struct gate_door *door)
{
	struct parking *parking = &door->view->gate.parking;
	struct op *op;

	pthread_mutex_lock(&parking->lock);
	op = TAILQ_FIRST(&parking->ops);
	while (op) {
		struct op *next = TAILQ_NEXT(op, waiting);

		if (door_of(op) == door)
			parking_release_locked(parking, op, 0);
		op = next;
	}
	pthread_mutex_unlock(&parking->lock);
}

static void open_door(struct gate_door *door)
{
	timer_cancel(&door->limit);
	if (!door->is_closed)
		return;
	door->is_closed = false;
	if (door->is_awaited)
		await_no_longer(door);
	let_in(door);
	leftovers_start(door->view->leftovers);
}

static void on_limit(struct timer *timer)
{
	struct gate_door *door = container_of(timer, struct gate_door, limit);
	struct gate *gate = &door->view->gate;

	if (!atomic_exchange(&gate->is_interrupted, true))
		log_warn("a frozen volume thaws by itself: its time is over",
			 F_STR("volume", gate->name));
	gate_interrupt(gate);
	open_door(door);
}

static void open_here(struct shard *shard, void *userdata)
{
	struct view *view = userdata;

	open_door(&view->shards[shard_index(shard)].door);
}

void gate_open(struct view *view, struct shards *shards)
{
	shards_call_all(shards, open_here, view);
}

/* --- closing ---------------------------------------------------------------------- */

struct closing {
	struct view *view;
	uint64_t until_ns;
	int r;
};

static void await(struct gate_door *door)
{
	struct gate *gate = &door->view->gate;

	door->is_awaited = true;
	pthread_mutex_lock(&gate->parking.lock);
	gate->n_awaited++;
	pthread_mutex_unlock(&gate->parking.lock);
}

static void close_here(struct shard *shard, void *userdata)
{
	struct closing *closing = userdata;
	struct gate_door *door =
		&closing->view->shards[shard_index(shard)].door;

	if (closing->r < 0)
		return;
	door->view = closing->view;
	door->limit.fn = on_limit;
	closing->r =
		timer_set(&door->limit, shard_loop(shard), closing->until_ns);
	if (closing->r < 0)
		return;
	door->is_closed = true;
	if (door->n_inside > 0)
		await(door);
}

int gate_close(struct view *view, struct shards *shards, uint64_t until_ns)
{
	struct closing closing = { .view = view, .until_ns = until_ns };

	shards_call_all(shards, close_here, &closing);
	if (closing.r < 0)
		gate_open(view, shards);
	return closing.r;
}

/* --- waiting ----------------------------------------------------------------------- */

bool gate_is_empty(const struct view *view)
{
	return view->gate.n_awaited == 0;
}

static int wait_locked(struct view *view,
		       bool (*is_so)(const struct view *view), uint64_t end_ns)
{
	struct gate *gate = &view->gate;
	int r = 0;

	for (;;) {
		if (atomic_load(&gate->is_interrupted))
			return -ECANCELED;
		if (is_so(view))
			return 0;
		if (r != 0)
			return -r;
		r = cond_wait_until(&gate->changed, &gate->parking.lock,
				    end_ns);
	}
}

int gate_await(struct view *view, bool (*is_so)(const struct view *view),
	       uint64_t end_ns)
{
	struct gate *gate = &view->gate;
	int r;

	/* Before the first look: who makes it so afterwards sees that. */
	atomic_store(&gate->has_waiter, true);
	pthread_mutex_lock(&gate->parking.lock);
	r = wait_locked(view, is_so, end_ns);
	pthread_mutex_unlock(&gate->parking.lock);
	atomic_store(&gate->has_waiter, false);
	return r;
}

void gate_changed(struct gate *gate)
{
	if (!atomic_load(&gate->has_waiter))
		return;
	pthread_mutex_lock(&gate->parking.lock);
	pthread_cond_broadcast(&gate->changed);
	pthread_mutex_unlock(&gate->parking.lock);
}

void gate_interrupt(struct gate *gate)
{
	atomic_store(&gate->is_interrupted, true);
	gate_changed(gate);
}
