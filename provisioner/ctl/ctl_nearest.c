/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The number of letters to change, add or drop (Levenshtein's distance), of which a
 * third of the word may be wrong: "desribe" is describe, "dance" is nothing.
 */

#include "ctl_nearest.h"

#include <string.h>

#include "cleanup.h"

#define LETTERS_MAX 32

static size_t least(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* One row of the usual table at a time; both words are short. */
static size_t distance(const char *a, const char *b)
{
	size_t row[LETTERS_MAX + 1];
	size_t n = strlen(b);

	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t above = row[j];

			row[j] = least(above + 1, row[j - 1] + 1,
				       corner + (a[i - 1] != b[j - 1]));
			corner = above;
		}
	}
	return row[n];
}

const char *ctl_nearest(const char *text, const char *const *words, size_t n)
{
	size_t len = strlen(text);
	size_t best = len / 3 + 1;
	const char *found = NULL;

	if (len > LETTERS_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t d = strlen(words[i]) <= LETTERS_MAX
				   ? distance(text, words[i])
				   : LETTERS_MAX;

		if (d < best) {
			best = d;
			found = words[i];
		}
	}
	return found;
}
