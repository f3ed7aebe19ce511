/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A pod concerns its claims, a volume its claim, and so on. Should something be
 * overlooked, or the queue be full, the next resync finds it.
 */

#include "keys.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "json_field.h"
#include "log.h"
#include "volume_place.h"

/* A key that gets lost here is found by the next resync. */
static void queue_key(struct queue *queue, const char *prefix,
		      const char *namespace, const char *name)
{
	_cleanup_(free) char *key = NULL;
	int r;

	if (asprintf(&key, "%s%s%s%s", prefix, namespace, *namespace ? "/" : "",
		     name) < 0) {
		key = NULL;
		return;
	}
	r = queue_add(queue, key);
	if (r < 0)
		log_warn("key lost until the next resync", F_STR("key", key),
			 F_ERRNO(r));
}

void key_claim(struct queue *queue, const char *namespace, const char *name)
{
	if (*name)
		queue_key(queue, CLAIM_PREFIX, namespace, name);
}

void key_volume(struct queue *queue, const char *name)
{
	if (*name)
		queue_key(queue, VOLUME_PREFIX, "", name);
}

static const char *string_at(const cJSON *json, const char *path)
{
	const char *value = cJSON_GetStringValue(json_at(json, path));

	return value ? value : "";
}

/* --- what a change concerns ------------------------------------------------------ */

static void claim_changed(struct queue *queue, const struct object *object)
{
	_cleanup_(free) char *own = NULL;

	key_claim(queue, object->namespace, object->name);
	key_volume(queue, string_at(object->json, "spec.volumeName"));
	/* One that was provisioned and not bound yet. */
	if (asprintf(&own, "pvc-%s", object->uid) < 0)
		own = NULL;
	else
		key_volume(queue, own);
}

static void volume_changed(struct queue *queue, enum store_change change,
			   const struct object *object)
{
	const char *claim = string_at(object->json, "spec.claimRef.name");

	key_volume(queue, object->name);
	key_claim(queue, string_at(object->json, "spec.claimRef.namespace"),
		  claim);
	if (!*claim && change != STORE_DELETED)
		(void)queue_add(queue, CLAIMS_KEY);
}

static void pod_changed(struct queue *queue, enum store_change change,
			const struct object *object)
{
	const cJSON *volume;

	if (change == STORE_DELETED)
		(void)queue_add(queue, RELEASED_KEY);
	cJSON_ArrayForEach (volume, json_at(object->json, "spec.volumes"))
		key_claim(queue, object->namespace,
			  string_at(volume, "persistentVolumeClaim.claimName"));
}

void keys_changed(struct queue *queue, enum store_change change,
		  const struct object *object)
{
	switch (object->kind) {
	case KIND_CLAIM:
		claim_changed(queue, object);
		break;
	case KIND_PERSISTENT_VOLUME:
		volume_changed(queue, change, object);
		break;
	case KIND_POD:
		pod_changed(queue, change, object);
		break;
	case KIND_STORAGE_CLASS:
		(void)queue_add(queue, CLAIMS_KEY);
		break;
	case KIND_VOLUME_ATTACHMENT:
		key_volume(queue,
			   string_at(object->json,
				     "spec.source.persistentVolumeName"));
		break;
	case KIND_ATTRIBUTES_CLASS:
		if (change != STORE_DELETED)
			(void)queue_add(queue, ALL_CLAIMS_KEY);
		break;
	default:
		break;
	}
}

void keys_copied(struct queue *queue, const struct store_copy *copy)
{
	_cleanup_(volume_place_fini) struct volume_place target = { 0 };

	key_volume(queue, copy->volume);
	/* Claims may wait for a snapshot. */
	if (copy->is_snapshot)
		(void)queue_add(queue, CLAIMS_KEY);
	else if (volume_place_from_detail(copy->target, &target, NULL) == 0)
		key_claim(queue, target.claim_namespace, target.claim_name);
}
