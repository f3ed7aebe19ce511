/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What somebody who mistyped a word may have meant. */

#include <stddef.h>

/*
 * The one of n words that is nearest to text: NULL when none is so near that it
 * was probably meant.
 */
const char *ctl_nearest(const char *text, const char *const *words, size_t n);
