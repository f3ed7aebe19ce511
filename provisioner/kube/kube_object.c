/* SPDX-License-Identifier: Apache-2.0 */

/*
 * managedFields say who has set which field; they are larger than the rest of most
 * objects. A PUT without them leaves the server's own as they are
 * (apimachinery, managedfields: "to prevent clients who don't understand
 * managedFields from deleting it accidentally").
 */

#include "kube_object.h"

#include <cjson/cJSON.h>

#include "json_field.h"

static bool set_text(cJSON *json, const char *name, const char *value)
{
	if (cJSON_GetObjectItemCaseSensitive(json, name))
		return true;
	return cJSON_AddStringToObject(json, name, value) != NULL;
}

int kube_object_new(struct object **ret, enum object_kind kind,
		    struct cJSON *take_json, struct err *err)
{
	const struct object_kind_info *info = object_kind_info(kind);
	cJSON *metadata =
		cJSON_GetObjectItemCaseSensitive(take_json, "metadata");
	struct object *object = NULL;
	int r;

	cJSON_DeleteItemFromObjectCaseSensitive(metadata, "managedFields");
	if (cJSON_IsObject(take_json) &&
	    (!set_text(take_json, "apiVersion", info->api_version) ||
	     !set_text(take_json, "kind", info->name))) {
		cJSON_Delete(take_json);
		return json_no_memory(err);
	}
	r = object_new(&object, take_json, err);
	if (r < 0)
		return r;
	if (object->kind != kind) {
		r = err_set(err, -EPROTO, "a %s came instead of a %s",
			    object_kind_info(object->kind)->name, info->name);
		object_unref(object);
		return r;
	}
	*ret = object;
	return 0;
}

int kube_object_parse(struct object **ret, enum object_kind kind,
		      const char *text, size_t len, struct err *err)
{
	cJSON *json = NULL;
	int r = json_parse(text, len, &json, err);

	if (r < 0)
		return r;
	return kube_object_new(ret, kind, json, err);
}
