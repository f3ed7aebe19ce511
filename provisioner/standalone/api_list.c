/* SPDX-License-Identifier: Apache-2.0 */

/*
 * There is no cache between the record and the API, so a list is always of now, and
 * resourceVersion says only what would not do: NotOlderThan (and a version without a
 * match) refuses a version that is yet to come, Exact one after which something of
 * this kind has changed. As far back as the hub's ring reaches that is known; beyond,
 * it is too old (410).
 *
 * With `limit` the rest of the list is kept (api_pages.h); the pages are of one
 * revision. When it is not there any more, the answer is a 410 with a `continue` that
 * goes on behind the same object in what there is by then, as a real server's.
 *
 * Items of a list carry their kind and apiVersion, which a real server leaves out:
 * clients fill them in or overwrite them, and the list can be put together from the
 * stored texts.
 */

#include "api_list.h"

#include <string.h>

#include "api_pages.h"
#include "api_selector.h"
#include "api_status.h"
#include "api_table.h"
#include "parse.h"
#include "registry.h"
#include "watch_hub.h"

#define LIMIT_MAX 100000u

/* The namespace to look in; NULL = all. */
static const char *namespace_of(const struct api_route *route)
{
	if (route->has_namespace)
		return route->namespace;
	return object_kind_info(route->kind)->is_namespaced ? NULL : "";
}

static void keep_matching(struct object_list *list,
			  const struct api_selector *selector)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++) {
		if (api_selector_matches(selector, list->items[i]))
			list->items[n++] = list->items[i];
		else
			object_unref(list->items[i]);
	}
	list->n = n;
}

int api_list_select(const struct api *api, const struct api_request *request,
		    const struct api_route *route, struct object_list *ret,
		    struct api_response *response)
{
	_cleanup_(api_selector_fini) struct api_selector selector = { 0 };
	_cleanup_(err_fini) struct err err = ERR_INIT;
	int r;

	r = api_selector_parse(&selector, request->query.label_selector,
			       request->query.field_selector, route->kind,
			       &err);
	if (r < 0) {
		api_status_bad_request(response, &err);
		return r;
	}
	r = registry_list(api->registry, route->kind, namespace_of(route), ret,
			  &err);
	if (r != 0) {
		api_status_outcome(response, r, &err, route->kind, "");
		return r;
	}
	keep_matching(ret, &selector);
	return 0;
}

static void print_meta(FILE *out, const struct api_list_meta *meta)
{
	fprintf(out, "{\"resourceVersion\":\"%llu\"",
		(unsigned long long)meta->resource_version);
	if (meta->next)
		fprintf(out, ",\"continue\":\"%s\"", meta->next);
	if (meta->n_left)
		fprintf(out, ",\"remainingItemCount\":%zu", meta->n_left);
	fputc('}', out);
}

static char *list_text(enum object_kind kind, const struct object_list *list,
		       const struct api_list_meta *meta)
{
	const struct object_kind_info *info = object_kind_info(kind);
	_cleanup_(free) char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	fprintf(out, "{\"kind\":\"%sList\",\"apiVersion\":\"%s\",\"metadata\":",
		info->name, info->api_version);
	print_meta(out, meta);
	fputs(",\"items\":[", out);
	for (size_t i = 0; i < list->n; i++)
		fprintf(out, "%s%s", i ? "," : "", list->items[i]->text);
	fputs("]}", out);
	return fclose(out) == 0 ? TAKE_PTR(text) : NULL;
}

void api_list_show(const struct api_request *request, enum object_kind kind,
		   const struct object_list *list,
		   const struct api_list_meta *meta, struct api_response *ret)
{
	enum api_table_include include;

	if (!api_table_is_accepted(request->accept))
		api_status_body(ret, 200, list_text(kind, list, meta));
	else if (api_table_include_parse(request->query.include_object,
					 &include) < 0)
		api_status_fail(
			ret, 400, "BadRequest",
			"includeObject must be Metadata, Object or None");
	else
		api_status_body(ret, 200,
				api_table_text(kind, list->items, list->n, meta,
					       include));
}

static bool is_set(const char *value)
{
	return value && *value;
}

static bool is(const char *value, const char *wanted)
{
	return value && strcmp(value, wanted) == 0;
}

/* The rules of k8s.io/apimachinery's ValidateListOptions; NULL = none is broken. */
static const char *broken_rule(const struct api_query *query, bool is_watch)
{
	const char *match = query->resource_version_match;

	if (query->send_initial_events && !is_watch)
		return "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list";
	if (query->send_initial_events && !is(match, "NotOlderThan"))
		return "resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
	if (!is_set(match))
		return NULL;
	if (is_watch && !query->send_initial_events)
		return "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
	if (!is(match, "Exact") && !is(match, "NotOlderThan"))
		return "resourceVersionMatch: Unsupported value: supported values: \"Exact\", \"NotOlderThan\"";
	if (is_set(query->continues))
		return "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided";
	if (!is_set(query->resource_version) && !is_watch)
		return "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided";
	if (is(match, "Exact") && is(query->resource_version, "0"))
		return "resourceVersionMatch: Forbidden: resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"";
	return NULL;
}

int api_list_check(const struct api_query *query, bool is_watch,
		   struct api_response *response)
{
	const char *broken = broken_rule(query, is_watch);
	char message[256];

	if (!broken)
		return 0;
	(void)snprintf(message, sizeof(message),
		       "ListOptions.meta.k8s.io \"\" is invalid: %s", broken);
	api_status_fail(response, 422, "Invalid", message);
	return -EINVAL;
}

