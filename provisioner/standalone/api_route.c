/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Kubernetes' paths:
 *
 *	/api/v1/PLURAL                            /apis/GROUP/VERSION/PLURAL
 *	/api/v1/namespaces/NS/PLURAL[/NAME[/status]]
 *	/api/v1/PLURAL/NAME[/status]              (cluster-scoped kinds)
 *	/api/v1/namespaces[/NAME]
 *	/claimfs/v1/VERB                          (api_admin.h)
 *	/api, /api/v1, /apis, ..., /version, /healthz, /readyz, /livez
 *	/openapi/v2, /openapi/v3, /openapi/v3/api/v1, ...
 *
 * A path is split once into segments; what is left over, or missing, is a 404 as it
 * is in Kubernetes.
 */

#include "api_route.h"

#include <string.h>

#include "api_access.h"
#include "api_admin.h"
#include "api_discovery.h"
#include "api_list.h"
#include "api_namespace.h"
#include "api_object.h"
#include "api_openapi.h"
#include "api_status.h"
#include "api_watch.h"

#define SEGMENTS_MAX 8

struct segments {
	char text[SEGMENTS_MAX][API_NAME_MAX];
	size_t n;
};

/* false: too many or too long, so no path of ours. A final slash is ignored. */
static bool split(const char *path, struct segments *ret)
{
	ret->n = 0;
	while (*path == '/') {
		size_t len = strcspn(++path, "/");

		if (!len && !*path)
			return true;
		if (!len || len >= API_NAME_MAX || ret->n == SEGMENTS_MAX)
			return false;
		memcpy(ret->text[ret->n], path, len);
		ret->text[ret->n++][len] = '\0';
		path += len;
	}
	return !*path;
}

static bool is(const struct segments *segments, size_t i, const char *text)
{
	return i < segments->n && strcmp(segments->text[i], text) == 0;
}

static bool find_kind(const char *api_version, const char *plural,
		      enum object_kind *ret)
{
	for (int i = 0; i < KIND_STANDALONE_N; i++) {
		const struct object_kind_info *info =
			object_kind_info((enum object_kind)i);

		if (strcmp(info->plural, plural) == 0 &&
		    strcmp(info->api_version, api_version) == 0) {
			*ret = (enum object_kind)i;
			return true;
		}
	}
	return false;
}

/* The index behind "/api/v1" or "/apis/GROUP/VERSION"; 0 = neither. */
static size_t read_version(const struct segments *s, char *ret, size_t size)
{
	if (is(s, 0, "api") && s->n >= 2) {
		(void)snprintf(ret, size, "%s", s->text[1]);
		return 2;
	}
	if (is(s, 0, "apis") && s->n >= 3) {
		(void)snprintf(ret, size, "%s/%s", s->text[1], s->text[2]);
		return 3;
	}
	return 0;
}

static void route_name(const struct segments *s, size_t i,
		       struct api_route *route)
{
	size_t left = s->n - i;

	/* An object needs its namespace, and only namespaced kinds have one. */
	if (object_kind_info(route->kind)->is_namespaced !=
		    route->has_namespace &&
	    (route->has_namespace || left > 0))
		return;
	if (left == 0)
		route->target = API_TARGET_COLLECTION;
	else if (left == 1)
		route->target = API_TARGET_OBJECT;
	else if (left == 2 && is(s, i + 1, "status"))
		route->target = API_TARGET_STATUS;
	if (left > 0)
		memcpy(route->name, s->text[i], API_NAME_MAX);
}

static void route_resource(const struct segments *s, struct api_route *route)
{
	char version[2 * API_NAME_MAX];
	size_t i = read_version(s, version, sizeof(version));

	if (i == 0 || i >= s->n)
		return;
	if (is(s, i, "namespaces") && strcmp(version, "v1") == 0 &&
	    s->n <= i + 2) {
		route->target = s->n == i + 1 ? API_TARGET_NAMESPACES
					      : API_TARGET_NAMESPACE;
		if (s->n == i + 2)
			memcpy(route->name, s->text[i + 1], API_NAME_MAX);
		return;
	}
	if (is(s, i, "namespaces") && s->n > i + 2) {
		route->has_namespace = true;
		memcpy(route->namespace, s->text[i + 1], API_NAME_MAX);
		i += 2;
	}
	if (find_kind(version, s->text[i], &route->kind))
		route_name(s, i + 1, route);
}

static void route_admin(const struct segments *s, struct api_route *route)
{
	if (!is(s, 1, "v1") || s->n != 3)
		return;
	route->target = API_TARGET_ADMIN;
	memcpy(route->name, s->text[2], API_NAME_MAX);
}

void api_route_parse(const char *path, struct api_route *ret)
{
	struct segments segments;

	*ret = (struct api_route){ .target = API_TARGET_NONE };
	if (!split(path, &segments))
		return;
	if (is(&segments, 0, "healthz") || is(&segments, 0, "readyz") ||
	    is(&segments, 0, "livez"))
		ret->target = API_TARGET_HEALTH;
	else if (api_discovery_has(path))
		ret->target = API_TARGET_DISCOVERY;
	else if (is(&segments, 0, "claimfs"))
		route_admin(&segments, ret);
	else if (api_openapi_has(path))
		ret->target = API_TARGET_OPENAPI;
	else if (api_access_has(path))
		ret->target = API_TARGET_ACCESS;
	else
		route_resource(&segments, ret);
}

