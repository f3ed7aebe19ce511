/* SPDX-License-Identifier: Apache-2.0 */

/* claimctl clone: a claim that begins as another one is. */

#include "ctl_clone.h"

static const struct option_spec *const options[] = {
	CTL_CLONE_CLASS,       CTL_CLONE_SIZE,
	CTL_CLONE_MODE,	       &ctl_option_dry_run,
	&ctl_option_namespace, &ctl_option_output,
	&ctl_option_server,    &ctl_option_timeout,
	&ctl_option_wait,      NULL,
};

static const struct ctl_verb_spec spec = {
	.program = "claimctl clone",
	.usage = "[OPTIONS] CLAIM NEWCLAIM",
	.summary =
		"Makes a claim whose volume begins as that of another one is, and waits until it is\n"
		"bound. The two are independent from then on.",
	.options = options,
	.epilogue =
		"It is copied file by file. Whoever writes to the source meanwhile decides what the\n"
		"copy has of it: stop the writers for one that is of one moment.\n"
		"\"claimctl copies\" stops, resumes and cancels it.\n\n"
		"  claimctl clone data data-for-tests\n",
};

int verb_clone(int argc, char **argv, struct err *err)
{
	struct ctl_clone clone = { 0 };
	int first, r = ctl_parse(&spec, argc, argv, &clone.args, &first, err);

	if (r != 0)
		return r;
	if (argc - first != 2)
		return err_set(
			err, CTL_USAGE,
			"say which claim and what the new one is called, as in \"clone data data-for-tests\"");
	clone.as = argv[first + 1];
	return ctl_clone_run(&clone, "claim", argv[first], err);
}
