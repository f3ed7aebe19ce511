/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A list is read from the record as texts (struct text_list), which are parsed by
 * nobody: where a selector or a table asks for fields, they are looked up in the text.
 *
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

#include "api_list_stream.h"
#include "api_selector.h"
#include "api_status.h"
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

/* Which objects of a kind are wanted. */
struct selection {
	struct api_selector selector;
	const struct api_continue *after; /* NULL = from the first one on */
	struct json_index index;
};

static void selection_fini(struct selection *selection)
{
	api_selector_fini(&selection->selector);
	json_index_fini(&selection->index);
}

DEFINE_FINI(struct selection, selection_fini)

static bool is_everything(const struct selection *selection)
{
	return !selection->after && !selection->selector.labels.is_set &&
	       !selection->selector.n_fields;
}

static int is_wanted(void *userdata, const char *text)
{
	struct selection *selection = userdata;
	struct json_index *index = &selection->index;
	int r = json_index_read(index, text);

	if (r < 0)
		return r;
	if (selection->after && !api_continue_precedes(selection->after, index))
		return 0;
	return api_selector_matches(&selection->selector, index);
}

int api_list_select(const struct api *api, const struct api_request *request,
		    const struct api_route *route,
		    const struct api_continue *after, struct text_list **ret,
		    struct api_response *response)
{
	_cleanup_(
		selection_fini) struct selection selection = { .after = after };
	_cleanup_(err_fini) struct err err = ERR_INIT;
	int r;

	r = api_selector_parse(
		&selection.selector, request->query.label_selector,
		request->query.field_selector, route->kind, &err);
	if (r < 0) {
		api_status_bad_request(response, &err);
		return r;
	}
	r = registry_list_texts(api->registry, route->kind, namespace_of(route),
				is_everything(&selection) ? NULL : is_wanted,
				&selection, ret, &err);
	if (r != 0)
		api_status_outcome(response, r, &err, route->kind, "");
	return r;
}

void api_list_show(const struct api_request *request, enum object_kind kind,
		   const struct api_list_part *part,
		   const struct api_list_meta *meta, struct api_response *ret)
{
	struct api_list_form form = {
		.kind = kind,
		.is_table = api_table_is_accepted(request->accept),
	};

	if (form.is_table &&
	    api_table_include_parse(request->query.include_object,
				    &form.include) < 0) {
		api_status_fail(
			ret, 400, "BadRequest",
			"includeObject must be Metadata, Object or None");
		return;
	}
	ret->stream = api_list_stream_new(&form, part, meta);
	if (ret->stream)
		ret->status = 200;
	else
		api_status_fail(ret, 500, "InternalError", "out of memory");
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
			 enum object_kind kind, struct text_list *list,
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

/* Where the page behind this one begins. */
static int set_next(const struct api_list_part *part, struct api_continue *next)
{
	_cleanup_(json_index_fini) struct json_index last = { 0 };
	int r = json_index_read(
		&last, text_list_at(part->list, part->from + part->n - 1));

	if (r < 0)
		return r;
	next->revision = part->list->resource_version;
	next->at = part->from + part->n;
	api_continue_after(next, &last);
	return 0;
}

/* next->list is the whole list, of which this is a part. */
static void show_page(const struct api_request *request, enum object_kind kind,
		      const struct api_list_part *part,
		      struct api_continue *next, struct api_response *ret)
{
	size_t n_left = part->list->n - part->from - part->n;
	bool is_filtered = is_set(request->query.label_selector) ||
			   is_set(request->query.field_selector);
	struct api_list_meta meta = {
		.resource_version = part->list->resource_version,
		.n_left = is_filtered ? 0 : n_left,
	};
	char text[API_CONTINUE_MAX];

	if (n_left) {
		if (set_next(part, next) < 0) {
			api_status_fail(
				ret, 500, "InternalError",
				"the record has an object that can't be read");
			return;
		}
		api_continue_print(next, text);
		meta.next = text;
	}
	api_list_show(request, kind, part, &meta, ret);
}

static void list_now(const struct api *api, const struct api_request *request,
		     const struct api_route *route,
		     struct list_options *options, struct api_response *ret)
{
	_cleanup_(text_list_unref) struct text_list *list = NULL;
	struct api_list_part part;

	/* What an inconsistent `continue` has seen already is not seen again. */
	if (api_list_select(api, request, route,
			    options->is_continued ? &options->next : NULL,
			    &list, ret) != 0 ||
	    check_version(api, options, route->kind, list, ret) != 0)
		return;
	part = (struct api_list_part){ .list = list, .n = list->n };
	/* What can't be kept is sent whole: a limit is a wish. */
	if (api->pages && options->limit && list->n > options->limit &&
	    api_pages_keep(api->pages, list, &options->next.list) == 0)
		part.n = options->limit;
	show_page(request, route->kind, &part, &options->next, ret);
}

static bool is_of_kind(const struct api_list_part *part, enum object_kind kind)
{
	_cleanup_(json_index_fini) struct json_index first = { 0 };

	return json_index_read(&first, text_list_at(part->list, part->from)) ==
		       0 &&
	       json_index_is(&first, json_index_at(&first, "kind"),
			     object_kind_info(kind)->name);
}

static void list_kept(const struct api *api, const struct api_request *request,
		      const struct api_route *route,
		      struct list_options *options, struct api_response *ret)
{
	size_t n = options->limit ? options->limit : LIMIT_MAX;
	_cleanup_(text_list_unref) struct text_list *list = NULL;
	struct api_list_part part;

	if (api->pages &&
	    api_pages_take(api->pages, &options->next, n, &part) == 0) {
		list = part.list;
		if (is_of_kind(&part, route->kind)) {
			show_page(request, route->kind, &part, &options->next,
				  ret);
			return;
		}
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
