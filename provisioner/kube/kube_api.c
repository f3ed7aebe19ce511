/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A kind's place on the server follows from its row in object.c: "v1" is below /api,
 * every other group below /apis. Names are escaped, though Kubernetes' own never
 * need it: what a claim says is somebody else's text, and must not lead elsewhere.
 */

#include "kube_api.h"

#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "json_field.h"
#include "kube_list.h"
#include "kube_object.h"

#define MERGE_PATCH "application/merge-patch+json"

struct kube_api {
	struct kube_http *http;
	struct kube_cancel stop;
};

DEFINE_CLEANUP(cJSON *, cJSON_Delete)

int kube_api_new(struct kube_api **ret, const struct kube_config *config,
		 struct err *err)
{
	_cleanup_(kube_api_free) struct kube_api *api = calloc(1, sizeof(*api));
	int r;

	if (!api)
		return json_no_memory(err);
	r = kube_http_new(&api->http, config, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(api);
	return 0;
}

void kube_api_stop(struct kube_api *api, unsigned int grace_ms)
{
	kube_http_cancel_in(api->http, &api->stop, grace_ms);
}

struct kube_api *kube_api_free(struct kube_api *api)
{
	if (!api)
		return NULL;
	kube_http_free(api->http);
	free(api);
	return NULL;
}

struct kube_http *kube_api_http(struct kube_api *api)
{
	return api->http;
}

static bool print_escaped(FILE *out, const char *before, const char *name)
{
	_cleanup_(free) char *escaped = kube_http_escape(name);

	if (escaped)
		(void)fprintf(out, "%s%s", before, escaped);
	return escaped != NULL;
}

static bool print_path(FILE *out, const struct object_kind_info *info,
		       const char *namespace, const char *name)
{
	(void)fprintf(out, "/%s/%s",
		      strchr(info->api_version, '/') ? "apis" : "api",
		      info->api_version);
	if (info->is_namespaced && namespace && *namespace &&
	    !print_escaped(out, "/namespaces/", namespace))
		return false;
	(void)fprintf(out, "/%s", info->plural);
	return !name || print_escaped(out, "/", name);
}

char *kube_api_path(enum object_kind kind, const char *namespace,
		    const char *name, const char *subresource)
{
	const struct object_kind_info *info = object_kind_info(kind);
	char *path = NULL;
	bool is_complete;
	size_t len;
	FILE *out = open_memstream(&path, &len);

	if (!out)
		return NULL;
	is_complete = print_path(out, info, namespace, name);
	if (subresource)
		(void)fprintf(out, "/%s", subresource);
	if (fclose(out) != 0 || !is_complete) {
		free(path);
		return NULL;
	}
	return path;
}

/* take_path NULL = no memory. The answer is an object of that kind. */
static int call_for_object(struct kube_api *api, struct kube_call *call,
			   char *take_path, enum object_kind kind,
			   struct object **ret, struct err *err)
{
	_cleanup_(free) char *path = take_path;
	_cleanup_(free) char *text = NULL;
	size_t len;
	int r;

	if (!path)
		return json_no_memory(err);
	call->path = path;
	call->cancel = &api->stop;
	r = kube_call(api->http, call, &text, &len, NULL, err);
	if (r != 0 || !ret)
		return r;
	return kube_object_parse(ret, kind, text, len, err);
}

int kube_api_get(struct kube_api *api, enum object_kind kind,
		 const char *namespace, const char *name, struct object **ret,
		 struct err *err)
{
	struct kube_call call = { .method = "GET" };

	return call_for_object(api, &call,
			       kube_api_path(kind, namespace, name, NULL), kind,
			       ret, err);
}

int kube_api_create(struct kube_api *api, const struct object *object,
		    struct object **ret, struct err *err)
{
	struct kube_call call = { .method = "POST", .body = object->text };

	return call_for_object(
		api, &call,
		kube_api_path(object->kind, object->namespace, NULL, NULL),
		object->kind, ret, err);
}

static int put(struct kube_api *api, const struct object *object,
	       const char *subresource, struct object **ret, struct err *err)
{
	struct kube_call call = { .method = "PUT", .body = object->text };

	return call_for_object(api, &call,
			       kube_api_path(object->kind, object->namespace,
					     object->name, subresource),
			       object->kind, ret, err);
}

int kube_api_update(struct kube_api *api, const struct object *object,
		    struct object **ret, struct err *err)
{
	return put(api, object, NULL, ret, err);
}

int kube_api_update_status(struct kube_api *api, const struct object *object,
			   struct object **ret, struct err *err)
{
	return put(api, object, "status", ret, err);
}

int kube_api_patch(struct kube_api *api, const struct kube_patch *patch,
		   struct object **ret, struct err *err)
{
	struct kube_call call = { .method = "PATCH",
				  .body = patch->merge,
				  .content_type = MERGE_PATCH };

	return call_for_object(api, &call,
			       kube_api_path(patch->kind, patch->namespace,
					     patch->name, patch->subresource),
			       patch->kind, ret, err);
}

static bool add_condition(cJSON *options, const char *uid)
{
	cJSON *conditions;

	if (!uid || !*uid)
		return true;
	conditions = cJSON_AddObjectToObject(options, "preconditions");
	return cJSON_AddStringToObject(conditions, "uid", uid) != NULL;
}

static char *delete_options(const char *uid)
{
	_cleanup_(cJSON_Delete) cJSON *options = cJSON_CreateObject();

	if (!cJSON_AddStringToObject(options, "kind", "DeleteOptions") ||
	    !cJSON_AddStringToObject(options, "apiVersion", "v1") ||
	    !add_condition(options, uid))
		return NULL;
	return cJSON_PrintUnformatted(options);
}

int kube_api_delete(struct kube_api *api, enum object_kind kind,
		    const char *namespace, const char *name, const char *uid,
		    struct err *err)
{
	_cleanup_(free) char *options = delete_options(uid);
	struct kube_call call = { .method = "DELETE", .body = options };

	if (!options)
		return json_no_memory(err);
	return call_for_object(api, &call,
			       kube_api_path(kind, namespace, name, NULL), kind,
			       NULL, err);
}

int kube_api_list(struct kube_api *api, const struct kube_selection *selection,
		  kube_object_fn fn, void *userdata,
		  uint64_t *ret_resource_version, struct err *err)
{
	struct kube_list list = {
		.selection = selection,
		.page = KUBE_LIST_PAGE,
		.cancel = &api->stop,
		.object = fn,
		.userdata = userdata,
	};

	return kube_list(api->http, &list, ret_resource_version, err);
}
