/* SPDX-License-Identifier: Apache-2.0 */

/* claimctl snapshot, and what get and delete do about snapshots. */

#include <inttypes.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "ctl_admin.h"
#include "ctl_clone.h"
#include "ctl_print.h"
#include "ctl_rows.h"
#include "ctl_snapshot.h"
#include "json_field.h"
#include "timestamp.h"

static const struct option_spec *const options[] = {
	&ctl_option_freeze,
	&ctl_option_freeze_limit,
	&ctl_option_namespace,
	&ctl_option_output,
	&ctl_option_server,
	&ctl_option_wait,
	NULL,
};

static const struct ctl_verb_spec spec = {
	.program = "claimctl snapshot",
	.usage = "[OPTIONS] CLAIM [NAME]",
	.summary =
		"Makes a snapshot of a claim's volume, a copy on the same share that nothing changes\n"
		"any more, and waits until it is ready. Without NAME it is called after claim and time.",
	.options = options,
	.epilogue =
		"It is copied file by file. Whoever writes to the claim meanwhile decides what the\n"
		"snapshot has of it: stop the writers for one that is of one moment, or let the nodes\n"
		"hold their writes back (--freeze). Then it is as after a crash of all of them: whatever\n"
		"fsync(2) had returned for is in it. Who writes meanwhile waits; if the copy takes longer\n"
		"than the limit, it fails, and is listed as stopped until it is deleted.\n"
		"\"claimctl copies\" stops, resumes and cancels it, \"claimctl get snapshots\" lists\n"
		"what there is, \"claimctl restore snapshot/NAME --as CLAIM\" makes a claim from it.\n\n"
		"  claimctl snapshot data before-upgrade\n"
		"  claimctl snapshot --freeze-limit 2m data\n",
};

/* --- names -------------------------------------------------------------------------- */

static bool is_kind(const char *word)
{
	return strcmp(word, "snapshot") == 0 || strcmp(word, "snapshots") == 0;
}

/* NULL when it is no "snapshot/NAME". */
static const char *name_in(const char *operand)
{
	static const char prefix[] = "snapshot/";

	return strncmp(operand, prefix, strlen(prefix)) == 0
		       ? operand + strlen(prefix)
		       : NULL;
}

bool ctl_snapshot_is_meant(char **operands, int n)
{
	return n > 0 && (is_kind(operands[0]) || name_in(operands[0]));
}

/* The i-th name; NULL behind the last one. */
static const char *name_at(char **operands, int n, int i)
{
	if (is_kind(operands[0]))
		return i + 1 < n ? operands[i + 1] : NULL;
	return i < n ? name_in(operands[i]) : NULL;
}

static cJSON *make_body(const struct ctl_args *args, const char *name)
{
	cJSON *body = cJSON_CreateObject();

	if (!args->is_all_namespaces)
		(void)cJSON_AddStringToObject(body, "namespace",
					      args->namespace);
	if (name)
		(void)cJSON_AddStringToObject(body, "name", name);
	(void)cJSON_AddBoolToObject(body, "dryRun", args->is_dry_run);
	return body;
}

/* --- get ---------------------------------------------------------------------------- */

static bool add_row(const struct ctl_args *args, cJSON *table,
		    const cJSON *item)
{
	char claim[600], files[32], size[32], state[512], age[AGE_MAX];
	const char *const cells[] = {
		ctl_text_at(item, "namespace"),
		ctl_text_at(item, "name"),
		claim,
		files,
		size,
		state,
		age,
	};
	size_t skip = args->is_all_namespaces ? 0 : 1;

	(void)snprintf(claim, sizeof(claim), "%s/%s",
		       ctl_text_at(item, "claimNamespace"),
		       ctl_text_at(item, "claim"));
	(void)snprintf(files, sizeof(files), "%" PRIu64,
		       ctl_number_at(item, "files"));
	ctl_write_size(size, sizeof(size), ctl_number_at(item, "bytes"));
	ctl_progress_state(state, sizeof(state), item);
	age_of(ctl_text_at(item, "creationTime"), age);
	return ctl_rows_add(table, cells + skip, ARRAY_SIZE(cells) - skip);
}

static int print_items(const struct ctl_args *args, const cJSON *items,
		       struct err *err)
{
	static const char *const names[] = { "Namespace", "Name", "Claim",
					     "Files",	  "Size", "State",
					     "Age" };
	size_t skip = args->is_all_namespaces ? 0 : 1;
	cJSON *table = ctl_rows_new(names + skip, ARRAY_SIZE(names) - skip);
	const cJSON *item;

	cJSON_ArrayForEach (item, items)
		(void)add_row(args, table, item);
	return ctl_rows_print(table, "No snapshots found.", err);
}

