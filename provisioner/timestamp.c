/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The tables of kubectl show two units at most, the second one only where the
 * first alone would be coarse: the limits below are HumanDuration()'s, so that both
 * programs show the same age for the same object.
 */

#include "timestamp.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define MINUTE ((int64_t)60)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define YEAR   (365 * DAY)

void timestamp_format(int64_t unix_s, char ret[TIMESTAMP_MAX])
{
	time_t t = (time_t)unix_s;
	struct tm tm;

	(void)gmtime_r(&t, &tm);
	(void)strftime(ret, TIMESTAMP_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

void timestamp_now(char ret[TIMESTAMP_MAX])
{
	timestamp_format((int64_t)time(NULL), ret);
}

void timestamp_micro_now(char ret[TIMESTAMP_MAX])
{
	struct timespec now;
	size_t len;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	timestamp_format((int64_t)now.tv_sec, ret);
	len = strlen(ret) - 1; /* the Z */
	(void)snprintf(ret + len, TIMESTAMP_MAX - len, ".%06ldZ",
		       now.tv_nsec / 1000);
}

int timestamp_parse(const char *text, int64_t *ret_unix_s)
{
	struct tm tm = { 0 };
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);

	if (!rest)
		return -EINVAL;
	if (*rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	if (strcmp(rest, "Z") != 0)
		return -EINVAL;
	*ret_unix_s = (int64_t)timegm(&tm);
	return 0;
}

/* From `from` seconds on, an age is shown in `unit` and, if set, in `minor`, too. */
static const struct {
	int64_t until;
	int64_t unit;
	char letter;
	int64_t minor;
	char minor_letter;
} ranges[] = {
	{ 2 * MINUTE, 1, 's', 0, 0 },	 { 10 * MINUTE, MINUTE, 'm', 1, 's' },
	{ 3 * HOUR, MINUTE, 'm', 0, 0 }, { 8 * HOUR, HOUR, 'h', MINUTE, 'm' },
	{ 2 * DAY, HOUR, 'h', 0, 0 },	 { 8 * DAY, DAY, 'd', HOUR, 'h' },
	{ 2 * YEAR, DAY, 'd', 0, 0 },	 { 8 * YEAR, YEAR, 'y', DAY, 'd' },
	{ INT64_MAX, YEAR, 'y', 0, 0 },
};

void age_format(int64_t seconds, char ret[AGE_MAX])
{
	long long major, minor;
	unsigned int i = 0;

	if (seconds < -1) {
		(void)snprintf(ret, AGE_MAX, "<invalid>");
		return;
	}
	if (seconds < 0)
		seconds = 0;
	while (seconds >= ranges[i].until)
		i++;
	major = seconds / ranges[i].unit;
	minor = ranges[i].minor ? seconds % ranges[i].unit / ranges[i].minor
				: 0;
	if (minor)
		(void)snprintf(ret, AGE_MAX, "%lld%c%lld%c", major,
			       ranges[i].letter, minor, ranges[i].minor_letter);
	else
		(void)snprintf(ret, AGE_MAX, "%lld%c", major, ranges[i].letter);
}

void age_of(const char *timestamp, char ret[AGE_MAX])
{
	int64_t then;

	if (!timestamp || timestamp_parse(timestamp, &then) < 0) {
		(void)snprintf(ret, AGE_MAX, "<unknown>");
		return;
	}
	age_format((int64_t)time(NULL) - then, ret);
}
