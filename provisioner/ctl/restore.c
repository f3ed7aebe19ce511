/* SPDX-License-Identifier: Apache-2.0 */

/*
 * claimctl restore: a deleted volume out of the trash, or a new claim from a snapshot,
 * which stays what it is.
 */

#include <string.h>

#include <cjson/cJSON.h>

#include "ctl_admin.h"
#include "ctl_clone.h"
#include "ctl_print.h"
#include "ctl_rows.h"

static const struct option_spec *const options[] = {
	CTL_CLONE_AS,
	CTL_CLONE_CLASS,
	CTL_CLONE_SIZE,
	CTL_CLONE_MODE,
	&ctl_option_dry_run,
	&ctl_option_namespace,
	&ctl_option_output,
	&ctl_option_server,
	&ctl_option_timeout,
	&ctl_option_wait,
	NULL,
};

static const struct ctl_verb_spec spec = {
	.program = "claimctl restore",
	.usage = "[OPTIONS] VOLUME | snapshot/NAME --as CLAIM",
	.summary =
		"Brings a deleted volume back out of the trash, or makes a claim whose volume begins\n"
		"as a snapshot is.",
	.options = options,
	.epilogue =
		"Of a volume, its directory goes back into its place, and the PersistentVolume is\n"
		"there again: Available, with its reclaim policy, and reserved for a claim of the\n"
		"name that had it. Apply that claim again, or name the volume in another's\n"
		"volumeName. \"claimctl trash\" lists what can be restored. What can't be, because\n"
		"its place is taken, say, stays in the trash, \"stopped\": nothing removes it until\n"
		"you say so.\n\n"
		"Of a snapshot, a copy is made; \"claimctl get snapshots\" lists them, and \"claimctl\n"
		"copies\" stops, resumes and cancels the copy.\n\n"
		"  claimctl restore pvc-0d8ae0ae-25b9-4d2b-9a2c-2a1c3f0b1a1e\n"
		"  claimctl restore snapshot/before-upgrade --as data-of-yesterday\n",
};

static int restore_volume(const struct ctl_args *args, const char *volume,
			  struct err *err)
{
	cJSON *body = cJSON_CreateObject();
	cJSON *answer = NULL;
	int r;

	(void)cJSON_AddStringToObject(body, "volume", volume);
	(void)cJSON_AddBoolToObject(body, "dryRun", args->is_dry_run);
	r = ctl_admin_ask(args->server, "restore", body, &answer, err);
	if (r < 0)
		return r;
	if (ctl_is_structured(args))
		r = ctl_print(answer, args->output, err);
	else
		printf("persistentvolume/%s %s, for claim %s/%s\n", volume,
		       args->is_dry_run ? "would be restored" : "restored",
		       ctl_text_at(answer, "spec.claimRef.namespace"),
		       ctl_text_at(answer, "spec.claimRef.name"));
	cJSON_Delete(answer);
	return r;
}

int verb_restore(int argc, char **argv, struct err *err)
{
	static const char prefix[] = "snapshot/";
	struct ctl_clone clone = { 0 };
	int first, r = ctl_parse(&spec, argc, argv, &clone.args, &first, err);
	const char *what;

	if (r != 0)
		return r;
	if (argc - first != 1)
		return err_set(
			err, CTL_USAGE,
			"say which volume, as in \"restore pvc-...\", or \"snapshot/NAME --as CLAIM\"");
	what = argv[first];
	if (strncmp(what, prefix, strlen(prefix)) != 0 &&
	    (clone.as || clone.class_name || clone.size || clone.mode))
		return err_set(
			err, CTL_USAGE,
			"--as, --class, --size and --mode are for \"snapshot/NAME\", not for volume \"%s\"",
			what);
	if (strncmp(what, prefix, strlen(prefix)) != 0)
		return restore_volume(&clone.args, what, err);
	if (!clone.as)
		return err_set(err, CTL_USAGE,
			       "say what the new claim is called: --as CLAIM");
	return ctl_clone_run(&clone, "snapshot", what + strlen(prefix), err);
}
