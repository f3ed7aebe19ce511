/* SPDX-License-Identifier: Apache-2.0 */

/* Shares by bytes, with a wire that the test empties when it likes. */

#include <string.h>

#include <criterion/criterion.h>

#include "clock.h"
#include "fair.h"
#include "fair_server.h"
#include "nfs_call.h"

#define CALLS_MAX   512
#define SHARE_CALLS 4
#define SHARE_BYTES (256u << 10)
#define SMALL	    4096u
#define LARGE	    (1u << 20)
#define MANY	    100
#define LONG_NS	    NS_PER_S /* until nobody counts as active */

static struct fair_queue queue;
static struct fair_server server;
static struct fair_volume flooder, reader;
static struct fair_flow flood, other;
static uint64_t again_ns;
static struct nfs_call calls[CALLS_MAX];
static size_t n_calls;
static uint64_t now_ns;

static void set_up(void)
{
	fair_queue_init(&queue, SHARE_CALLS, SHARE_BYTES);
	fair_server_init(&server);
	/* No call is light: these are test_fair_server's. */
	flooder = reader =
		(struct fair_volume){ .server = &server, .n_small = MANY };
	fair_flow_init(&flood, &flooder, NULL);
	fair_flow_init(&other, &reader, NULL);
	now_ns = LONG_NS;
}

TestSuite(fair, .init = set_up);

static struct nfs_call *add(struct fair_flow *flow, uint32_t cost)
{
	struct nfs_call *call = &calls[n_calls++];

	cr_assert_leq(n_calls, CALLS_MAX);
	*call = (struct nfs_call){ .flow = flow, .cost = cost };
	fair_add(&queue, call, now_ns);
	return call;
}

static void add_many(struct fair_flow *flow, uint32_t cost, size_t n)
{
	for (size_t i = 0; i < n; i++)
		(void)add(flow, cost);
}

/* The next one is put on the wire; NULL when nobody may go. */
static struct nfs_call *take(void)
{
	struct nfs_call *call = fair_next(&queue, now_ns, &again_ns);

	if (call)
		fair_take(&queue, call);
	return call;
}

/* Takes everything that may go, and says how many. */
static size_t take_all(void)
{
	size_t n = 0;

	while (take())
		n++;
	return n;
}

/* Bytes of each flow, when n calls go and every one is answered at once. */
static void serve(size_t n, uint64_t *ret_flood, uint64_t *ret_other)
{
	*ret_flood = *ret_other = 0;
	for (size_t i = 0; i < n; i++) {
		struct nfs_call *call = take();

		cr_assert_not_null(call);
		*(call->flow == &flood ? ret_flood : ret_other) += call->cost;
		fair_leave(call, now_ns);
	}
}

Test(fair, calls_of_one_flow_go_in_order)
{
	add_many(&flood, SMALL, 3);
	for (size_t i = 0; i < 3; i++)
		cr_assert_eq(take(), &calls[i]);
	cr_assert_null(take());
}

Test(fair, what_is_next_stays_so_until_it_is_taken)
{
	struct nfs_call *next;

	add_many(&flood, LARGE, 2);
	add_many(&other, SMALL, 2);
	next = fair_next(&queue, now_ns, &again_ns);
	cr_assert_eq(fair_next(&queue, now_ns, &again_ns), next);
	add_many(&other, SMALL, 1);
	cr_assert_eq(take(), next);
}

Test(fair, shares_are_equal_in_bytes_not_in_calls)
{
	uint64_t of_flood, of_other;

	add_many(&flood, LARGE / 8, 64);
	add_many(&other, SMALL, 400);
	serve(264, &of_flood, &of_other);
	cr_assert_gt(of_flood, 0);
	/* Neither is ahead by more than its largest call and a turn's bytes. */
	cr_assert_lt(of_flood > of_other ? of_flood - of_other
					 : of_other - of_flood,
		     LARGE / 8 + (64u << 10));
}

Test(fair, a_large_call_is_not_starved_by_small_ones)
{
	struct nfs_call *large = add(&flood, LARGE);
	size_t n = 0;

	add_many(&other, SMALL, 400);
	for (struct nfs_call *call = take(); call != large; call = take()) {
		fair_leave(call, now_ns);
		n++;
	}
	cr_assert_leq(n, LARGE / SMALL + 16);
}

Test(fair, who_was_idle_has_saved_nothing_up)
{
	uint64_t of_flood, of_other;

	(void)add(&other, SMALL);
	fair_leave(take(), now_ns);
	add_many(&flood, SMALL, 300);
	serve(200, &of_flood, &of_other);
	add_many(&other, SMALL, 200);
	serve(100, &of_flood, &of_other);
	cr_assert_leq(of_other, 50 * SMALL + (64u << 10));
}

Test(fair, who_is_alone_has_no_limit)
{
	add_many(&flood, LARGE, 64);
	cr_assert_eq(take_all(), 64);
}

Test(fair, calls_on_the_wire_are_limited_in_company)
{
	(void)add(&other, SMALL);
	add_many(&flood, SMALL, 64);
	cr_assert_eq(take_all(), 1 + SHARE_CALLS);
	fair_leave(&calls[1], now_ns);
	cr_assert_eq(take_all(), 1);
}

Test(fair, bytes_on_the_wire_are_limited_in_company)
{
	(void)add(&other, SMALL);
	add_many(&flood, SHARE_BYTES / 2, 8);
	cr_assert_eq(take_all(), 1 + 2);
}

Test(fair, one_call_may_always_go)
{
	(void)add(&other, SMALL);
	add_many(&flood, LARGE, 2);
	cr_assert_eq(take_all(), 1 + 1);
}

Test(fair, a_flow_at_its_limit_is_passed_over)
{
	struct nfs_call *call;

	add_many(&flood, SMALL, 64);
	(void)take_all();
	add_many(&flood, SMALL, 64);
	call = add(&other, SMALL);
	cr_assert_eq(take(), call);
	cr_assert_null(take());
}

Test(fair, a_reader_who_waits_for_each_answer_is_company)
{
	(void)add(&other, SMALL);
	fair_leave(take(), now_ns);
	now_ns += NS_PER_MS;
	add_many(&flood, SMALL, 64);
	cr_assert_eq(take_all(), SHARE_CALLS);
}

Test(fair, company_that_has_gone_is_forgotten)
{
	(void)add(&other, SMALL);
	fair_leave(take(), now_ns);
	add_many(&flood, SMALL, 64);
	now_ns += LONG_NS;
	cr_assert_eq(take_all(), 64);
}

Test(fair, a_call_that_waits_can_be_removed)
{
	struct nfs_call *call = add(&flood, SMALL);

	add_many(&other, SMALL, 1);
	fair_remove(&queue, call, now_ns);
	cr_assert_eq(take()->flow, &other);
	cr_assert_null(take());
}

Test(fair, what_was_put_off_goes_first)
{
	struct nfs_call *call = add(&flood, SMALL);

	cr_assert_eq(take(), call);
	fair_leave(call, now_ns);
	add_many(&flood, SMALL, 2);
	fair_add_again(&queue, call, now_ns);
	cr_assert_eq(take(), call);
}

Test(fair, what_has_waited_for_long_is_found)
{
	add(&flood, SMALL)->start_ns = 20;
	cr_assert_null(fair_expired(&queue, 20));
	cr_assert_eq(fair_expired(&queue, 21), &calls[0]);
}
