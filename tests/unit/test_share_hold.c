/* SPDX-License-Identifier: Apache-2.0 */

/* Who waits for whom: the same thing of the same kind, and nobody else. */

#include <pthread.h>
#include <stdatomic.h>

#include <criterion/criterion.h>

#include "share_hold.h"

#define N_THREADS 8
#define N_ROUNDS  2000

static int n_within; /* guarded by the hold */
static atomic_int n_together;

static void *add(void *userdata)
{
	(void)userdata;
	for (int i = 0; i < N_ROUNDS; i++) {
		struct share_hold hold = { 0 };

		share_hold_take(&hold, SHARE_HOLD_PLACES, "server");
		if (atomic_fetch_add(&n_together, 1) == 0)
			n_within++;
		(void)atomic_fetch_sub(&n_together, 1);
		share_hold_release(&hold);
	}
	return NULL;
}

TestSuite(share_hold, .timeout = 60);

Test(share_hold, one_thread_at_a_time_has_it)
{
	pthread_t threads[N_THREADS];

	for (int i = 0; i < N_THREADS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, add, NULL), 0);
	for (int i = 0; i < N_THREADS; i++)
		(void)pthread_join(threads[i], NULL);
	cr_expect_eq(n_within, N_THREADS * N_ROUNDS);
}

Test(share_hold, other_names_and_kinds_are_not_waited_for)
{
	struct share_hold places = { 0 }, volume = { 0 }, other = { 0 };

	share_hold_take(&volume, SHARE_HOLD_VOLUME, "a");
	share_hold_take(&places, SHARE_HOLD_PLACES, "a");
	share_hold_take(&other, SHARE_HOLD_PLACES, "b");
	share_hold_release(&other);
	share_hold_release(&other);
	share_hold_release(&places);
	share_hold_take(&places, SHARE_HOLD_PLACES, "a");
	share_hold_release(&places);
	share_hold_release(&volume);
}
