/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A log is a reader of the trace like an open file. Operations post it to the loop,
 * whose thread writes what is there, LINES_PER_TURN at most, and comes back after a
 * while: the log must not be what a busy volume keeps the disk busy with.
 */

#include "trace_log.h"

#include <string.h>

#include "clock.h"

#define LINES_PER_TURN 50
#define TURN_NS	       (100 * NS_PER_MS)

struct trace_log {
	struct trace_reader reader;
	struct loop *loop; /* borrowed */
	struct post post;
	struct timer timer;
	char *volume;
	LIST_ENTRY(trace_log) entry;
};

static struct trace_log *log_free(struct trace_log *log)
{
	LIST_REMOVE(log, entry);
	trace_reader_end(&log->reader);
	(void)loop_unpost(log->loop, &log->post);
	timer_cancel(&log->timer);
	free(log->volume);
	free(log);
	return NULL;
}

static void write_record(const struct trace_log *log,
			 const struct trace_record *record)
{
	const struct trace_viewer admin = { .is_admin = true };
	struct log_field fields[TRACE_FIELDS_MAX + 3] = {
		F_STR("volume", log->volume),
		F_STR("operation", op_kind_name(record->kind)),
	};
	size_t n = 2 + trace_record_fields(record, &admin, fields + 2);

	fields[n] = (struct log_field){ .type = LOG_FIELD_END };
	log_line(LOG_INFO, "operation traced", fields);
}

/* As trace_reader_next(). */
static int write_next(struct trace_log *log)
{
	struct trace_record record;
	uint64_t n_lost;
	int r = trace_reader_next(&log->reader, &record, &n_lost);

	if (r <= 0)
		return r;
	if (n_lost > 0)
		log_info("operations not traced", F_STR("volume", log->volume),
			 F_U64("lines", n_lost));
	write_record(log, &record);
	return r;
}

static void take_turn(struct trace_log *log)
{
	int r = 1;

	for (int i = 0; i < LINES_PER_TURN && r > 0; i++)
		r = write_next(log);
	if (r > 0 || (r < 0 && !trace_reader_wait(&log->reader)))
		r = timer_set(&log->timer, log->loop, clock_ns() + TURN_NS) < 0
			    ? 0
			    : 1;
	if (r == 0) /* the volume is gone, or no turn would follow */
		log_free(log);
}

static void on_timer(struct timer *timer)
{
	take_turn(container_of(timer, struct trace_log, timer));
}

static void on_post(struct post *post)
{
	take_turn(container_of(post, struct trace_log, post));
}

static void wake(struct trace_reader *reader)
{
	struct trace_log *log = container_of(reader, struct trace_log, reader);

	loop_post(log->loop, &log->post);
}

static struct trace_log *find(const struct trace_logs *logs, const char *volume)
{
	struct trace_log *log;

	LIST_FOREACH (log, &logs->logs, entry) {
		if (strcmp(log->volume, volume) == 0)
			break;
	}
	return log;
}

void trace_logs_init(struct trace_logs *logs, struct loop *loop)
{
	logs->loop = loop;
	LIST_INIT(&logs->logs);
}

void trace_logs_fini(struct trace_logs *logs)
{
	while (!LIST_EMPTY(&logs->logs))
		log_free(LIST_FIRST(&logs->logs));
}

int trace_logs_start(struct trace_logs *logs, struct trace *trace,
		     const char *volume)
{
	_cleanup_(free) struct trace_log *log = NULL;
	_cleanup_(free) char *name = strdup(volume);
	struct trace_log *former = find(logs, volume);
	int r;

	if (former && former->reader.trace == trace)
		return 0;
	if (former) /* of the volume that had the name before */
		log_free(former);
	log = calloc(1, sizeof(*log));
	if (!log || !name)
		return -ENOMEM;
	log->loop = logs->loop;
	log->post.fn = on_post;
	log->timer = TIMER_INIT(on_timer);
	r = trace_reader_begin(&log->reader, trace, TRACE_READERS_MAX, wake);
	if (r < 0)
		return r;
	log->volume = TAKE_PTR(name);
	LIST_INSERT_HEAD(&logs->logs, log, entry);
	take_turn(TAKE_PTR(log));
	return 0;
}

void trace_logs_stop(struct trace_logs *logs, const char *volume)
{
	struct trace_log *log = find(logs, volume);

	if (log)
		log_free(log);
}
