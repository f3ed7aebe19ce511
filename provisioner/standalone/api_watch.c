/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A watch has three phases:
 *
 *	initial: ADDED for every object there is (resourceVersion absent or 0, unless
 *	         sendInitialEvents is false; or it is true); then, for sendInitialEvents, a bookmark with the
 *	         annotation k8s.io/initial-events-end
 *	live:    changes from the hub that match
 *	over:    time is up (a last bookmark, if they are wanted), too old (one
 *	         ERROR line with a 410), the client left, or the server stops
 *
 * One line is pending at a time. Between lists and changes nothing is lost: the
 * watcher starts at the revision of the list.
 *
 * An object that leaves the selector is DELETED for this watch, as in Kubernetes;
 * which objects are in is remembered by uid, where the selector looks at something
 * that can change: labels, and a pod's fields.
 */

#include "api_watch.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "api_list.h"
#include "api_selector.h"
#include "api_status.h"
#include "api_table.h"
#include "clock.h"
#include "parse.h"
#include "registry.h"
#include "watch_hub.h"

#define TIMEOUT_DEFAULT_S 1800u
#define TIMEOUT_MAX_S	  86400u
#define BOOKMARK_EVERY_NS (60 * NS_PER_S)

struct api_watch {
	struct api_stream stream; /* first */
	enum object_kind kind;
	bool has_namespace;
	char namespace[API_NAME_MAX];
	struct api_selector selector;
	bool is_table;
	enum api_table_include include;
	bool wants_bookmarks;
	bool wants_initial_end; /* not sent yet */

	struct text_list *initial; /* NULL = none */
	size_t next_initial;
	struct watcher *watcher;
	struct json_index index; /* of the object that is looked at */
	bool has_members;	 /* the selector's objects may come and go */
	char **members;		 /* their uids */
	size_t n_members;

	char *line; /* pending; NULL = none */
	size_t line_len;
	size_t line_sent;
	bool is_over; /* nothing comes after the pending line */
	uint64_t end_ns;
	uint64_t bookmark_ns;
};

static void set_line(struct api_watch *watch, const char *type,
		     const char *object)
{
	int len;

	watch->line_sent = 0;
	len = object ? asprintf(&watch->line,
				"{\"type\":\"%s\",\"object\":%s}\n", type,
				object)
		     : -1;
	if (len < 0) {
		/* A client that misses a change must not go on. */
		watch->line = NULL;
		watch->is_over = true;
		return;
	}
	watch->line_len = (size_t)len;
}

static void set_change(struct api_watch *watch, const char *type,
		       const char *object)
{
	_cleanup_(free) char *table = NULL;

	if (watch->is_table)
		table = api_table_text(watch->kind, object, watch->include);
	set_line(watch, type, watch->is_table ? table : object);
}

static uint64_t revision(const struct api_watch *watch)
{
	return watcher_revision(watch->watcher);
}

static void set_bookmark(struct api_watch *watch, const char *annotations)
{
	const struct object_kind_info *info = object_kind_info(watch->kind);
	struct api_list_meta meta = { .resource_version = revision(watch) };
	_cleanup_(free) char *object = NULL;

	if (watch->is_table)
		object = api_table_empty(watch->kind, &meta);
	else if (
		asprintf(
			&object,
			"{\"kind\":\"%s\",\"apiVersion\":\"%s\",\"metadata\":{\"resourceVersion\":\"%llu\"%s}}",
			info->name, info->api_version,
			(unsigned long long)revision(watch), annotations) < 0)
		object = NULL;
	set_line(watch, "BOOKMARK", object);
}

static void set_expired(struct api_watch *watch)
{
	_cleanup_(free) char *status = NULL;
	char message[80];

	(void)snprintf(message, sizeof(message),
		       "too old resource version: %llu",
		       (unsigned long long)revision(watch));
	status = api_status_text(410, "Expired", message);
	set_line(watch, "ERROR", status);
	watch->is_over = true;
}

