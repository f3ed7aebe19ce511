/* SPDX-License-Identifier: Apache-2.0 */

#include <criterion/criterion.h>

#include "trace.h"

static struct trace *trace;
static unsigned int n_woken;

static void count_wake(struct trace_reader *reader)
{
	n_woken++;
}

static void set_up(void)
{
	cr_assert_eq(trace_new(&trace), 0);
}

static void tear_down(void)
{
	trace_unref(trace);
}

TestSuite(trace, .init = set_up, .fini = tear_down, .timeout = 10);

static int begin(struct trace_reader *reader, unsigned int n_max)
{
	return trace_reader_begin(reader, trace, n_max, count_wake);
}

/* Records that are numbered by their offsets. */
static void add(uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++)
		trace_add(trace, &(struct trace_record){ .offset = i });
}

static void expect(struct trace_reader *reader, uint64_t offset,
		   uint64_t n_lost)
{
	struct trace_record record;
	uint64_t n = UINT64_MAX;

	cr_assert_eq(trace_reader_next(reader, &record, &n), 1);
	cr_assert_eq(record.offset, offset, "%lu, not %lu",
		     (unsigned long)record.offset, (unsigned long)offset);
	cr_assert_eq(n, n_lost, "%lu lost, not %lu", (unsigned long)n,
		     (unsigned long)n_lost);
}

static void expect_none(struct trace_reader *reader, int r)
{
	struct trace_record record;
	uint64_t n_lost;

	cr_assert_eq(trace_reader_next(reader, &record, &n_lost), r);
}

Test(trace, nobody_reads_nothing_is_kept)
{
	cr_assert(!trace_is_read(trace));
	add(0, 3);
	cr_assert_null(trace->ring);
}

Test(trace, a_reader_sees_what_comes_after_him)
{
	struct trace_reader reader;

	cr_assert_eq(begin(&reader, TRACE_READERS_MAX), 0);
	cr_assert(trace_is_read(trace));
	expect_none(&reader, -EAGAIN);
	add(0, 2);
	expect(&reader, 0, 0);
	expect(&reader, 1, 0);
	expect_none(&reader, -EAGAIN);
	trace_reader_end(&reader);
	cr_assert(!trace_is_read(trace));
	cr_assert_null(trace->ring);
}

Test(trace, a_slow_reader_is_told_how_much_he_lost)
{
	struct trace_reader reader;

	cr_assert_eq(begin(&reader, TRACE_READERS_MAX), 0);
	add(0, TRACE_RECORDS);
	expect(&reader, 0, 0);
	add(TRACE_RECORDS, 2 * TRACE_RECORDS + 5);
	expect(&reader, TRACE_RECORDS + 5, TRACE_RECORDS + 4);
	for (uint64_t i = 6; i < TRACE_RECORDS + 5; i++)
		expect(&reader, TRACE_RECORDS + i, 0);
	expect_none(&reader, -EAGAIN);
	trace_reader_end(&reader);
}

Test(trace, each_reader_has_his_own_pace)
{
	struct trace_reader early, late;

	cr_assert_eq(begin(&early, TRACE_READERS_MAX), 0);
	add(0, 1);
	cr_assert_eq(begin(&late, TRACE_READERS_MAX), 0);
	add(1, 2);
	expect(&late, 1, 0);
	expect(&early, 0, 0);
	trace_reader_end(&late);
	expect(&early, 1, 0);
	trace_reader_end(&early);
}

Test(trace, who_comes_again_does_not_see_what_he_missed)
{
	struct trace_reader reader;

	for (uint64_t i = 0; i < 2; i++) {
		cr_assert_eq(begin(&reader, TRACE_READERS_MAX), 0);
		expect_none(&reader, -EAGAIN);
		add(i, i + 1);
		expect(&reader, i, 0);
		add(8, 9);
		trace_reader_end(&reader);
	}
}

Test(trace, who_waits_is_woken_once)
{
	struct trace_reader reader;

	cr_assert_eq(begin(&reader, TRACE_READERS_MAX), 0);
	add(0, 1);
	cr_assert_eq(n_woken, 0, "he did not wait");
	cr_assert(!trace_reader_wait(&reader), "there is something to read");
	expect(&reader, 0, 0);
	cr_assert(trace_reader_wait(&reader));
	add(1, 3);
	cr_assert_eq(n_woken, 1);
	trace_reader_end(&reader);
}

Test(trace, readers_are_limited_and_pods_first)
{
	struct trace_reader readers[TRACE_READERS_MAX + 1];
	struct trace_reader *last = &readers[TRACE_READERS_MAX];
	unsigned int i;

	for (i = 0; i < TRACE_READERS_PODS; i++)
		cr_assert_eq(begin(&readers[i], TRACE_READERS_PODS), 0);
	cr_assert_eq(begin(last, TRACE_READERS_PODS), -EBUSY);
	for (; i < TRACE_READERS_MAX; i++)
		cr_assert_eq(begin(&readers[i], TRACE_READERS_MAX), 0);
	cr_assert_eq(begin(last, TRACE_READERS_MAX), -EBUSY);
	trace_reader_end(&readers[3]);
	cr_assert_eq(begin(&readers[3], TRACE_READERS_MAX), 0);
	while (i-- > 0)
		trace_reader_end(&readers[i]);
}

Test(trace, the_end_comes_after_what_is_left)
{
	struct trace_reader reader, late;

	cr_assert_eq(begin(&reader, TRACE_READERS_MAX), 0);
	cr_assert(trace_reader_wait(&reader));
	trace_end(trace);
	cr_assert_eq(n_woken, 1);
	cr_assert_eq(begin(&late, TRACE_READERS_MAX), -ENOENT);
	add(0, 1);
	expect(&reader, 0, 0);
	cr_assert(!trace_reader_wait(&reader));
	expect_none(&reader, 0);
	trace_reader_end(&reader);
}

Test(trace, a_reader_may_outlive_the_volume)
{
	struct trace_reader reader;

	cr_assert_eq(begin(&reader, TRACE_READERS_MAX), 0);
	trace_end(trace);
	trace = trace_unref(trace);
	expect_none(&reader, 0);
	trace_reader_end(&reader);
}
