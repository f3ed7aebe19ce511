/* SPDX-License-Identifier: Apache-2.0 */

/* Expected values: Go's resource.ParseQuantity(s).Value(). */

#include <criterion/criterion.h>

#include "quantity.h"

#define KI 1024ull
#define MI (KI * KI)
#define GI (MI * KI)

static const struct {
	const char *text;
	uint64_t amount;
} good[] = {
	{ "0", 0 },
	{ "00", 0 },
	{ "-0", 0 },
	{ "+", 0 },
	{ "-", 0 },
	{ ".", 0 },
	{ "1", 1 },
	{ "+1", 1 },
	{ "0001", 1 },
	{ "1.", 1 },
	{ "1.0", 1 },
	{ ".5", 1 },
	{ "5.", 5 },
	{ "1.1", 2 },
	{ "1.9", 2 },
	{ "0.0000000001", 1 },
	{ "1n", 1 },
	{ "1000000000n", 1 },
	{ "1000000001n", 2 },
	{ "1u", 1 },
	{ "2000000u", 2 },
	{ "100m", 1 },
	{ "1000m", 1 },
	{ "1001m", 2 },
	{ "1500m", 2 },
	{ "0m", 0 },
	{ "1k", 1000 },
	{ "1.5k", 1500 },
	{ "1M", 1000000 },
	{ "1500M", 1500000000 },
	{ "1.5G", 1500000000 },
	{ "1T", 1000000000000 },
	{ "1P", 1000000000000000 },
	{ "1E", 1000000000000000000 },
	{ "9.223372036854775807E", INT64_MAX },
	{ "1e3", 1000 },
	{ "1E3", 1000 },
	{ "1e+3", 1000 },
	{ "1E+3", 1000 },
	{ "12e-1", 2 },
	{ "1e-400", 1 },
	{ "0e999999999999", 0 },
	{ "1.23456789e4", 12346 },
	{ "1Ki", KI },
	{ "1Mi", MI },
	{ "1Gi", GI },
	{ "1.5Gi", GI + GI / 2 },
	{ ".5Mi", MI / 2 },
	{ "0.1Ki", 103 },
	{ "0.0001Ki", 1 },
	{ "1Ti", GI *KI },
	{ "1Pi", GI *MI },
	{ "1Ei", GI *GI },
	{ "7.5Ei", GI *GI * 15 / 2 },
	{ "0.000000000000000000000000000000000001Ei", 1 },
	/* 64 digits of zero and a one behind them still round up. */
	{ "1.00000000000000000000000000000000000000000000000000000000000000001Ki",
	  1025 },
	{ "9223372036854775807", INT64_MAX },
	{ "9223372036854775806.5", INT64_MAX },
};

static const struct {
	const char *text;
	int r;
	const char *why;
} bad[] = {
	{ "", -EINVAL, "must match the regular expression" },
	{ " 1", -EINVAL, "must match the regular expression" },
	{ "1 ", -EINVAL, "must match the regular expression" },
	{ "1GiB", -EINVAL, "must match the regular expression" },
	{ "1 Gi", -EINVAL, "must match the regular expression" },
	{ "1.2.3", -EINVAL, "must match the regular expression" },
	{ "ten", -EINVAL, "must match the regular expression" },
	{ "--1", -EINVAL, "unable to parse quantity's suffix" },
	{ "1e1.5", -EINVAL, "must match the regular expression" },
	{ "0x10", -EINVAL, "must match the regular expression" },
	{ "1K", -EINVAL, "unable to parse quantity's suffix" },
	{ "1ki", -EINVAL, "unable to parse quantity's suffix" },
	{ "1mi", -EINVAL, "unable to parse quantity's suffix" },
	{ "1e", -EINVAL, "unable to parse quantity's suffix" },
	{ "1e+", -EINVAL, "unable to parse quantity's suffix" },
	{ "1Kii", -EINVAL, "unable to parse quantity's suffix" },
	{ "1Gi3", -EINVAL, "unable to parse quantity's suffix" },
	{ "-1", -ERANGE, "greater than or equal to 0" },
	{ "-1Gi", -ERANGE, "greater than or equal to 0" },
	{ "-0.1", -ERANGE, "greater than or equal to 0" },
	{ "9223372036854775808", -ERANGE, "less than 2^63" },
	{ "9223372036854775807.5", -ERANGE, "less than 2^63" },
	{ "8Ei", -ERANGE, "less than 2^63" },
	{ "100Ei", -ERANGE, "less than 2^63" },
	{ "10E", -ERANGE, "less than 2^63" },
	{ "1e19", -ERANGE, "less than 2^63" },
	{ "1e999999999999999999999", -ERANGE, "less than 2^63" },
};

Test(quantity, reads_amounts_as_kubernetes_does)
{
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct err err = ERR_INIT;
		uint64_t amount = 7;

		cr_expect_eq(quantity_parse(good[i].text, &amount, &err), 0,
			     "\"%s\": %s", good[i].text, err_text(&err));
		cr_expect_eq(amount, good[i].amount, "\"%s\": %llu",
			     good[i].text, (unsigned long long)amount);
		err_fini(&err);
	}
}

Test(quantity, refuses_bad_amounts_in_kubernetes_words)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err err = ERR_INIT;
		uint64_t amount = 7;

		cr_expect_eq(quantity_parse(bad[i].text, &amount, &err),
			     bad[i].r, "\"%s\"", bad[i].text);
		cr_expect_not_null(strstr(err_text(&err), bad[i].why),
				   "\"%s\": %s", bad[i].text, err_text(&err));
		cr_expect_eq(amount, 7, "a failure leaves the output alone");
		err_fini(&err);
	}
}

Test(quantity, formats_in_the_binary_suffix_that_divides)
{
	static const struct {
		uint64_t amount;
		const char *text;
	} table[] = {
		{ 0, "0" },
		{ 1, "1" },
		{ 1000, "1000" },
		{ 1500, "1500" },
		{ KI, "1Ki" },
		{ KI + 1, "1025" },
		{ 3 * MI, "3Mi" },
		{ GI, "1Gi" },
		{ 1536 * MI, "1536Mi" },
		{ GI * GI, "1Ei" },
		{ INT64_MAX, "9223372036854775807" },
	};
	char text[QUANTITY_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		quantity_format(table[i].amount, text);
		cr_expect_str_eq(text, table[i].text);
	}
}