/* Position of a uid among the members; n_members = not there. */
static size_t find_member(const struct api_watch *watch, const char *uid)
{
	size_t i = 0;

	while (i < watch->n_members && strcmp(watch->members[i], uid) != 0)
		i++;
	return i;
}

/* One that is none yet. */
static bool append_member(struct api_watch *watch, const char *uid)
{
	char **grown = reallocarray(watch->members, watch->n_members + 1,
				    sizeof(*grown));

	if (!grown)
		return false;
	watch->members = grown;
	grown[watch->n_members] = strdup(uid);
	if (!grown[watch->n_members])
		return false;
	watch->n_members++;
	return true;
}

static bool add_member(struct api_watch *watch, const char *uid)
{
	return find_member(watch, uid) < watch->n_members ||
	       append_member(watch, uid);
}

static bool remove_member(struct api_watch *watch, const char *uid)
{
	size_t i = find_member(watch, uid);

	if (i == watch->n_members)
		return false;
	free(watch->members[i]);
	watch->members[i] = watch->members[--watch->n_members];
	return true;
}

static bool is_wanted(struct api_watch *watch, const struct object *object)
{
	return json_index_read(&watch->index, object->text) == 0 &&
	       api_selector_matches(&watch->selector, &watch->index);
}

/* Of the object that is looked at, and no other: there is one of each in a list. */
static bool append_uid(struct api_watch *watch)
{
	char uid[64];

	json_index_copy(&watch->index,
			json_index_at(&watch->index, "metadata.uid"), uid,
			sizeof(uid));
	return append_member(watch, uid);
}

/* All the objects of a list become members. */
static bool add_members(struct api_watch *watch, const struct text_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		if (json_index_read(&watch->index, text_list_at(list, i)) < 0 ||
		    !append_uid(watch))
			return false;
	}
	return true;
}

/*
 * What a change is for a watch whose objects may come and go; NULL = nothing. An
 * object that is gone is reported whether it is known or not: a watch that resumes
 * from the past may not know it any more.
 */
static const char *type_by_membership(struct api_watch *watch,
				      enum store_change change,
				      const struct object *object)
{
	bool was_member = find_member(watch, object->uid) < watch->n_members;
	bool matches = is_wanted(watch, object);

	if (change == STORE_DELETED || !matches) {
		(void)remove_member(watch, object->uid);
		return was_member || matches ? "DELETED" : NULL;
	}
	if (!add_member(watch, object->uid))
		watch->is_over = true;
	return was_member && change == STORE_MODIFIED ? "MODIFIED" : "ADDED";
}

static const char *change_type(struct api_watch *watch,
			       const struct watch_change *change)
{
	static const char *const names[] = {
		[STORE_ADDED] = "ADDED",
		[STORE_MODIFIED] = "MODIFIED",
		[STORE_DELETED] = "DELETED",
	};
	const struct object *object = change->object;

	if (object->kind != watch->kind ||
	    (watch->has_namespace &&
	     strcmp(object->namespace, watch->namespace) != 0))
		return NULL;
	if (watch->has_members)
		return type_by_membership(watch, change->change, object);
	if (!is_wanted(watch, object))
		return NULL;
	return names[change->change];
}

static void next_initial(struct api_watch *watch)
{
	set_change(watch, "ADDED",
		   text_list_at(watch->initial, watch->next_initial++));
	/* It is large, and the watch may last. */
	if (watch->next_initial == watch->initial->n)
		watch->initial = text_list_unref(watch->initial);
}

static void on_timeout(struct api_watch *watch)
{
	bool is_end = clock_ns() >= watch->end_ns;

	watch->is_over = is_end;
	watch->bookmark_ns = clock_ns() + BOOKMARK_EVERY_NS;
	if (watch->wants_bookmarks)
		set_bookmark(watch, "");
}