/* Those that are named, or all. */
static int fetch(const struct ctl_args *args, char **operands, int n,
		 cJSON *items, struct err *err)
{
	int i = 0;

	do {
		const char *name = name_at(operands, n, i);
		cJSON *answer = NULL, *item;
		int r = ctl_admin_ask(args->server, "snapshots",
				      make_body(args, name), &answer, err);

		if (r < 0)
			return r;
		if (name && !json_at(answer, "items")->child) {
			cJSON_Delete(answer);
			return err_set(err, -ENOENT,
				       "snapshot \"%s\" not found", name);
		}
		while ((item = cJSON_DetachItemFromArray(
				cJSON_GetObjectItem(answer, "items"), 0)))
			(void)cJSON_AddItemToArray(items, item);
		cJSON_Delete(answer);
	} while (name_at(operands, n, ++i));
	return 0;
}

int ctl_snapshot_get(const struct ctl_args *args, char **operands, int n,
		     struct err *err)
{
	cJSON *list = cJSON_CreateObject();
	cJSON *items = cJSON_AddArrayToObject(list, "items");
	bool is_one = name_at(operands, n, 0) && !name_at(operands, n, 1);
	int r = fetch(args, operands, n, items, err);

	if (r == 0 && ctl_is_structured(args))
		r = ctl_print(is_one ? items->child : list, args->output, err);
	else if (r == 0)
		r = print_items(args, items, err);
	cJSON_Delete(list);
	return r;
}

/* --- delete ------------------------------------------------------------------------- */

int ctl_snapshot_delete(const struct ctl_args *args, char **operands, int n,
			struct err *err)
{
	const char *name = name_at(operands, n, 0);

	if (!name)
		return err_set(err, CTL_USAGE,
			       "say which object to delete by its name");
	for (int i = 0; (name = name_at(operands, n, i)); i++) {
		int r = ctl_admin_ask(args->server, "delete-snapshot",
				      make_body(args, name), NULL, err);

		if (r < 0)
			return r;
		printf("snapshot \"%s\" %s\n", name,
		       args->is_dry_run ? "would be deleted" : "deleted");
	}
	return 0;
}

/* --- snapshot ----------------------------------------------------------------------- */

static int on_line(void *userdata, const char *type, const cJSON *object,
		   struct err *err)
{
	const struct ctl_args *args = userdata;

	(void)type;
	(void)err;
	if (!ctl_is_structured(args))
		ctl_progress_print(ctl_text_at(object, "name"), object);
	return 0;
}

static cJSON *make_wish(const struct ctl_args *args, const char *claim,
			const char *name)
{
	cJSON *body = make_body(args, name);

	(void)cJSON_AddStringToObject(body, "claim", claim);
	(void)cJSON_AddBoolToObject(body, "wait", !args->is_not_waiting);
	(void)cJSON_AddNumberToObject(body, "freezeSeconds", args->freeze_s);
	return body;
}

static void print_made(const cJSON *snapshot)
{
	char size[32];

	ctl_write_size(size, sizeof(size), ctl_number_at(snapshot, "bytes"));
	if (cJSON_IsTrue(json_at(snapshot, "readyToUse")))
		printf("snapshot/%s ready, %" PRIu64 " files, %s\n",
		       ctl_text_at(snapshot, "name"),
		       ctl_number_at(snapshot, "files"), size);
	else
		printf("snapshot/%s begun\n", ctl_text_at(snapshot, "name"));
}

static int run(struct ctl_args *args, const char *claim, const char *name,
	       struct err *err)
{
	_cleanup_(client_free) struct client *client = NULL;
	cJSON *answer = NULL;
	int r = client_new(&client, args->server, err);

	if (r == 0)
		r = ctl_admin_follow(client, "snapshot",
				     make_wish(args, claim, name), on_line,
				     args, &answer, err);
	if (!ctl_is_structured(args))
		ctl_progress_end();
	if (r < 0)
		return r;
	if (ctl_is_structured(args))
		r = ctl_print(answer, args->output, err);
	else
		print_made(answer);
	cJSON_Delete(answer);
	return r;
}

int verb_snapshot(int argc, char **argv, struct err *err)
{
	struct ctl_args args;
	int first, r = ctl_parse(&spec, argc, argv, &args, &first, err);

	if (r != 0)
		return r;
	if (argc - first != 1 && argc - first != 2)
		return err_set(
			err, CTL_USAGE,
			"say which claim, as in \"snapshot data before-upgrade\"");
	return run(&args, argv[first],
		   argc - first == 2 ? argv[first + 1] : NULL, err);
}
