/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The path decides: a body may leave out its kind, apiVersion, namespace and (in
 * a PUT) name, and must not contradict the path in what it does name. Sentences
 * are those of Kubernetes' API machinery.
 */

#include "api_body.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "api_status.h"
#include "cluster.h"
#include "json_field.h"

/*
 * What can't be read back must not be stored, nor what clients can't read within a
 * list: cJSON, here and in claimctl, reads 1,000 levels.
 */
#define DEPTH_MAX 100

static int bad_request(struct api_response *response, const char *message)
{
	api_status_fail(response, 400, "BadRequest", message);
	return -EINVAL;
}

/* Sets a string that is absent; *ret is what is there then. */
static int complete(cJSON *json, const char *name, const char *value,
		    const char **ret)
{
	cJSON *item = cJSON_GetObjectItemCaseSensitive(json, name);

	if (!item || cJSON_IsNull(item) ||
	    (cJSON_IsString(item) && !*item->valuestring)) {
		cJSON_DeleteItemFromObjectCaseSensitive(json, name);
		item = cJSON_AddStringToObject(json, name, value);
		if (!item)
			return -ENOMEM;
	}
	*ret = cJSON_GetStringValue(item);
	return *ret ? 0 : -EINVAL;
}

static int check_kind(cJSON *json, enum object_kind kind,
		      struct api_response *response)
{
	const struct object_kind_info *info = object_kind_info(kind);
	const char *version, *name;
	char message[400];

	if (complete(json, "apiVersion", info->api_version, &version) < 0 ||
	    complete(json, "kind", info->name, &name) < 0)
		return bad_request(response,
				   "apiVersion and kind must be strings");
	if (strcmp(version, info->api_version) == 0 &&
	    strcmp(name, info->name) == 0)
		return 0;
	(void)snprintf(
		message, sizeof(message),
		"%.80s in version \"%.80s\" cannot be handled as a %s: no kind \"%.80s\" is registered for this path",
		name, version, info->name, name);
	return bad_request(response, message);
}

static int check_namespace(cJSON *metadata, const struct api_route *route,
			   struct api_response *response)
{
	const char *namespace;

	if (!route->has_namespace)
		return 0;
	if (complete(metadata, "namespace", route->namespace, &namespace) < 0)
		return bad_request(response,
				   "metadata.namespace must be a string");
	if (strcmp(namespace, route->namespace) == 0)
		return 0;
	return bad_request(
		response,
		"the namespace of the provided object does not match the namespace sent on the request");
}

static int check_name(cJSON *metadata, const struct api_route *route,
		      struct api_response *response)
{
	char message[2 * API_NAME_MAX + 100];
	const char *name;

	if (!*route->name)
		return 0;
	if (complete(metadata, "name", route->name, &name) < 0)
		return bad_request(response, "metadata.name must be a string");
	if (strcmp(name, route->name) == 0)
		return 0;
	(void)snprintf(
		message, sizeof(message),
		"the name of the object (%.256s) does not match the name on the URL (%s)",
		name, route->name);
	return bad_request(response, message);
}

static int check_path(cJSON *json, const struct api_route *route,
		      struct api_response *response)
{
	cJSON *metadata;
	int r;

	if (!cJSON_IsObject(json))
		return bad_request(
			response,
			"the body of the request is not a JSON object");
	r = check_kind(json, route->kind, response);
	if (r < 0)
		return r;
	metadata = cJSON_GetObjectItemCaseSensitive(json, "metadata");
	if (!cJSON_IsObject(metadata))
		return bad_request(response, "metadata: Required value");
	r = check_namespace(metadata, route, response);
	return r < 0 ? r : check_name(metadata, route, response);
}

static void unnamed(const struct api_route *route, const struct err *err,
		    struct api_response *response)
{
	_cleanup_(err_fini) struct err invalid = ERR_INIT;

	(void)err_set(&invalid, err->code, "%s \"%s\" is invalid: %s",
		      object_kind_info(route->kind)->name, route->name,
		      err_text(err));
	api_status_outcome(response, CLUSTER_INVALID, &invalid, route->kind,
			   route->name);
}

int api_body_check(struct cJSON *take_json, const struct api_route *route,
		   struct object **ret, struct api_response *response)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;
	int r;

	if (json_depth(take_json) > DEPTH_MAX)
		r = bad_request(response,
				"the object is nested deeper than 100 levels");
	else
		r = check_path(take_json, route, response);

	if (r < 0) {
		cJSON_Delete(take_json);
		return r;
	}
	r = object_new(ret, take_json, &err);
	if (r == -ENOMEM)
		api_status_bad_request(response, &err);
	else if (r < 0)
		unnamed(route, &err, response);
	return r;
}

/* Kubernetes takes a body without a type for JSON. */
static bool is_json_type(const char *type)
{
	static const char json[] = "application/json";

	if (!type)
		return true;
	return strcspn(type, "; ") == sizeof(json) - 1 &&
	       strncmp(type, json, sizeof(json) - 1) == 0;
}

int api_body_object(const struct api_request *request,
		    const struct api_route *route, struct object **ret,
		    struct api_response *response)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;
	_cleanup_(err_fini) struct err why = ERR_INIT;
	cJSON *json;
	int r;

	if (!is_json_type(request->content_type)) {
		api_status_fail(
			response, 415, "UnsupportedMediaType",
			"the body of the request was in an unknown format - accepted media types include: application/json");
		return -EINVAL;
	}
	r = json_parse(request->body, request->body_len, &json, &err);
	if (r == 0) {
		r = json_check_keys(json, &err);
		if (r == 0)
			return api_body_check(json, route, ret, response);
		cJSON_Delete(json);
	}
	(void)err_set(
		&why, r,
		"the object provided is unrecognized (must be of type %s): couldn't get version/kind; %s",
		object_kind_info(route->kind)->name, err_text(&err));
	api_status_bad_request(response, &why);
	return r;
}