/* Takes one change, or what happened instead of one. */
static void next_live(struct api_watch *watch, int client_fd)
{
	uint64_t deadline = watch->bookmark_ns < watch->end_ns
				    ? watch->bookmark_ns
				    : watch->end_ns;
	struct watch_change change = { 0 };
	_cleanup_(object_unref) struct object *object = NULL;
	const char *type;
	int r;

	r = watcher_next(watch->watcher, deadline, client_fd, &change);
	object = change.object;
	if (r == WATCH_TIMEOUT) {
		on_timeout(watch);
	} else if (r == WATCH_TOO_OLD) {
		set_expired(watch);
	} else if (r != 0) {
		watch->is_over = true;
	} else {
		type = change_type(watch, &change);
		if (type)
			set_change(watch, type, object->text);
	}
}

static void next_line(struct api_watch *watch, int client_fd)
{
	if (watch->initial && watch->next_initial < watch->initial->n) {
		next_initial(watch);
	} else if (watch->wants_initial_end) {
		watch->wants_initial_end = false;
		set_bookmark(
			watch,
			",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}");
	} else {
		next_live(watch, client_fd);
	}
}

static size_t watch_read(struct api_stream *stream, int client_fd, char *buffer,
			 size_t size)
{
	struct api_watch *watch =
		container_of(stream, struct api_watch, stream);
	size_t n;

	while (!watch->line) {
		if (watch->is_over)
			return 0;
		next_line(watch, client_fd);
	}
	n = watch->line_len - watch->line_sent;
	if (n > size)
		n = size;
	memcpy(buffer, watch->line + watch->line_sent, n);
	watch->line_sent += n;
	if (watch->line_sent == watch->line_len) {
		free(watch->line);
		watch->line = NULL;
	}
	return n;
}

static struct api_watch *watch_free(struct api_watch *watch)
{
	if (!watch)
		return NULL;
	for (size_t i = 0; i < watch->n_members; i++)
		free(watch->members[i]);
	free(watch->members);
	free(watch->line);
	watcher_free(watch->watcher);
	text_list_unref(watch->initial);
	json_index_fini(&watch->index);
	api_selector_fini(&watch->selector);
	free(watch);
	return NULL;
}

DEFINE_CLEANUP(struct api_watch *, watch_free)

static void free_stream(struct api_stream *stream)
{
	watch_free(container_of(stream, struct api_watch, stream));
}

/* Everything of the query that needs no state; the response has the failure. */
static int configure(struct api_watch *watch, const struct api_request *request,
		     const struct api_route *route,
		     struct api_response *response)
{
	const struct api_query *query = &request->query;
	_cleanup_(err_fini) struct err err = ERR_INIT;
	uint32_t timeout_s = TIMEOUT_DEFAULT_S;

	watch->kind = route->kind;
	watch->has_namespace = route->has_namespace;
	memcpy(watch->namespace, route->namespace, API_NAME_MAX);
	watch->wants_bookmarks =
		api_query_is_true(query->allow_watch_bookmarks);
	watch->is_table = api_table_is_accepted(request->accept);
	if (query->timeout_seconds && *query->timeout_seconds &&
	    parse_u32(query->timeout_seconds, 0, TIMEOUT_MAX_S, &timeout_s) < 0)
		(void)err_set(&err, -EINVAL,
			      "timeoutSeconds must be a number up to %u",
			      TIMEOUT_MAX_S);
	else if (api_table_include_parse(query->include_object,
					 &watch->include) < 0)
		(void)err_set(&err, -EINVAL,
			      "includeObject must be Metadata, Object or None");
	else
		(void)api_selector_parse(
			&watch->selector, query->label_selector,
			query->field_selector, route->kind, &err);
	if (err.code) {
		api_status_bad_request(response, &err);
		return err.code;
	}
	watch->has_members =
		watch->selector.labels.is_set ||
		(route->kind == KIND_POD && watch->selector.n_fields);
	if (!timeout_s) /* as in Kubernetes: no limit of the client's */
		timeout_s = TIMEOUT_DEFAULT_S;
	watch->end_ns = clock_ns() + timeout_s * NS_PER_S;
	watch->bookmark_ns = clock_ns() + BOOKMARK_EVERY_NS;
	return 0;
}

