/* SPDX-License-Identifier: Apache-2.0 */

/*
 * claimctl trash: what lies in the trash, and how far its removal is. The way back is in
 * restore.c.
 */

#include <inttypes.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "ctl.h"
#include "ctl_admin.h"
#include "ctl_print.h"
#include "ctl_rows.h"
#include "json_field.h"
#include "timestamp.h"

static const struct option_spec *const options[] = {
	&ctl_option_dry_run,
	&ctl_option_output,
	&ctl_option_server,
	NULL,
};

static const struct ctl_verb_spec trash_spec = {
	.program = "claimctl trash",
	.usage = "[OPTIONS] [stop VOLUME | resume VOLUME | empty VOLUME]",
	.summary =
		"Lists the directories of deleted volumes that can still be restored or are being\n"
		"removed; stops a removal, goes on with it, or begins it before its time.",
	.options = options,
	.epilogue =
		"What is stopped stays until \"resume\" or \"empty\", even when its time is over. So does\n"
		"what \"claimctl restore\" did not bring back.\n\n"
		"  claimctl trash\n"
		"  claimctl trash empty --dry-run pvc-0d8ae0ae-25b9-4d2b-9a2c-2a1c3f0b1a1e\n",
};

/* --- the table ------------------------------------------------------------------- */

/* "removing 45%, 8123 files/s, 1m2s left", "kept 23h", or what went wrong. */
static void write_state(char *buffer, size_t size, const cJSON *item)
{
	uint64_t files = ctl_number_at(item, "files");
	uint64_t removed = ctl_number_at(item, "filesRemoved");
	const char *state = ctl_text_at(item, "state");
	char left[AGE_MAX];

	if (*ctl_text_at(item, "error")) {
		(void)snprintf(buffer, size, "%s, %s", state,
			       ctl_text_at(item, "error"));
	} else if (json_at(item, "secondsLeft")) {
		age_format((int64_t)ctl_number_at(item, "secondsLeft"), left);
		(void)snprintf(buffer, size,
			       "%s %" PRIu64 "%%, %" PRIu64 " files/s, %s left",
			       state, files ? removed * 100 / files : 0,
			       ctl_number_at(item, "filesPerSecond"), left);
	} else if (removed > 0) {
		(void)snprintf(buffer, size, "%s, %" PRIu64 " files removed",
			       state, removed);
	} else {
		(void)snprintf(buffer, size, "%s", state);
	}
}

static bool add_row(cJSON *table, const cJSON *item)
{
	char claim[600], files[32], size[32], state[512];
	const char *const cells[] = {
		ctl_text_at(item, "volume"),	 claim, files, size,
		ctl_text_at(item, "expiryTime"), state,
	};

	(void)snprintf(claim, sizeof(claim), "%s/%s",
		       ctl_text_at(item, "claimNamespace"),
		       ctl_text_at(item, "claim"));
	(void)snprintf(files, sizeof(files), "<unknown>");
	(void)snprintf(size, sizeof(size), "<unknown>");
	if (json_at(item, "files")) {
		(void)snprintf(files, sizeof(files), "%" PRIu64,
			       ctl_number_at(item, "files"));
		ctl_write_size(size, sizeof(size),
			       ctl_number_at(item, "bytes"));
	}
	write_state(state, sizeof(state), item);
	return ctl_rows_add(table, cells, ARRAY_SIZE(cells));
}

static int print_items(const cJSON *items, struct err *err)
{
	static const char *const names[] = { "Volume", "Claim",	  "Files",
					     "Size",   "Expires", "State" };
	cJSON *table = ctl_rows_new(names, ARRAY_SIZE(names));
	const cJSON *item;

	cJSON_ArrayForEach (item, items)
		(void)add_row(table, item);
	return ctl_rows_print(table, "The trash is empty.", err);
}

/* --- the verbs -------------------------------------------------------------------- */

static cJSON *make_body(const struct ctl_args *args, const char *action,
			const char *volume)
{
	cJSON *body = cJSON_CreateObject();

	if ((!action || cJSON_AddStringToObject(body, "action", action)) &&
	    (!volume || cJSON_AddStringToObject(body, "volume", volume)) &&
	    cJSON_AddBoolToObject(body, "dryRun", args->is_dry_run))
		return body;
	cJSON_Delete(body);
	return NULL;
}

static void print_action(const struct ctl_args *args, const char *action,
			 const char *volume, const cJSON *answer)
{
	const char *suffix = args->is_dry_run ? " (dry run)" : "";
	char size[32];

	if (!args->is_dry_run || strcmp(action, "empty") != 0) {
		printf("volume \"%s\": %s%s\n", volume, action, suffix);
		return;
	}
	ctl_write_size(size, sizeof(size), ctl_number_at(answer, "bytes"));
	printf("would remove .claimfs/trash/%s on share %s of server %s: %" PRIu64
	       " files, %s (it was directory %s of claim %s/%s)\n",
	       volume, ctl_text_at(answer, "share"),
	       ctl_text_at(answer, "server"), ctl_number_at(answer, "files"),
	       size, ctl_text_at(answer, "directory"),
	       ctl_text_at(answer, "claimNamespace"),
	       ctl_text_at(answer, "claim"));
}

static int run_trash(const struct ctl_args *args, char **operands, int n,
		     struct err *err)
{
	const char *action = n > 0 ? operands[0] : NULL;
	const char *volume = n > 1 ? operands[1] : NULL;
	cJSON *answer = NULL;
	int r = ctl_admin_ask(args->server, "trash",
			      make_body(args, action, volume), &answer, err);

	if (r < 0)
		return r;
	if (ctl_is_structured(args))
		r = ctl_print(answer, args->output, err);
	else if (volume)
		print_action(args, action, volume, answer);
	else
		r = print_items(json_at(answer, "items"), err);
	cJSON_Delete(answer);
	return r;
}

int verb_trash(int argc, char **argv, struct err *err)
{
	struct ctl_args args;
	int first, r;

	r = ctl_parse(&trash_spec, argc, argv, &args, &first, err);
	if (r != 0)
		return r;
	if (argc - first == 1 && strcmp(argv[first], "list") == 0)
		argc = first;
	if (argc - first != 0 && argc - first != 2)
		return err_set(
			err, CTL_USAGE,
			"say what to do with which volume, as in \"trash empty pvc-...\"");
	return run_trash(&args, argv + first, argc - first, err);
}
