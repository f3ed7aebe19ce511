/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Colours of a terminal: elsewhere, or where NO_COLOR is set (no-color.org) or TERM
 * is "dumb", each of them is an empty text.
 */

#include <stdio.h>

enum ctl_colour {
	CTL_PLAIN, /* ends the others */
	CTL_BOLD,
	CTL_GREEN,
	CTL_YELLOW,
	CTL_RED,
};

const char *ctl_colour(FILE *out, enum ctl_colour colour);
