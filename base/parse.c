/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The C library's number parsers skip blanks, accept signs, wrap negatives and
 * stop silently at the first odd character. Whatever comes from a manifest, a
 * command line or a mount option goes through here instead.
 */

#include "parse.h"

#include <string.h>

#include "cleanup.h"

static int parse_base(const char *text, unsigned int base, uint64_t *ret)
{
	uint64_t value = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		unsigned int digit = (unsigned int)(*text - '0');

		if (*text < '0' || digit >= base)
			return -EINVAL;
		if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
		    __builtin_add_overflow(value, (uint64_t)digit, &value))
			return -ERANGE;
	}
	*ret = value;
	return 0;
}

int parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t value;
	int r = parse_base(text, 10, &value);

	if (r < 0)
		return r;
	if (value < min || value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

int parse_u32(const char *text, uint32_t min, uint32_t max, uint32_t *ret)
{
	uint64_t value;
	int r = parse_u64(text, min, max, &value);

	if (r < 0)
		return r;
	*ret = (uint32_t)value;
	return 0;
}

int parse_name(const char *text, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], text) == 0)
			return (int)i;
	return -EINVAL;
}

int parse_mode(const char *text, uint32_t *ret)
{
	uint64_t value;
	int r = parse_base(text, 8, &value);

	if (r < 0)
		return r;
	if (value > 07777)
		return -ERANGE;
	*ret = (uint32_t)value;
	return 0;
}

/* The number in front of a unit, and what follows it. */
static int parse_leading(const char **text, uint64_t *ret)
{
	uint64_t value = 0;
	const char *p = *text;

	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
			return -ERANGE;
	if (p == *text)
		return -EINVAL;
	*text = p;
	*ret = value;
	return 0;
}

int parse_duration_s(const char *text, uint64_t *ret)
{
	static const struct {
		char unit;
		uint64_t seconds;
	} units[] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };
	uint64_t sum = 0, value;
	size_t next = 0;

	if (strcmp(text, "0") == 0) {
		*ret = 0;
		return 0;
	}
	do {
		int r = parse_leading(&text, &value);

		if (r < 0)
			return r;
		while (next < ARRAY_SIZE(units) && units[next].unit != *text)
			next++;
		if (next == ARRAY_SIZE(units))
			return -EINVAL;
		if (__builtin_mul_overflow(value, units[next].seconds,
					   &value) ||
		    __builtin_add_overflow(sum, value, &sum))
			return -ERANGE;
		next++;
	} while (*++text);
	*ret = sum;
	return 0;
}
