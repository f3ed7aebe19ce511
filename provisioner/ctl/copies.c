/* SPDX-License-Identifier: Apache-2.0 */

/* claimctl copies: what is being copied for snapshots and new claims. */

#include <inttypes.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "ctl.h"
#include "ctl_admin.h"
#include "ctl_clone.h"
#include "ctl_print.h"
#include "ctl_rows.h"
#include "json_field.h"

static const struct option_spec *const options[] = {
	&ctl_option_dry_run,
	&ctl_option_output,
	&ctl_option_server,
	NULL,
};

static const struct ctl_verb_spec spec = {
	.program = "claimctl copies",
	.usage = "[OPTIONS] [stop NAME | resume NAME | cancel NAME]",
	.summary =
		"Lists what is being copied for snapshots and for claims that begin as something\n"
		"else is; stops such a copy, goes on with it, or takes it away.",
	.options = options,
	.epilogue =
		"What is stopped stays as it is until \"resume\", and what it is a copy of is not\n"
		"deleted as long. \"cancel\" deletes the snapshot, or the claim, that it was for.\n"
		"NAME is the copy's, or that of the snapshot or claim that it is for.\n",
};

static bool add_row(cJSON *table, const cJSON *item)
{
	const char *snapshot = ctl_text_at(item, "snapshot");
	char claim[600], files[32], size[32], state[512];
	const char *const cells[] = {
		ctl_text_at(item, "name"),
		claim,
		*snapshot ? snapshot : ctl_text_at(item, "volume"),
		files,
		size,
		state,
	};

	(void)snprintf(claim, sizeof(claim), "%s/%s",
		       ctl_text_at(item, "claimNamespace"),
		       ctl_text_at(item, "claim"));
	(void)snprintf(files, sizeof(files), "%" PRIu64,
		       ctl_number_at(item, "files"));
	ctl_write_size(size, sizeof(size), ctl_number_at(item, "bytes"));
	ctl_progress_state(state, sizeof(state), item);
	return ctl_rows_add(table, cells, ARRAY_SIZE(cells));
}

static int print_items(const cJSON *items, struct err *err)
{
	static const char *const names[] = { "Name",  "Claim", "From",
					     "Files", "Size",  "State" };
	cJSON *table = ctl_rows_new(names, ARRAY_SIZE(names));
	const cJSON *item;

	cJSON_ArrayForEach (item, items)
		(void)add_row(table, item);
	return ctl_rows_print(table, "Nothing is being copied.", err);
}

static int run(const struct ctl_args *args, const char *action,
	       const char *name, struct err *err)
{
	cJSON *body = cJSON_CreateObject();
	cJSON *answer = NULL;
	int r;

	if (action) {
		(void)cJSON_AddStringToObject(body, "action", action);
		(void)cJSON_AddStringToObject(body, "name", name);
	}
	(void)cJSON_AddBoolToObject(body, "dryRun", args->is_dry_run);
	r = ctl_admin_ask(args->server, "copies", body, &answer, err);
	if (r < 0)
		return r;
	if (ctl_is_structured(args))
		r = ctl_print(answer, args->output, err);
	else if (action)
		printf("copy \"%s\": %s%s\n", name, action,
		       args->is_dry_run ? " (dry run)" : "");
	else
		r = print_items(json_at(answer, "items"), err);
	cJSON_Delete(answer);
	return r;
}

int verb_copies(int argc, char **argv, struct err *err)
{
	struct ctl_args args;
	int first, r = ctl_parse(&spec, argc, argv, &args, &first, err);
	int n;

	if (r != 0)
		return r;
	n = argc - first;
	if (n != 0 && n != 2)
		return err_set(
			err, CTL_USAGE,
			"say what to do with which copy, as in \"copies stop snap-...\"");
	return run(&args, n ? argv[first] : NULL, n ? argv[first + 1] : NULL,
		   err);
}
