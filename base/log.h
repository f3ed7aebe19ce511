/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One line per event on stderr: aligned key=value on a terminal, JSON elsewhere.
 * The message is a constant, what varies is in typed fields, so that lines can be
 * searched and grouped:
 *
 *	log_info("volume staged", F_STR("volume", name), F_U64("ms", ms));
 *
 * Only edges log (a main, a callback of the loop, a request handler, the
 * reconciler): a function that returns an error does not log it too. info is for
 * state changes that an operator cares about; nothing per request above debug;
 * never secrets, never names of tenants' files above debug; but for a trace that
 * the administrator has turned on.
 *
 * Any thread may call; a line is one write(2). The level is process-wide.
 */

#include <stdint.h>

#include "err.h"

enum log_level {
	LOG_ERROR,
	LOG_WARN,
	LOG_INFO,
	LOG_DEBUG,
};

enum log_field_type {
	LOG_FIELD_END, /* terminates the array */
	LOG_FIELD_STR,
	LOG_FIELD_U64,
	LOG_FIELD_I64,
};

struct log_field {
	enum log_field_type type;
	const char *key;
	union {
		const char *str; /* NULL is printed as "" */
		uint64_t u64;
		int64_t i64;
	};
};

#define F_STR(k, v) \
	((struct log_field){ .type = LOG_FIELD_STR, .key = (k), .str = (v) })
#define F_U64(k, v) \
	((struct log_field){ .type = LOG_FIELD_U64, .key = (k), .u64 = (v) })
#define F_I64(k, v) \
	((struct log_field){ .type = LOG_FIELD_I64, .key = (k), .i64 = (v) })
/* The sentence of a struct err. */
#define F_ERR(e) F_STR("error", err_text(e))
/* The text of a negative errno. */
#define F_ERRNO(r) F_STR("error", log_errno_text(r))

#define log_at(level, message, ...) \
	log_line(                   \
		level, message,     \
		(const struct log_field[]){ __VA_ARGS__ __VA_OPT__(, ){ 0 } })
#define log_error(message, ...) log_at(LOG_ERROR, message, __VA_ARGS__)
#define log_warn(message, ...)	log_at(LOG_WARN, message, __VA_ARGS__)
#define log_info(message, ...)	log_at(LOG_INFO, message, __VA_ARGS__)
#define log_debug(message, ...)                                  \
	do {                                                     \
		if (log_get_level() >= LOG_DEBUG)                \
			log_at(LOG_DEBUG, message, __VA_ARGS__); \
	} while (0)

/* fields ends with an entry of type LOG_FIELD_END. */
void log_line(enum log_level level, const char *message,
	      const struct log_field *fields);

void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/* "error", "warn", "info", "debug"; -EINVAL for anything else. */
int log_level_parse(const char *text, enum log_level *ret);

const char *log_errno_text(int r);