struct list_options {
	uint64_t version; /* 0 = any */
	bool is_exact;
	uint64_t limit; /* 0 = none */
	bool is_continued;
	struct api_continue next;
};

static int parse_number(const char *name, const char *text, uint64_t *ret,
			struct api_response *response)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;

	*ret = 0;
	if (!is_set(text) || parse_u64(text, 0, INT64_MAX, ret) == 0)
		return 0;
	(void)err_set(&err, -EINVAL,
		      "%s: Invalid value: \"%.60s\": must be a number", name,
		      text);
	api_status_bad_request(response, &err);
	return -EINVAL;
}

static int parse_continue(const struct api_query *query,
			  struct list_options *ret,
			  struct api_response *response)
{
	ret->is_continued = is_set(query->continues);
	if (!ret->is_continued)
		return 0;
	if (ret->version) {
		api_status_fail(
			response, 400, "BadRequest",
			"specifying resource version is not allowed when using continue");
		return -EINVAL;
	}
	if (api_continue_parse(query->continues, &ret->next) < 0) {
		api_status_fail(
			response, 400, "BadRequest",
			"invalid continue token: continue key is not valid");
		return -EINVAL;
	}
	return 0;
}

static int parse_options(const struct api_query *query,
			 struct list_options *ret,
			 struct api_response *response)
{
	int r = api_list_check(query, false, response);

	if (r == 0)
		r = parse_number("resourceVersion", query->resource_version,
				 &ret->version, response);
	if (r == 0)
		r = parse_number("limit", query->limit, &ret->limit, response);
	if (ret->limit > LIMIT_MAX)
		ret->limit = LIMIT_MAX;
	/* Without a match, a limit has always meant this version and no other. */
	ret->is_exact = is(query->resource_version_match, "Exact") ||
			(!is_set(query->resource_version_match) && ret->limit);
	return r == 0 ? parse_continue(query, ret, response) : r;
}

static int check_version(const struct api *api,
			 const struct list_options *options,
			 enum object_kind kind, struct object_list *list,
			 struct api_response *response)
{
	if (options->version > list->resource_version) {
		api_status_too_large(response, options->version,
				     list->resource_version);
		return -EAGAIN;
	}
	if (!options->version || !options->is_exact)
		return 0;
	if (watch_hub_has_changed(api->hub, kind, options->version)) {
		api_status_fail(
			response, 410, "Expired",
			"The resourceVersion for the provided list is too old.");
		return -ESTALE;
	}
	list->resource_version = options->version;
	return 0;
}

/* What an inconsistent `continue` has seen already. */
static void skip_seen(const struct api_continue *next, struct object_list *list)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++) {
		if (api_continue_precedes(next, list->items[i]))
			list->items[n++] = list->items[i];
		else
			object_unref(list->items[i]);
	}
	list->n = n;
}

static void cut(struct object_list *list, size_t n)
{
	while (list->n > n)
		object_unref(list->items[--list->n]);
}

/* Sends the first of so many objects, of which *next is where the others begin. */
static void show_page(const struct api_request *request, enum object_kind kind,
		      const struct object_list *list, size_t n_left,
		      struct api_continue *next, struct api_response *ret)
{
	bool is_filtered = is_set(request->query.label_selector) ||
			   is_set(request->query.field_selector);
	struct api_list_meta meta = {
		.resource_version = list->resource_version,
		.n_left = is_filtered ? 0 : n_left,
	};
	char text[API_CONTINUE_MAX];

	if (n_left) {
		next->revision = list->resource_version;
		next->at += list->n;
		api_continue_after(next, list->items[list->n - 1]);
		api_continue_print(next, text);
		meta.next = text;
	}
	api_list_show(request, kind, list, &meta, ret);
}

static void list_now(const struct api *api, const struct api_request *request,
		     const struct api_route *route,
		     struct list_options *options, struct api_response *ret)
{
	_cleanup_(object_list_fini) struct object_list list = OBJECT_LIST_INIT;
	size_t n_left = 0;

	if (api_list_select(api, request, route, &list, ret) != 0 ||
	    check_version(api, options, route->kind, &list, ret) != 0)
		return;
	if (options->is_continued)
		skip_seen(&options->next, &list);
	options->next.at = 0;
	/* What can't be kept is sent whole: a limit is a wish. */
	if (api->pages && options->limit && list.n > options->limit &&
	    api_pages_keep(api->pages, &list, options->limit,
			   &options->next.list) == 0) {
		n_left = list.n - options->limit;
		cut(&list, options->limit);
	}
	show_page(request, route->kind, &list, n_left, &options->next, ret);
}

static void list_kept(const struct api *api, const struct api_request *request,
		      const struct api_route *route,
		      struct list_options *options, struct api_response *ret)
{
	_cleanup_(object_list_fini) struct object_list list = OBJECT_LIST_INIT;
	size_t n = options->limit ? options->limit : LIMIT_MAX;
	size_t n_left;

	if (api->pages &&
	    api_pages_take(api->pages, &options->next, n, &list, &n_left) ==
		    0 &&
	    list.items[0]->kind == route->kind) {
		show_page(request, route->kind, &list, n_left, &options->next,
			  ret);
		return;
	}
	options->next.revision = 0;
	api_status_expired(ret, &options->next);
}

void api_list(const struct api *api, const struct api_request *request,
	      const struct api_route *route, struct api_response *ret)
{
	struct list_options options = { 0 };

	if (parse_options(&request->query, &options, ret) != 0)
		return;
	if (options.is_continued && options.next.revision)
		list_kept(api, request, route, &options, ret);
	else
		list_now(api, request, route, &options, ret);
}
