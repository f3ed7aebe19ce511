/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * FNV-1a with 64 bits (draft-eastlake-fnv, section 2): for names and against
 * accidents, not against anybody who chooses what is hashed. A hash goes on where
 * another one ended.
 */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FNV1A_START 0xcbf29ce484222325ull

static inline uint64_t fnv1a(uint64_t hash, const void *data, size_t len)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3ull;
	return hash;
}

/* With the end of the text: "ab", "c" is not "a", "bc". */
static inline uint64_t fnv1a_text(uint64_t hash, const char *text)
{
	return fnv1a(hash, text, strlen(text) + 1);
}
