/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A review is answered with itself and a status. "no" or a 404 would be wrong: the
 * request that is asked about would be carried out.
 *
 * kubectl asks this in protobuf, which nothing else here reads. As the answer is the
 * same for every question, the question need not be understood.
 */

#include "api_access.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "api_status.h"
#include "json_field.h"

#define REVIEWS "/apis/authorization.k8s.io/v1/"
#define REASON                                                             \
	"this server has no authorization: whoever reaches its socket or " \
	"address may do everything"

static void fill_access(cJSON *status)
{
	(void)cJSON_AddBoolToObject(status, "allowed", true);
	(void)cJSON_AddStringToObject(status, "reason", REASON);
}

static void add_all(cJSON *json, const char *name)
{
	static const char *const all[] = { "*" };

	(void)cJSON_AddItemToObject(json, name,
				    cJSON_CreateStringArray(all, 1));
}

static void fill_rules(cJSON *status)
{
	cJSON *resources = cJSON_CreateObject();
	cJSON *others = cJSON_CreateObject();

	add_all(resources, "verbs");
	add_all(resources, "apiGroups");
	add_all(resources, "resources");
	add_all(others, "verbs");
	add_all(others, "nonResourceURLs");
	(void)cJSON_AddItemToArray(
		cJSON_AddArrayToObject(status, "resourceRules"), resources);
	(void)cJSON_AddItemToArray(
		cJSON_AddArrayToObject(status, "nonResourceRules"), others);
	(void)cJSON_AddBoolToObject(status, "incomplete", false);
}

static const struct {
	const char *path;
	const char *kind;
	void (*fill)(cJSON *status);
} reviews[] = {
	{ REVIEWS "selfsubjectaccessreviews", "SelfSubjectAccessReview",
	  fill_access },
	{ REVIEWS "selfsubjectrulesreviews", "SelfSubjectRulesReview",
	  fill_rules },
};

static size_t find(const char *path)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(reviews) && strcmp(reviews[i].path, path) != 0)
		i++;
	return i;
}

bool api_access_has(const char *path)
{
	return find(path) < ARRAY_SIZE(reviews);
}

static bool is_protobuf(const char *content_type)
{
	return content_type && strstr(content_type, "protobuf");
}

void api_access_review(const struct api *api, const struct api_request *request,
		       const struct api_route *route, struct api_response *ret)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;
	size_t i = find(request->path);
	cJSON *asked = NULL, *json;
	const cJSON *spec;

	(void)api;
	(void)route;
	if (!is_protobuf(request->content_type) &&
	    json_parse(request->body, request->body_len, &asked, &err) < 0) {
		api_status_bad_request(ret, &err);
		return;
	}
	json = cJSON_CreateObject();
	(void)cJSON_AddStringToObject(json, "kind", reviews[i].kind);
	(void)cJSON_AddStringToObject(json, "apiVersion",
				      "authorization.k8s.io/v1");
	(void)cJSON_AddObjectToObject(json, "metadata");
	spec = cJSON_GetObjectItemCaseSensitive(asked, "spec");
	(void)cJSON_AddItemToObject(json, "spec",
				    spec ? cJSON_Duplicate(spec, true)
					 : cJSON_CreateObject());
	reviews[i].fill(cJSON_AddObjectToObject(json, "status"));
	api_status_body(ret, 201, cJSON_PrintUnformatted(json));
	cJSON_Delete(json);
	cJSON_Delete(asked);
}
