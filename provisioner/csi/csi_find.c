/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A volume_id is a PersistentVolume's volumeHandle. It is looked up in the record and never
 * parsed. Every volume of our drivers is found, whether CreateVolume made it, a claim, or an
 * administrator.
 *
 * volume_context is the PersistentVolume's volumeAttributes. So a node is told the same by
 * the kubelet and by any other orchestrator.
 */

#include "csi_find.h"

#include <string.h>

#include "csi_calls.h"
#include "csi_origin.h"
#include "model_decode.h"
#include "store_volume.h"

enum rpc_status csi_find_volume(struct csi_controller *self, const char *id,
				struct csi_volume *ret, struct err *err)
{
	_cleanup_(csi_volume_fini) struct csi_volume volume = { 0 };
	int r;

	if (!*id)
		return csi_refuse(err, RPC_INVALID_ARGUMENT,
				  "volume_id is missing");
	r = store_volume_of_handle(
		self->options.store, id, self->options.drivers,
		self->options.n_drivers, &volume.object, err);
	if (r == STORE_NOT_FOUND)
		return csi_refuse(err, RPC_NOT_FOUND,
				  "there is no volume \"%.*s\"", CSI_ID_MAX,
				  id);
	if (r == 0)
		r = persistent_volume_decode(volume.object, &volume.pv, err);
	if (r < 0)
		return RPC_INTERNAL;
	*ret = volume;
	volume = (struct csi_volume){ 0 };
	return RPC_OK;
}

int csi_volume_read(struct csi_controller *self, const char *name,
		    struct csi_volume *ret, struct err *err)
{
	struct cluster *cluster = self->options.cluster;
	_cleanup_(csi_volume_fini) struct csi_volume volume = { 0 };
	int r = cluster->ops->get(cluster, KIND_PERSISTENT_VOLUME, "", name,
				  &volume.object, err);

	if (r == 0)
		r = persistent_volume_decode(volume.object, &volume.pv, err);
	if (r != 0)
		return r;
	*ret = volume;
	volume = (struct csi_volume){ 0 };
	return 0;
}

enum rpc_status csi_volume_check_owner(const struct csi_volume *volume,
				       struct err *err)
{
	const struct claim_ref *ref = &volume->pv.claim_ref;

	if (ref->is_set && strcmp(ref->namespace, CSI_NAMESPACE) == 0)
		return RPC_OK;
	if (ref->is_set)
		return csi_refuse(
			err, RPC_FAILED_PRECONDITION,
			"volume \"%s\" was not made by CreateVolume: it is that of claim %s/%s",
			volume->pv.handle, ref->namespace, ref->name);
	return csi_refuse(
		err, RPC_FAILED_PRECONDITION,
		"volume \"%s\" was not made by CreateVolume: it is PersistentVolume \"%s\"",
		volume->pv.handle, volume->pv.meta.name);
}

void csi_volume_fini(struct csi_volume *volume)
{
	persistent_volume_fini(&volume->pv);
	volume->object = object_unref(volume->object);
}

int csi_volume_wire_init(struct csi_volume_wire *wire,
			 const struct csi_volume *volume)
{
	const struct labels *attributes = &volume->pv.attributes;

	csi__v1__volume__init(&wire->volume);
	wire->context =
		csi_map_new(&csi__v1__volume__volume_context_entry__descriptor,
			    attributes->n);
	if (!wire->context)
		return -ENOMEM;
	for (size_t i = 0; i < attributes->n; i++)
		csi_map_set(wire->context[i],
			    (struct csi_pair){ attributes->items[i].key,
					       attributes->items[i].value });
	wire->volume.volume_id = volume->pv.handle;
	wire->volume.capacity_bytes = (int64_t)volume->pv.capacity;
	wire->volume.volume_context =
		(Csi__V1__Volume__VolumeContextEntry **)wire->context;
	wire->volume.n_volume_context = attributes->n;
	return 0;
}

void csi_volume_wire_fini(struct csi_volume_wire *wire)
{
	free(wire->context);
	wire->context = NULL;
}
