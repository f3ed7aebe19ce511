/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Errors are made where they happen and read at the edge; between the two they
 * only grow to the left ("claim default/db: create directory \"x\": permission
 * denied"). Losing the sentence for want of memory is acceptable, losing the
 * code is not: every path below sets or keeps the code.
 */

#include "err.h"

#include <stdarg.h>
#include <string.h>

static void err_replace(struct err *err, int code, char *take_text)
{
	free(err->text);
	err->code = code;
	err->text = take_text;
}

static char *format(const char *fmt, va_list args)
{
	char *text = NULL;

	if (vasprintf(&text, fmt, args) < 0)
		return NULL;
	return text;
}

int err_set(struct err *err, int code, const char *fmt, ...)
{
	va_list args;

	if (!err)
		return code;
	va_start(args, fmt);
	err_replace(err, code, format(fmt, args));
	va_end(args);
	return code;
}

int err_set_errno(struct err *err, int code, const char *fmt, ...)
{
	_cleanup_(free) char *what = NULL;
	va_list args;

	if (!err)
		return code;
	va_start(args, fmt);
	what = format(fmt, args);
	va_end(args);
	return err_set(err, code, "%s: %s", what ? what : "error",
		       strerrordesc_np(-code));
}

int err_wrap(struct err *err, const char *fmt, ...)
{
	_cleanup_(free) char *context = NULL;
	char *text = NULL;
	va_list args;

	if (!err)
		return -EINVAL;
	va_start(args, fmt);
	context = format(fmt, args);
	va_end(args);
	if (context && asprintf(&text, "%s: %s", context, err_text(err)) >= 0)
		err_replace(err, err->code, text);
	return err->code;
}

const char *err_text(const struct err *err)
{
	const char *text;

	if (err->text)
		return err->text;
	text = strerrordesc_np(-err->code);
	return text ? text : "unknown error";
}

void err_fini(struct err *err)
{
	err_replace(err, 0, NULL);
}
