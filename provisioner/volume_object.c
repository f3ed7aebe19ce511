/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The PersistentVolume of a provisioned claim, field by field as the external
 * provisioner and csi-driver-nfs leave it, so that whoever reads volumes (tools,
 * backups, a later move to a cluster) finds what he knows. The handle is the
 * volume's name and means nothing else.
 */

#include "volume_object.h"

#include <inttypes.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "csi_origin.h"
#include "json_field.h"
#include "object_change.h"
#include "plan.h"

#define IDENTITY "claimfs-provisioner"

struct pair {
	const char *key;
	const char *value; /* NULL = leave the key out */
};

static bool add_pairs(cJSON *json, const struct pair *pairs, size_t n)
{
	for (size_t i = 0; json && i < n; i++)
		if (pairs[i].value &&
		    !cJSON_AddStringToObject(json, pairs[i].key,
					     pairs[i].value))
			return false;
	return json;
}

/* A copy of the claim's field; absent = left out. */
static bool add_copy(cJSON *json, const char *key, const struct object *claim,
		     const char *path)
{
	const cJSON *value = json_at(claim->json, path);
	cJSON *copy;

	if (!value)
		return true;
	copy = cJSON_Duplicate(value, /* recurse= */ true);
	if (!copy || !cJSON_AddItemToObject(json, key, copy)) {
		cJSON_Delete(copy);
		return false;
	}
	return true;
}

static bool add_metadata(cJSON *json, const struct storage_class *class,
			 const struct volume_place *place)
{
	char described[VOLUME_DESCRIBED_MAX];
	const struct pair annotations[] = {
		{ ANNOTATION_DESCRIBED, described },
		{ ANNOTATION_PROVISIONED_BY, class->provisioner },
		{ "volume.kubernetes.io/provisioner-deletion-secret-name", "" },
		{ "volume.kubernetes.io/provisioner-deletion-secret-namespace",
		  "" },
	};
	cJSON *metadata = cJSON_AddObjectToObject(json, "metadata");

	volume_described(PV_BOUND, reclaim_policy_names[class->reclaim],
			 described);
	return metadata &&
	       cJSON_AddStringToObject(metadata, "name", place->name) &&
	       add_pairs(cJSON_AddObjectToObject(metadata, "annotations"),
			 annotations, ARRAY_SIZE(annotations)) &&
	       (class->reclaim != RECLAIM_DELETE ||
		change_add_finalizer(json, FINALIZER_EXTERNAL) == 0);
}

/* "ReadWriteOnce,ReadOnlyMany"; malloc'ed, NULL = no memory. */
static char *access_modes_text(const struct object *claim)
{
	const cJSON *modes = json_at(claim->json, "spec.accessModes");
	const cJSON *item;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	cJSON_ArrayForEach (item, modes)
		(void)fprintf(out, "%s%s", item != modes->child ? "," : "",
			      cJSON_GetStringValue(item));
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

static const char *parameter(const struct storage_class *class, const char *key)
{
	for (size_t i = 0; i < class->parameters.n; i++)
		if (strcasecmp(class->parameters.items[i].key, key) == 0)
			return class->parameters.items[i].value;
	return NULL;
}

/* claimfs.io/...: what a node may tell about the volume without asking the API. */
static bool add_facts(cJSON *attributes, const struct object *claim,
		      const struct storage_class *class,
		      const struct volume_place *place)
{
	_cleanup_(free) char *modes = access_modes_text(claim);
	char capacity[24];
	const struct pair facts[] = {
		{ "claimfs.io/access-modes", modes },
		{ "claimfs.io/capacity", capacity },
		{ "claimfs.io/class", class->meta.name },
		{ "claimfs.io/reclaim-policy",
		  reclaim_policy_names[class->reclaim] },
	};

	(void)snprintf(capacity, sizeof(capacity), "%" PRIu64, place->capacity);
	return modes && add_pairs(attributes, facts, ARRAY_SIZE(facts));
}

/* What the claim was told of a cluster's objects (csi_origin.h). */
static const char *told(const struct object *claim, const char *annotation,
			const char *otherwise)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(
		json_at(claim->json, "metadata.annotations"), annotation);

	if (!namespace_is_csi(claim->namespace) || !cJSON_IsString(value) ||
	    !*value->valuestring)
		return otherwise;
	return value->valuestring;
}

