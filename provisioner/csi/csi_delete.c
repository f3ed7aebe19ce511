/* SPDX-License-Identifier: Apache-2.0 */

/*
 * DeleteVolume deletes the claim and waits until the reconciler has reclaimed the volume,
 * that is, until the PersistentVolume is gone. Then it removes the class, if this was its
 * last volume.
 *
 * The volume's lock is held from checking that nobody has the volume until its claim is
 * deleted. ControllerPublishVolume takes the same lock, so nobody gets it in between.
 *
 * A volume that is still being made has a claim only, which is found by the volume's name:
 * who gave up asking for it knows that this is what its id would have been.
 */

#include <string.h>

#include "clock.h"
#include "csi_attributes.h"
#include "csi_calls.h"
#include "csi_class.h"
#include "csi_find.h"
#include "csi_name.h"
#include "csi_origin.h"
#include "csi_pending.h"
#include "model_decode.h"
#include "store_attachment.h"

static enum rpc_status check_unused(struct csi_controller *self,
				    const struct persistent_volume *pv,
				    struct err *err)
{
	_cleanup_(attachment_list_fini) struct attachment_list list = { 0 };
	int r = store_attachment_list(self->options.store, pv->meta.name, &list,
				      err);

	if (r < 0)
		return csi_status_of(r);
	if (list.n == 0)
		return RPC_OK;
	return csi_refuse(err, RPC_FAILED_PRECONDITION,
			  "volume \"%s\" is in use on node %s", pv->handle,
			  list.items[0].node);
}

static enum rpc_status delete_claim(struct csi_controller *self,
				    const struct persistent_volume *pv,
				    struct err *err)
{
	struct cluster *cluster = self->options.cluster;
	enum rpc_status status = check_unused(self, pv, err);
	int r;

	if (status != RPC_OK)
		return status;
	/* Brought back from the trash: the claim of that name may be another volume's. */
	if (!*pv->claim_ref.uid)
		return csi_refuse(err, RPC_FAILED_PRECONDITION,
				  "volume \"%s\" is not bound to its claim",
				  pv->handle);
	r = cluster->ops->delete (cluster, KIND_CLAIM, pv->claim_ref.namespace,
				  pv->claim_ref.name, pv->claim_ref.uid, err);
	/* Gone, or by now another one of that name: this one's volume is going. */
	if (r == CLUSTER_NOT_FOUND || r == CLUSTER_CONFLICT) {
		err_fini(err);
		r = 0;
	}
	return csi_status_of(r);
}

/* An object_wait_fn; userdata is the volume's uid. */
static int is_gone(void *userdata, const struct object *object, struct err *err)
{
	const char *uid = userdata;

	(void)err;
	return !object || strcmp(object->uid, uid) != 0;
}

static enum rpc_status await_end(struct csi_controller *self,
				 const struct persistent_volume *pv,
				 uint64_t deadline_ns, struct err *err)
{
	const struct object_key key = { .kind = KIND_PERSISTENT_VOLUME,
					.namespace = "",
					.name = pv->meta.name };
	int r = object_wait_until(self->wait, self->options.cluster, &key,
				  deadline_ns, is_gone, pv->meta.uid, err);

	if (r == 0)
		return csi_pending(self, EVENTS_OF_VOLUMES, pv->meta.name,
				   pv->handle, err);
	return r < 0 ? csi_status_of(r) : RPC_OK;
}

static enum rpc_status begin(struct csi_controller *self, const char *id,
			     struct csi_volume *ret, struct err *err)
{
	enum rpc_status status;

	(void)pthread_mutex_lock(csi_lock(self, id));
	status = csi_find_volume(self, id, ret, err);
	if (status == RPC_OK)
		status = csi_volume_check_owner(ret, err);
	if (status == RPC_OK)
		status = delete_claim(self, &ret->pv, err);
	(void)pthread_mutex_unlock(csi_lock(self, id));
	return status;
}

/* --- a volume that is not there yet --------------------------------------------------- */