/* Where the watch begins: at a revision, or at a list of what there is now. */
static int find_start(struct api_watch *watch, const struct api *api,
		      const struct api_request *request,
		      const struct api_route *route,
		      struct api_response *response, uint64_t *ret)
{
	const char *text = request->query.resource_version;
	uint64_t after = 0;
	char message[160];

	if (text && *text && parse_u64(text, 0, INT64_MAX, &after) < 0) {
		(void)snprintf(
			message, sizeof(message),
			"resourceVersion: Invalid value: \"%.60s\": must be a number",
			text);
		api_status_fail(response, 400, "BadRequest", message);
		return -EINVAL;
	}
	*ret = after;
	watch->wants_initial_end =
		api_query_is_true(request->query.send_initial_events);
	if (after && !watch->wants_initial_end)
		return 0;
	if (request->query.send_initial_events && !watch->wants_initial_end) {
		*ret = watch_hub_revision(api->hub);
		return 0;
	}
	if (api_list_select(api, request, route, NULL, &watch->initial,
			    response) != 0)
		return -EINVAL;
	*ret = watch->initial->resource_version;
	return 0;
}

/*
 * Without an initial list the members are those of now: exact unless the client
 * resumes from the past, where at worst an object that left the selector meanwhile
 * is not reported.
 */
static int find_members(struct api_watch *watch, const struct api *api,
			const struct api_request *request,
			const struct api_route *route,
			struct api_response *response)
{
	_cleanup_(text_list_unref) struct text_list *list = NULL;

	if (!watch->has_members)
		return 0;
	if (watch->initial)
		list = text_list_ref(watch->initial);
	else if (api_list_select(api, request, route, NULL, &list, response) !=
		 0)
		return -EINVAL;
	if (add_members(watch, list))
		return 0;
	api_status_fail(response, 500, "InternalError", "out of memory");
	return -ENOMEM;
}

static int open_watcher(struct api_watch *watch, const struct api *api,
			uint64_t after, struct api_response *response)
{
	int r = watcher_new(&watch->watcher, api->hub, after);
	_cleanup_(free) char *status = NULL;
	char message[80];

	if (r == WATCH_TOO_OLD) {
		/* A stream with one error in it, as the real server answers. */
		(void)snprintf(message, sizeof(message),
			       "too old resource version: %llu",
			       (unsigned long long)after);
		status = api_status_text(410, "Expired", message);
		set_line(watch, "ERROR", status);
		watch->is_over = true;
		return 0;
	}
	if (r == WATCH_FULL)
		api_status_fail(response, 429, "TooManyRequests",
				"too many watches, please try again later");
	else if (r != 0)
		api_status_fail(response, 503, "ServiceUnavailable",
				"the server can't start a watch now");
	return r;
}

void api_watch_start(const struct api *api, const struct api_request *request,
		     const struct api_route *route, struct api_response *ret)
{
	_cleanup_(watch_free) struct api_watch *watch =
		calloc(1, sizeof(*watch));
	uint64_t after;

	if (!watch) {
		api_status_fail(ret, 500, "InternalError", "out of memory");
		return;
	}
	if (api_list_check(&request->query, true, ret) < 0 ||
	    configure(watch, request, route, ret) < 0 ||
	    find_start(watch, api, request, route, ret, &after) < 0 ||
	    find_members(watch, api, request, route, ret) < 0 ||
	    open_watcher(watch, api, after, ret) != 0)
		return;
	ret->status = 200;
	watch->stream = (struct api_stream){ .read = watch_read,
					     .free = free_stream,
					     .waits = true };
	ret->stream = &TAKE_PTR(watch)->stream;
}
