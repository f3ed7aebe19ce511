/* SPDX-License-Identifier: Apache-2.0 */

#include <criterion/criterion.h>

#include "clock.h"
#include "gate.h"
#include "op.h"
#include "parking.h"
#include "shard.h"
#include "view.h"

#define N_SHARDS 2

static struct shards *shards;
static struct view view;
static struct lane lanes[N_SHARDS];
static struct op ops[N_SHARDS]; /* one on each */
static _Atomic int n_gone;

static void set_up(void)
{
	cr_assert_eq(shards_new(&shards, N_SHARDS, NULL, NULL), 0);
	shards_run(shards);
	view_init(&view);
	view.gate.name = "v";
	view.shards = calloc(N_SHARDS, sizeof(*view.shards));
	cr_assert_not_null(view.shards);
	for (unsigned int i = 0; i < N_SHARDS; i++) {
		lanes[i].shard = shards_get(shards, i);
		ops[i].lane = &lanes[i];
		ops[i].view = &view;
	}
}

static void tear_down(void)
{
	gate_open(&view, shards);
	shards_free(shards);
	view_fini(&view);
}

TestSuite(gate, .init = set_up, .fini = tear_down, .timeout = 20);

static void go(struct op *op)
{
	cr_assert_eq(shard_current(), op->lane->shard);
	n_gone++;
}

static void pass(struct shard *shard, void *userdata)
{
	gate_pass(&ops[shard_index(shard)], go);
}

static void leave(struct shard *shard, void *userdata)
{
	gate_leave(&ops[shard_index(shard)]);
}

static void give_up(struct shard *shard, void *userdata)
{
	struct op *op = &ops[shard_index(shard)];

	cr_assert(parking_leave(op));
	op->call.status = -EINTR;
	op->done(op);
}

static void nothing(struct shard *shard, void *userdata)
{
}

static uint64_t in(uint64_t ms)
{
	return clock_ns() + ms * NS_PER_MS;
}

Test(gate, an_open_one_lets_changes_through_at_once)
{
	shards_call_all(shards, pass, NULL);
	cr_assert_eq(n_gone, N_SHARDS);
	cr_assert(ops[0].is_inside);
	shards_call_all(shards, leave, NULL);
	cr_assert_not(ops[0].is_inside);
}

Test(gate, a_closed_one_holds_them_until_it_opens)
{
	cr_assert_eq(gate_close(&view, shards, in(60000)), 0);
	cr_assert_eq(gate_await(&view, gate_is_empty, in(0)), 0);
	shards_call_all(shards, pass, NULL);
	shards_call_all(shards, nothing, NULL);
	cr_assert_eq(n_gone, 0);
	cr_assert_not(ops[0].is_inside);
	gate_open(&view, shards);
	shards_call_all(shards, nothing, NULL);
	cr_assert_eq(n_gone, N_SHARDS);
	cr_assert(ops[0].is_inside);
	cr_assert_eq(ops[0].call.status, 0);
}

Test(gate, it_is_empty_when_the_last_one_has_left)
{
	shards_call_all(shards, pass, NULL);
	cr_assert_eq(gate_close(&view, shards, in(60000)), 0);
	cr_assert_eq(gate_await(&view, gate_is_empty, in(10)), -ETIMEDOUT);
	shard_call(shards_get(shards, 0), leave, NULL);
	cr_assert_eq(gate_await(&view, gate_is_empty, in(10)), -ETIMEDOUT);
	shard_call(shards_get(shards, 1), leave, NULL);
	cr_assert_eq(gate_await(&view, gate_is_empty, in(5000)), 0);
}

Test(gate, who_is_inside_goes_on_when_it_is_closed)
{
	shards_call_all(shards, pass, NULL);
	cr_assert_eq(gate_close(&view, shards, in(60000)), 0);
	shards_call_all(shards, pass, NULL);
	cr_assert_eq(n_gone, 2 * N_SHARDS);
}

Test(gate, who_waits_can_be_given_up)
{
	cr_assert_eq(gate_close(&view, shards, in(60000)), 0);
	shards_call_all(shards, pass, NULL);
	shards_call_all(shards, give_up, NULL);
	cr_assert_eq(n_gone, N_SHARDS);
	cr_assert_eq(ops[0].call.status, -EINTR);
	cr_assert_not(ops[0].is_inside);
	gate_open(&view, shards);
	shards_call_all(shards, nothing, NULL);
	cr_assert_eq(n_gone, N_SHARDS);
}

static bool has_gone(const struct view *unused)
{
	return n_gone == N_SHARDS;
}

Test(gate, it_opens_by_itself_and_says_so)
{
	cr_assert_eq(gate_close(&view, shards, in(50)), 0);
	shards_call_all(shards, pass, NULL);
	cr_assert_eq(gate_await(&view, has_gone, in(10000)), -ECANCELED);
	cr_assert(view.gate.is_interrupted);
	while (!has_gone(&view))
		shards_call_all(shards, nothing, NULL);
}

Test(gate, changes_of_our_own_are_inside_too)
{
	struct gate_door *door = &view.shards[0].door;

	cr_assert(gate_enter(door));
	cr_assert_eq(gate_close(&view, shards, in(60000)), 0);
	cr_assert_not(gate_enter(door));
	cr_assert_eq(gate_await(&view, gate_is_empty, in(10)), -ETIMEDOUT);
	gate_exit(door);
	cr_assert_eq(gate_await(&view, gate_is_empty, in(5000)), 0);
}

Test(gate, what_is_held_does_not_count_as_under_way_within_a_limit)
{
	struct lane *lane = &lanes[0];

	lane->n_counted = 2;
	lane->n_bytes = LANE_BYTES_HELD + 1;
	ops[0].n_bytes = LANE_BYTES_HELD;
	ops[1].n_bytes = 1;
	lane_begin_hold(lane, &ops[0]);
	lane_begin_hold(lane, &ops[1]);
	cr_assert_eq(lane->n_counted, 1);
	cr_assert_eq(lane->n_bytes, 1);
	/* It may have got memory meanwhile. */
	ops[0].n_bytes += 5;
	lane->n_bytes += 5;
	lane_end_hold(lane, &ops[0]);
	lane_end_hold(lane, &ops[1]);
	cr_assert_eq(lane->n_counted, 2);
	cr_assert_eq(lane->n_bytes, LANE_BYTES_HELD + 6);
	cr_assert_eq(lane->n_bytes_held, 0);
}
