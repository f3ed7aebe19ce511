/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Optimistic locking in one place: the copy that is written back carries the
 * resourceVersion that was read, so a conflict means that somebody was faster,
 * and the change function is asked again about what is there now.
 */

#include "object_change.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "json_field.h"

#define MAX_TRIES 8

typedef int (*write_fn)(struct cluster *cluster, const struct object *object,
			struct object **ret, struct err *err);

static int edit(const struct object *object, change_fn change,
		const void *userdata, struct object **ret, struct err *err)
{
	cJSON *json = object_edit(object);
	int r = json ? change(json, userdata) : -ENOMEM;

	if (r != 0) {
		cJSON_Delete(json);
		return r < 0 ? err_set(err, r, "change %s: no memory",
				       object->name)
			     : r;
	}
	return object_new(ret, json, err);
}

static int try_change(struct cluster *cluster,
		      const struct object_target *target, change_fn change,
		      const void *userdata, write_fn write, struct err *err)
{
	_cleanup_(object_unref) struct object *old = NULL;
	_cleanup_(object_unref) struct object *new = NULL;
	_cleanup_(object_unref) struct object *stored = NULL;
	int r;

	r = cluster->ops->get(cluster, target->kind, target->namespace,
			      target->name, &old, err);
	if (r != 0)
		return r;
	if (target->uid && strcmp(old->uid, target->uid) != 0)
		return CLUSTER_NOT_FOUND;
	r = edit(old, change, userdata, &new, err);
	if (r == CHANGE_NONE)
		return 0;
	if (r == CHANGE_OUTDATED)
		return CLUSTER_NOT_FOUND;
	if (r < 0)
		return r;
	return write(cluster, new, &stored, err);
}

static int change_with(struct cluster *cluster,
		       const struct object_target *target, change_fn change,
		       const void *userdata, write_fn write, struct err *err)
{
	int r = CLUSTER_CONFLICT;

	for (int i = 0; i < MAX_TRIES && r == CLUSTER_CONFLICT; i++) {
		_cleanup_(err_fini) struct err latest = ERR_INIT;

		r = try_change(cluster, target, change, userdata, write,
			       &latest);
		if (r < 0 || r == CLUSTER_INVALID || r == CLUSTER_FORBIDDEN)
			(void)err_set(err, r < 0 ? r : -EINVAL, "%s",
				      err_text(&latest));
	}
	return r;
}

int object_change(struct cluster *cluster, const struct object_target *target,
		  change_fn change, const void *userdata, struct err *err)
{
	return change_with(cluster, target, change, userdata,
			   cluster->ops->update, err);
}

int object_change_status(struct cluster *cluster,
			 const struct object_target *target, change_fn change,
			 const void *userdata, struct err *err)
{
	return change_with(cluster, target, change, userdata,
			   cluster->ops->update_status, err);
}

/* --- JSON ------------------------------------------------------------------------- */

struct cJSON *change_member(struct cJSON *json, const char *key)
{
	cJSON *member = cJSON_GetObjectItemCaseSensitive(json, key);

	if (cJSON_IsObject(member))
		return member;
	if (member)
		cJSON_DeleteItemFromObjectCaseSensitive(json, key);
	return cJSON_AddObjectToObject(json, key);
}

int change_string(struct cJSON *json, const char *key, const char *value)
{
	const cJSON *old = cJSON_GetObjectItemCaseSensitive(json, key);

	if (cJSON_IsString(old) && strcmp(old->valuestring, value) == 0)
		return CHANGE_NONE;
	cJSON_DeleteItemFromObjectCaseSensitive(json, key);
	return cJSON_AddStringToObject(json, key, value) ? 0 : -ENOMEM;
}

int change_annotation(struct cJSON *json, const char *key, const char *value)
{
	cJSON *metadata = change_member(json, "metadata");
	cJSON *annotations =
		metadata ? change_member(metadata, "annotations") : NULL;

	return annotations ? change_string(annotations, key, value) : -ENOMEM;
}

int change_both(int a, int b)
{
	if (a < 0 || b < 0)
		return -ENOMEM;
	return a == CHANGE_NONE && b == CHANGE_NONE ? CHANGE_NONE : 0;
}

/* The index of a finalizer; -1 = it has not got it. */
static int find_finalizer(const cJSON *list, const char *name)
{
	const cJSON *item;
	int i = 0;

	cJSON_ArrayForEach (item, list) {
		if (cJSON_IsString(item) &&
		    strcmp(item->valuestring, name) == 0)
			return i;
		i++;
	}
	return -1;
}

int change_add_finalizer(struct cJSON *json, const void *name)
{
	cJSON *metadata = change_member(json, "metadata");
	cJSON *list, *item;

	if (!metadata)
		return -ENOMEM;
	list = cJSON_GetObjectItemCaseSensitive(metadata, "finalizers");
	if (find_finalizer(list, name) >= 0)
		return CHANGE_NONE;
	if (!cJSON_IsArray(list)) {
		cJSON_DeleteItemFromObjectCaseSensitive(metadata, "finalizers");
		list = cJSON_AddArrayToObject(metadata, "finalizers");
	}
	item = cJSON_CreateString(name);
	if (!list || !item || !cJSON_AddItemToArray(list, item)) {
		cJSON_Delete(item);
		return -ENOMEM;
	}
	return 0;
}

int change_remove_finalizer(struct cJSON *json, const void *name)
{
	cJSON *list = cJSON_GetObjectItemCaseSensitive(
		cJSON_GetObjectItemCaseSensitive(json, "metadata"),
		"finalizers");
	int i = find_finalizer(list, name);

	if (i < 0)
		return CHANGE_NONE;
	cJSON_DeleteItemFromArray(list, i);
	return 0;
}
