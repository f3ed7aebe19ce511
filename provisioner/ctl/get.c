/* SPDX-License-Identifier: Apache-2.0 */

/*
 * claimctl get: tables are made by the server, everything else from its JSON. What
 * was not found is told for each name, after what was.
 */

#include <string.h>

#include <cjson/cJSON.h>
#include <curl/curl.h>

#include "ctl.h"
#include "ctl_print.h"
#include "ctl_snapshot.h"
#include "ctl_table.h"
#include "ctl_wait.h"
#include "json_field.h"
#include "json_index.h"

static const struct option_spec *const options[] = {
	&ctl_option_all_namespaces,
	&ctl_option_namespace,
	&ctl_option_output,
	&ctl_option_selector,
	&ctl_option_server,
	&ctl_option_watch,
	NULL,
};

static const struct ctl_verb_spec spec = {
	.program = "claimctl get",
	.usage = "[OPTIONS] KIND[,KIND...] [NAME...] | KIND/NAME...",
	.summary = "Lists objects, or shows those that are named.",
	.options = options,
	.epilogue =
		"Kinds: storageclass (sc), persistentvolume (pv), persistentvolumeclaim (pvc),\n"
		"pod (po), event (ev), snapshot.\n\n"
		"  claimctl get pvc,pv\n"
		"  claimctl get pvc data -o yaml\n"
		"  claimctl get pods -A -w\n",
};

struct get {
	struct client *client;
	const struct ctl_args *args;
	const struct ctl_items *items;
	size_t n_printed; /* rows or objects, all together */
	cJSON *list;	  /* objects for -o json and yaml */
	struct ctl_table table;
	char version[CTL_VERSION_MAX]; /* where a watch begins */
};

static bool is_table(const struct get *get)
{
	return get->args->output == CTL_TABLE || get->args->output == CTL_WIDE;
}

/* Of an object whose row is all that is printed, nothing else is asked for. */
static const char *include(const struct get *get)
{
	return is_table(get) && !get->args->is_all_namespaces
		       ? "&includeObject=None"
		       : "";
}

/* "?labelSelector=...&fieldSelector=...", or "". */
static char *make_query(const struct get *get, const char *name,
			const char *more)
{
	char *labels = curl_easy_escape(
		NULL, get->args->selector ? get->args->selector : "", 0);
	char *field = curl_easy_escape(NULL, name ? name : "", 0);
	char *query = NULL;

	if (!labels || !field ||
	    asprintf(&query, "?labelSelector=%s&fieldSelector=%s%s%s%s", labels,
		     name ? "metadata.name%3D" : "", field, include(get),
		     more) < 0)
		query = NULL;
	curl_free(labels);
	curl_free(field);
	return query;
}

static int fetch(struct get *get, const struct ctl_item *item, char **ret,
		 struct err *err)
{
	_cleanup_(free) char *path =
		client_path(item->kind, ctl_namespace(get->args), item->name);
	_cleanup_(free) char *query = make_query(get, NULL, "");
	_cleanup_(free) char *url = NULL;
	struct client_request request = {
		.method = "GET",
		.accept = is_table(get) ? CLIENT_TABLE : NULL,
	};

	if (!path || !query ||
	    asprintf(&url, "%s%s", path, item->name ? "" : query) < 0) {
		url = NULL;
		return err_set(err, -ENOMEM, "out of memory");
	}
	request.path = url;
	return client_call_text(get->client, &request, ret, err);
}

