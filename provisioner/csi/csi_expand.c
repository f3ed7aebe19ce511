/* SPDX-License-Identifier: Apache-2.0 */

/*
 * ControllerExpandVolume lets the claim ask for more, waits until the reconciler has
 * expanded the PersistentVolume, and answers with its capacity. Nothing changes on the
 * share. The orchestrator then tells the node by NodeExpandVolume, so that `df` and .meta
 * show the new size.
 */

#include <inttypes.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "csi_calls.h"
#include "csi_capability.h"
#include "csi_find.h"
#include "csi_pending.h"
#include "json_field.h"
#include "object_change.h"
#include "quantity.h"

/* A change_fn; userdata is the size. */
static int ask_for(cJSON *json, const void *userdata)
{
	const uint64_t *wanted = userdata;
	cJSON *spec = change_member(json, "spec");
	cJSON *resources = spec ? change_member(spec, "resources") : NULL;
	cJSON *requests =
		resources ? change_member(resources, "requests") : NULL;
	char size[QUANTITY_MAX];
	uint64_t now = 0;

	if (!requests)
		return -ENOMEM;
	(void)json_quantity(json, "spec.resources.requests.storage", 0, &now,
			    NULL);
	if (now >= *wanted)
		return CHANGE_NONE;
	quantity_format(*wanted, size);
	return change_string(requests, "storage", size);
}

struct growth {
	const char *uid;
	uint64_t wanted;
	uint64_t capacity;
};

/* An object_wait_fn for the PersistentVolume. */
static int has_grown(void *userdata, const struct object *object,
		     struct err *err)
{
	struct growth *growth = userdata;

	(void)err;
	if (!object || strcmp(object->uid, growth->uid) != 0)
		return CSI_GONE;
	(void)json_quantity(object->json, "spec.capacity.storage", 0,
			    &growth->capacity, NULL);
	return growth->capacity >= growth->wanted ? CSI_CHANGED : 0;
}

static enum rpc_status await_growth(struct csi_controller *self,
				    const struct persistent_volume *pv,
				    struct growth *growth, struct err *err)
{
	const struct object_key key = { .kind = KIND_PERSISTENT_VOLUME,
					.namespace = "",
					.name = pv->meta.name };

	return csi_await_change(self, pv, &key, has_grown, growth, err);
}

static enum rpc_status grow(struct csi_controller *self,
			    const struct csi_volume *volume,
			    struct growth *growth, struct err *err)
{
	const struct persistent_volume *pv = &volume->pv;
	const struct object_target target = { .kind = KIND_CLAIM,
					      .namespace =
						      pv->claim_ref.namespace,
					      .name = pv->claim_ref.name,
					      .uid = pv->claim_ref.uid };
	enum rpc_status status = csi_volume_check_owner(volume, err);

	if (status == RPC_OK)
		status = csi_status_of(object_change(self->options.cluster,
						     &target, ask_for,
						     &growth->wanted, err));
	return status == RPC_OK ? await_growth(self, pv, growth, err) : status;
}

static enum rpc_status check_capability(const Csi__V1__VolumeCapability *wire,
					const struct persistent_volume *pv,
					struct err *err)
{
	enum rpc_status status =
		wire ? csi_capability_check(wire, err) : RPC_OK;

	if (status != RPC_OK || !wire ||
	    csi_modes_allow(pv->access_modes,
			    csi_access_mode(wire->access_mode->mode)))
		return status;
	return csi_refuse(err, RPC_INVALID_ARGUMENT,
			  "volume \"%s\" was made for other access modes",
			  pv->handle);
}

static enum rpc_status expand(struct csi_controller *self,
			      const struct csi_volume *volume,
			      const struct csi_range *range,
			      struct growth *growth, struct err *err)
{
	const struct persistent_volume *pv = &volume->pv;

	*growth = (struct growth){ .uid = pv->meta.uid,
				   .wanted = range->required,
				   .capacity = pv->capacity };
	if (range->limit > 0 && pv->capacity > range->limit)
		return csi_refuse(
			err, RPC_OUT_OF_RANGE,
			"volume \"%s\" has %" PRIu64
			" bytes, more than limit_bytes: it can't shrink",
			pv->handle, pv->capacity);
	if (pv->capacity >= range->required)
		return RPC_OK;
	return grow(self, volume, growth, err);
}

enum rpc_status csi_expand_volume(struct csi_controller *self,
				  const ProtobufCMessage *message,
				  struct rpc_response *response,
				  struct err *err)
{
	const Csi__V1__ControllerExpandVolumeRequest *wire =
		(const Csi__V1__ControllerExpandVolumeRequest *)message;
	Csi__V1__ControllerExpandVolumeResponse answer =
		CSI__V1__CONTROLLER_EXPAND_VOLUME_RESPONSE__INIT;
	_cleanup_(csi_volume_fini) struct csi_volume volume = { 0 };
	struct csi_range range;
	struct growth growth;
	enum rpc_status status = RPC_OK;

	if (!wire->capacity_range)
		return csi_refuse(err, RPC_INVALID_ARGUMENT,
				  "capacity_range is missing");
	status = csi_range_read(wire->capacity_range, &range, err);
	if (status == RPC_OK)
		status = csi_find_volume(self, wire->volume_id, &volume, err);
	if (status == RPC_OK)
		status = check_capability(wire->volume_capability, &volume.pv,
					  err);
	if (status == RPC_OK)
		status = expand(self, &volume, &range, &growth, err);
	if (status != RPC_OK)
		return status;
	answer.capacity_bytes = (int64_t)growth.capacity;
	answer.node_expansion_required = true;
	return csi_reply(&answer.base, response, err);
}
