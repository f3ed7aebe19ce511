/* SPDX-License-Identifier: Apache-2.0 */

/*
 * claimctl patch: the patch goes to the server as it is, which knows all three forms;
 * one that is a mapping may be written as YAML, as for kubectl.
 */

#include <string.h>

#include <cjson/cJSON.h>

#include "ctl.h"
#include "ctl_change.h"
#include "manifest.h"

static const struct option_spec *const options[] = {
	&ctl_option_namespace,
	&ctl_option_patch,
	&ctl_option_patch_type,
	&ctl_option_server,
	NULL,
};

static const struct ctl_verb_spec spec = {
	.program = "claimctl patch",
	.usage = "[OPTIONS] KIND NAME... -p PATCH",
	.summary = "Changes fields of objects.",
	.options = options,
	.epilogue =
		"A merge patch has the fields that change, null for what goes. A strategic one does,\n"
		"too, but lists of named items are merged by their names. A json patch is a list of\n"
		"operations (RFC 6902).\n\n"
		"  claimctl patch pv NAME -p '{\"spec\":{\"persistentVolumeReclaimPolicy\":\"Retain\"}}'\n"
		"  claimctl patch pv NAME --type json -p '[{\"op\":\"remove\",\"path\":\"/spec/claimRef\"}]'\n",
};

/* *ret is malloc'ed. */
static int read_patch(const struct ctl_args *args, char **ret, struct err *err)
{
	_cleanup_(manifest_fini) struct manifest manifest = { 0 };
	cJSON *json = cJSON_Parse(args->patch);
	int r = 0;

	if (json)
		*ret = cJSON_PrintUnformatted(json);
	cJSON_Delete(json);
	if (json)
		return *ret ? 0 : err_set(err, -ENOMEM, "out of memory");
	if (strcmp(args->patch_type, "json") != 0)
		r = manifest_parse("patch", args->patch, strlen(args->patch),
				   &manifest, err);
	if (r < 0)
		return r;
	if (manifest.n != 1)
		return err_set(err, -EINVAL, "the patch is not one of JSON");
	*ret = cJSON_PrintUnformatted(manifest.documents[0].json);
	return *ret ? 0 : err_set(err, -ENOMEM, "out of memory");
}

static int patch_one(struct client *client, const struct ctl_args *args,
		     const struct ctl_item *item, const char *body,
		     struct err *err)
{
	_cleanup_(free) char *type = NULL;
	struct ctl_change change = { .namespace = args->namespace,
				     .item = item,
				     .body = body };
	bool is_changed;
	int r;

	if (asprintf(&type, "application/%s%s-patch+json", args->patch_type,
		     strcmp(args->patch_type, "strategic") == 0 ? "-merge"
								: "") < 0) {
		type = NULL;
		return err_set(err, -ENOMEM, "out of memory");
	}
	change.content_type = type;
	r = ctl_change(client, &change, &is_changed, err);
	if (r == 0)
		printf("%s/%s patched%s\n", ctl_kind_label(item->kind),
		       item->name, is_changed ? "" : " (no change)");
	return r;
}

static int patch_all(const struct ctl_args *args, const struct ctl_items *items,
		     struct err *err)
{
	_cleanup_(client_free) struct client *client = NULL;
	_cleanup_(free) char *body = NULL;
	int r = read_patch(args, &body, err);

	if (r == 0)
		r = client_new(&client, args->server, err);
	for (size_t i = 0; r == 0 && i < items->n; i++)
		r = patch_one(client, args, &items->items[i], body, err);
	return r;
}

int verb_patch(int argc, char **argv, struct err *err)
{
	struct ctl_items items;
	struct ctl_args args;
	int first, r;

	r = ctl_parse(&spec, argc, argv, &args, &first, err);
	if (r != 0)
		return r;
	if (!args.patch)
		return err_set(err, CTL_USAGE, "say what to change: -p PATCH");
	r = ctl_items_parse(&items, argv + first, argc - first, err);
	if (r == 0)
		r = ctl_items_need_names(&items, err);
	return r < 0 ? r : patch_all(&args, &items, err);
}
