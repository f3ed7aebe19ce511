/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Each verb: read the body (api_body.c), ask the registry, show the outcome. The
 * rules are the registry's; what is decided here is HTTP's side of them.
 *
 * A patch is read, change, update: repeated when somebody else was faster, unless
 * the patch itself names a resourceVersion.
 */

#include "api_object.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "api_body.h"
#include "api_fields.h"
#include "api_list.h"
#include "api_pages.h"
#include "api_patch.h"
#include "api_status.h"
#include "api_table.h"
#include "cluster.h"
#include "json_field.h"
#include "registry.h"

#define PATCH_RETRIES 16

static void show(const struct api_request *request, unsigned int code,
		 struct object *object, struct api_response *ret)
{
	enum api_table_include include;

	if (!api_table_is_accepted(request->accept)) {
		api_status_body(ret, code, strdup(object->text));
		return;
	}
	if (api_table_include_parse(request->query.include_object, &include) <
	    0) {
		api_status_fail(
			ret, 400, "BadRequest",
			"includeObject must be Metadata, Object or None");
		return;
	}
	api_status_body(ret, code,
			api_table_text(object->kind, object->text, include));
}

void api_object_get(const struct api *api, const struct api_request *request,
		    const struct api_route *route, struct api_response *ret)
{
	_cleanup_(object_unref) struct object *object = NULL;
	_cleanup_(err_fini) struct err err = ERR_INIT;
	int r = registry_get(api->registry, route->kind, route->namespace,
			     route->name, &object, &err);

	if (r != 0)
		api_status_outcome(ret, r, &err, route->kind, route->name);
	else
		show(request, 200, object, ret);
}

void api_object_create(const struct api *api, const struct api_request *request,
		       const struct api_route *route, struct api_response *ret)
{
	_cleanup_(object_unref) struct object *object = NULL;
	_cleanup_(object_unref) struct object *stored = NULL;
	_cleanup_(err_fini) struct err err = ERR_INIT;
	int r;

	if (api_body_object(request, route, &object, ret) != 0 ||
	    api_fields_check(request, object, NULL, ret) != 0)
		return;
	if (request->query.dry_run)
		r = registry_try_create(api->registry, object, &stored, &err);
	else
		r = registry_create(api->registry, object, &stored, &err);
	if (r != 0)
		api_status_outcome(ret, r, &err, route->kind, object->name);
	else
		show(request, 201, stored, ret);
}

/* The update that the route and the query ask for. */
static int update(const struct api *api, const struct api_request *request,
		  const struct api_route *route, const struct object *object,
		  struct object **ret, struct err *err)
{
	if (request->query.dry_run)
		return registry_try_update(api->registry, object, ret, err);
	if (route->target == API_TARGET_STATUS)
		return registry_update_status(api->registry, object, ret, err);
	return registry_update(api->registry, object, ret, err);
}

void api_object_replace(const struct api *api,
			const struct api_request *request,
			const struct api_route *route, struct api_response *ret)
{
	_cleanup_(object_unref) struct object *object = NULL;
	_cleanup_(object_unref) struct object *stored = NULL;
	_cleanup_(err_fini) struct err err = ERR_INIT;
	int r;

	if (api_body_object(request, route, &object, ret) != 0 ||
	    api_fields_check(request, object, NULL, ret) != 0)
		return;
	r = update(api, request, route, object, &stored, &err);
	if (r != 0)
		api_status_outcome(ret, r, &err, route->kind, route->name);
	else
		show(request, 200, stored, ret);
}

/* kubectl shows the sentence after "Server-side apply not available on the server". */
static void refuse_type(const char *content_type, struct api_response *response)
{
	static const char apply[] = "application/apply-patch";
	bool is_apply = content_type &&
			strncmp(content_type, apply, sizeof(apply) - 1) == 0;

	api_status_fail(
		response, 415, "UnsupportedMediaType",
		is_apply
			? "this server does not keep who set which field, so it can't apply on the server's side: use apply without --server-side"
			: "415: Unsupported Media Type");
}

/* The object as the patch makes it; 0, or the response is the failure already. */
static int patched(const struct object *old, const struct api_request *request,
		   const struct api_route *route, struct object **ret,
		   struct api_response *response)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;
	cJSON *patch = NULL, *json = NULL;
	enum api_patch_type type = API_PATCH_MERGE;
	int r;

	(void)api_patch_type_parse(request->content_type, &type);
	r = json_parse(request->body, request->body_len, &patch, &err);
	if (r == 0) {
		json = object_edit(old);
		r = json ? api_patch_apply(&json, type, patch, &err) : -ENOMEM;
	}
	cJSON_Delete(patch);
	if (r == 0)
		return api_body_check(json, route, ret, response);
	cJSON_Delete(json);
	if (r == -EBADMSG)
		api_status_fail(response, 422, "Invalid", err_text(&err));
	else
		api_status_bad_request(response, &err);
	return r;
}

/* CLUSTER_CONFLICT: try again; anything else has filled the response. */
static int patch_once(const struct api *api, const struct api_request *request,
		      const struct api_route *route, struct api_response *ret)
{
	_cleanup_(object_unref) struct object *old = NULL;
	_cleanup_(object_unref) struct object *new = NULL;
	_cleanup_(object_unref) struct object *stored = NULL;
	_cleanup_(err_fini) struct err err = ERR_INIT;
	int r;

	r = registry_get(api->registry, route->kind, route->namespace,
			 route->name, &old, &err);
	if (r == 0) {
		if (patched(old, request, route, &new, ret) != 0 ||
		    api_fields_check(request, new, old, ret) != 0)
			return 0;
		r = update(api, request, route, new, &stored, &err);
	}
	if (r == 0)
		show(request, 200, stored, ret);
	else
		api_status_outcome(ret, r, &err, route->kind, route->name);
	if (r == CLUSTER_CONFLICT &&
	    new->resource_version == old->resource_version)
		return CLUSTER_CONFLICT;
	return 0;
}

