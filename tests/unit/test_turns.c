/* SPDX-License-Identifier: Apache-2.0 */

/* Two rows that take long, and one that does not, with a thread more than those may have. */

#include <semaphore.h>
#include <string.h>

#include "clock.h"
#include "registry_fixture.h"
#include "turns.h"

TestSuite(turns, .init = fixture_open, .fini = fixture_close, .timeout = 20);

static const char *const names[] = { "slow-1", "slow-2", "short" };
static atomic_bool is_gone[ARRAY_SIZE(names)];
static atomic_int n_slow, n_slow_most;
static sem_t may_end; /* once for each that is slow */

static bool is_slow(const char *name)
{
	return strncmp(name, "slow", 4) == 0;
}

static int due(void *userdata, struct turns *turns, int64_t *ret_wait_s,
	       struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!atomic_load(&is_gone[i]))
			turns_offer(turns, names[i],
				    is_slow(names[i]) ? TURNS_SLOW : 0);
	return 0;
}

static int take(void *userdata, const char *name, struct turn_view *view,
		struct err *err)
{
	if (is_slow(name)) {
		int n = atomic_fetch_add(&n_slow, 1) + 1;

		if (n > atomic_load(&n_slow_most))
			atomic_store(&n_slow_most, n);
		(void)sem_wait(&may_end);
		(void)atomic_fetch_sub(&n_slow, 1);
	}
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i], name) == 0)
			atomic_store(&is_gone[i], true);
	return TURN_GONE;
}

static bool is_there(void *userdata, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i], name) == 0)
			return !atomic_load(&is_gone[i]);
	return false;
}

static bool is_done(struct turns *turns, const char *name)
{
	turns_wait_for_turn(turns, name, is_there, NULL,
			    clock_ns() + 10 * NS_PER_S);
	return !is_there(NULL, name);
}

Test(turns, what_takes_long_leaves_a_thread_for_others)
{
	const struct turns_options options = { .store = store,
					       .who = "test",
					       .complaint = "not done",
					       .n_threads = 2,
					       .n_slow = 1,
					       .due = due,
					       .take = take };
	_cleanup_(turns_free) struct turns *turns = NULL;

	(void)sem_init(&may_end, 0, 0);
	cr_assert_eq(turns_new(&turns, &options, NULL), 0);
	cr_assert_eq(turns_start(turns, NULL), 0);
	cr_assert(is_done(turns, "short"));
	(void)sem_post(&may_end);
	(void)sem_post(&may_end);
	cr_assert(is_done(turns, "slow-1"));
	cr_assert(is_done(turns, "slow-2"));
	cr_assert_eq(atomic_load(&n_slow_most), 1);
}
