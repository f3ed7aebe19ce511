/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Two principles: a client can set everything but what the server owns (uid,
 * times, resourceVersion, and the status outside of the status subresource), and
 * fields that nobody here knows pass untouched.
 *
 * Defaults are those of Kubernetes' API (pkg/apis/core/v1/defaults.go,
 * pkg/apis/storage/v1/defaults.go), for the fields that storage looks at.
 */

#include "registry_admit.h"

#include <string.h>
#include <sys/random.h>

#include <cjson/cJSON.h>

#include "json_field.h"
#include "model_decode.h"
#include "timestamp.h"

#define UUID_MAX 37

/* Kubernetes' alphabet for generated names: no vowels, so no words. */
static const char name_alphabet[] = "bcdfghjklmnpqrstvwxz2456789";
#define GENERATED_LEN 5
#define NAME_MAX_LEN  253

static const char *const finalizers[KIND_STANDALONE_N] = {
	[KIND_CLAIM] = "kubernetes.io/pvc-protection",
	[KIND_PERSISTENT_VOLUME] = "kubernetes.io/pv-protection",
	/* Keeps the pod until its volumes are unpublished on its node. */
	[KIND_POD] = "claimfs.io/unpublish",
};

static const struct {
	enum object_kind kind;
	const char *parent; /* NULL = the object itself */
	const char *field;
	const char *value;
} defaults[] = {
	{ KIND_CLAIM, "spec", "volumeMode", "Filesystem" },
	{ KIND_PERSISTENT_VOLUME, "spec", "volumeMode", "Filesystem" },
	{ KIND_PERSISTENT_VOLUME, "spec", "persistentVolumeReclaimPolicy",
	  "Retain" },
	{ KIND_STORAGE_CLASS, NULL, "reclaimPolicy", "Delete" },
	{ KIND_STORAGE_CLASS, NULL, "volumeBindingMode", "Immediate" },
};

/* What the server owns in metadata: kept from the stored object at every update. */
static const char *const server_fields[] = {
	"uid",
	"creationTimestamp",
	"deletionTimestamp",
	"deletionGracePeriodSeconds",
};

static cJSON *member(cJSON *json, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(json, name);
}

static void drop(cJSON *json, const char *name)
{
	cJSON_DeleteItemFromObjectCaseSensitive(json, name);
}

/* Replaces or adds; consumes the value, which may be NULL for want of memory. */
static int put(cJSON *json, const char *name, cJSON *take_value)
{
	if (!take_value)
		return -ENOMEM;
	drop(json, name);
	if (!cJSON_AddItemToObject(json, name, take_value)) {
		cJSON_Delete(take_value);
		return -ENOMEM;
	}
	return 0;
}

static int put_string(cJSON *json, const char *name, const char *value)
{
	return put(json, name, cJSON_CreateString(value));
}

static bool is_unset(const cJSON *json, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, name);

	return !item || cJSON_IsNull(item);
}

static int make_uuid(char ret[UUID_MAX])
{
	unsigned char b[16];

	if (getrandom(b, sizeof(b), 0) != (ssize_t)sizeof(b))
		return -EIO;
	/* RFC 9562 5.4: version 4, variant 10. */
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	(void)snprintf(
		ret, UUID_MAX,
		"%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9],
		b[10], b[11], b[12], b[13], b[14], b[15]);
	return 0;
}

static int generate_name(cJSON *metadata)
{
	const char *prefix =
		cJSON_GetStringValue(member(metadata, "generateName"));
	unsigned char random[GENERATED_LEN];
	char name[NAME_MAX_LEN + 1];
	size_t len;

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -EIO;
	(void)snprintf(name, sizeof(name) - GENERATED_LEN, "%s",
		       prefix ? prefix : "");
	len = strlen(name);
	for (size_t i = 0; i < GENERATED_LEN; i++)
		name[len++] =
			name_alphabet[random[i] % (sizeof(name_alphabet) - 1)];
	name[len] = '\0';
	return put_string(metadata, "name", name);
}

static int add_finalizer(cJSON *metadata, const char *name)
{
	cJSON *list = member(metadata, "finalizers");
	const cJSON *item;

	if (is_unset(metadata, "finalizers")) {
		drop(metadata, "finalizers");
		list = cJSON_AddArrayToObject(metadata, "finalizers");
	} else if (!cJSON_IsArray(list)) {
		return 0; /* validation refuses it */
	}
	cJSON_ArrayForEach (item, list) {
		if (cJSON_IsString(item) &&
		    strcmp(item->valuestring, name) == 0)
			return 0;
	}
	if (!list || !cJSON_AddItemToArray(list, cJSON_CreateString(name)))
		return -ENOMEM;
	return 0;
}

static int set_identity(cJSON *metadata, enum object_kind kind)
{
	const char *name = cJSON_GetStringValue(member(metadata, "name"));
	char uuid[UUID_MAX], now[TIMESTAMP_MAX];
	int r;

	if (!name || !*name) {
		r = generate_name(metadata);
		if (r < 0)
			return r;
	}
	r = make_uuid(uuid);
	if (r < 0)
		return r;
	r = put_string(metadata, "uid", uuid);
	if (r < 0)
		return r;
	timestamp_now(now);
	r = put_string(metadata, "creationTimestamp", now);
	if (r < 0 || !finalizers[kind])
		return r;
	return add_finalizer(metadata, finalizers[kind]);
}

