/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <string.h>

#include <criterion/criterion.h>

#include "trace_record.h"

static const struct trace_viewer admin = { .is_admin = true };
static const struct trace_viewer same_user = { .uid = 1000 };
static const struct trace_viewer other_user = { .uid = 1001 };
static const struct trace_viewer pods_root = { .uid = 0 };

static const struct trace_record renamed = {
	.at = { .tv_sec = 1, .tv_nsec = 2003000 },
	.latency_ns = 1500000,
	.kind = OP_RENAME,
	.uid = 1000,
	.pid = 77,
	.result = -EACCES,
	.ino = 12,
	.to_ino = 13,
	.name = "a \"b\"",
	.to_name = "\xc3\xa4\n\x1b[2J",
};

#define RENAMED_NAMES                                                     \
	"1970-01-01T00:00:01.002003Z rename ino=12 name=\"a \\\"b\\\"\" " \
	"to_ino=13 to_name=\"\\xc3\\xa4\\x0a\\x1b[2J\" result=EACCES us=1500"

static void expect(const struct trace_record *record,
		   const struct trace_viewer *viewer, const char *want)
{
	char text[TRACE_LINE_MAX];

	cr_assert_eq(trace_record_print(record, viewer, text), strlen(want));
	cr_assert_str_eq(text, want);
}

Test(trace_record, the_administrator_sees_everything)
{
	expect(&renamed, &admin, RENAMED_NAMES " uid=1000 pid=77\n");
}

Test(trace_record, a_pod_sees_no_callers_and_only_names_it_may_know)
{
	expect(&renamed, &same_user, RENAMED_NAMES "\n");
	expect(&renamed, &pods_root, RENAMED_NAMES "\n");
	expect(&renamed, &other_user,
	       "1970-01-01T00:00:01.002003Z rename ino=12 to_ino=13 "
	       "result=EACCES us=1500\n");
}

Test(trace_record, reads_and_writes_have_a_range_and_a_count)
{
	const struct trace_record record = { .kind = OP_READ,
					     .ino = 5,
					     .offset = 4096,
					     .len = 8192,
					     .result = 100 };

	expect(&record, &same_user,
	       "1970-01-01T00:00:00.000000Z read ino=5 offset=4096 len=8192 "
	       "result=100 us=0\n");
}

Test(trace_record, the_longest_line_has_room)
{
	struct trace_record record = {
		.at = { .tv_sec = INT32_MAX, .tv_nsec = 999999999 },
		.latency_ns = UINT64_MAX,
		.kind = OP_READDIRPLUS,
		.uid = UINT32_MAX,
		.pid = INT32_MAX,
		.result = -INT64_MAX,
		.ino = UINT64_MAX,
		.to_ino = UINT64_MAX,
		.found = UINT64_MAX,
		.offset = UINT64_MAX,
		.len = UINT32_MAX,
	};
	char text[TRACE_LINE_MAX];
	size_t len;

	memset(record.name, '\n', NFS_NAME_MAX);
	memset(record.to_name, '\n', NFS_NAME_MAX);
	len = trace_record_print(&record, &admin, text);
	cr_assert_lt(len, TRACE_LINE_MAX - 1);
	cr_assert_eq(text[len - 1], '\n');
}
