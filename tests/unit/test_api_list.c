/* SPDX-License-Identifier: Apache-2.0 */

/* Lists: pages, and what a resourceVersion asks for. */

#include <cjson/cJSON.h>

#include "api_pages.h"
#include "api_route.h"
#include "json_field.h"
#include "registry_fixture.h"
#include "response_body.h"

#define CLAIMS "/api/v1/persistentvolumeclaims"
#define CLAIM_IN(ns, name)                                               \
	"{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolumeClaim\","     \
	"\"metadata\":{\"name\":\"" name "\",\"namespace\":\"" ns "\"}," \
	"\"spec\":{\"accessModes\":[\"ReadWriteMany\"],"                 \
	"\"resources\":{\"requests\":{\"storage\":\"1Gi\"}}}}"

static struct api_pages *pages;

static void open_pages(void)
{
	fixture_open();
	cr_assert_eq(api_pages_new(&pages, NULL), 0);
	object_unref(must_create(CLAIM_IN("a-b", "x")));
	object_unref(must_create(CLAIM_IN("a", "x")));
	object_unref(must_create(CLAIM_IN("a", "y")));
	object_unref(must_create(CLAIM_IN("b", "x")));
	object_unref(must_create(CLAIM_IN("c", "x")));
}

static void close_pages(void)
{
	pages = api_pages_free(pages);
	fixture_close();
}

TestSuite(api_list, .init = open_pages, .fini = close_pages);

static cJSON *list(const struct api_query *query, unsigned int wanted)
{
	struct api api = { .registry = registry, .hub = hub, .pages = pages };
	struct api_request request = {
		.method = API_GET, .path = CLAIMS, .body = "", .query = *query
	};
	struct api_response response;
	cJSON *json;

	api_handle(&api, &request, &response);
	if (response.stream)
		response_collect_body(&response);
	cr_assert_eq(response.status, wanted, "%u: %s", response.status,
		     response.body);
	json = cJSON_Parse(response.body);
	api_response_fini(&response);
	return json;
}

static const char *text_of(const cJSON *json, const char *path)
{
	const char *text = cJSON_GetStringValue(json_at(json, path));

	return text ? text : "";
}

/* "a/x a/y": what a page has. */
static void assert_items(const cJSON *json, const char *wanted)
{
	const cJSON *item;
	char text[256] = "";

	cJSON_ArrayForEach (item, json_at(json, "items")) {
		strcat(text, *text ? " " : "");
		strcat(text, text_of(item, "metadata.namespace"));
		strcat(text, "/");
		strcat(text, text_of(item, "metadata.name"));
	}
	cr_assert_str_eq(text, wanted);
}

static void assert_page(const char *limit, const char **next,
			const char *wanted, double n_left)
{
	static char token[API_CONTINUE_MAX];
	cJSON *json = list(
		&(struct api_query){ .limit = limit, .continues = *next }, 200);
	const cJSON *left = json_at(json, "metadata.remainingItemCount");

	assert_items(json, wanted);
	cr_assert_eq(left ? left->valuedouble : 0, n_left);
	(void)snprintf(token, sizeof(token), "%s",
		       text_of(json, "metadata.continue"));
	*next = *token ? token : NULL;
	cJSON_Delete(json);
}

static void remove_claim(const char *namespace, const char *name)
{
	struct err err = ERR_INIT;

	cr_assert_eq(
		store_remove(store, KIND_CLAIM, namespace, name, NULL, &err),
		0);
}

Test(api_list, pages_are_of_one_moment)
{
	const char *next = NULL;

	assert_page("2", &next, "a/x a/y", 3);
	remove_claim("b", "x");
	object_unref(must_create(CLAIM_IN("a-b", "y")));
	assert_page("2", &next, "a-b/x b/x", 1);
	assert_page("2", &next, "c/x", 0);
	cr_assert_null(next);
}

Test(api_list, a_page_can_be_asked_for_again)
{
	const char *next = NULL;
	char token[API_CONTINUE_MAX];

	assert_page("2", &next, "a/x a/y", 3);
	(void)snprintf(token, sizeof(token), "%s", next);
	assert_page("1", &next, "a-b/x", 2);
	next = token;
	assert_page("1", &next, "a-b/x", 2);
	next = token;
	assert_page(NULL, &next, "a-b/x b/x c/x", 0);
}

