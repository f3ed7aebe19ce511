/* SPDX-License-Identifier: Apache-2.0 */

/*
 * ControllerModifyVolume lets the claim name another VolumeAttributesClass and waits until
 * the claim's status says that the volume has what that class says. A parameter that an
 * earlier call changed and this one does not name is what CreateVolume's parameters said
 * again (volume_attributes.h).
 */

#include <string.h>

#include <cjson/cJSON.h>

#include "csi_attributes.h"
#include "csi_calls.h"
#include "csi_find.h"
#include "csi_pending.h"
#include "json_field.h"
#include "object_change.h"

/* A change_fn; userdata is the class's name. */
static int name_class(cJSON *json, const void *userdata)
{
	cJSON *spec = change_member(json, "spec");

	return spec ? change_string(spec, "volumeAttributesClassName", userdata)
		    : -ENOMEM;
}

struct modification {
	const char *uid;
	const char *class;
};

/* An object_wait_fn for the claim. */
static int is_modified(void *userdata, const struct object *claim,
		       struct err *err)
{
	const struct modification *wanted = userdata;
	const char *now = "";

	(void)err;
	if (!claim || strcmp(claim->uid, wanted->uid) != 0)
		return CSI_GONE;
	(void)json_string(claim->json,
			  "status.currentVolumeAttributesClassName", "", &now,
			  NULL);
	return strcmp(now, wanted->class) == 0 &&
			       !json_at(claim->json,
					"status.modifyVolumeStatus")
		       ? CSI_CHANGED
		       : 0;
}

static enum rpc_status await_end(struct csi_controller *self,
				 const struct persistent_volume *pv,
				 const char *class, struct err *err)
{
	const struct object_key key = { .kind = KIND_CLAIM,
					.namespace = pv->claim_ref.namespace,
					.name = pv->claim_ref.name };
	struct modification wanted = { .uid = pv->claim_ref.uid,
				       .class = class };

	return csi_await_change(self, pv, &key, is_modified, &wanted, err);
}

static enum rpc_status change(struct csi_controller *self,
			      const struct persistent_volume *pv,
			      const struct csi_attributes *attributes,
			      struct err *err)
{
	const struct object_target target = { .kind = KIND_CLAIM,
					      .namespace =
						      pv->claim_ref.namespace,
					      .name = pv->claim_ref.name,
					      .uid = pv->claim_ref.uid };
	enum rpc_status status;

	(void)pthread_rwlock_rdlock(&self->classes);
	status = csi_attributes_ensure(self, attributes, err);
	if (status == RPC_OK)
		status = csi_status_of(object_change(self->options.cluster,
						     &target, name_class,
						     attributes->name, err));
	(void)pthread_rwlock_unlock(&self->classes);
	return status;
}

static enum rpc_status modify(struct csi_controller *self,
			      const struct csi_volume *volume,
			      const struct csi_attributes *attributes,
			      struct err *err)
{
	const struct persistent_volume *pv = &volume->pv;
	enum rpc_status status = csi_volume_check_owner(volume, err);

	if (status == RPC_OK)
		status = change(self, pv, attributes, err);
	if (status == RPC_OK)
		status = await_end(self, pv, attributes->name, err);
	if (status == RPC_OK &&
	    strcmp(pv->attributes_class, attributes->name) != 0)
		csi_attributes_release(self, pv->attributes_class);
	return status;
}

enum rpc_status csi_modify_volume(struct csi_controller *self,
				  const ProtobufCMessage *message,
				  struct rpc_response *response,
				  struct err *err)
{
	const Csi__V1__ControllerModifyVolumeRequest *wire =
		(const Csi__V1__ControllerModifyVolumeRequest *)message;
	_cleanup_(csi_attributes_fini) struct csi_attributes attributes = { 0 };
	_cleanup_(csi_volume_fini) struct csi_volume volume = { 0 };
	enum rpc_status status =
		csi_find_volume(self, wire->volume_id, &volume, err);

	(void)response;
	if (status == RPC_OK)
		status = csi_attributes_read(
			(ProtobufCMessage *const *)wire->mutable_parameters,
			wire->n_mutable_parameters, &attributes, err);
	if (status != RPC_OK)
		return status;
	if (!*attributes.name)
		return csi_refuse(err, RPC_INVALID_ARGUMENT,
				  "mutable_parameters are missing");
	return modify(self, &volume, &attributes, err);
}
