/* SPDX-License-Identifier: Apache-2.0 */

/* The OpenAPI documents, and what the same tables say of fields in requests. */

#include <cjson/cJSON.h>

#include "api_openapi.h"
#include "api_schema.h"
#include "json_field.h"
#include "registry_fixture.h"

#define CLAIMS "/api/v1/namespaces/default/persistentvolumeclaims"
#define BOGUS                                                           \
	"{\"metadata\":{\"name\":\"c\",\"labels\":{\"any\":\"x\"}},"    \
	"\"spec\":{\"bogus\":1,\"accessModes\":[\"ReadWriteMany\"],"    \
	"\"selector\":{\"matchExpressions\":[{\"kee\":1,\"key\":\"a\"," \
	"\"operator\":\"Exists\"}]},"                                   \
	"\"resources\":{\"requests\":{\"storage\":\"1Gi\"}}}}"
#define BOGUS_FIELDS                     \
	"unknown field \"spec.bogus\", " \
	"unknown field \"spec.selector.matchExpressions[0].kee\""

TestSuite(api_openapi, .init = fixture_open, .fini = fixture_close);

static struct api_response ask(const struct api_request *request)
{
	struct api api = { .registry = registry, .hub = hub };
	struct api_response response;

	api_handle(&api, request, &response);
	return response;
}

static cJSON *document(const char *path)
{
	struct api_response response = ask(&(struct api_request){
		.method = API_GET, .path = path, .body = "" });
	cJSON *json = cJSON_Parse(response.body);

	cr_assert_eq(response.status, 200, "%s: %u", path, response.status);
	cr_assert_not_null(json);
	api_response_fini(&response);
	return json;
}

static struct api_response create(const char *level)
{
	return ask(&(struct api_request){
		.method = API_POST,
		.path = CLAIMS,
		.body = BOGUS,
		.body_len = strlen(BOGUS),
		.query = { .field_validation = level } });
}

static void assert_ref(const cJSON *ref, const cJSON *types)
{
	const char *name = strrchr(cJSON_GetStringValue(ref), '/') + 1;

	cr_assert_not_null(cJSON_GetObjectItemCaseSensitive(types, name), "%s",
			   name);
}

static void assert_refs(const cJSON *json, const cJSON *types)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, json) {
		if (item->string && strcmp(item->string, "$ref") == 0)
			assert_ref(item, types);
		assert_refs(item, types);
	}
}

Test(api_openapi, every_reference_leads_to_a_type)
{
	cJSON *json = document("/openapi/v2");

	assert_refs(json, json_at(json, "definitions"));
	cJSON_Delete(json);
	json = document("/openapi/v3/api/v1");
	assert_refs(json, json_at(json, "components.schemas"));
	cJSON_Delete(json);
}

Test(api_openapi, the_index_names_a_document_of_each_version)
{
	cJSON *json = document("/openapi/v3");
	const cJSON *group;

	cJSON_ArrayForEach (group, json_at(json, "paths")) {
		const char *url = cJSON_GetStringValue(
			json_at(group, "serverRelativeURL"));
		char path[128];

		(void)snprintf(path, sizeof(path), "%.*s",
			       (int)strcspn(url, "?"), url);
		cJSON_Delete(document(path));
	}
	cJSON_Delete(json);
}

/* kubectl leaves validation to a server that says this, and does it itself else. */
Test(api_openapi, a_patch_knows_fieldValidation)
{
	cJSON *json = document("/openapi/v3/apis/storage.k8s.io/v1");
	const cJSON *path = cJSON_GetObjectItemCaseSensitive(
		json_at(json, "paths"),
		"/apis/storage.k8s.io/v1/storageclasses/{name}");
	char *text = cJSON_PrintUnformatted(json_at(path, "patch"));

	cr_assert_not_null(strstr(text, "\"name\":\"fieldValidation\""));
	cr_assert_not_null(
		strstr(text, "application/strategic-merge-patch+json"));
	free(text);
	cJSON_Delete(json);
}

Test(api_openapi, strict_refuses_unknown_fields)
{
	struct api_response response = create("Strict");

	cr_assert_eq(response.status, 400);
	cr_assert_not_null(
		strstr(response.body,
		       "PersistentVolumeClaim in version \\\"v1\\\" cannot be handled as a PersistentVolumeClaim: strict decoding error: unknown field \\\"spec.bogus\\\", unknown"),
		"%s", response.body);
	api_response_fini(&response);
}

Test(api_openapi, warn_names_unknown_fields_and_keeps_them)
{
	struct api_response response = create(NULL);

	cr_assert_eq(response.status, 201);
	cr_assert_str_eq(response.warning, BOGUS_FIELDS);
	cr_assert_not_null(strstr(response.body, "bogus"));
	api_response_fini(&response);
}

Test(api_openapi, ignore_says_nothing)
{
	struct api_response response = create("Ignore");

	cr_assert_eq(response.status, 201);
	cr_assert_null(response.warning);
	api_response_fini(&response);
	response = create("strict");
	cr_assert_eq(response.status, 400);
	api_response_fini(&response);
}

/* A field that was there before is not the mistake of who patches another one. */
Test(api_openapi, a_strict_patch_bears_what_was_there)
{
	static const char patch[] = "{\"metadata\":{\"labels\":{\"a\":\"b\"}}}";
	static const char more[] = "{\"spec\":{\"worse\":1}}";
	struct api_request request = {
		.method = API_PATCH,
		.path = CLAIMS "/c",
		.content_type = "application/merge-patch+json",
		.body = patch,
		.body_len = strlen(patch),
		.query = { .field_validation = "Strict" },
	};
	struct api_response response = create("Ignore");

	api_response_fini(&response);
	response = ask(&request);
	cr_assert_eq(response.status, 200, "%s", response.body);
	api_response_fini(&response);
	request.body = more;
	request.body_len = strlen(more);
	response = ask(&request);
	cr_assert_eq(response.status, 400);
	api_response_fini(&response);
}

/* openapi.v2.Document, by hand. */
Test(api_openapi, a_document_becomes_protobuf)
{
	static const char text[] =
		"{\"swagger\":\"2.0\",\"definitions\":{\"T\":{\"type\":\"object\","
		"\"properties\":{\"f\":{\"$ref\":\"#\"}},\"x-a\":[1]}}}";
	static const char wanted[] = "\x0a\x03"
				     "2.0"
				     "\x4a\x2e"		 /* definitions */
				     "\x0a\x2c"		 /* NamedSchema */
				     "\x0a\x01T\x12\x27" /* name, value */
				     "\xb2\x01\x08\x0a\x06object"
				     "\xca\x01\x0a" /* properties */
				     "\x0a\x08\x0a\x01"
				     "f\x12\x03\x0a\x01#"
				     "\xfa\x01\x0c\x0a\x03x-a"
				     "\x12\x05\x12\x03[1]";
	cJSON *json = cJSON_Parse(text);
	char *data;
	size_t len;

	cr_assert_eq(api_openapi_encode(json, &data, &len), 0);
	cr_assert_eq(len, sizeof(wanted) - 1, "%zu", len);
	cr_assert_arr_eq(data, wanted, len);
	free(data);
	cJSON_Delete(json);
}
