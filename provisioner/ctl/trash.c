/* SPDX-License-Identifier: Apache-2.0 */

/*
 * claimctl trash and claimctl restore: what lies in the trash, how far its removal is,
 * and the way back.
 */

#include <inttypes.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "ctl.h"
#include "ctl_admin.h"
#include "ctl_print.h"
#include "ctl_table.h"
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
		"What is stopped stays until \"resume\", even when its time is over.\n\n"
		"  claimctl trash\n"
		"  claimctl trash empty --dry-run pvc-0d8ae0ae-25b9-4d2b-9a2c-2a1c3f0b1a1e\n",
};

static const struct ctl_verb_spec restore_spec = {
	.program = "claimctl restore",
	.usage = "[OPTIONS] VOLUME",
	.summary = "Brings a deleted volume back out of the trash.",
	.options = options,
	.epilogue =
		"Its directory goes back into its place, and the PersistentVolume is there again:\n"
		"Available, with its reclaim policy, and reserved for a claim of the name that\n"
		"had it. Apply that claim again, or name the volume in another's volumeName.\n"
		"\"claimctl trash\" lists what can be restored.\n",
};

/* --- the table ------------------------------------------------------------------- */

static const char *text_at(const cJSON *item, const char *key)
{
	const char *text = cJSON_GetStringValue(json_at(item, key));

	return text ? text : "";
}

static uint64_t number_at(const cJSON *item, const char *key)
{
	const cJSON *number = json_at(item, key);

	return cJSON_IsNumber(number) ? (uint64_t)number->valuedouble : 0;
}

static void write_size(char *buffer, size_t size, uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double value = (double)bytes;
	size_t i = 0;

	for (; value >= 1024 && i + 1 < ARRAY_SIZE(units); i++)
		value /= 1024;
	(void)snprintf(buffer, size, i == 0 ? "%.0f%s" : "%.1f%s", value,
		       units[i]);
}

/* "removing 45%, 8123 files/s, 1m2s left", "kept 23h", or what went wrong. */
static void write_state(char *buffer, size_t size, const cJSON *item)
{
	uint64_t files = number_at(item, "files");
	uint64_t removed = number_at(item, "filesRemoved");
	const char *state = text_at(item, "state");
	char left[AGE_MAX];

	if (*text_at(item, "error")) {
		(void)snprintf(buffer, size, "%s, %s", state,
			       text_at(item, "error"));
	} else if (json_at(item, "secondsLeft")) {
		age_format((int64_t)number_at(item, "secondsLeft"), left);
		(void)snprintf(buffer, size,
			       "%s %" PRIu64 "%%, %" PRIu64 " files/s, %s left",
			       state, files ? removed * 100 / files : 0,
			       number_at(item, "filesPerSecond"), left);
	} else if (removed > 0) {
		(void)snprintf(buffer, size, "%s, %" PRIu64 " files removed",
			       state, removed);
	} else {
		(void)snprintf(buffer, size, "%s", state);
	}
}

static bool add_cell(cJSON *cells, const char *text)
{
	return cJSON_AddItemToArray(cells, cJSON_CreateString(text));
}

static bool add_row(cJSON *rows, const cJSON *item)
{
	cJSON *row = cJSON_CreateObject();
	cJSON *cells = cJSON_AddArrayToObject(row, "cells");
	char claim[600], files[32], size[32], state[512];

	if (!cJSON_AddItemToArray(rows, row) || !cells)
		return false;
	(void)snprintf(claim, sizeof(claim), "%s/%s",
		       text_at(item, "claimNamespace"), text_at(item, "claim"));
	(void)snprintf(files, sizeof(files), "<unknown>");
	(void)snprintf(size, sizeof(size), "<unknown>");
	if (json_at(item, "files")) {
		(void)snprintf(files, sizeof(files), "%" PRIu64,
			       number_at(item, "files"));
		write_size(size, sizeof(size), number_at(item, "bytes"));
	}
	write_state(state, sizeof(state), item);
	return add_cell(cells, text_at(item, "volume")) &&
	       add_cell(cells, claim) && add_cell(cells, files) &&
	       add_cell(cells, size) &&
	       add_cell(cells, text_at(item, "expiryTime")) &&
	       add_cell(cells, state);
}

