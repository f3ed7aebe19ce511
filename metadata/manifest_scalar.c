/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The order is go-yaml's resolve(): the words for null, true and false, then
 * integers with Go's prefixes (0x, 0b, 0o and a bare 0 for octal), then decimal
 * fractions; all else, dates included, is a string. Digits may be grouped by "_".
 */

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "cleanup.h"
#include "manifest_internal.h"

static bool is_word(const char *text, const char *const *words)
{
	for (; *words; words++) {
		if (strcmp(text, *words) == 0)
			return true;
	}
	return false;
}

static bool is_null(const char *text)
{
	static const char *const words[] = { "",     "~",    "null",
					     "Null", "NULL", NULL };

	return is_word(text, words);
}

static bool is_true(const char *text)
{
	static const char *const words[] = { "y",   "Y",    "yes",  "Yes",
					     "YES", "true", "True", "TRUE",
					     "on",  "On",   "ON",   NULL };

	return is_word(text, words);
}

static bool is_false(const char *text)
{
	static const char *const words[] = { "n",   "N",     "no",    "No",
					     "NO",  "false", "False", "FALSE",
					     "off", "Off",   "OFF",   NULL };

	return is_word(text, words);
}

static unsigned int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned int)(c - 'a' + 10);
	if (c >= 'A' && c <= 'F')
		return (unsigned int)(c - 'A' + 10);
	return 16;
}

static unsigned int take_base(const char **text)
{
	static const struct {
		const char *prefix;
		unsigned int base;
	} bases[] = { { "0x", 16 }, { "0X", 16 }, { "0b", 2 },
		      { "0B", 2 },  { "0o", 8 },  { "0O", 8 } };

	for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
		if (strncmp(*text, bases[i].prefix, 2) == 0) {
			*text += 2;
			return bases[i].base;
		}
	}
	return (*text)[0] == '0' && (*text)[1] ? 8 : 10;
}

static bool read_integer(const char *text, double *ret)
{
	bool is_negative = *text == '-';
	uint64_t value = 0;
	unsigned int base;

	text += *text == '-' || *text == '+';
	base = take_base(&text);
	if (!*text)
		return false;
	for (; *text; text++) {
		unsigned int digit = digit_value(*text);

		if (digit >= base ||
		    __builtin_mul_overflow(value, (uint64_t)base, &value) ||
		    __builtin_add_overflow(value, (uint64_t)digit, &value))
			return false;
	}
	*ret = is_negative ? -(double)value : (double)value;
	return true;
}

static size_t skip_digits(const char *text)
{
	return strspn(text, "0123456789");
}

/* [-+]? ( .N | N | N. | N.N ) ( [eE] [-+]? N )? */
static bool is_fraction(const char *text)
{
	size_t whole, part = 0;

	text += *text == '-' || *text == '+';
	whole = skip_digits(text);
	text += whole;
	if (*text == '.') {
		part = skip_digits(++text);
		text += part;
	}
	if (!whole && !part)
		return false;
	if (*text == 'e' || *text == 'E') {
		text++;
		text += *text == '-' || *text == '+';
		if (!skip_digits(text))
			return false;
		text += skip_digits(text);
	}
	return !*text;
}

/*
 * JSON knows neither "+" nor a number that begins with its point. NULL: too large for
 * a number, which go-yaml takes for a text, too.
 */
static cJSON *fraction_node(const char *text)
{
	const char *sign = *text == '-' ? "-" : "";
	char json[80];
	cJSON *node;

	text += *text == '-' || *text == '+';
	(void)snprintf(json, sizeof(json), "%s0%s", sign, text);
	node = cJSON_Parse(json);
	if (node && isfinite(node->valuedouble))
		return node;
	cJSON_Delete(node);
	return NULL;
}

/* The text without "_", as go-yaml strips it before it looks for a number. */
static void strip(const char *text, char *ret, size_t size)
{
	size_t len = 0;

	for (; *text && len + 1 < size; text++) {
		if (*text != '_')
			ret[len++] = *text;
	}
	ret[len] = '\0';
}

static cJSON *number_node(const char *text)
{
	char number[64];
	double value;

	if (strlen(text) >= sizeof(number) || !strchr("+-.0123456789", *text))
		return NULL;
	strip(text, number, sizeof(number));
	if (read_integer(number, &value))
		return cJSON_CreateNumber(value);
	return is_fraction(number) ? fraction_node(number) : NULL;
}

struct cJSON *manifest_plain_scalar(const char *text)
{
	cJSON *number;

	if (is_null(text))
		return cJSON_CreateNull();
	if (is_true(text))
		return cJSON_CreateTrue();
	if (is_false(text))
		return cJSON_CreateFalse();
	number = number_node(text);
	return number ? number : cJSON_CreateString(text);
}
