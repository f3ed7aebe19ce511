/* SPDX-License-Identifier: Apache-2.0 */

/* A line has what a repair needs to find the place again: nothing of it is remembered. */

#include "check_tell.h"

#include <stdarg.h>

#include <cjson/cJSON.h>

static int tell(struct check_run *run, const char *what, const char *repair,
		const char *message)
{
	const struct volume_place *share = run->share;
	cJSON *line = cJSON_CreateObject();
	char options[64];

	run->n_found++;
	(void)snprintf(options, sizeof(options), "port=%u,mountport=%u",
		       share ? share->port : 0, share ? share->mountport : 0);
	(void)cJSON_AddStringToObject(line, "message", message);
	if (*repair && share) {
		(void)cJSON_AddStringToObject(line, "repair", repair);
		(void)cJSON_AddStringToObject(line, "volume", what);
		(void)cJSON_AddStringToObject(line, "server", share->server);
		(void)cJSON_AddStringToObject(line, "share", share->share);
		if (share->port && share->mountport)
			(void)cJSON_AddStringToObject(line, "options", options);
	}
	return api_admin_say_object(run->call, line);
}

int check_tell(struct check_run *run, const char *what, const char *repair,
	       const char *fmt, ...)
{
	_cleanup_(free) char *message = NULL;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vasprintf(&message, fmt, args);
	va_end(args);
	if (n < 0) {
		message = NULL;
		return -ENOMEM;
	}
	return tell(run, what, repair, message);
}
