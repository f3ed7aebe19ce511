/* SPDX-License-Identifier: Apache-2.0 */

/*
 * claimctl label and annotate: "KEY=VALUE" sets, "KEY-" removes. The object is read
 * first, since a value that is there is changed only with --overwrite; its version
 * goes with the merge patch (RFC 7386), so that nobody's change in between is lost.
 */

#include <string.h>

#include <cjson/cJSON.h>

#include "ctl.h"
#include "json_field.h"

static const struct option_spec *const options[] = {
	&ctl_option_namespace,
	&ctl_option_overwrite,
	&ctl_option_server,
	NULL,
};

#define USAGE "[OPTIONS] KIND NAME... KEY=VALUE... KEY-..."

static const struct noun {
	const char *field;
	const char *done; /* "pvc/x labeled" */
	struct ctl_verb_spec spec;
} nouns[] = {
	{ "labels",
	  "labeled",
	  { .program = "claimctl label",
	    .usage = USAGE,
	    .summary =
		    "Sets labels of objects (KEY=VALUE), or removes them (KEY-).",
	    .options = options,
	    .epilogue = "  claimctl label pvc data app=web tier-\n" } },
	{ "annotations",
	  "annotated",
	  { .program = "claimctl annotate",
	    .usage = USAGE,
	    .summary =
		    "Sets annotations of objects (KEY=VALUE), or removes them (KEY-).",
	    .options = options,
	    .epilogue =
		    "  claimctl annotate pvc data example.com/owner='the web team'\n" } },
};

struct change {
	const struct noun *noun;
	const struct ctl_args *args;
	char **texts; /* borrowed from argv */
	int n;
};

static bool is_change(const char *operand)
{
	size_t len = strlen(operand);

	return strchr(operand, '=') || (len > 1 && operand[len - 1] == '-');
}

/* *ret_value is NULL for "KEY-"; *ret_key is the caller's. */
static int split(const char *text, char **ret_key, const char **ret_value)
{
	size_t len = strcspn(text, "=");

	*ret_value = text[len] ? text + len + 1 : NULL;
	*ret_key = strndup(text, *ret_value ? len : len - 1);
	return *ret_key ? 0 : -ENOMEM;
}

static int add_to_patch(const struct change *change, const char *text,
			const cJSON *present, cJSON *patch, struct err *err)
{
	_cleanup_(free) char *key = NULL;
	const char *value, *old;

	if (split(text, &key, &value) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	old = cJSON_GetStringValue(
		cJSON_GetObjectItemCaseSensitive(present, key));
	if (value && old && strcmp(value, old) != 0 &&
	    !change->args->is_overwriting)
		return err_set(
			err, -EEXIST,
			"'%s' already has a value (%s), and --overwrite is not given",
			key, old);
	if (value)
		(void)cJSON_AddStringToObject(patch, key, value);
	else
		(void)cJSON_AddNullToObject(patch, key);
	return 0;
}

/* {"metadata":{"resourceVersion":"7","labels":{...}}}, the caller's */
static int make_patch(const struct change *change, const cJSON *object,
		      char **ret, struct err *err)
{
	const cJSON *metadata = json_at(object, "metadata");
	const cJSON *present =
		cJSON_GetObjectItemCaseSensitive(metadata, change->noun->field);
	const char *version =
		cJSON_GetStringValue(json_at(metadata, "resourceVersion"));
	cJSON *patch = cJSON_CreateObject();
	cJSON *inner = cJSON_AddObjectToObject(patch, "metadata");
	cJSON *map;
	int r = 0;

	(void)cJSON_AddStringToObject(inner, "resourceVersion",
				      version ? version : "");
	map = cJSON_AddObjectToObject(inner, change->noun->field);
	for (int i = 0; r == 0 && i < change->n; i++)
		r = add_to_patch(change, change->texts[i], present, map, err);
	*ret = r == 0 ? cJSON_PrintUnformatted(patch) : NULL;
	cJSON_Delete(patch);
	if (r == 0 && !*ret)
		return err_set(err, -ENOMEM, "out of memory");
	return r;
}

static int change_one(struct client *client, const struct change *change,
		      const struct ctl_item *item, struct err *err)
{
	_cleanup_(free) char *path =
		client_path(item->kind, change->args->namespace, item->name);
	_cleanup_(free) char *body = NULL;
	struct client_request request = { .method = "GET", .path = path };
	cJSON *object = NULL;
	int r;

	if (!path)
		return err_set(err, -ENOMEM, "out of memory");
	r = client_call(client, &request, &object, err);
	if (r != 0)
		return r < 0 ? r : -ENOENT;
	r = make_patch(change, object, &body, err);
	cJSON_Delete(object);
	if (r < 0)
		return r;
	request =
		(struct client_request){ .method = "PATCH",
					 .path = path,
					 .content_type =
						 "application/merge-patch+json",
					 .body = body };
	r = client_call(client, &request, NULL, err);
	if (r == 0)
		printf("%s/%s %s\n", ctl_kind_label(item->kind), item->name,
		       change->noun->done);
	return r > 0 ? -ENOENT : r;
}

static int change_all(const struct change *change,
		      const struct ctl_items *items, struct err *err)
{
	_cleanup_(client_free) struct client *client = NULL;
	int r = client_new(&client, change->args->server, err);

	for (size_t i = 0; r == 0 && i < items->n; i++)
		r = change_one(client, change, &items->items[i], err);
	return r;
}

static int usage(const char *text, struct err *err)
{
	(void)err_set(err, CTL_USAGE, "%s", text);
	return CTL_USAGE;
}

static int run(const struct noun *noun, int argc, char **argv, struct err *err)
{
	struct ctl_items items;
	struct ctl_args args;
	struct change change = { .noun = noun, .args = &args };
	int first, n_names, r;

	r = ctl_parse(&noun->spec, argc, argv, &args, &first, err);
	if (r != 0)
		return r;
	for (n_names = 0;
	     first + n_names < argc && !is_change(argv[first + n_names]);)
		n_names++;
	change.texts = argv + first + n_names;
	change.n = argc - first - n_names;
	if (change.n == 0)
		return usage("say what to change: KEY=VALUE, or KEY- to remove",
			     err);
	for (int i = 0; i < change.n; i++)
		if (!is_change(change.texts[i]))
			return usage("names come before changes", err);
	r = ctl_items_parse(&items, argv + first, n_names, err);
	if (r == 0)
		r = ctl_items_need_names(&items, err);
	return r < 0 ? r : change_all(&change, &items, err);
}

int verb_label(int argc, char **argv, struct err *err)
{
	return run(&nouns[0], argc, argv, err);
}

int verb_annotate(int argc, char **argv, struct err *err)
{
	return run(&nouns[1], argc, argv, err);
}
