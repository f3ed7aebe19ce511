/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The grammar and the arithmetic of k8s.io/apimachinery/pkg/api/resource
 * (parseQuantityString(), ParseQuantity(), Quantity.Value()), on digits rather than
 * on floating point: a quantity is num.denom times 10^e or 2^e, and what is wanted
 * is that product rounded up.
 *
 * Odd but true of Kubernetes and therefore of us: "+", "." and "-" are zero, "1."
 * and ".5" are numbers, and "1e" is not one while "1E" is 10^18. One difference:
 * Kubernetes silently caps a binary quantity at 2^63-1 and lets a decimal one
 * overflow; here both are -ERANGE, since nobody means them.
 */

#include "quantity.h"

#include <stdbool.h>
#include <string.h>

#include "parse.h"

#define FORM   "^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"
#define DIGITS "0123456789"

struct digits {
	const char *text;
	size_t len;
};

struct parts {
	bool is_negative;
	struct digits num, denom;
	const char *suffix;
};

struct scale {
	bool is_binary;
	int64_t exponent;
};

static struct digits take_digits(const char **text)
{
	struct digits digits = { *text, strspn(*text, DIGITS) };

	*text += digits.len;
	return digits;
}

static int split(const char *text, struct parts *ret)
{
	struct parts parts = { 0 };
	const char *p;

	if (!*text)
		return -EINVAL;
	parts.is_negative = *text == '-';
	text += *text == '-' || *text == '+';
	text += strspn(text, "0");
	parts.num = take_digits(&text);
	if (*text == '.') {
		text++;
		parts.denom = take_digits(&text);
	}
	parts.suffix = text;
	p = text + strspn(text, "eEinumkKMGTP");
	p += *p == '-' || *p == '+';
	p += strspn(p, DIGITS);
	if (*p)
		return -EINVAL;
	*ret = parts;
	return 0;
}

/* "e3", "E-2": far exponents only need to stay far. */
static int parse_exponent(const char *text, int64_t *ret)
{
	bool is_negative = *text == '-';
	uint64_t value;
	int r;

	text += *text == '-' || *text == '+';
	r = parse_u64(text, 0, INT32_MAX, &value);
	if (r == -ERANGE)
		value = INT32_MAX;
	else if (r < 0)
		return r;
	*ret = is_negative ? -(int64_t)value : (int64_t)value;
	return 0;
}

