/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The strings of an object point into its JSON, and nobody may change that JSON
 * once object_new() has returned: this is what makes an object free to share. The
 * only thing that changes is the reference count, which is atomic; an object is
 * freed by whichever thread drops the last reference.
 *
 * The kinds are a table. A kind of the record also needs a table in schema/ and rows
 * in store_object.c and store_list.c.
 */

#include "object.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include <cjson/cJSON.h>

#include "json_field.h"
#include "parse.h"

static const struct object_kind_info kinds[KIND_N] = {
	[KIND_STORAGE_CLASS] = { "StorageClass", "storage.k8s.io/v1",
				 "storageclasses", "storageclass", "sc",
				 false },
	[KIND_PERSISTENT_VOLUME] = { "PersistentVolume", "v1",
				     "persistentvolumes", "persistentvolume",
				     "pv", false },
	[KIND_CLAIM] = { "PersistentVolumeClaim", "v1",
			 "persistentvolumeclaims", "persistentvolumeclaim",
			 "pvc", true },
	[KIND_POD] = { "Pod", "v1", "pods", "pod", "po", true },
	[KIND_EVENT] = { "Event", "v1", "events", "event", "ev", true },
	[KIND_VOLUME_ATTACHMENT] = { "VolumeAttachment", "storage.k8s.io/v1",
				     "volumeattachments", "volumeattachment",
				     "va", false },
	[KIND_ATTRIBUTES_CLASS] = { "VolumeAttributesClass",
				    "storage.k8s.io/v1",
				    "volumeattributesclasses",
				    "volumeattributesclass", "vac", false },
	[KIND_CSI_NODE] = { "CSINode", "storage.k8s.io/v1", "csinodes",
			    "csinode", "csinode", false },
	[KIND_NODE] = { "Node", "v1", "nodes", "node", "no", false },
	[KIND_STORAGE_CAPACITY] = { "CSIStorageCapacity", "storage.k8s.io/v1",
				    "csistoragecapacities",
				    "csistoragecapacity", "capacity", true },
	[KIND_VOLUME_SNAPSHOT] = { "VolumeSnapshot",
				   "snapshot.storage.k8s.io/v1",
				   "volumesnapshots", "volumesnapshot", "vs",
				   true },
	[KIND_SNAPSHOT_CONTENT] = { "VolumeSnapshotContent",
				    "snapshot.storage.k8s.io/v1",
				    "volumesnapshotcontents",
				    "volumesnapshotcontent", "vsc", false },
};

const struct object_kind_info *object_kind_info(enum object_kind kind)
{
	assert(kind < KIND_N);
	return &kinds[kind];
}

int object_kind_from_api(const char *api_version, const char *name,
			 enum object_kind *ret)
{
	for (unsigned int i = 0; i < KIND_N; i++) {
		if (strcmp(kinds[i].name, name) == 0 &&
		    strcmp(kinds[i].api_version, api_version) == 0) {
			*ret = (enum object_kind)i;
			return 0;
		}
	}
	return -ENOENT;
}

static bool kind_has_word(const struct object_kind_info *info, const char *word)
{
	return strcasecmp(word, info->plural) == 0 ||
	       strcasecmp(word, info->singular) == 0 ||
	       strcasecmp(word, info->short_name) == 0;
}

int object_kind_from_word(const char *word, enum object_kind *ret)
{
	/* Kind in any case is the singular. */
	for (unsigned int i = 0; i < KIND_STANDALONE_N; i++) {
		if (kind_has_word(&kinds[i], word)) {
			*ret = (enum object_kind)i;
			return 0;
		}
	}
	return -ENOENT;
}

static int read_kind(const cJSON *json, enum object_kind *ret, struct err *err)
{
	const char *api_version, *kind;
	int r;

	if (!cJSON_IsObject(json))
		return err_set(err, -EINVAL, "the object is not a JSON object");
	r = json_string(json, "apiVersion", "", &api_version, err);
	if (r < 0)
		return r;
	r = json_string(json, "kind", "", &kind, err);
	if (r < 0)
		return r;
	if (!*kind)
		return err_set(err, -EINVAL, "kind: Required value");
	if (!*api_version)
		return err_set(err, -EINVAL, "apiVersion: Required value");
	if (object_kind_from_api(api_version, kind, ret) < 0)
		return err_set(err, -EINVAL,
			       "no matches for kind \"%s\" in version \"%s\"",
			       kind, api_version);
	return 0;
}

/* metadata.namespace as the API server completes it before it looks at anything. */
static int settle_namespace(cJSON *metadata, bool is_namespaced,
			    struct err *err)
{
	const char *namespace;
	int r;

