/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The gate that every change of a volume goes through: open, but for the moments in
 * which nothing of this node may reach the server (freeze.h). A request passes it once,
 * before it has any effect, and is inside until it is answered; who comes while the gate
 * is closed waits, and can be given up like anybody who waits (parking.h). Reads do
 * not come here.
 *
 * Each shard has its own door, which only its thread touches: an open gate costs a
 * request a comparison and a count, and no atomic operation.
 *
 * Threads: as said below.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "loop.h"
#include "parking.h"

struct fair_flow;
struct op;
struct shards;
struct view;

/* A shard's door; its thread. */
struct gate_door {
	struct view *view;
	struct timer limit; /* armed while it is closed */
	uint32_t n_inside;  /* changes under way */
	bool is_closed;
	bool is_awaited; /* counted in n_awaited */
};

struct gate {
	struct parking parking; /* its lock guards what follows */
	pthread_cond_t changed;
	const char *name;	     /* the volume's, for the log; constant */
	unsigned int n_awaited;	     /* doors with somebody inside */
	_Atomic bool has_waiter;     /* gate_await() */
	_Atomic bool is_interrupted; /* it opened by itself, or has to */
};

void gate_init(struct gate *gate);
void gate_fini(struct gate *gate);

/* --- the op's shard ------------------------------------------------------------ */

/*
 * op is about to change something on the server: go(op) runs when it may, now or later,
 * with op->call.status 0 or what ended the wait. Who is inside goes on at once.
 */
void gate_pass(struct op *op, void (*go)(struct op *op));
/* An op that is inside is over, or has to pass again. */
void gate_leave(struct op *op);
bool gate_is_closed(const struct op *op);

/*
 * The same for changes of our own, at a door that stays the same: false = closed;
 * who is interested in it is told when it opens (leftovers_start()).
 */
bool gate_enter(struct gate_door *door);
void gate_exit(struct gate_door *door);

/*
 * The server owes the answer to a change that was given up, or does not any more: it is
 * inside until then. For flow->owes of a view's links.
 */
void gate_owes(struct fair_flow *flow, bool it_does);

/* --- control threads ------------------------------------------------------------ */

/*
 * Closes every door, until until_ns at the latest: then they open by themselves and the
 * gate is interrupted. -ENOMEM: they are open.
 */
int gate_close(struct view *view, struct shards *shards, uint64_t until_ns);
/* Opens them, and lets in who waits. Idempotent. */
void gate_open(struct view *view, struct shards *shards);
/* Whoever waits for something (gate_await()) waits no longer. Any thread. */
void gate_interrupt(struct gate *gate);

/* Nobody is inside any more. For gate_await(). */
bool gate_is_empty(const struct view *view);

/*
 * Waits until it is so, which gate_changed() has looked at. -ETIMEDOUT, or -ECANCELED
 * when the gate was interrupted.
 */
int gate_await(struct view *view, bool (*is_so)(const struct view *view),
	       uint64_t end_ns);
/* Something that somebody may wait for is so now. Any thread; cheap. */
void gate_changed(struct gate *gate);
