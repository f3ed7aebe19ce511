/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Commands without a FUSE connection: libfuse's replies and the node are taken by
 * the linker from here, and note what was answered.
 */

#include <errno.h>
#include <string.h>

#include <criterion/criterion.h>

#include "log.h"
#include "meta_control.h"

static struct loop *loop;
static struct control control;
static int answer; /* bytes written, or -errno; 0 = none yet */
static int n_dropped;
static struct trace *trace;

int fuse_reply_err(fuse_req_t req, int err)
{
	answer = -err;
	return 0;
}

int fuse_reply_write(fuse_req_t req, size_t count)
{
	answer = (int)count;
	return 0;
}

int node_drop_caches(struct node *node, const char *name)
{
	n_dropped++;
	return strcmp(name, "pv") == 0 ? 0 : -ENOENT;
}

int node_get_trace(struct node *node, const char *name, struct trace **ret)
{
	if (strcmp(name, "pv") != 0)
		return -ENOENT;
	*ret = trace_ref(trace);
	return 0;
}

static void set_up(void)
{
	log_set_level(LOG_ERROR);
	cr_assert_eq(loop_new(&loop), 0);
	cr_assert_eq(trace_new(&trace), 0);
	control_init(&control, NULL, loop);
}

static void tear_down(void)
{
	trace_logs_fini(&control.logs);
	trace_unref(trace);
	loop_free(loop);
}

TestSuite(meta_control, .init = set_up, .fini = tear_down, .timeout = 10);

static int command(const char *text)
{
	answer = 0;
	control_write(&control, NULL, text, strlen(text));
	return answer;
}

Test(meta_control, what_is_no_command_is_invalid)
{
	cr_assert_eq(command(""), -EINVAL);
	cr_assert_eq(command("drop-caches"), -EINVAL);
	cr_assert_eq(command("log-level loud"), -EINVAL);
	cr_assert_eq(command("reboot now"), -EINVAL);
	cr_assert_eq(command("trace pv"), -EINVAL);
	cr_assert_eq(command("trace  on"), -EINVAL);
	cr_assert_eq(command("trace pv maybe"), -EINVAL);
	cr_assert_eq(command("log-level error\n"), 16);
}

Test(meta_control, caches_are_dropped_by_the_loop_one_command_at_a_time)
{
	cr_assert_eq(command("drop-caches pv"), 0, "not from the shard");
	cr_assert_eq(command("drop-caches pv"), -EBUSY);
	cr_assert_eq(loop_run_once(loop, 0), 0);
	cr_assert_eq(answer, 14);
	cr_assert_eq(command("drop-caches no"), 0, "the next one may come");
	cr_assert_eq(loop_run_once(loop, 0), 0);
	cr_assert_eq(answer, -ENOENT);
	cr_assert_eq(n_dropped, 2);
}

static int posted_command(const char *text)
{
	cr_assert_eq(command(text), 0, "not from the shard");
	cr_assert_eq(loop_run_once(loop, 0), 0);
	return answer;
}

Test(meta_control, a_trace_is_turned_on_and_off)
{
	cr_assert_eq(posted_command("trace pv on\n"), 12);
	cr_assert(trace_is_read(trace));
	cr_assert_eq(posted_command("trace pv on"), 11, "it is on");
	cr_assert_eq(posted_command("trace pv off"), 12);
	cr_assert(!trace_is_read(trace));
	cr_assert_eq(posted_command("trace pv off"), 12, "it is off");
	cr_assert_eq(posted_command("trace no on"), -ENOENT);
	cr_assert_eq(posted_command("trace no off"), -ENOENT);
}

Test(meta_control, a_refused_command_does_not_hold_up_the_end)
{
	control_fini(&control);
	cr_assert_eq(command("drop-caches pv"), -EBUSY);
	control_fini(&control); /* as one who was waiting meanwhile */
}
