/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Text to numbers, and nothing else. Every function accepts the whole string or
 * fails with -EINVAL (not a number of that form) or -ERANGE (outside min..max);
 * *ret is written only on success. No sign, no blanks, no "0x" are accepted.
 */

#include <stddef.h>
#include <stdint.h>

int parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret);
int parse_u32(const char *text, uint32_t min, uint32_t max, uint32_t *ret);

/* The index of the one of n names that it is. */
int parse_name(const char *text, const char *const *names, size_t n);

/* Octal permission bits, "0" to "7777". */
int parse_mode(const char *text, uint32_t *ret);

/* Seconds: "0", or numbers with units, the largest first: "7d", "24h", "1h30m", "90s". */
int parse_duration_s(const char *text, uint64_t *ret);
