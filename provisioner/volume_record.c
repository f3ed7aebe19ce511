/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Objects without their lives. What comes back from a share was written by us, into a
 * directory that no pod sees; it goes through the API's validation all the same, as
 * anything that a user applies, and must have the names that were asked for.
 */

#include "volume_record.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "json_field.h"
#include "plan.h"

#define RECORD_MAX 12288
#define CLAIM_MAX  4096 /* with labels and annotations */

static const char volume_key[] = "persistentVolume";
static const char claim_key[] = "persistentVolumeClaim";

/* What the API gives. */
static void forget_life(cJSON *json)
{
	static const char *const keys[] = {
		"uid",
		"resourceVersion",
		"creationTimestamp",
		"generation",
		"managedFields",
		"deletionTimestamp",
		"selfLink",
		"deletionGracePeriodSeconds",
	};
	cJSON *metadata = cJSON_GetObjectItemCaseSensitive(json, "metadata");
	cJSON *ref = cJSON_GetObjectItemCaseSensitive(
		cJSON_GetObjectItemCaseSensitive(json, "spec"), "claimRef");

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		cJSON_DeleteItemFromObjectCaseSensitive(metadata, keys[i]);
	cJSON_DeleteItemFromObjectCaseSensitive(json, "status");
	cJSON_DeleteItemFromObjectCaseSensitive(ref, "uid");
	cJSON_DeleteItemFromObjectCaseSensitive(ref, "resourceVersion");
}

static cJSON *without_life(const struct object *object)
{
	cJSON *json = object_edit(object);

	forget_life(json);
	return json;
}

/* Who is to provision it: the plan made for the claim may have seen that or not. */
static void forget_provisioner(cJSON *metadata)
{
	cJSON *annotations =
		cJSON_GetObjectItemCaseSensitive(metadata, "annotations");

	cJSON_DeleteItemFromObjectCaseSensitive(annotations,
						ANNOTATION_PROVISIONER);
	cJSON_DeleteItemFromObjectCaseSensitive(annotations,
						ANNOTATION_PROVISIONER_BETA);
	if (cJSON_GetArraySize(annotations) == 0)
		cJSON_DeleteItemFromObjectCaseSensitive(metadata,
							"annotations");
}

static cJSON *claim_json(const struct object *claim)
{
	cJSON *json = without_life(claim);
	cJSON *metadata = cJSON_GetObjectItemCaseSensitive(json, "metadata");

	cJSON_DeleteItemFromObjectCaseSensitive(metadata, "finalizers");
	forget_provisioner(metadata);
	if (strlen(claim->text) > CLAIM_MAX) {
		cJSON_DeleteItemFromObjectCaseSensitive(metadata, "labels");
		cJSON_DeleteItemFromObjectCaseSensitive(metadata,
							"annotations");
	}
	return json;
}

/* Takes the item. */
static bool add(cJSON *json, const char *key, cJSON *take_item)
{
	if (json && take_item && cJSON_AddItemToObject(json, key, take_item))
		return true;
	cJSON_Delete(take_item);
	return false;
}

char *volume_record_text(const struct object *volume,
			 const struct object *claim)
{
	cJSON *json = cJSON_CreateObject();
	char *text = NULL;

	if (add(json, volume_key, without_life(volume)) &&
	    (!claim || add(json, claim_key, claim_json(claim))))
		text = cJSON_PrintUnformatted(json);
	cJSON_Delete(json);
	if (text && strlen(text) > RECORD_MAX) {
		free(text);
		return strdup("{}");
	}
	return text;
}

/* --- and back ------------------------------------------------------------------- */

static int take_object(const cJSON *record, const char *key, cJSON **ret,
		       struct err *err)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(record, key);
	cJSON *json;

	if (!cJSON_IsObject(item))
		return err_set(err, -EBADMSG, "its record has no %s", key);
	json = cJSON_Duplicate(item, /* recurse= */ true);
	if (!json)
		return err_set(err, -ENOMEM, "no memory");
	forget_life(json);
	*ret = json;
	return 0;
}

static int check_name(struct object *take_object, enum object_kind kind,
		      const char *namespace, const char *name,
		      struct object **ret, struct err *err)
{
	_cleanup_(object_unref) struct object *object = take_object;

	if (object->kind != kind || strcmp(object->name, name) != 0 ||
	    strcmp(object->namespace, namespace) != 0)
		return err_set(err, -EBADMSG,
			       "its record is about another object");
	*ret = TAKE_PTR(object);
	return 0;
}

static bool set_string(cJSON *json, const char *member, const char *key,
		       const char *value)
{
	cJSON *parent = cJSON_GetObjectItemCaseSensitive(json, member);

	cJSON_DeleteItemFromObjectCaseSensitive(parent, key);
	return parent && cJSON_AddStringToObject(parent, key, value);
}

int volume_record_claim(const cJSON *record, const char *volume,
			const char *namespace, const char *name,
			struct object **ret, struct err *err)
{
	struct object *object;
	cJSON *json;
	int r = take_object(record, claim_key, &json, err);

	if (r < 0)
		return r;
	if (!set_string(json, "spec", "volumeName", volume)) {
		cJSON_Delete(json);
		return err_set(err, -EBADMSG, "its record has no spec");
	}
	r = object_new(&object, json, err);
	if (r < 0)
		return r;
	return check_name(object, KIND_CLAIM, namespace, name, ret, err);
}

int volume_record_volume(const cJSON *record, const char *volume,
			 struct object **ret, struct err *err)
{
	struct object *object;
	cJSON *json;
	int r = take_object(record, volume_key, &json, err);

	if (r >= 0)
		r = object_new(&object, json, err);
	if (r < 0)
		return r;
	return check_name(object, KIND_PERSISTENT_VOLUME, "", volume, ret, err);
}
