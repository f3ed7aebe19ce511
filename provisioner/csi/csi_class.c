/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A class has a hash of its content for a name, so that requests with equal parameters and
 * mount flags find it again. A class that is found is compared with the request, in case of
 * two contents with one hash. Classes are never changed.
 *
 * A class goes with its last volume or, after a crash, at the next start. Who is about to
 * use a class holds self->classes for reading until the claim is written; who removes one
 * holds it for writing. So no class is removed between the two.
 */

#include "csi_class.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "csi_calls.h"
#include "csi_origin.h"
#include "fnv1a.h"
#include "json_field.h"
#include "log.h"
#include "store_volume.h"

#define ANNOTATION_MADE_FOR "claimfs.io/made-for"
#define MADE_FOR_CSI	    "csi"

static int compare_keys(const void *a, const void *b)
{
	return strcmp(((const struct label *)a)->key,
		      ((const struct label *)b)->key);
}

static uint64_t hash_of(const struct csi_class *class, const char *driver)
{
	uint64_t hash = fnv1a_text(FNV1A_START, driver);

	for (size_t i = 0; i < class->parameters.n; i++) {
		hash = fnv1a_text(hash, class->parameters.items[i].key);
		hash = fnv1a_text(hash, class->parameters.items[i].value);
	}
	hash = fnv1a_text(hash, "");
	for (size_t i = 0; i < class->n_mount_flags; i++)
		hash = fnv1a_text(hash, class->mount_flags[i]);
	return hash;
}

static void drop_told(struct labels *labels)
{
	size_t n = 0;

	for (size_t i = 0; i < labels->n; i++) {
		struct label label = labels->items[i];

		if (!csi_key_is_told(label.key)) {
			labels->items[n++] = label;
			continue;
		}
		free(label.key);
		free(label.value);
	}
	labels->n = n;
}

void csi_class_init(struct csi_class *class, const char *driver,
		    struct labels *take_parameters,
		    const struct csi_capabilities *capabilities)
{
	*class = (struct csi_class){
		.parameters = *take_parameters,
		.mount_flags = capabilities->mount_flags,
		.n_mount_flags = capabilities->n_mount_flags,
	};
	*take_parameters = (struct labels){ 0 };
	drop_told(&class->parameters);
	if (class->parameters.n > 0)
		qsort(class->parameters.items, class->parameters.n,
		      sizeof(*class->parameters.items), compare_keys);
	csi_hash_name(hash_of(class, driver), class->name);
}

void csi_class_fini(struct csi_class *class)
{
	labels_fini(&class->parameters);
}

/* --- the object ----------------------------------------------------------------------- */

bool csi_class_add_parameters(cJSON *json, const struct labels *parameters)
{
	cJSON *map = cJSON_AddObjectToObject(json, "parameters");

	for (size_t i = 0; map && i < parameters->n; i++)
		if (!cJSON_AddStringToObject(map, parameters->items[i].key,
					     parameters->items[i].value))
			return false;
	return map;
}

static bool add_flags(cJSON *json, const struct csi_class *class)
{
	cJSON *list = cJSON_AddArrayToObject(json, "mountOptions");

	for (size_t i = 0; list && i < class->n_mount_flags; i++)
		if (!cJSON_AddItemToArray(
			    list, cJSON_CreateString(class->mount_flags[i])))
			return false;
	return list;
}

static bool fill(cJSON *json, const struct csi_class *class, const char *driver)
{
	cJSON *metadata = cJSON_AddObjectToObject(json, "metadata");
	cJSON *annotations = cJSON_AddObjectToObject(metadata, "annotations");

	return cJSON_AddStringToObject(json, "apiVersion",
				       "storage.k8s.io/v1") &&
	       cJSON_AddStringToObject(json, "kind", "StorageClass") &&
	       cJSON_AddStringToObject(metadata, "name", class->name) &&
	       cJSON_AddStringToObject(annotations, ANNOTATION_MADE_FOR,
				       MADE_FOR_CSI) &&
	       cJSON_AddStringToObject(json, "provisioner", driver) &&
	       cJSON_AddBoolToObject(json, "allowVolumeExpansion", true) &&
	       cJSON_AddStringToObject(json, "reclaimPolicy", "Delete") &&
	       csi_class_add_parameters(json, &class->parameters) &&
	       add_flags(json, class);
}

static int make_object(struct object **ret, const struct csi_class *class,
		       const char *driver, struct err *err)
{
	cJSON *json = cJSON_CreateObject();

	if (!fill(json, class, driver)) {
		cJSON_Delete(json);
		return err_set(err, -ENOMEM, "no memory");
	}
	return object_new(ret, json, err);
}

