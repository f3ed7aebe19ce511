/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A record becomes typed fields, for the log, and those become `key=value` text.
 * Names may hold any bytes, and a terminal obeys some of them: whatever is not
 * printable ASCII is escaped.
 */

#include "trace_record.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

static bool shows_names(const struct trace_record *record,
			const struct trace_viewer *viewer)
{
	return viewer->is_admin || viewer->uid == 0 ||
	       viewer->uid == record->uid;
}

static size_t add_objects(const struct trace_record *record, bool has_names,
			  struct log_field *ret)
{
	size_t n = 0;

	if (record->ino)
		ret[n++] = F_U64("ino", record->ino);
	if (has_names && *record->name)
		ret[n++] = F_STR("name", record->name);
	if (record->to_ino)
		ret[n++] = F_U64("to_ino", record->to_ino);
	if (has_names && *record->to_name)
		ret[n++] = F_STR("to_name", record->to_name);
	if (record->found)
		ret[n++] = F_U64("found", record->found);
	if (record->len) {
		ret[n++] = F_U64("offset", record->offset);
		ret[n++] = F_U64("len", record->len);
	}
	return n;
}

static struct log_field result_field(int64_t result)
{
	const char *name = NULL;

	if (result < 0)
		name = strerrorname_np((int)-result);
	return name ? F_STR("result", name) : F_I64("result", result);
}

size_t trace_record_fields(const struct trace_record *record,
			   const struct trace_viewer *viewer,
			   struct log_field ret[TRACE_FIELDS_MAX])
{
	size_t n = add_objects(record, shows_names(record, viewer), ret);

	ret[n++] = result_field(record->result);
	ret[n++] = F_U64("us", record->latency_ns / NS_PER_US);
	if (viewer->is_admin) {
		ret[n++] = F_U64("uid", record->uid);
		ret[n++] = F_I64("pid", record->pid);
	}
	return n;
}

struct line {
	char *text; /* TRACE_LINE_MAX bytes, enough for the longest names */
	size_t len;
};

static void put(struct line *line, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void put(struct line *line, const char *fmt, ...)
{
	size_t room = TRACE_LINE_MAX - line->len;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(line->text + line->len, room, fmt, args);
	va_end(args);
	if (n > 0)
		line->len += (size_t)n < room ? (size_t)n : room - 1;
}

static void put_time(struct line *line, const struct timespec *at)
{
	char text[sizeof("2026-01-01T00:00:00")] = "";
	struct tm tm;

	if (gmtime_r(&at->tv_sec, &tm))
		(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	put(line, "%s.%06ldZ", text, at->tv_nsec / 1000);
}

static void put_quoted(struct line *line, const char *name)
{
	put(line, "\"");
	for (const unsigned char *p = (const unsigned char *)name; *p; p++) {
		if (*p == '"' || *p == '\\')
			put(line, "\\%c", *p);
		else if (*p < ' ' || *p > '~')
			put(line, "\\x%02x", *p);
		else
			put(line, "%c", *p);
	}
	put(line, "\"");
}

static bool is_name(const struct trace_record *record, const char *text)
{
	return text == record->name || text == record->to_name;
}

static void put_field(struct line *line, const struct trace_record *record,
		      const struct log_field *field)
{
	put(line, " %s=", field->key);
	if (field->type == LOG_FIELD_U64)
		put(line, "%" PRIu64, field->u64);
	else if (field->type == LOG_FIELD_I64)
		put(line, "%" PRId64, field->i64);
	else if (is_name(record, field->str))
		put_quoted(line, field->str);
	else
		put(line, "%s", field->str);
}

size_t trace_record_print(const struct trace_record *record,
			  const struct trace_viewer *viewer,
			  char ret[TRACE_LINE_MAX])
{
	struct log_field fields[TRACE_FIELDS_MAX];
	size_t n = trace_record_fields(record, viewer, fields);
	struct line line = { .text = ret };

	put_time(&line, &record->at);
	put(&line, " %s", op_kind_name(record->kind));
	for (size_t i = 0; i < n; i++)
		put_field(&line, record, &fields[i]);
	put(&line, "\n");
	return line.len;
}