int admit_identity(struct cJSON *json, enum object_kind kind, struct err *err)
{
	cJSON *metadata = member(json, "metadata");
	int r;

	if (!cJSON_IsObject(metadata))
		return err_set(err, -EINVAL, "metadata: Required value");
	for (size_t i = 0; i < ARRAY_SIZE(server_fields); i++)
		drop(metadata, server_fields[i]);
	drop(metadata, "resourceVersion");
	drop(metadata, "managedFields");
	r = set_identity(metadata, kind);
	if (r < 0)
		return err_set_errno(err, r, "give the object an identity");
	return 0;
}

static int default_one(cJSON *json, size_t i)
{
	cJSON *parent =
		defaults[i].parent ? member(json, defaults[i].parent) : json;

	/* A spec that is missing or of the wrong type is validation's to refuse. */
	if (!cJSON_IsObject(parent) || !is_unset(parent, defaults[i].field))
		return 0;
	return put_string(parent, defaults[i].field, defaults[i].value);
}

/* The legacy annotation counts as a class, too (facts of the PV controller). */
static bool has_legacy_class(cJSON *json)
{
	cJSON *annotations = member(member(json, "metadata"), "annotations");

	return !is_unset(annotations,
			 "volume.beta.kubernetes.io/storage-class");
}

int admit_defaults(struct cJSON *json, enum object_kind kind,
		   const char *default_class)
{
	cJSON *spec = member(json, "spec");

	for (size_t i = 0; i < ARRAY_SIZE(defaults); i++) {
		int r;

		if (defaults[i].kind != kind)
			continue;
		r = default_one(json, i);
		if (r < 0)
			return r;
	}
	if (kind != KIND_CLAIM || !*default_class || !cJSON_IsObject(spec))
		return 0;
	if (!is_unset(spec, "storageClassName") || has_legacy_class(json))
		return 0;
	return put_string(spec, "storageClassName", default_class);
}

int admit_initial_status(struct cJSON *json, enum object_kind kind)
{
	char now[TIMESTAMP_MAX];
	cJSON *status;

	drop(json, "status");
	if (kind == KIND_STORAGE_CLASS || kind == KIND_EVENT)
		return 0;
	status = cJSON_AddObjectToObject(json, "status");
	if (!status || !cJSON_AddStringToObject(status, "phase", "Pending"))
		return -ENOMEM;
	if (kind != KIND_PERSISTENT_VOLUME)
		return 0;
	timestamp_now(now);
	return put_string(status, "lastPhaseTransitionTime", now);
}

/* to's member becomes from's: a copy, or absent. */
static int inherit(cJSON *to, const cJSON *from, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(from, name);

	if (!item) {
		drop(to, name);
		return 0;
	}
	return put(to, name, cJSON_Duplicate(item, true));
}

int admit_update(struct cJSON *json, const struct object *old)
{
	const cJSON *from = json_at(old->json, "metadata");
	cJSON *to = member(json, "metadata");
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(server_fields); i++) {
		r = inherit(to, from, server_fields[i]);
		if (r < 0)
			return r;
	}
	drop(to, "managedFields");
	if (old->kind == KIND_EVENT)
		return 0;
	return inherit(json, old->json, "status");
}

static int stamp_phase(cJSON *json, const struct object *old)
{
	cJSON *status = member(json, "status");
	const cJSON *before = json_at(old->json, "status.phase");
	char now[TIMESTAMP_MAX];

	if (old->kind != KIND_PERSISTENT_VOLUME || !cJSON_IsObject(status) ||
	    json_is_equal(before, member(status, "phase")))
		return 0;
	timestamp_now(now);
	return put_string(status, "lastPhaseTransitionTime", now);
}

struct cJSON *admit_status(const struct object *old, const struct object *new)
{
	cJSON *json = object_edit(old);

	if (!json)
		return NULL;
	if (inherit(json, new->json, "status") == 0 &&
	    stamp_phase(json, old) == 0)
		return json;
	cJSON_Delete(json);
	return NULL;
}

struct cJSON *admit_deletion(const struct object *old)
{
	cJSON *json = object_edit(old);
	cJSON *metadata = member(json, "metadata");
	char now[TIMESTAMP_MAX];

	timestamp_now(now);
	if (json && put_string(metadata, "deletionTimestamp", now) == 0 &&
	    put(metadata, "deletionGracePeriodSeconds",
		cJSON_CreateNumber(0)) == 0)
		return json;
	cJSON_Delete(json);
	return NULL;
}

static bool is_better_default(const struct storage_class *class,
			      const struct storage_class *than)
{
	if (!class->is_default)
		return false;
	if (!than->is_default)
		return true;
	/* The list is in the order of names: the first of equals stays. */
	return class->meta.creation_s > than->meta.creation_s;
}

int admit_default_class(const struct object_list *classes, char **ret)
{
	_cleanup_(storage_class_fini) struct storage_class best = { 0 };
	char *name;

	for (size_t i = 0; i < classes->n; i++) {
		_cleanup_(storage_class_fini) struct storage_class class = {
			0
		};
		struct storage_class worse;

		/* A class that can't be decoded can't be anybody's default. */
		if (storage_class_decode(classes->items[i], &class, NULL) < 0 ||
		    !is_better_default(&class, &best))
			continue;
		worse = best;
		best = class;
		class = worse;
	}
	name = strdup(best.is_default ? best.meta.name : "");
	if (!name)
		return -ENOMEM;
	*ret = name;
	return 0;
}
