/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A line is built in memory and written by one write(2), so that lines of
 * several threads never mix and a slow reader of stderr costs no lock. A line
 * that can't be built for want of memory is dropped: logging must not be a
 * reason to fail.
 *
 * The two formats are chosen once, by whether stderr is a terminal: people get
 * `key=value`, machines get JSON.
 */

#include "log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

static _Atomic enum log_level current_level = LOG_INFO;
static const char *const level_names[] = { "error", "warn", "info", "debug" };

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&current_level, level, memory_order_relaxed);
}

enum log_level log_get_level(void)
{
	return atomic_load_explicit(&current_level, memory_order_relaxed);
}

int log_level_parse(const char *text, enum log_level *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(level_names); i++) {
		if (strcmp(text, level_names[i]) == 0) {
			*ret = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

const char *log_errno_text(int r)
{
	const char *text = strerrordesc_np(-r);

	return text ? text : "unknown error";
}

static void put_quoted(FILE *out, const char *text)
{
	fputc('"', out);
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p == '"' || *p == '\\')
			fprintf(out, "\\%c", *p);
		else if (*p < 0x20 || *p == 0x7f)
			fprintf(out, "\\u%04x", *p);
		else
			fputc(*p, out);
	}
	fputc('"', out);
}

static int needs_quotes(const char *text)
{
	if (!*text)
		return 1;
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		if (*p <= ' ' || *p == '"' || *p == '\\' || *p == 0x7f)
			return 1;
	return 0;
}

static void put_value(FILE *out, const struct log_field *field, int is_json)
{
	const char *text = field->str ? field->str : "";

	switch (field->type) {
	case LOG_FIELD_U64:
		fprintf(out, "%llu", (unsigned long long)field->u64);
		break;
	case LOG_FIELD_I64:
		fprintf(out, "%lld", (long long)field->i64);
		break;
	case LOG_FIELD_STR:
		if (is_json || needs_quotes(text))
			put_quoted(out, text);
		else
			fputs(text, out);
		break;
	case LOG_FIELD_END:
		break;
	}
}

static void put_time(FILE *out)
{
	struct timespec now;
	struct tm tm;
	char text[32];

	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)gmtime_r(&now.tv_sec, &tm);
	(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	fprintf(out, "%s.%03ldZ", text, now.tv_nsec / 1000000);
}

static void put_terminal(FILE *out, enum log_level level, const char *message,
			 const struct log_field *fields)
{
	put_time(out);
	fprintf(out, " %-5s %-32s", level_names[level], message);
	for (; fields->type != LOG_FIELD_END; fields++) {
		fprintf(out, " %s=", fields->key);
		put_value(out, fields, /* is_json= */ 0);
	}
}

static void put_json(FILE *out, enum log_level level, const char *message,
		     const struct log_field *fields)
{
	fputs("{\"time\":\"", out);
	put_time(out);
	fprintf(out, "\",\"level\":\"%s\",\"message\":", level_names[level]);
	put_quoted(out, message);
	for (; fields->type != LOG_FIELD_END; fields++) {
		fprintf(out, ",\"%s\":", fields->key);
		put_value(out, fields, /* is_json= */ 1);
	}
	fputc('}', out);
}

void log_line(enum log_level level, const char *message,
	      const struct log_field *fields)
{
	_cleanup_(free) char *line = NULL;
	size_t len = 0;
	FILE *out;

	if (level > log_get_level())
		return;
	out = open_memstream(&line, &len);
	if (!out)
		return;
	if (isatty(STDERR_FILENO))
		put_terminal(out, level, message, fields);
	else
		put_json(out, level, message, fields);
	fputc('\n', out);
	if (fclose(out) == 0 && write(STDERR_FILENO, line, len) < 0)
		return; /* nobody is left to tell */
}
