/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An object's namespace is a part of its name and nothing more: there are no quotas,
 * roles or defaults that would hang on it. So a namespace begins with the first object
 * in it and ends with the last one, and what is said of it is read off the objects.
 *
 * Manifests that make their namespace first are taken, so that they can be applied as
 * they stand. Deleting one would take a user's data with it that he does not see in
 * the command: it is refused until the namespace is empty.
 */

#include "api_namespace.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "api_status.h"
#include "api_table.h"
#include "json_field.h"
#include "registry.h"
#include "timestamp.h"

static const char *created_of(const cJSON *namespace)
{
	return cJSON_GetStringValue(
		json_at(namespace, "metadata.creationTimestamp"));
}

/* created may be NULL: "default" is there before anything else. */
static cJSON *namespace_new(const char *name, const char *created)
{
	cJSON *json = cJSON_CreateObject();
	cJSON *metadata;

	(void)cJSON_AddStringToObject(json, "kind", "Namespace");
	(void)cJSON_AddStringToObject(json, "apiVersion", "v1");
	metadata = cJSON_AddObjectToObject(json, "metadata");
	(void)cJSON_AddStringToObject(metadata, "name", name);
	if (created)
		(void)cJSON_AddStringToObject(metadata, "creationTimestamp",
					      created);
	(void)cJSON_AddStringToObject(
		cJSON_AddObjectToObject(metadata, "labels"),
		"kubernetes.io/metadata.name", name);
	(void)cJSON_AddStringToObject(cJSON_AddObjectToObject(json, "status"),
				      "phase", "Active");
	return json;
}

static cJSON *find(cJSON *items, const char *name)
{
	cJSON *item;

	cJSON_ArrayForEach (item, items) {
		const char *other =
			cJSON_GetStringValue(json_at(item, "metadata.name"));

		if (other && strcmp(other, name) == 0)
			return item;
	}
	return NULL;
}

/* A namespace is as old as its oldest object; timestamps sort as texts. */
static void add_namespace_of(cJSON *items, const struct object *object)
{
	const char *created = cJSON_GetStringValue(
		json_at(object->json, "metadata.creationTimestamp"));
	cJSON *item = find(items, object->namespace);
	const char *before = created_of(item);

	if (!item)
		(void)cJSON_AddItemToArray(
			items, namespace_new(object->namespace, created));
	else if (created && (!before || strcmp(created, before) < 0))
		(void)cJSON_ReplaceItemViaPointer(
			items, item, namespace_new(object->namespace, created));
}

static int add_namespaces_of(const struct api *api, enum object_kind kind,
			     cJSON *items, uint64_t *ret_version,
			     struct err *err)
{
	_cleanup_(object_list_fini) struct object_list list = OBJECT_LIST_INIT;
	int r = registry_list(api->registry, kind, NULL, &list, err);

	if (r != 0)
		return r;
	for (size_t i = 0; i < list.n; i++)
		add_namespace_of(items, list.items[i]);
	*ret_version = list.resource_version;
	return 0;
}

/* NULL: the response is the failure already. */
static cJSON *collect(const struct api *api, uint64_t *ret_version,
		      struct api_response *response)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;
	cJSON *items = cJSON_CreateArray();

	(void)cJSON_AddItemToArray(items, namespace_new("default", NULL));
	for (int i = 0; i < KIND_STANDALONE_N; i++) {
		enum object_kind kind = (enum object_kind)i;

		if (object_kind_info(kind)->is_namespaced &&
		    add_namespaces_of(api, kind, items, ret_version, &err) !=
			    0) {
			api_status_fail(response, 500, "InternalError",
					err_text(&err));
			cJSON_Delete(items);
			return NULL;
		}
	}
	return items;
}

static void add_version(cJSON *json, uint64_t version)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)version);
	(void)cJSON_AddStringToObject(cJSON_AddObjectToObject(json, "metadata"),
				      "resourceVersion", text);
}

static void add_row(cJSON *rows, const cJSON *namespace)
{
	cJSON *row = cJSON_CreateObject();
	cJSON *cells = cJSON_AddArrayToObject(row, "cells");
	char age[AGE_MAX];

	age_of(created_of(namespace), age);
	(void)cJSON_AddItemToArray(
		cells, cJSON_CreateString(cJSON_GetStringValue(
			       json_at(namespace, "metadata.name"))));
	(void)cJSON_AddItemToArray(cells, cJSON_CreateString("Active"));
	(void)cJSON_AddItemToArray(cells, cJSON_CreateString(age));
	(void)cJSON_AddItemToObject(row, "object",
				    cJSON_Duplicate(namespace, true));
	(void)cJSON_AddItemToArray(rows, row);
}