/* Several kinds, or the same kind again, in one table as long as they fit. */
static void begin_table(struct get *get, size_t i)
{
	const struct ctl_item *item = &get->items->items[i];
	static const char *const prefixes[] = {
		[KIND_STORAGE_CLASS] = "storageclass.storage.k8s.io/",
		[KIND_PERSISTENT_VOLUME] = "persistentvolume/",
		[KIND_CLAIM] = "persistentvolumeclaim/",
		[KIND_POD] = "pod/",
		[KIND_EVENT] = "event/",
	};
	unsigned int flags = 0;

	if (i > 0 && item->kind == get->items->items[i - 1].kind)
		return;
	if (get->args->output == CTL_WIDE)
		flags |= CTL_TABLE_WIDE;
	if (get->args->is_all_namespaces &&
	    object_kind_info(item->kind)->is_namespaced)
		flags |= CTL_TABLE_NAMESPACE;
	get->table = (struct ctl_table){
		.flags = (enum ctl_table_flags)flags,
		.name_prefix =
			get->items->n_kinds > 1 ? prefixes[item->kind] : "",
	};
}

/* Of a list; one object has had its own since whenever. */
static void keep_version(struct get *get, const char *version)
{
	if (get->args->is_watch && get->items->items[0].name)
		return;
	(void)snprintf(get->version, sizeof(get->version), "%s",
		       version ? version : "");
}

static int keep_objects(struct get *get, const char *text, struct err *err)
{
	cJSON *json = cJSON_Parse(text);
	cJSON *items = cJSON_GetObjectItemCaseSensitive(json, "items");
	cJSON *item;

	if (!json)
		return err_set(err, -EPROTO, "the server's answer is no JSON");
	keep_version(get, cJSON_GetStringValue(
				  json_at(json, "metadata.resourceVersion")));
	if (!items) {
		(void)cJSON_AddItemToArray(get->list, json);
		get->n_printed++;
		return 0;
	}
	while ((item = cJSON_DetachItemFromArray(items, 0))) {
		(void)cJSON_AddItemToArray(get->list, item);
		get->n_printed++;
	}
	cJSON_Delete(json);
	return 0;
}

static int print_table(struct get *get, size_t i, const char *text,
		       struct err *err)
{
	_cleanup_(json_index_fini) struct json_index index = { 0 };
	const struct json_token *rows;
	char version[sizeof(get->version)];

	(void)json_index_read(&index, text);
	rows = json_index_at(&index, "rows");
	json_index_copy(&index,
			json_index_at(&index, "metadata.resourceVersion"),
			version, sizeof(version));
	keep_version(get, version);
	if (i > 0 && get->n_printed &&
	    get->items->items[i].kind != get->items->items[i - 1].kind &&
	    json_index_next(&index, rows, NULL))
		putchar('\n');
	begin_table(get, i);
	return ctl_table_print_text(&get->table, text, &get->n_printed, err);
}

static int get_one(struct get *get, size_t i, struct err *err)
{
	_cleanup_(free) char *text = NULL;
	int r = fetch(get, &get->items->items[i], &text, err);

	if (r != 0)
		return r;
	if (!is_table(get))
		return keep_objects(get, text, err);
	return print_table(get, i, text, err);
}

static int print_objects(struct get *get, struct err *err)
{
	cJSON *all;
	int r;

	if (is_table(get) || get->args->is_watch)
		return 0;
	if (get->items->n == 1 && get->items->items[0].name) {
		const cJSON *only = cJSON_GetArrayItem(get->list, 0);

		return only ? ctl_print(only, get->args->output, err) : 0;
	}
	all = cJSON_CreateObject();
	(void)cJSON_AddStringToObject(all, "apiVersion", "v1");
	(void)cJSON_AddStringToObject(all, "kind", "List");
	(void)cJSON_AddItemReferenceToObject(all, "items", get->list);
	(void)cJSON_AddStringToObject(cJSON_AddObjectToObject(all, "metadata"),
				      "resourceVersion", "");
	r = ctl_print(all, get->args->output, err);
	cJSON_Delete(all);
	return r;
}

static int on_event(void *userdata, const char *type, const cJSON *object,
		    struct err *err)
{
	struct get *get = userdata;

	(void)type;
	if (is_table(get))
		return ctl_table_print(&get->table, object, &get->n_printed,
				       err);
	if (get->args->output == CTL_YAML)
		puts("---");
	return ctl_print(object, get->args->output, err);
}

