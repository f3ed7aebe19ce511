/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Parameters that may change after a volume was made are carried out as in a cluster: the
 * claim names a VolumeAttributesClass, and the reconciler gives the volume what that class
 * says. Our own API does not serve these classes, so those made here exist in the record
 * only. They have a hash for a name, and are locked and removed, as StorageClasses are
 * (csi_class.c).
 */

#include "csi_attributes.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "class_parameters.h"
#include "csi_calls.h"
#include "csi_class.h"
#include "log.h"
#include "store_volume.h"

enum rpc_status csi_attributes_read(ProtobufCMessage *const *entries, size_t n,
				    struct csi_attributes *ret, struct err *err)
{
	const struct csi_capabilities none = { 0 };
	_cleanup_(csi_class_fini) struct csi_class class = { 0 };
	_cleanup_(labels_fini) struct labels labels = { 0 };
	enum rpc_status status =
		csi_labels_read(entries, n, "mutable_parameters", &labels, err);

	if (status == RPC_OK)
		status = csi_status_of(class_mutable_check(&labels, err));
	if (status != RPC_OK)
		return status;
	*ret = (struct csi_attributes){ 0 };
	csi_class_init(&class, "", &labels, &none);
	ret->parameters = class.parameters;
	class.parameters = (struct labels){ 0 };
	if (ret->parameters.n > 0)
		(void)snprintf(ret->name, sizeof(ret->name), "%s", class.name);
	return RPC_OK;
}

void csi_attributes_fini(struct csi_attributes *attributes)
{
	labels_fini(&attributes->parameters);
}

/* --- the object --------------------------------------------------------------------------- */

static bool fill(cJSON *json, const struct csi_attributes *attributes,
		 const char *driver)
{
	cJSON *metadata = cJSON_AddObjectToObject(json, "metadata");

	return csi_class_add_parameters(json, &attributes->parameters) &&
	       cJSON_AddStringToObject(json, "apiVersion",
				       "storage.k8s.io/v1") &&
	       cJSON_AddStringToObject(json, "kind", "VolumeAttributesClass") &&
	       cJSON_AddStringToObject(metadata, "name", attributes->name) &&
	       cJSON_AddStringToObject(metadata, "uid", attributes->name) &&
	       cJSON_AddStringToObject(json, "driverName", driver);
}

static int make_object(struct object **ret,
		       const struct csi_attributes *attributes,
		       const char *driver, struct err *err)
{
	cJSON *json = cJSON_CreateObject();

	if (!fill(json, attributes, driver)) {
		cJSON_Delete(json);
		return err_set(err, -ENOMEM, "no memory");
	}
	return object_new(ret, json, err);
}

enum rpc_status csi_attributes_ensure(struct csi_controller *self,
				      const struct csi_attributes *attributes,
				      struct err *err)
{
	struct store *store = self->options.store;
	_cleanup_(object_list_fini) struct object_list list = OBJECT_LIST_INIT;
	_cleanup_(object_unref) struct object *object = NULL;
	int r;

	if (!*attributes->name)
		return RPC_OK;
	r = store_list(store, KIND_ATTRIBUTES_CLASS, NULL, &list, err);
	for (size_t i = 0; r == 0 && i < list.n; i++)
		if (strcmp(list.items[i]->name, attributes->name) == 0)
			return RPC_OK;
	if (r == 0 && list.n >= CSI_CLASS_MAX)
		return csi_refuse(
			err, RPC_RESOURCE_EXHAUSTED,
			"there are volumes of %d different sets of mutable_parameters: no more are kept",
			CSI_CLASS_MAX);
	if (r == 0)
		r = make_object(&object, attributes, self->options.drivers[0],
				err);
	if (r == 0)
		r = store_create(store, object, NULL, err);
	return r == STORE_EXISTS ? RPC_OK : csi_status_of(r);
}

/* --- its end -------------------------------------------------------------------------------- */

static int release(struct csi_controller *self, const char *name,
		   struct err *err)
{
	struct store *store = self->options.store;
	bool is_used;
	int r;

	(void)pthread_rwlock_wrlock(&self->classes);
	r = store_attributes_have_claims(store, name, &is_used, err);
	if (r == 0 && !is_used)
		r = store_remove(store, KIND_ATTRIBUTES_CLASS, "", name, NULL,
				 err);
	(void)pthread_rwlock_unlock(&self->classes);
	return r < 0 ? r : 0;
}

void csi_attributes_release(struct csi_controller *self, const char *name)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;

	if (*name && release(self, name, &err) < 0)
		log_warn("unused attributes kept", F_STR("class", name),
			 F_ERR(&err));
}

int csi_attributes_sweep(struct csi_controller *self, struct err *err)
{
	_cleanup_(object_list_fini) struct object_list list = OBJECT_LIST_INIT;
	int r = self->options.is_cluster
			? 0
			: store_list(self->options.store, KIND_ATTRIBUTES_CLASS,
				     NULL, &list, err);

	for (size_t i = 0; r == 0 && i < list.n; i++)
		csi_attributes_release(self, list.items[i]->name);
	return r;
}
