/* SPDX-License-Identifier: Apache-2.0 */

#include <stdint.h>

#include <criterion/criterion.h>

#include "clock.h"
#include "queue.h"

static uint64_t fake_now;

static uint64_t fake_clock(void)
{
	return fake_now;
}

static struct queue *a_queue(unsigned int max_keys)
{
	struct queue_options options = { .max_keys = max_keys,
					 .now = fake_clock };
	struct queue *queue;

	fake_now = NS_PER_S;
	cr_assert_eq(queue_new(&queue, &options), 0);
	return queue;
}

static void expect(struct queue *queue, const char *key)
{
	char *taken;
	uint64_t due;

	if (!key) {
		cr_assert_eq(queue_poll(queue, &taken, &due), QUEUE_EMPTY);
		return;
	}
	cr_assert_eq(queue_poll(queue, &taken, &due), 0);
	cr_assert_str_eq(taken, key);
	free(taken);
}

static uint64_t due_in(struct queue *queue)
{
	char *taken;
	uint64_t due;

	cr_assert_eq(queue_poll(queue, &taken, &due), QUEUE_EMPTY);
	return due - fake_now;
}

Test(queue, a_key_is_queued_once_and_keys_keep_their_order)
{
	_cleanup_(queue_free) struct queue *queue = a_queue(0);

	cr_assert_eq(queue_add(queue, "a"), 0);
	cr_assert_eq(queue_add(queue, "b"), 0);
	cr_assert_eq(queue_add(queue, "a"), 0);
	expect(queue, "a");
	expect(queue, "b");
	expect(queue, NULL);
	cr_assert_eq(queue_add(queue, "a"), 0);
	expect(queue, "a");
}

Test(queue, a_delay_is_kept_until_something_wants_the_key_earlier)
{
	_cleanup_(queue_free) struct queue *queue = a_queue(0);

	(void)queue_add_after(queue, "a", 10 * NS_PER_S);
	(void)queue_add_after(queue, "a", 20 * NS_PER_S);
	cr_assert_eq(due_in(queue), 10 * NS_PER_S);
	(void)queue_add_after(queue, "a", 5 * NS_PER_S);
	cr_assert_eq(due_in(queue), 5 * NS_PER_S);
	fake_now += 5 * NS_PER_S;
	expect(queue, "a");
	(void)queue_add_after(queue, "a", 5 * NS_PER_S);
	(void)queue_add(queue, "a");
	expect(queue, "a");
	expect(queue, NULL);
}

Test(queue, failures_back_off_and_a_success_forgets_them)
{
	_cleanup_(queue_free) struct queue *queue = a_queue(0);
	uint64_t limit = NS_PER_S;

	for (int i = 0; i < 40; i++) {
		uint64_t delay;

		cr_assert_eq(queue_retry(queue, "a"), 0);
		delay = due_in(queue);
		cr_assert_leq(delay, limit);
		cr_assert_gt(delay, limit / 4 * 3 - 1);
		fake_now += delay;
		expect(queue, "a");
		limit = limit * 2 > 300 * NS_PER_S ? 300 * NS_PER_S : limit * 2;
	}
	queue_forget(queue, "a");
	(void)queue_retry(queue, "a");
	cr_assert_leq(due_in(queue), NS_PER_S);
}

Test(queue, a_full_queue_says_so)
{
	_cleanup_(queue_free) struct queue *queue = a_queue(2);

	cr_assert_eq(queue_add(queue, "a"), 0);
	cr_assert_eq(queue_add(queue, "b"), 0);
	cr_assert_eq(queue_add(queue, "c"), -ENOSPC);
	cr_assert_eq(queue_add(queue, "a"), 0);
	expect(queue, "a");
	cr_assert_eq(queue_add(queue, "c"), 0);
}

Test(queue, a_closed_queue_lets_everybody_go)
{
	_cleanup_(queue_free) struct queue *queue = a_queue(0);
	char *key;

	(void)queue_add(queue, "a");
	queue_close(queue);
	cr_assert_eq(queue_take(queue, &key), QUEUE_CLOSED);
}
