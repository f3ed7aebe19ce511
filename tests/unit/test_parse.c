/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>

#include <criterion/criterion.h>

#include "parse.h"

Test(parse, takes_whole_decimal_numbers_only)
{
	static const char *const bad[] = { "",	  " 1",	 "1 ",	"+1", "-1",
					   "0x1", "1.0", "1e3", "a" };
	uint64_t value = 7;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_eq(parse_u64(bad[i], 0, UINT64_MAX, &value), -EINVAL,
			     "\"%s\"", bad[i]);
	cr_assert_eq(value, 7, "a failure leaves the output alone");
	cr_assert_eq(parse_u64("18446744073709551615", 0, UINT64_MAX, &value),
		     0);
	cr_assert_eq(value, UINT64_MAX);
}

Test(parse, refuses_what_does_not_fit)
{
	uint64_t value;
	uint32_t small;

	cr_assert_eq(parse_u64("18446744073709551616", 0, UINT64_MAX, &value),
		     -ERANGE);
	cr_assert_eq(parse_u64("9", 10, 20, &value), -ERANGE);
	cr_assert_eq(parse_u64("21", 10, 20, &value), -ERANGE);
	cr_assert_eq(parse_u32("4294967296", 0, UINT32_MAX, &small), -ERANGE);
}

Test(parse, a_name_is_one_of_those_there_are)
{
	static const char *const names[] = { "json", "yaml" };

	cr_assert_eq(parse_name("json", names, 2), 0);
	cr_assert_eq(parse_name("yaml", names, 2), 1);
	cr_assert_eq(parse_name("yam", names, 2), -EINVAL);
	cr_assert_eq(parse_name("", names, 2), -EINVAL);
}

Test(parse, modes_are_octal)
{
	uint32_t mode;

	cr_assert_eq(parse_mode("0777", &mode), 0);
	cr_assert_eq(mode, 0777);
	cr_assert_eq(parse_mode("8", &mode), -EINVAL);
	cr_assert_eq(parse_mode("10000", &mode), -ERANGE);
}

Test(parse, durations_are_numbers_with_units)
{
	static const struct {
		const char *text;
		uint64_t seconds;
	} good[] = { { "0", 0 },	   { "24h", 86400 }, { "7d", 604800 },
		     { "1h30m", 5400 },	   { "90s", 90 },    { "0s", 0 },
		     { "1d2h3m4s", 93784 } };
	static const char *const bad[] = { "",	    "5",    "h",
					   "-1h",   "1.5h", "1h ",
					   "30m1h", "1h1h", "1w" };
	uint64_t value = 7;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_eq(parse_duration_s(bad[i], &value), -EINVAL,
			     "\"%s\"", bad[i]);
	cr_assert_eq(value, 7, "a failure leaves the output alone");
	cr_assert_eq(parse_duration_s("18446744073709551615d", &value),
		     -ERANGE);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		cr_assert_eq(parse_duration_s(good[i].text, &value), 0);
		cr_assert_eq(value, good[i].seconds, "\"%s\"", good[i].text);
	}
}