Test(api_list, pages_that_are_gone_go_on_with_what_is_there)
{
	const char *next = NULL;
	cJSON *json;

	assert_page("2", &next, "a/x a/y", 3);
	pages = api_pages_free(pages);
	cr_assert_eq(api_pages_new(&pages, NULL), 0);
	remove_claim("b", "x");
	json = list(&(struct api_query){ .limit = "2", .continues = next },
		    410);
	cr_assert_str_eq(text_of(json, "reason"), "Expired");
	next = text_of(json, "metadata.continue");
	assert_page("1", &next, "a-b/x", 1);
	assert_page("1", &next, "c/x", 0);
	cJSON_Delete(json);
}

Test(api_list, selected_objects_come_in_pages_without_a_count)
{
	struct api_query query = { .limit = "1",
				   .field_selector = "metadata.name=x" };
	cJSON *json = list(&query, 200);

	assert_items(json, "a/x");
	cr_assert_null(json_at(json, "metadata.remainingItemCount"));
	query.continues = text_of(json, "metadata.continue");
	cJSON_Delete(list(&query, 200));
	cJSON_Delete(json);
}

Test(api_list, a_strange_continue_is_refused)
{
	static const char *const tokens[] = {
		"garbage",
		"claimfs1:",
		"claimfs1:1:2:3",
		"claimfs1:1:2:x:a/b",
		"claimfs1:1:2:3:noslash",
		"claimfs1:99999999999999999999:2:3:a/b",
	};

	for (size_t i = 0; i < ARRAY_SIZE(tokens); i++)
		cJSON_Delete(list(&(struct api_query){ .continues = tokens[i] },
				  400));
	cJSON_Delete(list(&(struct api_query){ .limit = "-1" }, 400));
	cJSON_Delete(
		list(&(struct api_query){ .resource_version = "1",
					  .continues = "claimfs1:1:2:3:a/b" },
		     400));
}

Test(api_list, limits_hold_when_many_page_at_once)
{
	for (int i = 0; i < 100; i++) {
		const char *next = NULL;

		assert_page("1", &next, "a/x", 4);
	}
}

/* More of them than are put together at a time. */
Test(api_list, a_long_list_is_whole)
{
	cJSON *json;

	for (int i = 0; i < 100; i++) {
		char text[512];

		(void)snprintf(text, sizeof(text), CLAIM_IN("many", "n%03d"),
			       i);
		object_unref(must_create(text));
	}
	json = list(&(struct api_query){ 0 }, 200);
	cr_assert_eq(cJSON_GetArraySize(json_at(json, "items")), 105);
	cr_assert_str_eq(
		text_of(cJSON_GetArrayItem(json_at(json, "items"), 104),
			"metadata.name"),
		"n099");
	cJSON_Delete(json);
}

Test(api_list, a_version_that_is_yet_to_come_is_a_timeout)
{
	cJSON *json =
		list(&(struct api_query){ .resource_version = "9999" }, 504);

	cr_assert_str_eq(text_of(json, "reason"), "Timeout");
	cr_assert_not_null(
		strstr(text_of(json, "message"),
		       "Too large resource version: 9999, current:"));
	cJSON_Delete(json);
}

Test(api_list, an_exact_version_is_served_until_the_kind_changes)
{
	char now[24];
	struct api_query query = { .resource_version = now,
				   .resource_version_match = "Exact" };
	cJSON *json = list(&(struct api_query){ 0 }, 200);

	(void)snprintf(now, sizeof(now), "%s",
		       text_of(json, "metadata.resourceVersion"));
	cJSON_Delete(json);
	object_unref(must_create(CLASS_TEXT("other")));
	json = list(&query, 200);
	cr_assert_str_eq(text_of(json, "metadata.resourceVersion"), now);
	cJSON_Delete(json);
	remove_claim("b", "x");
	json = list(&query, 410);
	cr_assert_str_eq(
		text_of(json, "message"),
		"The resourceVersion for the provided list is too old.");
	cJSON_Delete(json);
	query.resource_version_match = "NotOlderThan";
	cJSON_Delete(list(&query, 200));
}

Test(api_list, options_that_contradict_each_other_are_refused)
{
	static const struct api_query queries[] = {
		{ .resource_version_match = "Exact" },
		{ .resource_version = "1", .resource_version_match = "About" },
		{ .resource_version = "0", .resource_version_match = "Exact" },
		{ .continues = "claimfs1:1:2:3:a/b",
		  .resource_version_match = "NotOlderThan" },
		{ .send_initial_events = "true" },
		{ .watch = "true", .send_initial_events = "true" },
		{ .watch = "true",
		  .resource_version = "1",
		  .resource_version_match = "NotOlderThan" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(queries); i++) {
		cJSON *json = list(&queries[i], 422);

		cr_assert_not_null(strstr(text_of(json, "message"),
					  "ListOptions.meta.k8s.io"));
		cJSON_Delete(json);
	}
}