static cJSON *table_new(const cJSON *items, uint64_t version)
{
	static const char *const names[] = { "Name", "Status", "Age" };
	cJSON *json = cJSON_CreateObject();
	cJSON *columns, *rows;
	const cJSON *item;

	(void)cJSON_AddStringToObject(json, "kind", "Table");
	(void)cJSON_AddStringToObject(json, "apiVersion", "meta.k8s.io/v1");
	add_version(json, version);
	columns = cJSON_AddArrayToObject(json, "columnDefinitions");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		cJSON *column = cJSON_CreateObject();

		(void)cJSON_AddStringToObject(column, "name", names[i]);
		(void)cJSON_AddStringToObject(column, "type", "string");
		(void)cJSON_AddStringToObject(column, "format",
					      i == 0 ? "name" : "");
		(void)cJSON_AddStringToObject(column, "description", "");
		(void)cJSON_AddNumberToObject(column, "priority", 0);
		(void)cJSON_AddItemToArray(columns, column);
	}
	rows = cJSON_AddArrayToObject(json, "rows");
	cJSON_ArrayForEach (item, items)
		add_row(rows, item);
	return json;
}

static cJSON *list_new(const cJSON *items, uint64_t version)
{
	cJSON *json = cJSON_CreateObject();

	(void)cJSON_AddStringToObject(json, "kind", "NamespaceList");
	(void)cJSON_AddStringToObject(json, "apiVersion", "v1");
	add_version(json, version);
	(void)cJSON_AddItemToObject(json, "items",
				    cJSON_Duplicate(items, true));
	return json;
}

/* Consumes the JSON. */
static void show(struct api_response *ret, unsigned int code, cJSON *take_json)
{
	api_status_body(ret, code, cJSON_PrintUnformatted(take_json));
	cJSON_Delete(take_json);
}

void api_namespace_list(const struct api *api,
			const struct api_request *request,
			const struct api_route *route, struct api_response *ret)
{
	uint64_t version = 0;
	cJSON *items;

	(void)route;
	if (api_query_is_true(request->query.watch)) {
		api_status_fail(
			ret, 405, "MethodNotAllowed",
			"namespaces are no objects of this server and can't be watched");
		return;
	}
	items = collect(api, &version, ret);
	if (!items)
		return;
	show(ret, 200,
	     api_table_is_accepted(request->accept) ? table_new(items, version)
						    : list_new(items, version));
	cJSON_Delete(items);
}

/* A copy of the route's namespace; NULL: the response is the failure already. */
static cJSON *get(const struct api *api, const struct api_route *route,
		  struct api_response *ret)
{
	uint64_t version = 0;
	cJSON *items = collect(api, &version, ret);
	cJSON *found = items ? find(items, route->name) : NULL;
	char message[API_NAME_MAX + 32];

	if (items && !found) {
		(void)snprintf(message, sizeof(message),
			       "namespaces \"%s\" not found", route->name);
		api_status_fail(ret, 404, "NotFound", message);
	}
	found = cJSON_Duplicate(found, true);
	cJSON_Delete(items);
	return found;
}

static void warn(struct api_response *ret, const char *name)
{
	if (asprintf(
		    &ret->warning,
		    "namespaces are no objects of this server: \"%.63s\" is there as long as something is in it",
		    name) < 0)
		ret->warning = NULL;
}

void api_namespace_get(const struct api *api, const struct api_request *request,
		       const struct api_route *route, struct api_response *ret)
{
	cJSON *json = get(api, route, ret), *table;

	if (!json)
		return;
	if (!api_table_is_accepted(request->accept)) {
		show(ret, 200, json);
		return;
	}
	table = cJSON_CreateArray();
	(void)cJSON_AddItemToArray(table, json);
	show(ret, 200, table_new(table, 0));
	cJSON_Delete(table);
}

void api_namespace_create(const struct api *api,
			  const struct api_request *request,
			  const struct api_route *route,
			  struct api_response *ret)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;
	const char *name = NULL;
	cJSON *json = NULL;
	int r;

	(void)api;
	(void)route;
	r = json_parse(request->body, request->body_len, &json, &err);
	if (r == 0)
		r = json_string(json, "metadata.name", NULL, &name, &err);
	if (r == 0 && (!name || !*name))
		r = err_set(&err, -EINVAL, "metadata.name: Required value");
	if (r < 0) {
		api_status_bad_request(ret, &err);
	} else {
		warn(ret, name);
		show(ret, 201, namespace_new(name, NULL));
	}
	cJSON_Delete(json);
}

void api_namespace_update(const struct api *api,
			  const struct api_request *request,
			  const struct api_route *route,
			  struct api_response *ret)
{
	cJSON *json = get(api, route, ret);

	(void)request;
	if (!json)
		return;
	warn(ret, route->name);
	show(ret, 200, json);
}

void api_namespace_delete(const struct api *api,
			  const struct api_request *request,
			  const struct api_route *route,
			  struct api_response *ret)
{
	cJSON *json = get(api, route, ret);
	char message[API_NAME_MAX + 100];

	(void)request;
	if (!json)
		return;
	(void)snprintf(
		message, sizeof(message),
		"namespace \"%s\" is there as long as something is in it: delete its objects",
		route->name);
	api_status_fail(ret, 409, "Conflict", message);
	cJSON_Delete(json);
}
