/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include <criterion/criterion.h>
#include <criterion/redirect.h>

#include "err.h"
#include "options.h"
#include "version.h"

struct demo {
	const char *dir;
	int n_verbose;
};

static int set_dir(void *userdata, const char *value, struct err *err)
{
	struct demo *demo = userdata;

	if (*value != '/')
		return err_set(err, -EINVAL, "\"%s\" is not an absolute path",
			       value);
	demo->dir = value;
	return 0;
}

static int add_verbose(void *userdata, const char *value, struct err *err)
{
	struct demo *demo = userdata;

	cr_assert_null(value);
	demo->n_verbose++;
	return 0;
}

static const struct option_spec demo_options[] = {
	{ "state-dir", 's', "DIR", "where state lives", set_dir },
	{ "verbose", 0, NULL, "say more", add_verbose },
};

static const struct options_spec demo_spec = {
	.program = "demo",
	.usage = "[OPTIONS]",
	.summary = "Shows options.",
	.options = demo_options,
	.n_options = ARRAY_SIZE(demo_options),
	.epilogue = "That is all.",
};

/* Up to seven words after the program's name; NULL ends them. */
struct words {
	char *argv[8];
};

static int parse(struct words words, enum options_flags flags,
		 struct demo *demo, int *first, struct err *err)
{
	struct options_spec spec = demo_spec;
	char *argv[9] = { (char *)"demo" };
	int argc = 1;

	for (; words.argv[argc - 1]; argc++)
		argv[argc] = words.argv[argc - 1];
	spec.flags = flags;
	return options_parse(&spec, argc, argv, demo, first, err);
}

#define WORDS(...) ((struct words){ { __VA_ARGS__ } })

Test(options, values_and_operands_are_found_in_any_order)
{
	struct demo demo = { 0 };
	int first = 0;

	cr_assert_eq(parse(WORDS("one", "--verbose", "-s", "/a", "--verbose"),
			   0, &demo, &first, NULL),
		     OPTIONS_PARSED);
	cr_assert_str_eq(demo.dir, "/a");
	cr_assert_eq(demo.n_verbose, 2);
	cr_assert_eq(first, 5, "operands are moved behind the options");
}

Test(options, a_verb_ends_the_options_if_asked)
{
	struct demo demo = { 0 };
	int first = 0;

	cr_assert_eq(parse(WORDS("--state-dir=/a", "get", "--verbose"),
			   OPTIONS_STOP_AT_OPERAND, &demo, &first, NULL),
		     OPTIONS_PARSED);
	cr_assert_eq(first, 2);
	cr_assert_eq(demo.n_verbose, 0);
}

Test(options, a_bad_line_is_one_sentence_that_names_the_option)
{
	static const struct {
		struct words words;
		const char *sentence;
	} cases[] = {
		{ { { "--nope" } }, "unknown option \"--nope\"" },
		{ { { "-x" } }, "unknown option \"-x\"" },
		{ { { "--state-dir" } },
		  "option --state-dir needs a value (DIR)" },
		{ { { "-s" } }, "option --state-dir needs a value (DIR)" },
		{ { { "--verbose=3" } }, "option --verbose takes no value" },
		{ { { "--help=3" } }, "option --help takes no value" },
		{ { { "-s", "a" } },
		  "option --state-dir: \"a\" is not an absolute path" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(err_fini) struct err err = ERR_INIT;
		struct demo demo = { 0 };
		int first = 0;

		cr_assert_eq(parse(cases[i].words, 0, &demo, &first, &err),
			     -EINVAL, "%s", cases[i].sentence);
		cr_assert_str_eq(err_text(&err), cases[i].sentence);
		cr_assert_eq(first, 0);
	}
}

Test(options, help_is_printed_from_the_table, .init = cr_redirect_stdout)
{
	struct demo demo = { 0 };
	int first;

	cr_assert_eq(parse(WORDS("-h", "--nope"), 0, &demo, &first, NULL),
		     OPTIONS_DONE);
	fflush(stdout);
	cr_assert_stdout_eq_str(
		"Usage: demo [OPTIONS]\n"
		"\n"
		"Shows options.\n"
		"\n"
		"Options:\n"
		"  -s, --state-dir DIR  where state lives\n"
		"      --verbose        say more\n"
		"  -h, --help           print this text and exit\n"
		"      --version        print the version and exit\n"
		"\n"
		"That is all.\n");
}

Test(options, version_is_printed, .init = cr_redirect_stdout)
{
	struct demo demo = { 0 };
	int first;

	cr_assert_eq(parse(WORDS("--version"), 0, &demo, &first, NULL),
		     OPTIONS_DONE);
	fflush(stdout);
	cr_assert_stdout_eq_str("demo " CLAIMFS_VERSION "\n");
}
