/* SPDX-License-Identifier: Apache-2.0 */

/*
 * libFuzzer target for requests. An input is text:
 *
 *	METHOD PATH
 *	NAME=VALUE&NAME=VALUE      (the query)
 *	CONTENT-TYPE
 *	ACCEPT
 *	BODY
 *
 * The requests meet a record with one object of each kind. All of them are dry runs, so
 * that the record stays as it is and an input does the same every time.
 */

#include <assert.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "../unit/response_body.h"
#include "api_pages.h"
#include "api_route.h"
#include "registry.h"
#include "watch_hub.h"

#define METADATA "\"metadata\":{\"name\":\"x\",\"labels\":{\"a\":\"b\"}}"
#define ACCESS	 "\"accessModes\":[\"ReadWriteMany\"]"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct api api; /* for all inputs: it is dear */

static const char *const objects[] = {
	"{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolumeClaim\"," METADATA
	",\"spec\":{" ACCESS
	",\"resources\":{\"requests\":{\"storage\":\"1Gi\"}}}}",
	"{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolume\"," METADATA
	",\"spec\":{" ACCESS ",\"capacity\":{\"storage\":\"1Gi\"},"
	"\"csi\":{\"driver\":\"nfs.claimfs.io\",\"volumeHandle\":\"h\","
	"\"volumeAttributes\":{\"server\":\"s\",\"share\":\"/s\"}}}}",
	"{\"apiVersion\":\"storage.k8s.io/v1\",\"kind\":\"StorageClass\"," METADATA
	",\"provisioner\":\"nfs.claimfs.io\","
	"\"parameters\":{\"server\":\"s\",\"share\":\"/s\"}}",
	"{\"apiVersion\":\"v1\",\"kind\":\"Pod\"," METADATA
	",\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}],"
	"\"volumes\":[{\"name\":\"v\",\"persistentVolumeClaim\":"
	"{\"claimName\":\"x\"}}]}}",
};

static void create(const char *text)
{
	_cleanup_(object_unref) struct object *object = NULL;

	assert(object_parse(&object, text, strlen(text), NULL) == 0);
	assert(registry_create(api.registry, object, NULL, NULL) == 0);
}

/* The folder stays until its machine forgets /tmp: nobody says when it is over. */
static void open_api(void)
{
	static const char *const drivers[] = { "nfs.claimfs.io" };
	static char path[] = "/tmp/fuzz_api.XXXXXX/claimfs.db";
	struct watch_hub_options hub = { 0 };
	struct registry_options options = { .drivers = drivers,
					    .n_drivers = 1 };
	struct store *store;

	path[sizeof("/tmp/fuzz_api.XXXXXX") - 1] = '\0';
	assert(mkdtemp(path));
	path[sizeof("/tmp/fuzz_api.XXXXXX") - 1] = '/';
	assert(store_open(&store, path, NULL) == 0);
	hub.store = store;
	assert(watch_hub_new(&api.hub, &hub, NULL) == 0);
	options.store = store;
	options.hub = api.hub;
	assert(registry_new(&api.registry, &options, NULL) == 0);
	assert(api_pages_new(&api.pages, NULL) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
		create(objects[i]);
}

static enum api_method method_of(char letter)
{
	static const char letters[API_METHOD_N] = {
		[API_GET] = 'G',   [API_POST] = 'P',   [API_PUT] = 'U',
		[API_PATCH] = 'A', [API_DELETE] = 'D',
	};

	for (int i = 0; i < API_METHOD_N; i++) {
		if (letters[i] == letter)
			return (enum api_method)i;
	}
	return API_GET;
}

static void set_query(struct api_query *query, char *text)
{
	char *parameter;

	while ((parameter = strsep(&text, "&"))) {
		char *value = strchr(parameter, '=');

		if (value)
			*value++ = '\0';
		api_query_set(query, parameter, value);
	}
	query->dry_run = "All";
}

static char *line(char **rest)
{
	char *found = strsep(rest, "\n");

	return found ? found : "";
}

static void check(struct api_response *response)
{
	cJSON *json;

	assert(response->status >= 200 && response->status < 600);
	if (response->content_type ||
	    (response->stream && response->stream->waits))
		return;
	if (response->stream)
		response_collect_body(response);
	assert(response->body);
	json = cJSON_Parse(response->body);
	assert(json);
	cJSON_Delete(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	_cleanup_(free) char *text = strndup((const char *)data, len);
	_cleanup_(api_response_fini) struct api_response response = { 0 };
	struct api_request request = { 0 };
	char *rest = text;

	if (!api.registry)
		open_api();
	request.path = line(&rest);
	request.method = method_of(*request.path);
	request.path += strcspn(request.path, "/");
	set_query(&request.query, line(&rest));
	request.content_type = line(&rest);
	request.accept = line(&rest);
	request.body = rest ? rest : "";
	request.body_len = strlen(request.body);
	/* What is ours is not part of this: it works on shares. */
	if (strncmp(request.path, "/claimfs", 8) == 0)
		return 0;
	api_handle(&api, &request, &response);
	check(&response);
	return 0;
}