void api_object_patch(const struct api *api, const struct api_request *request,
		      const struct api_route *route, struct api_response *ret)
{
	enum api_patch_type type;

	/* First of all: server-side apply is for objects that are yet to be made. */
	if (!request->content_type ||
	    api_patch_type_parse(request->content_type, &type) < 0) {
		refuse_type(request->content_type, ret);
		return;
	}
	for (int i = 0; i < PATCH_RETRIES; i++) {
		if (patch_once(api, request, route, ret) != CLUSTER_CONFLICT)
			return;
	}
}

/* What DeleteOptions insist on; NULL = any. Borrows from their JSON. */
struct preconditions {
	const char *uid;
	const char *version;
};

static int read_preconditions(const struct api_request *request, cJSON **ret,
			      struct preconditions *pre, struct err *err)
{
	int r;

	if (!request->body_len)
		return 0;
	r = json_parse(request->body, request->body_len, ret, err);
	if (r < 0)
		return r;
	r = json_string(*ret, "preconditions.uid", NULL, &pre->uid, err);
	if (r < 0)
		return r;
	return json_string(*ret, "preconditions.resourceVersion", NULL,
			   &pre->version, err);
}

static bool is_shown_when_deleted(enum object_kind kind)
{
	return kind != KIND_EVENT;
}

static int check_version(const struct object *object, const char *wanted,
			 struct err *err)
{
	const char *version = cJSON_GetStringValue(
		json_at(object->json, "metadata.resourceVersion"));

	if (!wanted || strcmp(wanted, version) == 0)
		return 0;
	(void)err_set(
		err, -ESTALE,
		"Operation cannot be fulfilled on %s \"%s\": the ResourceVersion in the precondition (%s) does not match the ResourceVersion in record (%s). The object might have been modified",
		object_kind_info(object->kind)->plural, object->name, wanted,
		version);
	return CLUSTER_CONFLICT;
}

static int delete_if(const struct api *api, const struct api_route *route,
		     const struct preconditions *pre, struct object **ret,
		     struct err *err)
{
	_cleanup_(object_unref) struct object *object = NULL;
	int r;

	if (!pre->version)
		return registry_delete(api->registry, route->kind,
				       route->namespace, route->name, pre->uid,
				       ret, err);
	r = registry_get(api->registry, route->kind, route->namespace,
			 route->name, &object, err);
	if (r == 0)
		r = check_version(object, pre->version, err);
	if (r != 0)
		return r;
	return registry_delete_version(api->registry, object, pre->uid, ret,
				       err);
}

static void delete_one(const struct api *api, const struct api_request *request,
		       const struct api_route *route,
		       const struct preconditions *pre,
		       struct api_response *ret)
{
	_cleanup_(object_unref) struct object *object = NULL;
	_cleanup_(err_fini) struct err err = ERR_INIT;
	int r;

	if (request->query.dry_run)
		r = registry_get(api->registry, route->kind, route->namespace,
				 route->name, &object, &err);
	else
		r = delete_if(api, route, pre, &object, &err);
	if (r != 0)
		api_status_outcome(ret, r, &err, route->kind, route->name);
	else if (is_shown_when_deleted(route->kind))
		show(request, 200, object, ret);
	else
		api_status_success(ret, object);
}

void api_object_delete(const struct api *api, const struct api_request *request,
		       const struct api_route *route, struct api_response *ret)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;
	cJSON *options = NULL;
	struct preconditions pre = { 0 };

	if (read_preconditions(request, &options, &pre, &err) < 0)
		api_status_bad_request(ret, &err);
	else
		delete_one(api, request, route, &pre, ret);
	cJSON_Delete(options);
}

/* Somebody else deleted it: so much the better. */
static bool is_deleted(int r)
{
	return r == 0 || r == CLUSTER_NOT_FOUND || r == CLUSTER_CONFLICT;
}

static int delete_text(const struct api *api, enum object_kind kind,
		       const char *text, struct api_response *ret)
{
	_cleanup_(object_unref) struct object *object = NULL;
	_cleanup_(err_fini) struct err err = ERR_INIT;
	int r = object_parse_text(&object, text, strlen(text), &err);

	if (r == 0)
		r = registry_delete(api->registry, object->kind,
				    object->namespace, object->name,
				    object->uid, NULL, &err);
	if (is_deleted(r))
		return 0;
	api_status_outcome(ret, r, &err, kind, object ? object->name : "");
	return -EIO;
}

void api_object_delete_all(const struct api *api,
			   const struct api_request *request,
			   const struct api_route *route,
			   struct api_response *ret)
{
	_cleanup_(text_list_unref) struct text_list *list = NULL;
	struct api_list_meta meta = { 0 };

	if (api_list_select(api, request, route, NULL, &list, ret) != 0)
		return;
	for (size_t i = 0; i < list->n && !request->query.dry_run; i++) {
		if (delete_text(api, route->kind, text_list_at(list, i), ret) <
		    0)
			return;
	}
	meta.resource_version = list->resource_version;
	api_list_show(request, route->kind,
		      &(struct api_list_part){ .list = list, .n = list->n },
		      &meta, ret);
}
