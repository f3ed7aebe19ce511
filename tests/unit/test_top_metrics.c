/* SPDX-License-Identifier: Apache-2.0 */

#include <criterion/criterion.h>

#include "top_metrics.h"

TestSuite(top_metrics);

static void take_all(struct top_sample *sample, const char *const *lines,
		     size_t n)
{
	for (size_t i = 0; i < n; i++)
		cr_assert_eq(top_sample_take(sample, lines[i]), 0);
}

Test(top_metrics, operations_of_all_kinds_are_summed_up_per_volume)
{
	static const char *const lines[] = {
		"# HELP claimfs_operation_duration_seconds ...\n",
		"claimfs_operation_duration_seconds{volume=\"a\",operation=\"read\",quantile=\"0.5\"} 0.001\n",
		"claimfs_operation_duration_seconds_sum{volume=\"a\",operation=\"read\"} 0.5\n",
		"claimfs_operation_duration_seconds_count{volume=\"a\",operation=\"read\"} 10\n",
		"claimfs_operation_duration_seconds_count{volume=\"b\",operation=\"read\"} 3\n",
		"claimfs_operation_duration_seconds_count{volume=\"a\",operation=\"write\"} 32\n",
		"claimfs_operation_errors_total{volume=\"a\",operation=\"open\"} 2\n",
		"claimfs_read_bytes_total{volume=\"a\"} 4096\n",
		"claimfs_written_bytes_total{volume=\"a\"} 8192\n",
		"claimfs_volume_healthy{volume=\"b\"} 0\n",
		"claimfs_build_info{version=\"1\",node=\"node-a\"} 1\n",
	};
	_cleanup_(top_sample_fini) struct top_sample sample = { 0 };
	const struct top_volume *a, *b;

	take_all(&sample, lines, ARRAY_SIZE(lines));
	cr_assert_eq(sample.n, 2);
	cr_assert_str_eq(sample.node, "node-a");
	a = top_sample_find(&sample, "a");
	b = top_sample_find(&sample, "b");
	cr_assert(a && b);
	cr_assert_eq(a->n_operations, 42);
	cr_assert_eq(a->seconds, 0.5);
	cr_assert_eq(a->errors, 2);
	cr_assert_eq(a->read_bytes, 4096);
	cr_assert_eq(a->written_bytes, 8192);
	cr_assert(a->is_healthy);
	cr_assert_eq(b->n_operations, 3);
	cr_assert_not(b->is_healthy);
}

Test(top_metrics, escaped_names_are_read_back)
{
	static const char *const lines[] = {
		"claimfs_read_bytes_total{volume=\"a\\\"b\\\\c\"} 7\n",
	};
	_cleanup_(top_sample_fini) struct top_sample sample = { 0 };

	take_all(&sample, lines, ARRAY_SIZE(lines));
	cr_assert(top_sample_find(&sample, "a\"b\\c"));
}

Test(top_metrics, lines_of_another_form_are_passed_over)
{
	static const char *const lines[] = {
		"",
		"\n",
		"claimfs_uncommitted_bytes 5\n",
		"claimfs_read_bytes_total{volume=\"a\"} many\n",
		"claimfs_read_bytes_total{volume=\"a} 5\n",
		"claimfs_read_bytes_total{volume=\"a\"} -1\n",
		"claimfs_read_bytes_total{shard=\"1\"} 5\n",
		"claimfs_read_bytes_total{",
	};
	_cleanup_(top_sample_fini) struct top_sample sample = { 0 };

	take_all(&sample, lines, ARRAY_SIZE(lines));
	cr_assert_eq(sample.n, 0);
}
