/* SPDX-License-Identifier: Apache-2.0 */

/* Times are written as kubectl writes them (RFC 1123), the absent one as Go's zero. */

#include "describe_conditions.h"

#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "json_field.h"
#include "timestamp.h"

#define TIME_MAX 64
#define ROW	 "  %-24s  %-6s  %-31s  %-31s  %-6s  %s\n"

static const char *text_at(const cJSON *json, const char *path)
{
	const char *text = cJSON_GetStringValue(json_at(json, path));

	return text ? text : "";
}

static void write_time(const char *timestamp, char ret[TIME_MAX])
{
	int64_t unix_s;
	struct tm tm;
	time_t at;

	(void)snprintf(ret, TIME_MAX, "Mon, 01 Jan 0001 00:00:00 +0000");
	if (timestamp_parse(timestamp, &unix_s) < 0)
		return;
	at = (time_t)unix_s;
	if (gmtime_r(&at, &tm))
		(void)strftime(ret, TIME_MAX, "%a, %d %b %Y %H:%M:%S +0000",
			       &tm);
}

static void put_condition(const cJSON *condition, FILE *out)
{
	char probed[TIME_MAX], changed[TIME_MAX];

	write_time(text_at(condition, "lastProbeTime"), probed);
	write_time(text_at(condition, "lastTransitionTime"), changed);
	fprintf(out, ROW, text_at(condition, "type"),
		text_at(condition, "status"), probed, changed,
		text_at(condition, "reason"), text_at(condition, "message"));
}

void describe_conditions(const cJSON *object, FILE *out)
{
	const cJSON *list = json_at(object, "status.conditions");
	const cJSON *condition;

	if (cJSON_GetArraySize(list) == 0)
		return;
	fputs("Conditions:\n", out);
	fprintf(out, ROW, "Type", "Status", "LastProbeTime",
		"LastTransitionTime", "Reason", "Message");
	fprintf(out, ROW, "----", "------", "-----------------",
		"------------------", "------", "-------");
	cJSON_ArrayForEach (condition, list)
		put_condition(condition, out);
}
