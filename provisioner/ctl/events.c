/* SPDX-License-Identifier: Apache-2.0 */

/*
 * claimctl events: events with the newest last, of a namespace or about one object.
 * The table is the server's; the order is made here, by lastTimestamp.
 */

#include <string.h>

#include <cjson/cJSON.h>
#include <curl/curl.h>

#include "ctl.h"
#include "ctl_table.h"
#include "json_field.h"

static const struct option_spec *const options[] = {
	&ctl_option_all_namespaces, &ctl_option_for,   &ctl_option_namespace,
	&ctl_option_server,	    &ctl_option_watch, NULL,
};

static const struct ctl_verb_spec spec = {
	.program = "claimctl events",
	.usage = "[OPTIONS]",
	.summary = "Lists events, newest last.",
	.options = options,
	.epilogue = "  claimctl events --for pvc/data\n"
		    "  claimctl events -A -w\n",
};

/* "involvedObject.kind=...,involvedObject.name=..." escaped; "" without --for. */
static int make_selector(const struct ctl_args *args, char **ret,
			 struct err *err)
{
	struct ctl_items items;
	_cleanup_(free) char *text = NULL;
	char *operand = (char *)args->about;
	int r;

	if (!args->about) {
		*ret = strdup("");
		return *ret ? 0 : err_set(err, -ENOMEM, "out of memory");
	}
	r = ctl_items_parse(&items, &operand, 1, err);
	if (r == 0 && !items.items[0].name) {
		r = CTL_USAGE;
		(void)err_set(err, r, "--for \"%s\" must be KIND/NAME",
			      args->about);
	}
	if (r < 0)
		return r;
	if (asprintf(&text, "involvedObject.kind=%s,involvedObject.name=%s",
		     object_kind_info(items.items[0].kind)->name,
		     items.items[0].name) < 0)
		text = NULL;
	*ret = text ? curl_easy_escape(NULL, text, 0) : NULL;
	return *ret ? 0 : err_set(err, -ENOMEM, "out of memory");
}

static const char *last_seen(const cJSON *row)
{
	const char *text =
		cJSON_GetStringValue(json_at(row, "object.lastTimestamp"));

	return text ? text : "";
}

static int by_last_seen(const void *a, const void *b)
{
	/* RFC 3339 in UTC sorts as text. */
	return strcmp(last_seen(*(cJSON *const *)a),
		      last_seen(*(cJSON *const *)b));
}

static void sort_rows(cJSON *json)
{
	cJSON *rows = cJSON_GetObjectItemCaseSensitive(json, "rows");
	size_t n = (size_t)cJSON_GetArraySize(rows);
	_cleanup_(free) cJSON **sorted = calloc(n + 1, sizeof(*sorted));

	if (!sorted)
		return; /* in the order that they came */
	for (size_t i = 0; i < n; i++)
		sorted[i] = cJSON_DetachItemFromArray(rows, 0);
	qsort(sorted, n, sizeof(*sorted), by_last_seen);
	for (size_t i = 0; i < n; i++)
		(void)cJSON_AddItemToArray(rows, sorted[i]);
}

struct printer {
	struct ctl_table table;
	size_t n;
};

static int on_event(void *userdata, const char *type, const cJSON *object,
		    struct err *err)
{
	struct printer *printer = userdata;

	/* Old events are forgotten after an hour: no news. */
	if (strcmp(type, "DELETED") == 0)
		return 0;
	return ctl_table_print(&printer->table, object, &printer->n, err);
}

static int list(struct client *client, const char *url, struct printer *printer,
		cJSON **ret, struct err *err)
{
	const struct client_request request = { .method = "GET",
						.path = url,
						.accept = CLIENT_TABLE };
	int r = client_call(client, &request, ret, err);

	if (r != 0)
		return r < 0 ? r : -ENOENT;
	sort_rows(*ret);
	return ctl_table_print(&printer->table, *ret, &printer->n, err);
}

static int follow(struct client *client, const char *url, const cJSON *from,
		  struct printer *printer, struct err *err)
{
	const char *version =
		cJSON_GetStringValue(json_at(from, "metadata.resourceVersion"));
	_cleanup_(free) char *watch_url = NULL;
	struct client_request request = { .method = "GET",
					  .accept = CLIENT_TABLE };

	if (asprintf(&watch_url, "%s&watch=1&resourceVersion=%s", url,
		     version ? version : "") < 0) {
		watch_url = NULL;
		return err_set(err, -ENOMEM, "out of memory");
	}
	request.path = watch_url;
	return client_watch(client, &request, 0, on_event, printer, err);
}

static int run(const struct ctl_args *args, const char *url, struct err *err)
{
	_cleanup_(client_free) struct client *client = NULL;
	struct printer printer = { .table = { .name_prefix = "" } };
	cJSON *json = NULL;
	int r = client_new(&client, args->server, err);

	if (r < 0)
		return r;
	if (args->is_all_namespaces)
		printer.table.flags = CTL_TABLE_NAMESPACE;
	r = list(client, url, &printer, &json, err);
	if (r == 0 && !printer.n && !args->is_watch)
		fputs("No events found.\n", stderr);
	if (r == 0 && args->is_watch)
		r = follow(client, url, json, &printer, err);
	cJSON_Delete(json);
	return r;
}

int verb_events(int argc, char **argv, struct err *err)
{
	_cleanup_(free) char *selector = NULL;
	_cleanup_(free) char *path = NULL;
	_cleanup_(free) char *url = NULL;
	struct ctl_args args;
	int first, r;

	r = ctl_parse(&spec, argc, argv, &args, &first, err);
	if (r != 0)
		return r;
	if (first < argc) {
		(void)err_set(
			err, CTL_USAGE,
			"events takes no operand such as \"%s\"; see --for",
			argv[first]);
		return CTL_USAGE;
	}
	r = make_selector(&args, &selector, err);
	if (r < 0)
		return r;
	path = client_path(KIND_EVENT, ctl_namespace(&args), NULL);
	if (!path || asprintf(&url, "%s?includeObject=Object&fieldSelector=%s",
			      path, selector) < 0) {
		url = NULL;
		return err_set(err, -ENOMEM, "out of memory");
	}
	return run(&args, url, err);
}
