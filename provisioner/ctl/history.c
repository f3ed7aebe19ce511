/* SPDX-License-Identifier: Apache-2.0 */

/*
 * claimctl history: what became of an object, oldest first, also of one that is gone.
 * An object that was made anew under the same name begins after an empty line.
 */

#include <string.h>

#include <cjson/cJSON.h>

#include "ctl.h"
#include "ctl_admin.h"
#include "ctl_print.h"
#include "json_field.h"

static const struct option_spec *const options[] = {
	&ctl_option_namespace,
	&ctl_option_output,
	&ctl_option_server,
	NULL,
};

static const struct ctl_verb_spec spec = {
	.program = "claimctl history",
	.usage = "[OPTIONS] KIND NAME | KIND/NAME",
	.summary =
		"Shows what was done to an object, when, and by whom; also after it is gone.",
	.options = options,
	.epilogue =
		"Of an object the last 200 entries are kept, for at most 90 days.\n\n"
		"  claimctl history pvc data\n"
		"  claimctl history pv/pvc-0d8ae0ae-25b9-4d2b-9a2c-2a1c3f0b1a1e -o json\n",
};

static const char *text_at(const cJSON *json, const char *key)
{
	const char *text = cJSON_GetStringValue(json_at(json, key));

	return text ? text : "";
}

#define WHO_WIDTH  28
#define WHAT_WIDTH 22

static void print_rows(const cJSON *items)
{
	const char *uid = "";
	const cJSON *item;

	printf("%-24s  %-*s  %-*s  %s\n", "WHEN", WHO_WIDTH, "WHO", WHAT_WIDTH,
	       "WHAT", "DETAIL");
	cJSON_ArrayForEach (item, items) {
		const char *now = text_at(item, "uid");

		if (*uid && *now && strcmp(uid, now) != 0)
			putchar('\n');
		if (*now)
			uid = now;
		printf("%-24s  %-*s  %-*s  %s\n", text_at(item, "at"),
		       WHO_WIDTH, text_at(item, "who"), WHAT_WIDTH,
		       text_at(item, "what"), text_at(item, "detail"));
	}
}

static cJSON *make_body(const struct ctl_args *args,
			const struct ctl_item *item)
{
	cJSON *body = cJSON_CreateObject();

	if (cJSON_AddStringToObject(body, "kind",
				    object_kind_info(item->kind)->name) &&
	    cJSON_AddStringToObject(body, "namespace", args->namespace) &&
	    cJSON_AddStringToObject(body, "name", item->name))
		return body;
	cJSON_Delete(body);
	return NULL;
}

static int show(const struct ctl_args *args, const struct ctl_item *item,
		struct err *err)
{
	_cleanup_(client_free) struct client *client = NULL;
	cJSON *answer = NULL;
	int r = client_new(&client, args->server, err);

	if (r == 0)
		r = ctl_admin_call(client, "history", make_body(args, item),
				   &answer, err);
	if (r < 0)
		return r;
	if (ctl_is_structured(args))
		r = ctl_print(answer, args->output, err);
	else
		print_rows(json_at(answer, "items"));
	cJSON_Delete(answer);
	return r;
}

int verb_history(int argc, char **argv, struct err *err)
{
	struct ctl_args args;
	struct ctl_items items;
	int r = ctl_parse_items(&spec, argc, argv, &args, &items, err);

	if (r != 0)
		return r;
	if (items.n != 1 || !items.items[0].name)
		return err_set(err, CTL_USAGE,
			       "say which object, as in \"history pvc data\"");
	return show(&args, &items.items[0], err);
}
