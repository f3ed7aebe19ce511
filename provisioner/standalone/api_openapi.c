/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Both versions say the same in almost the same words: definitions of types, and
 * paths with the operations on them. What kubectl looks at is
 *
 *	- properties with their types and descriptions (explain, --validate before
 *	  servers had fieldValidation),
 *	- x-kubernetes-patch-*, by which apply makes its three-way patch,
 *	- whether PATCH of a kind knows the parameters fieldValidation and dryRun,
 *	- the kind of a path (explain finds its type by it).
 *
 * The documents are made at each request: clients keep them for as long as the hash
 * in the index stays the same, which is that of this program's version.
 */

#include "api_openapi.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "api_schema.h"
#include "api_status.h"
#include "version.h"

#define PROTOBUF "application/com.github.proto-openapi.spec.v2"

struct openapi {
	bool is_v3;
	const char *refs; /* where types are */
};

static const struct openapi v2 = { false, "#/definitions/" };
static const struct openapi v3 = { true, "#/components/schemas/" };

static const struct {
	const char *type;
	const char *format;
} primitives[API_SCHEMA_BASE_N] = {
	[API_SCHEMA_STRING] = { "string", NULL },
	[API_SCHEMA_INTEGER] = { "integer", "int64" },
	[API_SCHEMA_BOOLEAN] = { "boolean", NULL },
	[API_SCHEMA_NUMBER] = { "number", "double" },
	[API_SCHEMA_QUANTITY] = { "string", NULL },
	[API_SCHEMA_TIME] = { "string", "date-time" },
	[API_SCHEMA_ANY] = { "object", NULL },
};

static void add_string(cJSON *json, const char *name, const char *value)
{
	(void)cJSON_AddStringToObject(json, name, value);
}

static cJSON *ref_new(const struct openapi *to, size_t type)
{
	cJSON *json = cJSON_CreateObject();
	char ref[128];

	(void)snprintf(ref, sizeof(ref), "%s%s", to->refs,
		       api_schema_types[type].name);
	add_string(json, "$ref", ref);
	return json;
}

/* One value of a field, an item of a list. */
static cJSON *value_new(const struct openapi *to,
			const struct api_schema_field *field)
{
	cJSON *json;

	if (field->base == API_SCHEMA_TYPE)
		return ref_new(to, field->type);
	json = cJSON_CreateObject();
	add_string(json, "type", primitives[field->base].type);
	if (primitives[field->base].format)
		add_string(json, "format", primitives[field->base].format);
	return json;
}

/* In version 3 nothing may stand beside a reference. */
static cJSON *single_new(const struct openapi *to,
			 const struct api_schema_field *field)
{
	cJSON *value = value_new(to, field), *json;

	if (!to->is_v3 || field->base != API_SCHEMA_TYPE)
		return value;
	json = cJSON_CreateObject();
	(void)cJSON_AddItemToArray(cJSON_AddArrayToObject(json, "allOf"),
				   value);
	return json;
}

static cJSON *field_new(const struct openapi *to,
			const struct api_schema_field *field)
{
	cJSON *json;

	if (field->shape == API_SCHEMA_ONE) {
		json = single_new(to, field);
	} else {
		bool is_list = field->shape == API_SCHEMA_LIST;

		json = cJSON_CreateObject();
		add_string(json, "type", is_list ? "array" : "object");
		(void)cJSON_AddItemToObject(
			json, is_list ? "items" : "additionalProperties",
			value_new(to, field));
	}
	add_string(json, "description", field->text);
	if (field->is_merged)
		add_string(json, "x-kubernetes-patch-strategy", "merge");
	if (field->merge_key)
		add_string(json, "x-kubernetes-patch-merge-key",
			   field->merge_key);
	return json;
}

static cJSON *gvk_new(const struct api_schema_type *type)
{
	const char *slash = strchr(type->api_version, '/');
	cJSON *json = cJSON_CreateObject();
	char group[64] = "";

	if (slash)
		(void)snprintf(group, sizeof(group), "%.*s",
			       (int)(slash - type->api_version),
			       type->api_version);
	add_string(json, "group", group);
	add_string(json, "version", slash ? slash + 1 : type->api_version);
	add_string(json, "kind", type->name);
	return json;
}