static int parse_suffix(const char *suffix, struct scale *ret)
{
	static const struct {
		const char *suffix;
		struct scale scale;
	} table[] = {
		{ "", { false, 0 } },	{ "n", { false, -9 } },
		{ "u", { false, -6 } }, { "m", { false, -3 } },
		{ "k", { false, 3 } },	{ "M", { false, 6 } },
		{ "G", { false, 9 } },	{ "T", { false, 12 } },
		{ "P", { false, 15 } }, { "E", { false, 18 } },
		{ "Ki", { true, 10 } }, { "Mi", { true, 20 } },
		{ "Gi", { true, 30 } }, { "Ti", { true, 40 } },
		{ "Pi", { true, 50 } }, { "Ei", { true, 60 } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (strcmp(suffix, table[i].suffix) == 0) {
			*ret = table[i].scale;
			return 0;
		}
	}
	if (suffix[0] != 'e' && suffix[0] != 'E')
		return -EINVAL;
	ret->is_binary = false;
	return parse_exponent(suffix + 1, &ret->exponent);
}

/* amount = amount * 10 + digit */
static int append_digit(uint64_t *amount, char digit)
{
	if (__builtin_mul_overflow(*amount, 10u, amount) ||
	    __builtin_add_overflow(*amount, (uint64_t)(digit - '0'), amount))
		return -ERANGE;
	return 0;
}

static bool has_nonzero(struct digits digits, size_t from)
{
	for (size_t i = from; i < digits.len; i++) {
		if (digits.text[i] != '0')
			return true;
	}
	return false;
}

static char digit_at(const struct parts *parts, size_t i)
{
	if (i < parts->num.len)
		return parts->num.text[i];
	return parts->denom.text[i - parts->num.len];
}

/*
 * Moves the decimal point: the first num.len + exponent digits are the whole
 * part, and any digit but 0 behind them rounds up.
 */
static int scale_decimal(const struct parts *parts, int64_t exponent,
			 uint64_t *ret)
{
	int64_t n_digits = (int64_t)(parts->num.len + parts->denom.len);
	int64_t n_whole = (int64_t)parts->num.len + exponent;
	uint64_t amount = 0;
	bool has_rest = false;
	int r = 0;

	for (int64_t i = 0; i < n_digits && r == 0; i++) {
		if (i < n_whole)
			r = append_digit(&amount, digit_at(parts, (size_t)i));
		else
			has_rest |= digit_at(parts, (size_t)i) != '0';
	}
	for (int64_t i = n_digits; i < n_whole && amount && r == 0; i++)
		r = append_digit(&amount, '0');
	if (r == 0 && __builtin_add_overflow(amount, has_rest, &amount))
		r = -ERANGE;
	*ret = amount;
	return r;
}

/*
 * 0.denom times 2^exponent, rounded up. 64 digits and "is there any more" decide
 * it exactly: for exponents up to 60 the product of 64 digits misses the next whole
 * number by at least 2^exponent / 10^64, which the digits behind them can't fill.
 */
static uint64_t scale_fraction(struct digits denom, int64_t exponent)
{
	unsigned char digit[64] = { 0 };
	uint64_t whole = 0;
	bool has_rest = has_nonzero(denom, sizeof(digit));

	if (!has_nonzero(denom, 0))
		return 0;
	for (size_t i = 0; i < sizeof(digit) && i < denom.len; i++)
		digit[i] = (unsigned char)(denom.text[i] - '0');
	for (int64_t doubling = 0; doubling < exponent; doubling++) {
		unsigned int carry = 0;

		for (size_t i = sizeof(digit); i-- > 0;) {
			unsigned int twice = digit[i] * 2u + carry;

			digit[i] = (unsigned char)(twice % 10);
			carry = twice / 10;
		}
		whole = whole * 2 + carry;
	}
	for (size_t i = 0; i < sizeof(digit); i++)
		has_rest |= digit[i] != 0;
	return whole + has_rest;
}

static int scale_binary(const struct parts *parts, int64_t exponent,
			uint64_t *ret)
{
	uint64_t amount = 0;
	int r = 0;

	for (size_t i = 0; i < parts->num.len && r == 0; i++)
		r = append_digit(&amount, parts->num.text[i]);
	if (r == 0 &&
	    (__builtin_mul_overflow(amount, 1ull << exponent, &amount) ||
	     __builtin_add_overflow(
		     amount, scale_fraction(parts->denom, exponent), &amount)))
		r = -ERANGE;
	*ret = amount;
	return r;
}

int quantity_parse(const char *text, uint64_t *ret, struct err *err)
{
	struct parts parts;
	struct scale scale;
	uint64_t amount;
	int r;

	if (split(text, &parts) < 0)
		return err_set(
			err, -EINVAL,
			"quantities must match the regular expression '" FORM
			"'");
	if (parse_suffix(parts.suffix, &scale) < 0)
		return err_set(err, -EINVAL,
			       "unable to parse quantity's suffix");
	if (scale.is_binary)
		r = scale_binary(&parts, scale.exponent, &amount);
	else
		r = scale_decimal(&parts, scale.exponent, &amount);
	if (r < 0 || amount > INT64_MAX)
		return err_set(err, -ERANGE,
			       "must be less than 2^63, about 8Ei");
	if (parts.is_negative && amount)
		return err_set(err, -ERANGE,
			       "must be greater than or equal to 0");
	*ret = amount;
	return 0;
}

void quantity_format(uint64_t amount, char ret[QUANTITY_MAX])
{
	static const char *const suffixes[] = { "",   "Ki", "Mi", "Gi",
						"Ti", "Pi", "Ei" };
	size_t i = 0;

	while (amount && amount % 1024 == 0 && i + 1 < ARRAY_SIZE(suffixes)) {
		amount /= 1024;
		i++;
	}
	(void)snprintf(ret, QUANTITY_MAX, "%llu%s", (unsigned long long)amount,
		       suffixes[i]);
}