static bool add_csi(cJSON *spec, const struct object *claim,
		    const struct storage_class *class,
		    const struct volume_place *place)
{
	const struct pair source[] = {
		{ "driver", class->provisioner },
		{ "volumeHandle", place->name },
	};
	const struct pair attributes[] = {
		{ "csi.storage.k8s.io/pv/name",
		  told(claim, ANNOTATION_TOLD_VOLUME, place->name) },
		{ "csi.storage.k8s.io/pvc/name",
		  told(claim, ANNOTATION_TOLD_CLAIM, place->claim_name) },
		{ "csi.storage.k8s.io/pvc/namespace",
		  told(claim, ANNOTATION_TOLD_NAMESPACE,
		       place->claim_namespace) },
		{ "gid", parameter(class, "gid") },
		{ "mountPermissions", parameter(class, "mountPermissions") },
		{ "onDelete", parameter(class, "onDelete") },
		{ "server", place->server },
		{ "share", place->share },
		{ "squash", parameter(class, "squash") },
		{ "storage.kubernetes.io/csiProvisionerIdentity", IDENTITY },
		{ "subDir", place->path },
		{ "trashTTL", parameter(class, "trashTTL") },
		{ "uid", parameter(class, "uid") },
	};
	cJSON *csi = cJSON_AddObjectToObject(spec, "csi");
	cJSON *json = cJSON_AddObjectToObject(csi, "volumeAttributes");

	return add_pairs(csi, source, ARRAY_SIZE(source)) &&
	       add_facts(json, claim, class, place) &&
	       add_pairs(json, attributes, ARRAY_SIZE(attributes));
}

static bool add_claim_ref(cJSON *spec, const struct object *claim)
{
	const struct pair reference[] = {
		{ "apiVersion", "v1" },
		{ "kind", "PersistentVolumeClaim" },
		{ "namespace", claim->namespace },
		{ "name", claim->name },
		{ "uid", claim->uid },
	};
	cJSON *json = cJSON_AddObjectToObject(spec, "claimRef");

	return add_pairs(json, reference, ARRAY_SIZE(reference)) &&
	       add_copy(json, "resourceVersion", claim,
			"metadata.resourceVersion");
}

static bool add_mount_options(cJSON *spec, const struct storage_class *class)
{
	cJSON *list;

	if (class->n_mount_options == 0)
		return true;
	list = cJSON_AddArrayToObject(spec, "mountOptions");
	for (size_t i = 0; list && i < class->n_mount_options; i++) {
		cJSON *item = cJSON_CreateString(class->mount_options[i]);

		if (!item || !cJSON_AddItemToArray(list, item)) {
			cJSON_Delete(item);
			return false;
		}
	}
	return list;
}

static bool add_spec(cJSON *json, const struct object *claim,
		     const struct storage_class *class,
		     const struct volume_place *place)
{
	cJSON *spec = cJSON_AddObjectToObject(json, "spec");
	cJSON *capacity =
		spec ? cJSON_AddObjectToObject(spec, "capacity") : NULL;

	return capacity &&
	       add_copy(capacity, "storage", claim,
			"spec.resources.requests.storage") &&
	       add_csi(spec, claim, class, place) &&
	       add_copy(spec, "accessModes", claim, "spec.accessModes") &&
	       add_claim_ref(spec, claim) &&
	       cJSON_AddStringToObject(spec, "persistentVolumeReclaimPolicy",
				       reclaim_policy_names[class->reclaim]) &&
	       cJSON_AddStringToObject(spec, "storageClassName",
				       class->meta.name) &&
	       add_mount_options(spec, class) &&
	       cJSON_AddStringToObject(spec, "volumeMode", "Filesystem") &&
	       add_copy(spec, "volumeAttributesClassName", claim,
			"spec.volumeAttributesClassName");
}

int volume_object_new(struct object **ret, const struct object *claim,
		      const struct storage_class *class,
		      const struct volume_place *place, struct err *err)
{
	static const struct pair head[] = {
		{ "apiVersion", "v1" },
		{ "kind", "PersistentVolume" },
	};
	cJSON *json = cJSON_CreateObject();

	if (!add_pairs(json, head, ARRAY_SIZE(head)) ||
	    !add_metadata(json, class, place) ||
	    !add_spec(json, claim, class, place)) {
		cJSON_Delete(json);
		return err_set(err, -ENOMEM, "no memory");
	}
	return object_new(ret, json, err);
}
