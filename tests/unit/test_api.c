/* SPDX-License-Identifier: Apache-2.0 */

/* The API without sockets: requests in, responses out. */

#include "api_route.h"
#include "api_table.h"
#include "api_watch.h"
#include "registry_fixture.h"
#include "response_body.h"

#define CLAIMS "/api/v1/namespaces/default/persistentvolumeclaims"

TestSuite(api, .init = fixture_open, .fini = fixture_close);

static struct api_response ask(const struct api_request *request)
{
	struct api api = { .registry = registry, .hub = hub };
	struct api_response response;

	api_handle(&api, request, &response);
	return response;
}

static struct api_response send(enum api_method method, const char *path,
				const char *type, const char *body)
{
	return ask(&(struct api_request){ .method = method,
					  .path = path,
					  .content_type = type,
					  .body = body,
					  .body_len = strlen(body) });
}

static void assert_answer(struct api_response response, unsigned int status,
			  const char *part)
{
	if (response.stream)
		response_collect_body(&response);
	cr_assert_eq(response.status, status, "%u: %s", response.status,
		     response.body);
	cr_assert_not_null(strstr(response.body, part), "%s", response.body);
	api_response_fini(&response);
}

Test(api, paths_are_routed)
{
	static const struct {
		const char *path;
		enum api_target target;
	} routes[] = {
		{ "/api", API_TARGET_DISCOVERY },
		{ "/apis/storage.k8s.io/v1", API_TARGET_DISCOVERY },
		{ "/healthz", API_TARGET_HEALTH },
		{ CLAIMS, API_TARGET_COLLECTION },
		{ CLAIMS "/x", API_TARGET_OBJECT },
		{ CLAIMS "/x/status", API_TARGET_STATUS },
		{ CLAIMS "/x/scale", API_TARGET_NONE },
		{ "/api/v1/persistentvolumeclaims", API_TARGET_COLLECTION },
		{ "/api/v1/persistentvolumeclaims/x", API_TARGET_NONE },
		{ "/api/v1/persistentvolumes/x", API_TARGET_OBJECT },
		{ "/api/v1/namespaces/a/persistentvolumes", API_TARGET_NONE },
		{ "/apis/storage.k8s.io/v1/storageclasses/x/",
		  API_TARGET_OBJECT },
		{ "/apis/storage.k8s.io/v9/storageclasses", API_TARGET_NONE },
		{ "/api/v1/namespaces", API_TARGET_NAMESPACES },
		{ "/openapi/v2", API_TARGET_OPENAPI },
		{ "/openapi/v3/apis/storage.k8s.io/v1", API_TARGET_OPENAPI },
		{ "/openapi/v3/apis/apps/v1", API_TARGET_NONE },
		{ "/api//v1", API_TARGET_NONE },
		{ "", API_TARGET_NONE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		struct api_route route;

		api_route_parse(routes[i].path, &route);
		cr_assert_eq(route.target, routes[i].target, "%s",
			     routes[i].path);
	}
}

/* With each that is taken away the next one would come into sight. */
Test(api, a_field_that_is_given_twice_is_refused)
{
	assert_answer(
		send(API_POST, CLAIMS, NULL,
		     "{\"metadata\":{\"name\":\"c\",\"uid\":\"../x\","
		     "\"uid\":\"../x\",\"uid\":\"../x\"},"
		     "\"spec\":{\"accessModes\":[\"ReadWriteMany\"],"
		     "\"resources\":{\"requests\":{\"storage\":\"1Gi\"}}}}"),
		400, "duplicate field \\\"uid\\\"");
	assert_answer(send(API_GET, CLAIMS "/c", NULL, ""), 404, "NotFound");
}

/* One such object would make every list of its kind unreadable. */
Test(api, an_object_does_not_become_deeper_than_can_be_read)
{
	char patch[4096] = "[{\"op\":\"add\",\"path\":\"/spec/x\",\"value\":";

	for (int i = 0; i < 110; i++)
		strcat(patch, "{\"x\":");
	strcat(patch, "1");
	for (int i = 0; i < 110; i++)
		strcat(patch, "}");
	strcat(patch, "}]");
	assert_answer(send(API_POST, CLAIMS, NULL, CLAIM_TEXT("c")), 201, "");
	assert_answer(send(API_PATCH, CLAIMS "/c",
			   "application/json-patch+json", patch),
		      400, "nested deeper than 100 levels");
}

Test(api, server_side_apply_is_refused_by_a_sentence)
{
	assert_answer(send(API_PATCH, CLAIMS "/c",
			   "application/apply-patch+yaml", "{}"),
		      415, "use apply without --server-side");
	assert_answer(send(API_PATCH, CLAIMS "/c", "text/plain", "{}"), 415,
		      "415: Unsupported Media Type");
}

Test(api, an_object_lives_through_all_verbs)
{
	assert_answer(
		send(API_POST, CLAIMS, "application/json", CLAIM_TEXT("c")),
		201, "\"phase\":\"Pending\"");
	assert_answer(send(API_POST, CLAIMS, NULL, CLAIM_TEXT("c")), 409,
		      "\"reason\":\"AlreadyExists\"");
	assert_answer(send(API_GET, CLAIMS, NULL, ""), 200,
		      "\"kind\":\"PersistentVolumeClaimList\"");
	assert_answer(send(API_PATCH, CLAIMS "/c",
			   "application/merge-patch+json",
			   "{\"metadata\":{\"labels\":{\"a\":\"b\"}}}"),
		      200, "\"a\":\"b\"");
	assert_answer(send(API_PATCH, CLAIMS "/c",
			   "application/merge-patch+json",
			   "{\"metadata\":{\"resourceVersion\":\"1\"}}"),
		      409, "\"reason\":\"Conflict\"");
	assert_answer(send(API_DELETE, CLAIMS "/c", NULL,
			   "{\"preconditions\":{\"uid\":\"other\"}}"),
		      409, "does not match the UID in record");
	assert_answer(send(API_DELETE, CLAIMS "/c", NULL,
			   "{\"preconditions\":{\"resourceVersion\":\"1\"}}"),
		      409, "does not match the ResourceVersion in record");
	assert_answer(send(API_DELETE, CLAIMS "/c", NULL, ""), 200,
		      "\"deletionTimestamp\"");
	assert_answer(send(API_PATCH, CLAIMS "/c",
			   "application/merge-patch+json",
			   "{\"metadata\":{\"finalizers\":null}}"),
		      200, "\"name\":\"c\"");
	assert_answer(
		send(API_GET, CLAIMS "/c", NULL, ""), 404,
		"\"message\":\"persistentvolumeclaims \\\"c\\\" not found\"");
}

Test(api, bodies_must_be_json_and_fit_the_path)
{
	assert_answer(send(API_POST, CLAIMS, "text/plain", CLAIM_TEXT("c")),
		      415, "UnsupportedMediaType");
	assert_answer(send(API_POST, CLAIMS, "application/json", "{\"a\":"),
		      400, "BadRequest");
	assert_answer(send(API_POST, CLAIMS, "application/json; charset=utf-8",
			   CLASS_TEXT("c")),
		      400, "cannot be handled as a PersistentVolumeClaim");
	assert_answer(
		send(API_POST,
		     "/api/v1/namespaces/other/persistentvolumeclaims",
		     "application/json",
		     "{\"metadata\":{\"name\":\"c\",\"namespace\":\"x\"}}"),
		400, "does not match the namespace");
	assert_answer(
		send(API_PUT, CLAIMS "/d", "application/json", CLAIM_TEXT("c")),
		400, "does not match the name on the URL");
	assert_answer(
		send(API_PUT, CLAIMS, "application/json", CLAIM_TEXT("c")), 405,
		"MethodNotAllowed");
}

Test(api, every_mistake_is_a_cause)
{
	assert_answer(
		send(API_POST, CLAIMS, "application/json",
		     "{\"metadata\":{\"name\":\"c\"},\"spec\":{\"accessModes\":[],"
		     "\"resources\":{\"requests\":{\"storage\":\"1GiB\"}}}}"),
		422, "\"field\":\"spec.accessModes\"},{\"reason\"");
}

static struct api_response list(const char *labels, const char *fields,
				const char *accept)
{
	return ask(
		&(struct api_request){ .method = API_GET,
				       .path = CLAIMS,
				       .accept = accept,
				       .body = "",
				       .query = { .label_selector = labels,
						  .field_selector = fields } });
}

Test(api, selectors_choose_objects)
{
	static const char empty[] = "\"items\":[]";

	object_unref(must_create(CLAIM_TEXT("c")));
	assert_answer(list("app=x", NULL, NULL), 200, "\"name\":\"c\"");
	assert_answer(list("app in (x, y),!no", NULL, NULL), 200,
		      "\"name\":\"c\"");
	assert_answer(list("app!=x", NULL, NULL), 200, empty);
	assert_answer(list("app notin (x)", NULL, NULL), 200, empty);
	assert_answer(list(NULL, "metadata.name=c", NULL), 200,
		      "\"name\":\"c\"");
	assert_answer(list(NULL, "metadata.name!=c", NULL), 200, empty);
	assert_answer(list(NULL, "spec.x=c", NULL), 400,
		      "field label not supported: spec.x");
	assert_answer(list("app in x", NULL, NULL), 200, empty);
}

Test(api, tables_show_what_kubectl_shows)
{
	static const char accept[] =
		"application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

	object_unref(must_create(CLAIM_TEXT("c")));
	assert_answer(
		list(NULL, NULL, accept), 200,
		"\"cells\":[\"c\",\"Pending\",\"\",\"\",\"\",\"\",\"<unset>\",\"0s\",\"Filesystem\"]");
	cr_assert_eq(registry_delete(registry, KIND_CLAIM, "default", "c", NULL,
				     NULL, NULL),
		     0);
	assert_answer(list(NULL, NULL, accept), 200, "\"Terminating\"");
}

static size_t read_watch(struct api_response *response, char *buffer,
			 size_t size)
{
	size_t n =
		response->stream->read(response->stream, -1, buffer, size - 1);

	buffer[n] = '\0';
	return n;
}

Test(api, an_event_about_a_kind_that_is_none_spoils_no_table)
{
	static const char event[] =
		"{\"kind\":\"Event\",\"apiVersion\":\"v1\",\"metadata\":"
		"{\"name\":\"odd\"},\"involvedObject\":{\"name\":\"n\",\"kind\":"
		"\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\\u0001\"}}";
	struct api_response response;

	assert_answer(send(API_POST, "/api/v1/namespaces/default/events",
			   "application/json", event),
		      201, "odd");
	response = ask(&(struct api_request){
		.method = API_GET,
		.path = "/api/v1/namespaces/default/events",
		.accept = "application/json;as=Table;v=v1;g=meta.k8s.io" });
	assert_answer(response, 200, "\"/n\"");
}

Test(api, a_watch_shows_what_is_and_what_changes)
{
	_cleanup_(api_response_fini) struct api_response response = { 0 };
	char line[2048];

	object_unref(must_create(CLAIM_TEXT("c")));
	response = ask(&(struct api_request){
		.method = API_GET,
		.path = CLAIMS,
		.query = { .watch = "1", .label_selector = "app=x" } });
	cr_assert_eq(response.status, 200);
	(void)read_watch(&response, line, sizeof(line));
	cr_assert_eq(strncmp(line, "{\"type\":\"ADDED\"", 15), 0);
	assert_answer(send(API_PATCH, CLAIMS "/c",
			   "application/merge-patch+json",
			   "{\"metadata\":{\"labels\":{\"app\":null}}}"),
		      200, "\"name\":\"c\"");
	(void)read_watch(&response, line, sizeof(line));
	cr_assert_eq(strncmp(line, "{\"type\":\"DELETED\"", 17), 0,
		     "what leaves the selector is deleted for the watch: %s",
		     line);
	watch_hub_close(hub);
	cr_assert_eq(read_watch(&response, line, sizeof(line)), 0);
}

Test(api, a_watch_that_resumes_hears_of_what_was_deleted_meanwhile)
{
	_cleanup_(api_response_fini) struct api_response response = { 0 };
	_cleanup_(object_unref) struct object *pod = must_create(
		"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\"},"
		"\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}");
	char version[24], line[2048];

	(void)snprintf(version, sizeof(version), "%llu",
		       (unsigned long long)pod->resource_version);
	cr_assert_eq(store_remove(store, KIND_POD, "default", "p", NULL, NULL),
		     0);
	response = ask(&(struct api_request){
		.method = API_GET,
		.path = "/api/v1/namespaces/default/pods",
		.query = { .watch = "1",
			   .resource_version = version,
			   .timeout_seconds = "5",
			   .field_selector = "metadata.name=p" } });
	(void)read_watch(&response, line, sizeof(line));
	cr_assert_eq(strncmp(line, "{\"type\":\"DELETED\"", 17), 0, "%s", line);
}

Test(api, a_watch_from_a_forgotten_revision_says_so)
{
	_cleanup_(api_response_fini) struct api_response response = { 0 };
	char line[2048];

	for (int i = 0; i < 5; i++) { /* two changes each, and a ring of 8 */
		object_unref(must_create(CLASS_TEXT("c")));
		cr_assert_eq(registry_delete(registry, KIND_STORAGE_CLASS, "",
					     "c", NULL, NULL, NULL),
			     0);
	}
	response = ask(&(struct api_request){
		.method = API_GET,
		.path = CLAIMS,
		.query = { .watch = "true", .resource_version = "1" } });
	(void)read_watch(&response, line, sizeof(line));
	cr_assert_not_null(strstr(line, "\"type\":\"ERROR\""));
	cr_assert_not_null(strstr(line, "\"code\":410"));
	cr_assert_eq(read_watch(&response, line, sizeof(line)), 0);
}

Test(api, whoever_asks_may_do_everything)
{
	static const char reviews[] = "/apis/authorization.k8s.io/v1/";
	char path[128];

	(void)snprintf(path, sizeof(path), "%sselfsubjectaccessreviews",
		       reviews);
	assert_answer(
		send(API_POST, path, NULL,
		     "{\"spec\":{\"resourceAttributes\":{}}}"),
		201,
		"\"spec\":{\"resourceAttributes\":{}},\"status\":{\"allowed\":true");
	(void)snprintf(path, sizeof(path), "%sselfsubjectrulesreviews",
		       reviews);
	assert_answer(send(API_POST, path, NULL, "{}"), 201,
		      "\"resourceRules\":[{\"verbs\":[\"*\"]");
	assert_answer(send(API_POST, path, NULL, "{"), 400, "BadRequest");
	assert_answer(send(API_POST, path,
			   "application/vnd.kubernetes.protobuf", "k8s"),
		      201, "\"spec\":{}");
}

Test(api, a_namespace_is_there_while_something_is_in_it)
{
	static const char other[] =
		"/api/v1/namespaces/other/persistentvolumeclaims";

	assert_answer(send(API_GET, "/api/v1/namespaces/default", NULL, ""),
		      200, "\"phase\":\"Active\"");
	assert_answer(send(API_GET, "/api/v1/namespaces/other", NULL, ""), 404,
		      "namespaces \\\"other\\\" not found");
	assert_answer(send(API_POST, "/api/v1/namespaces", NULL,
			   "{\"metadata\":{\"name\":\"other\"}}"),
		      201, "\"name\":\"other\"");
	assert_answer(send(API_POST, other, NULL,
			   "{\"metadata\":{\"name\":\"c\"},\"spec\":{"
			   "\"accessModes\":[\"ReadWriteMany\"],\"resources\":{"
			   "\"requests\":{\"storage\":\"1Gi\"}}}}"),
		      201, "");
	assert_answer(send(API_GET, "/api/v1/namespaces", NULL, ""), 200,
		      "\"name\":\"other\",\"creationTimestamp\"");
	assert_answer(send(API_DELETE, "/api/v1/namespaces/other", NULL, ""),
		      409, "delete its objects");
	assert_answer(ask(&(struct api_request){
			      .method = API_GET,
			      .path = "/api/v1/namespaces",
			      .accept = "application/json;as=Table;v=v1",
			      .body = "" }),
		      200, "\"cells\":[\"other\",\"Active\",\"");
	assert_answer(ask(&(struct api_request){ .method = API_GET,
						 .path = "/api/v1/namespaces",
						 .body = "",
						 .query = { .watch = "1" } }),
		      405, "can't be watched");
}