	if (!is_namespaced) {
		cJSON_DeleteItemFromObjectCaseSensitive(metadata, "namespace");
		return 0;
	}
	r = json_string(metadata, "namespace", "", &namespace, NULL);
	if (r < 0)
		return err_set(
			err, r,
			"metadata.namespace: Invalid value: must be a string");
	if (*namespace)
		return 0;
	cJSON_DeleteItemFromObjectCaseSensitive(metadata, "namespace");
	if (!cJSON_AddStringToObject(metadata, "namespace", "default"))
		return json_no_memory(err);
	return 0;
}

static int read_resource_version(const cJSON *json, uint64_t *ret,
				 struct err *err)
{
	const char *text;
	int r;

	r = json_string(json, "metadata.resourceVersion", "", &text, err);
	if (r < 0)
		return r;
	if (!*text) {
		*ret = 0;
		return 0;
	}
	r = parse_u64(text, 0, INT64_MAX, ret);
	if (r < 0)
		return err_set(
			err, -EINVAL,
			"metadata.resourceVersion: Invalid value: \"%s\": must be a number",
			text);
	return 0;
}

static int read_identity(struct object *object, cJSON *json, struct err *err)
{
	cJSON *metadata = cJSON_GetObjectItemCaseSensitive(json, "metadata");
	const char *generate_name;
	int r;

	if (!cJSON_IsObject(metadata))
		return err_set(err, -EINVAL, "metadata: Required value");
	r = settle_namespace(metadata, kinds[object->kind].is_namespaced, err);
	if (r < 0)
		return r;
	r = json_string(json, "metadata.namespace", "", &object->namespace,
			err);
	if (r < 0)
		return r;
	r = json_string(json, "metadata.name", "", &object->name, err);
	if (r < 0)
		return r;
	r = json_string(json, "metadata.generateName", "", &generate_name, err);
	if (r < 0)
		return r;
	if (!*object->name && !*generate_name)
		return err_set(
			err, -EINVAL,
			"metadata.name: Required value: name or generateName is required");
	r = json_string(json, "metadata.uid", "", &object->uid, err);
	if (r < 0)
		return r;
	return read_resource_version(json, &object->resource_version, err);
}

static struct object *object_free(struct object *object)
{
	cJSON_Delete((cJSON *)object->json);
	free((char *)object->text);
	free(object);
	return NULL;
}

/* text NULL = it is printed. */
static int make(struct object **ret, struct cJSON *take_json, const char *text,
		size_t len, struct err *err)
{
	_cleanup_(object_unref) struct object *object = NULL;
	int r;

	object = calloc(1, sizeof(*object));
	if (!object) {
		cJSON_Delete(take_json);
		return json_no_memory(err);
	}
	object->json = take_json;
	atomic_init(&object->n_refs, 1);
	r = read_kind(take_json, &object->kind, err);
	if (r < 0)
		return r;
	r = read_identity(object, take_json, err);
	if (r < 0)
		return r;
	object->text =
		text ? strndup(text, len) : cJSON_PrintUnformatted(take_json);
	if (!object->text)
		return json_no_memory(err);
	*ret = TAKE_PTR(object);
	return 0;
}

int object_new(struct object **ret, struct cJSON *take_json, struct err *err)
{
	return make(ret, take_json, NULL, 0, err);
}

int object_parse_text(struct object **ret, const char *text, size_t len,
		      struct err *err)
{
	cJSON *json = NULL;
	int r = json_parse(text, len, &json, err);

	if (r < 0)
		return r;
	/* Somebody's hand has been there: a watch sends objects as lines. */
	if (memchr(text, '\n', len))
		text = NULL;
	return make(ret, json, text, len, err);
}

int object_parse(struct object **ret, const char *text, size_t len,
		 struct err *err)
{
	cJSON *json = NULL;
	int r = json_parse(text, len, &json, err);

	if (r < 0)
		return r;
	return object_new(ret, json, err);
}

struct cJSON *object_edit(const struct object *object)
{
	return cJSON_Duplicate(object->json, true);
}

struct object *object_ref(struct object *object)
{
	unsigned int before = atomic_fetch_add_explicit(&object->n_refs, 1,
							memory_order_relaxed);

	assert(before > 0);
	return object;
}

struct object *object_unref(struct object *object)
{
	if (!object)
		return NULL;
	if (atomic_fetch_sub_explicit(&object->n_refs, 1,
				      memory_order_acq_rel) == 1)
		return object_free(object);
	return NULL;
}

void object_list_fini(struct object_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		object_unref(list->items[i]);
	free(list->items);
	*list = OBJECT_LIST_INIT;
}
