/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The documents are made from the table of kinds at each request: they are asked
 * for once per run of kubectl (which then caches them), and so can't disagree
 * with what is served.
 *
 * The version is that of the Kubernetes API whose behaviour is imitated; kubectl
 * warns when it is too far from its own.
 */

#include "api_discovery.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "api_status.h"
#include "version.h"

#define STORAGE_GROUP	"storage.k8s.io"
#define STORAGE_VERSION "storage.k8s.io/v1"

static const char *const verbs[] = { "create", "delete", "deletecollection",
				     "get",    "list",	 "patch",
				     "update", "watch" };
static const char *const status_verbs[] = { "get", "patch", "update" };
static const char *const namespace_verbs[] = { "create", "get", "list", "patch",
					       "update" };

static void add_strings(cJSON *json, const char *name,
			const char *const *strings, int n)
{
	(void)cJSON_AddItemToObject(json, name,
				    cJSON_CreateStringArray(strings, n));
}

static cJSON *add_resource(cJSON *resources, const char *name,
			   const char *singular, const char *kind)
{
	cJSON *resource = cJSON_CreateObject();

	(void)cJSON_AddStringToObject(resource, "name", name);
	(void)cJSON_AddStringToObject(resource, "singularName", singular);
	(void)cJSON_AddBoolToObject(resource, "namespaced", false);
	(void)cJSON_AddStringToObject(resource, "kind", kind);
	(void)cJSON_AddItemToArray(resources, resource);
	return resource;
}

static void set_namespaced(cJSON *resource, bool is_namespaced)
{
	(void)cJSON_ReplaceItemInObjectCaseSensitive(
		resource, "namespaced", cJSON_CreateBool(is_namespaced));
}

static bool has_status(enum object_kind kind)
{
	return kind != KIND_STORAGE_CLASS && kind != KIND_EVENT;
}

static void add_kind(cJSON *resources, enum object_kind kind)
{
	const struct object_kind_info *info = object_kind_info(kind);
	cJSON *resource = add_resource(resources, info->plural, info->singular,
				       info->name);
	char name[64];

	set_namespaced(resource, info->is_namespaced);
	add_strings(resource, "verbs", verbs, ARRAY_SIZE(verbs));
	add_strings(resource, "shortNames", &info->short_name, 1);
	if (!has_status(kind))
		return;
	(void)snprintf(name, sizeof(name), "%s/status", info->plural);
	resource = add_resource(resources, name, "", info->name);
	set_namespaced(resource, info->is_namespaced);
	add_strings(resource, "verbs", status_verbs, ARRAY_SIZE(status_verbs));
}

static void add_namespaces(cJSON *resources)
{
	static const char *const short_names[] = { "ns" };
	cJSON *resource =
		add_resource(resources, "namespaces", "namespace", "Namespace");

	add_strings(resource, "verbs", namespace_verbs,
		    ARRAY_SIZE(namespace_verbs));
	add_strings(resource, "shortNames", short_names, 1);
}

static void fill_resources(cJSON *json, const char *version)
{
	cJSON *resources;

	(void)cJSON_AddStringToObject(json, "kind", "APIResourceList");
	if (strcmp(version, "v1") != 0)
		(void)cJSON_AddStringToObject(json, "apiVersion", "v1");
	(void)cJSON_AddStringToObject(json, "groupVersion", version);
	resources = cJSON_AddArrayToObject(json, "resources");
	if (strcmp(version, "v1") == 0)
		add_namespaces(resources);
	for (int i = 0; i < KIND_STANDALONE_N; i++) {
		enum object_kind kind = (enum object_kind)i;

		if (strcmp(object_kind_info(kind)->api_version, version) == 0)
			add_kind(resources, kind);
	}
}

static void fill_api(cJSON *json)
{
	static const char *const versions[] = { "v1" };

	(void)cJSON_AddStringToObject(json, "kind", "APIVersions");
	add_strings(json, "versions", versions, 1);
	(void)cJSON_AddArrayToObject(json, "serverAddressByClientCIDRs");
}

static void fill_core(cJSON *json)
{
	fill_resources(json, "v1");
}

static void fill_storage(cJSON *json)
{
	fill_resources(json, STORAGE_VERSION);
}

static void fill_group(cJSON *json)
{
	cJSON *version = cJSON_CreateObject();
	cJSON *versions;

	(void)cJSON_AddStringToObject(json, "name", STORAGE_GROUP);
	versions = cJSON_AddArrayToObject(json, "versions");
	(void)cJSON_AddStringToObject(version, "groupVersion", STORAGE_VERSION);
	(void)cJSON_AddStringToObject(version, "version", "v1");
	(void)cJSON_AddItemToObject(json, "preferredVersion",
				    cJSON_Duplicate(version, true));
	(void)cJSON_AddItemToArray(versions, version);
}

static void fill_storage_group(cJSON *json)
{
	(void)cJSON_AddStringToObject(json, "kind", "APIGroup");
	(void)cJSON_AddStringToObject(json, "apiVersion", "v1");
	fill_group(json);
}

static void fill_groups(cJSON *json)
{
	cJSON *group = cJSON_CreateObject();

	(void)cJSON_AddStringToObject(json, "kind", "APIGroupList");
	(void)cJSON_AddStringToObject(json, "apiVersion", "v1");
	fill_group(group);
	(void)cJSON_AddItemToArray(cJSON_AddArrayToObject(json, "groups"),
				   group);
}

static void fill_version(cJSON *json)
{
	(void)cJSON_AddStringToObject(json, "major", "1");
	(void)cJSON_AddStringToObject(json, "minor", "32");
	(void)cJSON_AddStringToObject(json, "gitVersion",
				      "v1.32.0+claimfs-" CLAIMFS_VERSION);
	(void)cJSON_AddStringToObject(json, "platform", "linux");
}

static const struct {
	const char *path;
	void (*fill)(cJSON *json);
} documents[] = {
	{ "/api", fill_api },
	{ "/api/v1", fill_core },
	{ "/apis", fill_groups },
	{ "/apis/" STORAGE_GROUP, fill_storage_group },
	{ "/apis/" STORAGE_VERSION, fill_storage },
	{ "/version", fill_version },
};

static size_t find_document(const char *path)
{
	size_t len = strlen(path), i = 0;

	while (len > 1 && path[len - 1] == '/')
		len--;
	while (i < ARRAY_SIZE(documents) &&
	       (strncmp(documents[i].path, path, len) != 0 ||
		documents[i].path[len]))
		i++;
	return i;
}

bool api_discovery_has(const char *path)
{
	return find_document(path) < ARRAY_SIZE(documents);
}

void api_discovery_get(const struct api *api, const struct api_request *request,
		       const struct api_route *route, struct api_response *ret)
{
	cJSON *json = cJSON_CreateObject();

	(void)api;
	(void)route;
	documents[find_document(request->path)].fill(json);
	api_status_body(ret, 200, json ? cJSON_PrintUnformatted(json) : NULL);
	cJSON_Delete(json);
}
