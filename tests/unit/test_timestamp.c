/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>

#include <criterion/criterion.h>

#include "timestamp.h"

Test(timestamp, ages_are_worded_as_kubectl_words_them)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} ages[] = {
		{ -2, "<invalid>" },
		{ -1, "0s" },
		{ 0, "0s" },
		{ 119, "119s" },
		{ 120, "2m" },
		{ 125, "2m5s" },
		{ 600, "10m" },
		{ 3 * 3600 - 1, "179m" },
		{ 3 * 3600, "3h" },
		{ 3 * 3600 + 61, "3h1m" },
		{ 8 * 3600, "8h" },
		{ 48 * 3600, "2d" },
		{ 49 * 3600, "2d1h" },
		{ 8 * 86400 + 3600, "8d" },
		{ 729 * 86400, "729d" },
		{ 731 * 86400, "2y1d" },
		{ 3000 * 86400ll, "8y" },
	};
	char text[AGE_MAX];

	for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
		age_format(ages[i].seconds, text);
		cr_assert_str_eq(text, ages[i].text);
	}
}

Test(timestamp, times_are_rfc_3339_in_utc)
{
	char text[TIMESTAMP_MAX];
	int64_t s = 0;

	timestamp_format(1767323045, text);
	cr_assert_str_eq(text, "2026-01-02T03:04:05Z");
	cr_assert_eq(timestamp_parse("2026-01-02T03:04:05.123456Z", &s), 0);
	cr_assert_eq(s, 1767323045);
	cr_assert_eq(timestamp_parse("2026-01-02T03:04:05+01:00", &s), -EINVAL);
	cr_assert_eq(timestamp_parse("yesterday", &s), -EINVAL);
}
