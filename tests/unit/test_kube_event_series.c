/* SPDX-License-Identifier: Apache-2.0 */

#include <criterion/criterion.h>

#include "clock.h"
#include "kube_event_series.h"

static struct kube_series_table *table;

static void set_up(void)
{
	table = malloc(sizeof(*table));
	kube_series_init(table);
}

static void tear_down(void)
{
	kube_series_fini(table);
	free(table);
}

TestSuite(kube_event_series, .init = set_up, .fini = tear_down);

/* Object 1 unless the note says otherwise; every note has a key of its own. */
static enum kube_series_verdict see(uint64_t object, uint64_t note,
				    uint64_t at_s, struct kube_series **ret)
{
	const struct kube_series_sight sight = { object, object * 1000,
						 object * 1000000 + note };
	struct kube_series *series = NULL;
	enum kube_series_verdict verdict =
		kube_series_see(table, &sight, at_s * NS_PER_S, &series);

	if (verdict == KUBE_SERIES_CREATE || verdict == KUBE_SERIES_WRITE ||
	    verdict == KUBE_SERIES_CREATE_COMBINED)
		kube_series_written(series, at_s * NS_PER_S);
	if (ret)
		*ret = series;
	return verdict;
}

Test(kube_event_series, a_repeat_is_counted_at_once_and_then_twice_a_minute)
{
	struct kube_series *series;
	uint64_t due_ns;

	cr_assert_eq(see(1, 1, 1000, NULL), KUBE_SERIES_CREATE);
	cr_assert_eq(see(1, 1, 1001, NULL), KUBE_SERIES_WRITE);
	cr_assert_null(kube_series_due(table, &due_ns));
	cr_assert_eq(see(1, 1, 1002, NULL), KUBE_SERIES_LATER);
	cr_assert_eq(see(1, 1, 1003, &series), KUBE_SERIES_LATER);
	cr_assert_eq(series->count, 4);
	cr_assert_eq(kube_series_due(table, &due_ns), series);
	cr_assert_eq(due_ns, 1031 * NS_PER_S);
	cr_assert_eq(see(1, 1, 1031, NULL), KUBE_SERIES_WRITE);
}

Test(kube_event_series, after_six_minutes_it_is_a_new_event)
{
	cr_assert_eq(see(1, 1, 1000, NULL), KUBE_SERIES_CREATE);
	cr_assert_eq(see(1, 1, 1360, NULL), KUBE_SERIES_WRITE);
	cr_assert_eq(see(1, 1, 1721, NULL), KUBE_SERIES_CREATE);
}

Test(kube_event_series, the_eleventh_note_stands_for_all_others)
{
	struct kube_series *series;

	for (uint64_t note = 1; note <= 10; note++)
		cr_assert_eq(see(1, note, 1000, NULL), KUBE_SERIES_CREATE);
	cr_assert_eq(see(1, 11, 1000, NULL), KUBE_SERIES_CREATE_COMBINED);
	cr_assert_eq(see(1, 12, 1000, NULL), KUBE_SERIES_WRITE);
	cr_assert_eq(see(1, 13, 1000, &series), KUBE_SERIES_LATER);
	cr_assert_eq(series->count, 3);
	cr_assert_eq(see(1, 3, 1000, NULL), KUBE_SERIES_WRITE);
	/* Another object has its own. */
	cr_assert_eq(see(2, 11, 1000, NULL), KUBE_SERIES_CREATE);
}

Test(kube_event_series, one_object_can_not_flood_the_server)
{
	unsigned int n = 0;

	/* Each is silent for six minutes before the next, but for the allowance. */
	for (uint64_t note = 0; note < 100; note++) {
		const struct kube_series_sight sight = { 1, note, note };
		struct kube_series *series;

		if (kube_series_see(table, &sight, 5000 * NS_PER_S, &series) ==
		    KUBE_SERIES_DROP)
			continue;
		kube_series_written(series, 5000 * NS_PER_S);
		n++;
	}
	cr_assert_eq(n, KUBE_SERIES_BURST);
	cr_assert_eq(see(1, 1, 5299, NULL), KUBE_SERIES_DROP);
	cr_assert_eq(see(1, 1, 5300, NULL), KUBE_SERIES_CREATE);
	cr_assert_eq(see(2, 1, 5300, NULL), KUBE_SERIES_CREATE);
}

Test(kube_event_series, memory_has_a_limit)
{
	for (uint64_t object = 1; object <= 3 * KUBE_SERIES_MAX; object++)
		cr_assert_eq(see(object, 1, 1000, NULL), KUBE_SERIES_CREATE);
	cr_assert_eq(table->n, KUBE_SERIES_MAX);
}