static void add_required(cJSON *json, const struct api_schema_type *type)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < type->n_fields; i++) {
		if (type->fields[i].is_required)
			(void)cJSON_AddItemToArray(
				list, cJSON_CreateString(type->fields[i].name));
	}
	if (cJSON_GetArraySize(list))
		(void)cJSON_AddItemToObject(json, "required", list);
	else
		cJSON_Delete(list);
}

static void add_type(const struct openapi *to, cJSON *types,
		     const struct api_schema_type *type)
{
	cJSON *json = cJSON_AddObjectToObject(types, type->name);
	cJSON *properties;

	add_string(json, "description", type->text);
	add_string(json, "type", "object");
	add_required(json, type);
	properties = cJSON_AddObjectToObject(json, "properties");
	for (size_t i = 0; i < type->n_fields; i++)
		(void)cJSON_AddItemToObject(properties, type->fields[i].name,
					    field_new(to, &type->fields[i]));
	if (type->api_version)
		(void)cJSON_AddItemToArray(
			cJSON_AddArrayToObject(
				json, "x-kubernetes-group-version-kind"),
			gvk_new(type));
}

static void add_types(const struct openapi *to, cJSON *types)
{
	for (size_t i = 0; i < api_schema_n_types; i++)
		add_type(to, types, &api_schema_types[i]);
}

static void add_parameter(const struct openapi *to, cJSON *list,
			  const char *name)
{
	cJSON *json = cJSON_CreateObject();

	add_string(json, "name", name);
	add_string(json, "in", "query");
	add_string(to->is_v3 ? cJSON_AddObjectToObject(json, "schema") : json,
		   "type", "string");
	(void)cJSON_AddItemToArray(list, json);
}

static void add_patch_body(const struct openapi *to, cJSON *operation)
{
	static const char *const types[] = {
		"application/json-patch+json",
		"application/merge-patch+json",
		"application/strategic-merge-patch+json",
	};
	cJSON *content;

	if (!to->is_v3) {
		(void)cJSON_AddItemToObject(
			operation, "consumes",
			cJSON_CreateStringArray(types, ARRAY_SIZE(types)));
		return;
	}
	content = cJSON_AddObjectToObject(
		cJSON_AddObjectToObject(operation, "requestBody"), "content");
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		add_string(cJSON_AddObjectToObject(
				   cJSON_AddObjectToObject(content, types[i]),
				   "schema"),
			   "type", "object");
}

static void add_operation(const struct openapi *to, cJSON *path,
			  const char *method,
			  const struct api_schema_type *type)
{
	cJSON *json = cJSON_AddObjectToObject(path, method);
	cJSON *parameters = cJSON_AddArrayToObject(json, "parameters");
	char id[96];

	(void)snprintf(id, sizeof(id), "%s%s", method, type->name);
	add_string(json, "operationId", id);
	if (strcmp(method, "get") != 0)
		add_parameter(to, parameters, "dryRun");
	if (strcmp(method, "get") != 0 && strcmp(method, "delete") != 0)
		add_parameter(to, parameters, "fieldValidation");
	if (strcmp(method, "patch") == 0)
		add_patch_body(to, json);
	add_string(cJSON_AddObjectToObject(
			   cJSON_AddObjectToObject(json, "responses"), "200"),
		   "description", "OK");
	add_string(json, "x-kubernetes-action", method);
	(void)cJSON_AddItemToObject(json, "x-kubernetes-group-version-kind",
				    gvk_new(type));
}

/* The plural of a kind and whether it is namespaced; namespaces are no kind. */
static const char *plural_of(const struct api_schema_type *type,
			     bool *ret_is_namespaced)
{
	enum object_kind kind;

	*ret_is_namespaced = false;
	if (object_kind_from_api(type->api_version, type->name, &kind) < 0)
		return "namespaces";
	*ret_is_namespaced = object_kind_info(kind)->is_namespaced;
	return object_kind_info(kind)->plural;
}