/* RPC_NOT_FOUND: no claim waits for a volume of that name. */
static enum rpc_status find_pending(struct csi_controller *self, const char *id,
				    const char *name, struct claim *ret,
				    struct err *err)
{
	struct cluster *cluster = self->options.cluster;
	_cleanup_(csi_volume_fini) struct csi_volume volume = { 0 };
	_cleanup_(object_unref) struct object *object = NULL;
	const char *wanted;
	int r = cluster->ops->get(cluster, KIND_CLAIM, CSI_NAMESPACE, name,
				  &object, err);

	if (r == 0)
		r = claim_decode(object, ret, err);
	if (r != 0)
		return csi_status_of(r);
	wanted = labels_get(&ret->meta.annotations, ANNOTATION_CSI_NAME);
	if (!wanted || strcmp(wanted, id) != 0)
		return RPC_NOT_FOUND;
	if (ret->phase != CLAIM_BOUND)
		return RPC_OK;
	/* It came between our two looks, or it has another id. */
	return csi_find_volume(self, id, &volume, err) == RPC_OK
		       ? csi_refuse(err, RPC_ABORTED,
				    "volume \"%s\" was made just now", id)
		       : RPC_NOT_FOUND;
}

static enum rpc_status begin_pending(struct csi_controller *self,
				     const char *id, const char *name,
				     struct claim *ret, struct err *err)
{
	struct cluster *cluster = self->options.cluster;
	enum rpc_status status;

	(void)pthread_mutex_lock(csi_lock(self, name));
	status = find_pending(self, id, name, ret, err);
	if (status == RPC_OK)
		status = csi_status_of(cluster->ops->delete (
			cluster, KIND_CLAIM, CSI_NAMESPACE, name, ret->meta.uid,
			err));
	(void)pthread_mutex_unlock(csi_lock(self, name));
	return status;
}

static enum rpc_status delete_pending(struct csi_controller *self,
				      const char *id, uint64_t deadline_ns,
				      struct err *err)
{
	_cleanup_(claim_fini) struct claim claim = { 0 };
	char name[CSI_OBJECT_NAME_MAX];
	const struct object_key key = { .kind = KIND_CLAIM,
					.namespace = CSI_NAMESPACE,
					.name = name };
	enum rpc_status status;
	int r;

	csi_object_name(id, name);
	status = begin_pending(self, id, name, &claim, err);
	if (status != RPC_OK)
		return status;
	r = object_wait_until(self->wait, self->options.cluster, &key,
			      deadline_ns, is_gone, claim.meta.uid, err);
	if (r == 0)
		return csi_pending(self, CSI_NAMESPACE, name, id, err);
	if (r < 0)
		return csi_status_of(r);
	csi_class_release(self, claim.class_name);
	csi_attributes_release(self, claim.attributes_class);
	return RPC_OK;
}

enum rpc_status csi_delete_volume(struct csi_controller *self,
				  const ProtobufCMessage *message,
				  struct rpc_response *response,
				  struct err *err)
{
	const Csi__V1__DeleteVolumeRequest *wire =
		(const Csi__V1__DeleteVolumeRequest *)message;
	_cleanup_(csi_volume_fini) struct csi_volume volume = { 0 };
	uint64_t deadline_ns = clock_ns() + CSI_PATIENCE_NS;
	enum rpc_status status = begin(self, wire->volume_id, &volume, err);

	(void)response;
	if (status == RPC_NOT_FOUND) {
		err_fini(err);
		status =
			delete_pending(self, wire->volume_id, deadline_ns, err);
		if (status != RPC_NOT_FOUND)
			return status;
		err_fini(err);
		return RPC_OK;
	}
	if (status == RPC_OK)
		status = await_end(self, &volume.pv, deadline_ns, err);
	if (status != RPC_OK)
		return status;
	csi_class_release(self, volume.pv.class_name);
	csi_attributes_release(self, volume.pv.attributes_class);
	return RPC_OK;
}
