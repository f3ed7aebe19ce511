/* SPDX-License-Identifier: Apache-2.0 */

/*
 * getopt_long() does the scanning; this file makes its arguments out of our
 * table, its answers into sentences, and the same table into --help.
 *
 * An option is known to getopt by its place in the table plus VAL_FIRST, above
 * every character, so that an option without a letter needs no special case;
 * --help and --version come after the last one. getopt keeps its state in
 * globals: options_parse() starts it afresh and must not run on two threads at
 * once.
 */

#include "options.h"

#include <getopt.h>
#include <string.h>

#include "version.h"

#define VAL_FIRST   256
#define OPTIONS_MAX 64
/* "+:h", a letter and a colon for each option, NUL. */
#define LETTERS_LEN (4 + 2 * OPTIONS_MAX)

static const struct option_spec help_spec = {
	.name = "help",
	.letter = 'h',
	.help = "print this text and exit",
};
static const struct option_spec version_spec = {
	.name = "version",
	.help = "print the version and exit",
};

/* The table with --help and --version at its end; NULL behind that. */
static const struct option_spec *spec_at(const struct options_spec *spec,
					 size_t i)
{
	if (i < spec->n_options)
		return &spec->options[i];
	if (i == spec->n_options)
		return &help_spec;
	return i == spec->n_options + 1 ? &version_spec : NULL;
}

/* What getopt_long() returned or put into optopt: a place or a letter. */
static const struct option_spec *spec_find(const struct options_spec *spec,
					   int val)
{
	const struct option_spec *option;

	if (val >= VAL_FIRST)
		return spec_at(spec, (size_t)(val - VAL_FIRST));
	for (size_t i = 0; val && (option = spec_at(spec, i)); i++)
		if (option->letter == val)
			return option;
	return NULL;
}

static void fill_long_options(const struct options_spec *spec,
			      struct option *ret)
{
	const struct option_spec *option;

	for (size_t i = 0; (option = spec_at(spec, i)); i++)
		ret[i] = (struct option){
			.name = option->name,
			.has_arg =
				option->value ? required_argument : no_argument,
			.val = VAL_FIRST + (int)i,
		};
}

/* The colon in front makes getopt tell a missing value from an unknown option. */
static void fill_letters(const struct options_spec *spec, char *ret)
{
	const struct option_spec *option;

	if (spec->flags & OPTIONS_STOP_AT_OPERAND)
		*ret++ = '+';
	*ret++ = ':';
	for (size_t i = 0; (option = spec_at(spec, i)); i++) {
		if (!option->letter)
			continue;
		*ret++ = option->letter;
		if (option->value)
			*ret++ = ':';
	}
	*ret = '\0';
}

static int refuse(const struct options_spec *spec, int c, char **argv,
		  struct err *err)
{
	const struct option_spec *option = spec_find(spec, optopt);

	if (option && c == ':')
		return err_set(err, -EINVAL, "option --%s needs a value (%s)",
			       option->name, option->value);
	if (option)
		return err_set(err, -EINVAL, "option --%s takes no value",
			       option->name);
	if (optopt)
		return err_set(err, -EINVAL, "unknown option \"-%c\"", optopt);
	return err_set(err, -EINVAL, "unknown option \"%s\"", argv[optind - 1]);
}

static int apply(const struct options_spec *spec,
		 const struct option_spec *option, void *userdata,
		 struct err *err)
{
	int r;

	if (option == &help_spec) {
		options_print_help(spec, stdout);
		return OPTIONS_DONE;
	}
	if (option == &version_spec) {
		printf("%s %s\n", spec->program, CLAIMFS_VERSION);
		return OPTIONS_DONE;
	}
	r = option->fn(userdata, option->value ? optarg : NULL, err);
	if (r < 0)
		(void)err_wrap(err, "option --%s", option->name);
	return r;
}

int options_parse(const struct options_spec *spec, int argc, char **argv,
		  void *userdata, int *ret_first, struct err *err)
{
	struct option longs[OPTIONS_MAX + 3] = { 0 };
	char letters[LETTERS_LEN];
	int c, r;

	if (spec->n_options > OPTIONS_MAX)
		return err_set(err, -E2BIG, "more than %d options",
			       OPTIONS_MAX);
	fill_long_options(spec, longs);
	fill_letters(spec, letters);
	opterr = 0;
	optind = 0; /* glibc: forget the former argv */
	while ((c = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		if (c == '?' || c == ':')
			return refuse(spec, c, argv, err);
		r = apply(spec, spec_find(spec, c), userdata, err);
		if (r != 0)
			return r;
	}
	*ret_first = optind;
	return OPTIONS_PARSED;
}

/* Writes "  -n, --name VALUE" and returns its width; out may be NULL. */
static int print_name(const struct option_spec *option, FILE *out)
{
	char text[128];
	int len;

	if (option->letter)
		len = snprintf(text, sizeof(text), "  -%c, --%s",
			       option->letter, option->name);
	else
		len = snprintf(text, sizeof(text), "      --%s", option->name);
	if (out)
		fputs(text, out);
	if (!option->value)
		return len;
	if (out)
		fprintf(out, " %s", option->value);
	return len + 1 + (int)strlen(option->value);
}

void options_print_help(const struct options_spec *spec, FILE *out)
{
	const struct option_spec *option;
	int widest = 0;
	int width;

	for (size_t i = 0; (option = spec_at(spec, i)); i++) {
		width = print_name(option, NULL);
		widest = width > widest ? width : widest;
	}
	fprintf(out, "Usage: %s %s\n\n%s\n\nOptions:\n", spec->program,
		spec->usage, spec->summary);
	for (size_t i = 0; (option = spec_at(spec, i)); i++) {
		width = print_name(option, out);
		fprintf(out, "%*s%s\n", widest - width + 2, "", option->help);
	}
	if (spec->epilogue)
		fprintf(out, "\n%s\n", spec->epilogue);
}
