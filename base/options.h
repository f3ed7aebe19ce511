/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Command-line options of every program from one table, from which --help is
 * printed as well. -h, --help and --version are added by options_parse().
 *
 * A bad command line is one sentence in err and -EINVAL; main() prints
 * "<program>: <sentence>" and exits with 2.
 */

#include <stddef.h>
#include <stdio.h>

#include "err.h"

/*
 * Stores or checks one value; userdata is the program's options struct. The
 * sentence in err says what is wrong with the value: "option --name: " is put in
 * front of it.
 */
typedef int (*option_fn)(void *userdata, const char *value, struct err *err);

struct option_spec {
	const char *name; /* "state-dir" for --state-dir */
	char letter;	  /* 0 = long form only */
	const char
		*value; /* placeholder in --help, e.g. "DIR"; NULL = no value */
	const char *help; /* one line, default included */
	option_fn
		fn; /* called for every occurrence; value is NULL without one */
};

enum options_flags {
	OPTIONS_STOP_AT_OPERAND = 1u << 0, /* what follows is a verb's */
};

struct options_spec {
	const char *program;
	const char
		*usage; /* what follows the program's name, e.g. "[OPTIONS]" */
	const char *summary; /* a sentence or two about the program */
	const struct option_spec *options;
	size_t n_options;
	const char *epilogue; /* printed after the options; may be NULL */
	enum options_flags flags;
};

enum options_outcome {
	OPTIONS_PARSED = 0,
	OPTIONS_DONE = 1, /* --help or --version was printed: exit 0 */
};

/*
 * Parses argv; *ret_first is the index of the first operand. Operands may stand
 * among the options and are moved behind them, unless OPTIONS_STOP_AT_OPERAND.
 */
int options_parse(const struct options_spec *spec, int argc, char **argv,
		  void *userdata, int *ret_first, struct err *err);

void options_print_help(const struct options_spec *spec, FILE *out);