static void answer_health(const struct api *api,
			  const struct api_request *request,
			  const struct api_route *route,
			  struct api_response *ret)
{
	(void)api;
	(void)request;
	(void)route;
	ret->status = 200;
	ret->content_type = "text/plain";
	ret->body = strdup("ok");
}

static void answer_collection(const struct api *api,
			      const struct api_request *request,
			      const struct api_route *route,
			      struct api_response *ret)
{
	if (api_query_is_true(request->query.watch))
		api_watch_start(api, request, route, ret);
	else
		api_list(api, request, route, ret);
}

static void answer_admin(const struct api *api,
			 const struct api_request *request,
			 const struct api_route *route,
			 struct api_response *ret)
{
	api_admin_handle(api->admin, request, route->name, ret);
}

typedef void (*api_fn)(const struct api *api, const struct api_request *request,
		       const struct api_route *route, struct api_response *ret);

static const api_fn handlers[API_TARGET_N][API_METHOD_N] = {
	[API_TARGET_DISCOVERY] = { [API_GET] = api_discovery_get },
	[API_TARGET_OPENAPI] = { [API_GET] = api_openapi_get },
	[API_TARGET_HEALTH] = { [API_GET] = answer_health },
	[API_TARGET_ACCESS] = { [API_POST] = api_access_review },
	[API_TARGET_NAMESPACES] = { [API_GET] = api_namespace_list,
				    [API_POST] = api_namespace_create },
	[API_TARGET_NAMESPACE] = { [API_GET] = api_namespace_get,
				   [API_PUT] = api_namespace_update,
				   [API_PATCH] = api_namespace_update,
				   [API_DELETE] = api_namespace_delete },
	[API_TARGET_COLLECTION] = { [API_GET] = answer_collection,
				    [API_POST] = api_object_create,
				    [API_DELETE] = api_object_delete_all },
	[API_TARGET_OBJECT] = { [API_GET] = api_object_get,
				[API_PUT] = api_object_replace,
				[API_PATCH] = api_object_patch,
				[API_DELETE] = api_object_delete },
	[API_TARGET_STATUS] = { [API_GET] = api_object_get,
				[API_PUT] = api_object_replace,
				[API_PATCH] = api_object_patch },
	[API_TARGET_ADMIN] = { [API_POST] = answer_admin },
};

/* The history says who made a change: "kubectl" of "kubectl/v1.28.0 (linux)". */
static void name_client(const struct api *api,
			const struct api_request *request)
{
	const char *agent = request->user_agent ? request->user_agent : "API";
	char name[64];

	(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(agent, "/ "),
		       agent);
	store_act_as(api->admin->store, name);
}

/* Versions of a cluster's objects are not in the order of our changes: no watches. */
static bool is_a_look(const struct api_request *request, enum api_target target)
{
	if (target == API_TARGET_ADMIN || target == API_TARGET_ACCESS)
		return true;
	return request->method == API_GET &&
	       !api_query_is_true(request->query.watch);
}

void api_handle(const struct api *api, const struct api_request *request,
		struct api_response *ret)
{
	struct api_route route;
	api_fn fn;

	*ret = (struct api_response){ 0 };
	api_route_parse(request->path, &route);
	if (api->admin)
		name_client(api, request);
	else if (route.target == API_TARGET_ADMIN)
		route.target = API_TARGET_NONE;
	if (route.target == API_TARGET_NONE) {
		api_status_fail(
			ret, 404, "NotFound",
			"the server could not find the requested resource");
		return;
	}
	fn = handlers[route.target][request->method];
	if (!fn) {
		api_status_fail(
			ret, 405, "MethodNotAllowed",
			"the server does not allow this method on the requested resource");
		return;
	}
	if (api->is_mirror && !is_a_look(request, route.target)) {
		api_status_fail(
			ret, 405, "MethodNotAllowed",
			"claimfs runs in a Kubernetes cluster here: its objects are changed and watched there, with kubectl");
		return;
	}
	fn(api, request, &route, ret);
}

static const struct {
	const char *name;
	size_t offset;
} parameters[] = {
	{ "watch", offsetof(struct api_query, watch) },
	{ "resourceVersion", offsetof(struct api_query, resource_version) },
	{ "resourceVersionMatch",
	  offsetof(struct api_query, resource_version_match) },
	{ "limit", offsetof(struct api_query, limit) },
	{ "continue", offsetof(struct api_query, continues) },
	{ "timeoutSeconds", offsetof(struct api_query, timeout_seconds) },
	{ "allowWatchBookmarks",
	  offsetof(struct api_query, allow_watch_bookmarks) },
	{ "sendInitialEvents",
	  offsetof(struct api_query, send_initial_events) },
	{ "labelSelector", offsetof(struct api_query, label_selector) },
	{ "fieldSelector", offsetof(struct api_query, field_selector) },
	{ "dryRun", offsetof(struct api_query, dry_run) },
	{ "includeObject", offsetof(struct api_query, include_object) },
	{ "fieldValidation", offsetof(struct api_query, field_validation) },
};

void api_query_set(struct api_query *query, const char *name, const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(parameters); i++) {
		if (strcmp(parameters[i].name, name) == 0)
			*(const char **)((char *)query + parameters[i].offset) =
				value ? value : "";
	}
}

bool api_query_is_true(const char *value)
{
	return value && strcmp(value, "0") != 0 &&
	       strcasecmp(value, "false") != 0;
}

void api_response_fini(struct api_response *response)
{
	free(response->body);
	free(response->warning);
	if (response->stream)
		response->stream->free(response->stream);
	*response = (struct api_response){ 0 };
}
