/* SPDX-License-Identifier: Apache-2.0 */

/* The log itself is taken by the linker from here: it counts lines. */

#include <string.h>

#include <criterion/criterion.h>

#include "trace_log.h"

static struct loop *loop;
static struct trace *trace;
static struct trace_logs logs;
static unsigned int n_lines;
static uint64_t n_lost;

void log_line(enum log_level level, const char *message,
	      const struct log_field *fields)
{
	cr_assert_str_eq(fields[0].key, "volume");
	cr_assert_str_eq(fields[0].str, "pv");
	if (strcmp(message, "operation traced") == 0)
		n_lines++;
	else
		n_lost += fields[1].u64;
}

static void set_up(void)
{
	cr_assert_eq(loop_new(&loop), 0);
	cr_assert_eq(trace_new(&trace), 0);
	trace_logs_init(&logs, loop);
	cr_assert_eq(trace_logs_start(&logs, trace, "pv"), 0);
}

static void tear_down(void)
{
	trace_logs_fini(&logs);
	cr_assert(!trace_is_read(trace));
	trace_unref(trace);
	loop_free(loop);
}

TestSuite(trace_log, .init = set_up, .fini = tear_down, .timeout = 10);

static void add(unsigned int n)
{
	while (n-- > 0)
		trace_add(trace, &(struct trace_record){ .kind = OP_READ });
}

static void round_of_loop(void)
{
	cr_assert_eq(loop_run_once(loop, 0), 0);
}

Test(trace_log, an_operation_becomes_a_line)
{
	for (unsigned int i = 1; i <= 3; i++) {
		add(1);
		round_of_loop();
		cr_assert_eq(n_lines, i);
	}
}

Test(trace_log, more_than_it_may_write_is_counted_instead)
{
	const unsigned int n = 3 * TRACE_RECORDS;

	add(n);
	round_of_loop();
	round_of_loop();
	cr_assert_lt(n_lines, 100, "%u lines at once", n_lines);
	cr_assert_eq(n_lost, n - TRACE_RECORDS);
	while (n_lines + n_lost < n)
		cr_assert_eq(loop_run_once(loop, 1000), 0);
}

Test(trace_log, it_is_one_reader_however_often_it_is_started)
{
	cr_assert_eq(trace_logs_start(&logs, trace, "pv"), 0);
	cr_assert_eq(trace->n_readers, 1);
	trace_logs_stop(&logs, "other");
	cr_assert_eq(trace->n_readers, 1);
	add(1);
	trace_logs_stop(&logs, "pv");
	trace_logs_stop(&logs, "pv");
	round_of_loop();
	cr_assert_eq(n_lines, 0, "it was stopped before its turn");
}

Test(trace_log, it_goes_with_the_volume)
{
	add(1);
	trace_end(trace);
	round_of_loop();
	round_of_loop();
	cr_assert_eq(n_lines, 1);
	cr_assert(!trace_is_read(trace));
}