/* Before what is printed first. */
static int find_version(struct get *get, struct err *err)
{
	const struct ctl_item *item = &get->items->items[0];
	const struct ctl_object object = { .kind = item->kind,
					   .namespace =
						   ctl_namespace(get->args),
					   .name = item->name };

	if (!get->args->is_watch || !item->name)
		return 0;
	return ctl_watch_version(get->client, &object, get->version, err);
}

static int watch(struct get *get, struct err *err)
{
	const struct ctl_item *item = &get->items->items[0];
	_cleanup_(free) char *path =
		client_path(item->kind, ctl_namespace(get->args), NULL);
	_cleanup_(free) char *query = NULL;
	_cleanup_(free) char *url = NULL;
	char more[64];
	struct client_request request = {
		.method = "GET",
		.accept = is_table(get) ? CLIENT_TABLE : NULL,
	};

	(void)snprintf(more, sizeof(more), "&watch=1&resourceVersion=%s",
		       get->version);
	query = make_query(get, item->name, more);
	if (!path || !query || asprintf(&url, "%s%s", path, query) < 0) {
		url = NULL;
		return err_set(err, -ENOMEM, "out of memory");
	}
	request.path = url;
	return client_watch(get->client, &request, 0, on_event, get, err);
}

static void say_empty(const struct get *get)
{
	if (get->n_printed || get->args->output == CTL_JSON ||
	    get->args->output == CTL_YAML)
		return;
	if (get->args->is_all_namespaces ||
	    !object_kind_info(get->items->items[0].kind)->is_namespaced)
		fputs("No resources found\n", stderr);
	else
		fprintf(stderr, "No resources found in %s namespace.\n",
			get->args->namespace);
}

/* All that can be shown is shown; the last failure is the outcome. */
static int get_all(struct get *get, struct err *err)
{
	int result = 0;

	for (size_t i = 0; i < get->items->n; i++) {
		_cleanup_(err_fini) struct err one = ERR_INIT;
		int r = get_one(get, i, &one);

		if (r == 0)
			continue;
		if (result != 0)
			fprintf(stderr, "claimctl: %s\n", err_text(err));
		result = r < 0 ? r : -ENOENT;
		(void)err_set(err, result, "%s", err_text(&one));
		if (r < 0 && r != -EREMOTEIO)
			return r;
	}
	if (print_objects(get, err) < 0)
		return -ENOMEM;
	if (result == 0)
		say_empty(get);
	return result;
}

static int run(const struct ctl_args *args, const struct ctl_items *items,
	       struct err *err)
{
	_cleanup_(client_free) struct client *client = NULL;
	struct get get = { .args = args, .items = items };
	int r = client_new(&client, args->server, err);

	if (r < 0)
		return r;
	get.client = client;
	get.list = cJSON_CreateArray();
	r = find_version(&get, err);
	if (r == 0)
		r = get_all(&get, err);
	if (r == 0 && args->is_watch && !is_table(&get)) {
		const cJSON *item;

		cJSON_ArrayForEach (item, get.list)
			(void)on_event(&get, "ADDED", item, err);
	}
	if (r == 0 && args->is_watch)
		r = watch(&get, err);
	cJSON_Delete(get.list);
	return r;
}

int verb_get(int argc, char **argv, struct err *err)
{
	struct ctl_args args;
	struct ctl_items items;
	int first, r = ctl_parse(&spec, argc, argv, &args, &first, err);

	if (r != 0)
		return r;
	if (ctl_snapshot_is_meant(argv + first, argc - first))
		return ctl_snapshot_get(&args, argv + first, argc - first, err);
	r = ctl_items_parse(&items, argv + first, argc - first, err);
	if (r < 0)
		return r;
	if (args.is_watch && items.n > 1) {
		(void)err_set(err, CTL_USAGE,
			      "only one kind, or one object, can be watched");
		return CTL_USAGE;
	}
	return run(&args, &items, err);
}
