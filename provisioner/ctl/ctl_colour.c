/* SPDX-License-Identifier: Apache-2.0 */

/* Asked for each time, so that nothing has to be set up: isatty() is cheap. */

#include "ctl_colour.h"

#include <string.h>

#include "cleanup.h"

const char *ctl_colour(FILE *out, enum ctl_colour colour)
{
	static const char *const sequences[] = { [CTL_PLAIN] = "\033[0m",
						 [CTL_BOLD] = "\033[1m",
						 [CTL_GREEN] = "\033[32m",
						 [CTL_YELLOW] = "\033[33m",
						 [CTL_RED] = "\033[31m" };
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	if ((no_color && *no_color) || !term || strcmp(term, "dumb") == 0 ||
	    !isatty(fileno(out)))
		return "";
	return sequences[colour];
}