static bool is_same(const struct object *a, const struct object *b)
{
	static const char *const fields[] = { "provisioner", "parameters",
					      "mountOptions" };

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (!json_is_equal(json_at(a->json, fields[i]),
				   json_at(b->json, fields[i])))
			return false;
	return true;
}

/* --- making ---------------------------------------------------------------------------- */

static bool is_made_here(const struct object *class)
{
	const cJSON *made = cJSON_GetObjectItemCaseSensitive(
		json_at(class->json, "metadata.annotations"),
		ANNOTATION_MADE_FOR);

	return cJSON_IsString(made) &&
	       strcmp(made->valuestring, MADE_FOR_CSI) == 0;
}

static size_t count_made(const struct object_list *list)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++)
		n += is_made_here(list->items[i]);
	return n;
}

static enum rpc_status create(struct csi_controller *self,
			      const struct object *object, struct err *err)
{
	struct cluster *cluster = self->options.cluster;
	_cleanup_(object_list_fini) struct object_list list = OBJECT_LIST_INIT;
	int r = cluster->ops->list(cluster, KIND_STORAGE_CLASS, NULL, &list,
				   err);

	if (r != 0)
		return csi_status_of(r);
	if (count_made(&list) >= CSI_CLASS_MAX)
		return csi_refuse(
			err, RPC_RESOURCE_EXHAUSTED,
			"there are volumes of %d different sets of parameters and mount_flags: no more are kept",
			CSI_CLASS_MAX);
	r = cluster->ops->create(cluster, object, NULL, err);
	if (r == CLUSTER_EXISTS) {
		err_fini(err);
		r = 0;
	}
	return csi_status_of(r);
}

enum rpc_status csi_class_ensure(struct csi_controller *self,
				 const struct csi_class *class, struct err *err)
{
	struct cluster *cluster = self->options.cluster;
	_cleanup_(object_unref) struct object *wanted = NULL;
	_cleanup_(object_unref) struct object *found = NULL;
	int r = make_object(&wanted, class, self->options.drivers[0], err);

	if (r < 0)
		return csi_status_of(r);
	r = cluster->ops->get(cluster, KIND_STORAGE_CLASS, "", class->name,
			      &found, err);
	if (r == CLUSTER_NOT_FOUND) {
		err_fini(err);
		return create(self, wanted, err);
	}
	if (r != 0)
		return csi_status_of(r);
	if (is_same(wanted, found))
		return RPC_OK;
	return csi_refuse(
		err, RPC_INTERNAL,
		"StorageClass \"%s\" is there and has other parameters: delete it, or give another parameter",
		class->name);
}

/* --- removing --------------------------------------------------------------------------- */

static int remove_locked(struct csi_controller *self, const char *name,
			 struct err *err)
{
	struct cluster *cluster = self->options.cluster;
	_cleanup_(object_unref) struct object *class = NULL;
	bool is_used;
	int r = store_class_has_claims(self->options.store, name, &is_used,
				       err);

	if (r < 0 || is_used)
		return r;
	r = cluster->ops->get(cluster, KIND_STORAGE_CLASS, "", name, &class,
			      err);
	if (r == 0 && is_made_here(class))
		r = cluster->ops->delete (cluster, KIND_STORAGE_CLASS, "", name,
					  class->uid, err);
	return r < 0 ? r : 0;
}

static int release(struct csi_controller *self, const char *name,
		   struct err *err)
{
	bool is_used;
	/* Nearly always it is used: then the lock, for which all wait, is not taken. */
	int r = store_class_has_claims(self->options.store, name, &is_used,
				       err);

	if (r < 0 || is_used)
		return r;
	(void)pthread_rwlock_wrlock(&self->classes);
	r = remove_locked(self, name, err);
	(void)pthread_rwlock_unlock(&self->classes);
	return r;
}

void csi_class_release(struct csi_controller *self, const char *name)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;

	if (release(self, name, &err) < 0)
		log_warn("unused class kept", F_STR("class", name),
			 F_ERR(&err));
}

int csi_class_sweep(struct csi_controller *self, struct err *err)
{
	struct cluster *cluster = self->options.cluster;
	_cleanup_(object_list_fini) struct object_list list = OBJECT_LIST_INIT;
	int r = self->options.is_cluster
			? 0
			: cluster->ops->list(cluster, KIND_STORAGE_CLASS, NULL,
					     &list, err);

	for (size_t i = 0; r == 0 && i < list.n; i++)
		if (is_made_here(list.items[i]))
			csi_class_release(self, list.items[i]->name);
	return r > 0 ? -EIO : r;
}