static void add_paths_of(const struct openapi *to, cJSON *paths,
			 const struct api_schema_type *type)
{
	static const char *const methods[] = { "get", "put", "patch",
					       "delete" };
	bool is_namespaced;
	const char *plural = plural_of(type, &is_namespaced);
	char path[192];
	size_t len;
	cJSON *item;

	(void)snprintf(path, sizeof(path), "/%s/%s/%s%s",
		       strchr(type->api_version, '/') ? "apis" : "api",
		       type->api_version,
		       is_namespaced ? "namespaces/{namespace}/" : "", plural);
	item = cJSON_AddObjectToObject(paths, path);
	add_operation(to, item, "get", type);
	add_operation(to, item, "post", type);
	len = strlen(path);
	(void)snprintf(path + len, sizeof(path) - len, "/{name}");
	item = cJSON_AddObjectToObject(paths, path);
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		add_operation(to, item, methods[i], type);
}

/* Those of one apiVersion; NULL = of all. */
static void add_paths(const struct openapi *to, cJSON *json,
		      const char *api_version)
{
	cJSON *paths = cJSON_AddObjectToObject(json, "paths");

	for (size_t i = 0; i < api_schema_n_types; i++) {
		const struct api_schema_type *type = &api_schema_types[i];

		if (type->api_version &&
		    (!api_version ||
		     strcmp(type->api_version, api_version) == 0))
			add_paths_of(to, paths, type);
	}
}

static void add_info(cJSON *json)
{
	cJSON *info = cJSON_AddObjectToObject(json, "info");

	add_string(info, "title", "claimfs");
	add_string(info, "version", CLAIMFS_VERSION);
}

static cJSON *document_v2(void)
{
	cJSON *json = cJSON_CreateObject();

	add_string(json, "swagger", "2.0");
	add_info(json);
	add_paths(&v2, json, NULL);
	add_types(&v2, cJSON_AddObjectToObject(json, "definitions"));
	return json;
}

static cJSON *document_v3(const char *api_version)
{
	cJSON *json = cJSON_CreateObject();

	add_string(json, "openapi", "3.0.0");
	add_info(json);
	add_paths(&v3, json, api_version);
	add_types(&v3, cJSON_AddObjectToObject(
			       cJSON_AddObjectToObject(json, "components"),
			       "schemas"));
	return json;
}

static const struct {
	const char *path; /* below /openapi/v3/ */
	const char *api_version;
} groups[] = {
	{ "api/v1", "v1" },
	{ "apis/storage.k8s.io/v1", "storage.k8s.io/v1" },
};

static cJSON *index_v3(void)
{
	cJSON *json = cJSON_CreateObject();
	cJSON *paths = cJSON_AddObjectToObject(json, "paths");

	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		char url[128];

		(void)snprintf(url, sizeof(url), "/openapi/v3/%s?hash=%s",
			       groups[i].path, CLAIMFS_VERSION);
		add_string(cJSON_AddObjectToObject(paths, groups[i].path),
			   "serverRelativeURL", url);
	}
	return json;
}

/* NULL = no such document, or no memory. */
static cJSON *document(const char *path)
{
	static const char below[] = "/openapi/v3/";

	if (strcmp(path, "/openapi/v2") == 0)
		return document_v2();
	if (strcmp(path, "/openapi/v3") == 0)
		return index_v3();
	if (strncmp(path, below, sizeof(below) - 1) != 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		if (strcmp(path + sizeof(below) - 1, groups[i].path) == 0)
			return document_v3(groups[i].api_version);
	}
	return NULL;
}

bool api_openapi_has(const char *path)
{
	cJSON *json = document(path);
	bool has = json;

	cJSON_Delete(json);
	return has;
}

static void show_protobuf(const cJSON *json, struct api_response *ret)
{
	if (api_openapi_encode(json, &ret->body, &ret->body_len) < 0) {
		api_status_fail(ret, 500, "InternalError", "out of memory");
		return;
	}
	ret->status = 200;
	ret->content_type = PROTOBUF ".v1.0+protobuf";
}

void api_openapi_get(const struct api *api, const struct api_request *request,
		     const struct api_route *route, struct api_response *ret)
{
	cJSON *json = document(request->path);

	(void)api;
	(void)route;
	if (strcmp(request->path, "/openapi/v2") == 0 && request->accept &&
	    strstr(request->accept, PROTOBUF))
		show_protobuf(json, ret);
	else
		api_status_body(ret, 200, cJSON_PrintUnformatted(json));
	cJSON_Delete(json);
}
