/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>

#include <criterion/criterion.h>

#include "stats.h"

Test(stats, every_kind_has_a_name)
{
	for (int i = 0; i < OP_N_KINDS; i++)
		cr_assert_not_null(op_kind_name((enum op_kind)i), "%d", i);
	cr_assert_str_eq(op_kind_name(OP_READDIRPLUS), "readdirplus");
}

Test(stats, counts_operations_errors_and_time)
{
	static struct volume_stats stats;

	stats_record(&stats, OP_READ, 3000, 0);
	stats_record(&stats, OP_READ, 5000, -EIO);
	stats_record(&stats, OP_LOOKUP, 1000, -ENOENT);
	stats_record(&stats, OP_LOOKUP, 1000, -EACCES);
	cr_assert_eq(stats.ops[OP_READ].count, 2);
	cr_assert_eq(stats.ops[OP_READ].errors, 1);
	cr_assert_eq(stats.ops[OP_READ].sum_ns, 8000);
	cr_assert_eq(stats.ops[OP_LOOKUP].errors, 1,
		     "a name that does not exist is no error");
}

Test(stats, bytes_are_what_was_answered)
{
	static struct volume_stats stats;

	stats_record(&stats, OP_READ, 1, 100);
	stats_record(&stats, OP_READDIR, 1, 1000);
	stats_record(&stats, OP_WRITE, 1, 7);
	stats_record(&stats, OP_WRITE, 1, -ENOSPC);
	cr_assert_eq(stats.read_bytes, 100);
	cr_assert_eq(stats.written_bytes, 7);
}

Test(stats, quantiles_are_the_upper_bound_of_their_bucket)
{
	static struct volume_stats stats;
	struct op_stats *op = &stats.ops[OP_WRITE];

	cr_assert_eq(stats_quantile_us(op, 50), 0, "empty");
	for (int i = 0; i < 98; i++)
		stats_record(&stats, OP_WRITE, 100 * NS_PER_US, 0);
	stats_record(&stats, OP_WRITE, 5000 * NS_PER_US, 0);
	stats_record(&stats, OP_WRITE, UINT64_MAX / 2, 0);
	cr_assert_eq(stats_quantile_us(op, 50), 128);
	cr_assert_eq(stats_quantile_us(op, 99), 8192);
	cr_assert_eq(stats_quantile_us(op, 100), 1ull << (STATS_BUCKETS - 1));
	stats_record(&stats, OP_READ, 10, 0);
	cr_assert_eq(stats_quantile_us(&stats.ops[OP_READ], 50), 1);
}