static cJSON *make_table(const cJSON *items)
{
	static const char *const names[] = { "Volume", "Claim",	  "Files",
					     "Size",   "Expires", "State" };
	cJSON *table = cJSON_CreateObject();
	cJSON *columns = cJSON_AddArrayToObject(table, "columnDefinitions");
	cJSON *rows = cJSON_AddArrayToObject(table, "rows");
	bool ok = columns && rows;
	const cJSON *item;

	for (size_t i = 0; ok && i < ARRAY_SIZE(names); i++) {
		cJSON *column = cJSON_CreateObject();

		ok = cJSON_AddStringToObject(column, "name", names[i]) &&
		     cJSON_AddNumberToObject(column, "priority", 0) &&
		     cJSON_AddItemToArray(columns, column);
	}
	cJSON_ArrayForEach (item, items)
		ok = ok && add_row(rows, item);
	if (ok)
		return table;
	cJSON_Delete(table);
	return NULL;
}

static int print_items(const cJSON *items, struct err *err)
{
	struct ctl_table table = { .name_prefix = "" };
	cJSON *json = make_table(items);
	size_t n = 0;
	int r;

	if (!json)
		return err_set(err, -ENOMEM, "out of memory");
	r = ctl_table_print(&table, json, &n, err);
	cJSON_Delete(json);
	if (r == 0 && n == 0)
		fprintf(stderr, "The trash is empty.\n");
	return r;
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

static int call(const struct ctl_args *args, const char *verb, cJSON *take_body,
		cJSON **ret, struct err *err)
{
	_cleanup_(client_free) struct client *client = NULL;
	int r = client_new(&client, args->server, err);

	if (r < 0) {
		cJSON_Delete(take_body);
		return r;
	}
	return ctl_admin_call(client, verb, take_body, ret, err);
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
	write_size(size, sizeof(size), number_at(answer, "bytes"));
	printf("would remove .claimfs/trash/%s on share %s of server %s: %" PRIu64
	       " files, %s (it was directory %s of claim %s/%s)\n",
	       volume, text_at(answer, "share"), text_at(answer, "server"),
	       number_at(answer, "files"), size, text_at(answer, "directory"),
	       text_at(answer, "claimNamespace"), text_at(answer, "claim"));
}

static bool is_structured(const struct ctl_args *args)
{
	return args->output == CTL_JSON || args->output == CTL_YAML;
}

static int run_trash(const struct ctl_args *args, char **operands, int n,
		     struct err *err)
{
	const char *action = n > 0 ? operands[0] : NULL;
	const char *volume = n > 1 ? operands[1] : NULL;
	cJSON *answer = NULL;
	int r = call(args, "trash", make_body(args, action, volume), &answer,
		     err);

	if (r < 0)
		return r;
	if (is_structured(args))
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

int verb_restore(int argc, char **argv, struct err *err)
{
	struct ctl_args args;
	cJSON *answer = NULL;
	int first, r;

	r = ctl_parse(&restore_spec, argc, argv, &args, &first, err);
	if (r != 0)
		return r;
	if (argc - first != 1)
		return err_set(err, CTL_USAGE,
			       "say which volume, as in \"restore pvc-...\"");
	r = call(&args, "restore", make_body(&args, NULL, argv[first]), &answer,
		 err);
	if (r < 0)
		return r;
	if (is_structured(&args))
		r = ctl_print(answer, args.output, err);
	else
		printf("persistentvolume/%s %s, for claim %s/%s\n", argv[first],
		       args.is_dry_run ? "would be restored" : "restored",
		       text_at(answer, "spec.claimRef.namespace"),
		       text_at(answer, "spec.claimRef.name"));
	cJSON_Delete(answer);
	return r;
}
