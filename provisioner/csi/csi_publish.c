/* SPDX-License-Identifier: Apache-2.0 */

/*
 * ControllerPublishVolume and ControllerUnpublishVolume write and remove rows of the
 * record's table of attachments. Pods' volumes have rows in the same table (pod_attach.c).
 * So pods and CSI can't both get a volume that only one node may have, and a volume that
 * somebody has is not deleted.
 *
 * A row of ours has CSI_HOLDER_PREFIX and the node in place of a pod's uid, and the access
 * mode in place of a pod's name. A volume that was published in a SINGLE_NODE mode is
 * published to no other node, whatever mode is asked for: the caches of the first node
 * rely on being alone.
 */

#include <inttypes.h>
#include <string.h>

#include "csi_calls.h"
#include "csi_capability.h"
#include "csi_find.h"
#include "csi_origin.h"
#include "json_field.h"
#include "store_attachment.h"

#define NODE_MAX 256 /* csi.proto: NodeGetInfoResponse.node_id */
#define HOW_MAX	 64

struct publication {
	const struct persistent_volume *pv;
	const char *node;
	char holder[NODE_MAX + sizeof(CSI_HOLDER_PREFIX)];
	char how[HOW_MAX]; /* "SINGLE_NODE_WRITER,ro" */
	bool is_for_one_node;
	uint64_t n_max; /* how many volumes the node takes */
};

static const char single_prefix[] = "SINGLE_NODE";

static const char *mode_name(const Csi__V1__VolumeCapability *capability)
{
	const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(
		&csi__v1__volume_capability__access_mode__mode__descriptor,
		(int)capability->access_mode->mode);

	return value->name;
}

static bool is_single(const char *how)
{
	return strncmp(how, single_prefix, strlen(single_prefix)) == 0;
}

static void holder_of(const char *node, char *ret, size_t size)
{
	(void)snprintf(ret, size, CSI_HOLDER_PREFIX "%s", node);
}

/* --- the request ----------------------------------------------------------------------- */

static enum rpc_status check_request(
	const Csi__V1__ControllerPublishVolumeRequest *wire, struct err *err)
{
	if (!*wire->volume_id)
		return csi_refuse(err, RPC_INVALID_ARGUMENT,
				  "volume_id is missing");
	if (!*wire->node_id)
		return csi_refuse(err, RPC_INVALID_ARGUMENT,
				  "node_id is missing");
	return csi_capability_check(wire->volume_capability, err);
}

/* If no --node was given at all, every id is accepted. */
static bool is_node(const struct csi_controller_options *options,
		    const char *node)
{
	for (size_t i = 0; i < options->n_nodes; i++)
		if (strcmp(options->nodes[i], node) == 0)
			return true;
	return options->n_nodes == 0 && strlen(node) <= NODE_MAX;
}

/*
 * The claim exists and is not being deleted. It stays so: the caller has the volume's lock,
 * which DeleteVolume takes, too.
 */
static enum rpc_status check_claim(struct csi_controller *self,
				   const struct persistent_volume *pv,
				   struct err *err)
{
	struct cluster *cluster = self->options.cluster;
	_cleanup_(object_unref) struct object *claim = NULL;
	int r = CLUSTER_NOT_FOUND;

	if (pv->claim_ref.is_set)
		r = cluster->ops->get(cluster, KIND_CLAIM,
				      pv->claim_ref.namespace,
				      pv->claim_ref.name, &claim, err);
	if (r == 0 && strcmp(claim->uid, pv->claim_ref.uid) == 0 &&
	    !json_at(claim->json, "metadata.deletionTimestamp"))
		return RPC_OK;
	if (r < 0)
		return csi_status_of(r);
	return csi_refuse(
		err, RPC_FAILED_PRECONDITION, "volume \"%s\" %s", pv->handle,
		pv->claim_ref.is_set
			? "is being deleted, or not bound to its claim"
			: "is not bound to a claim");
}

/* --- who has it ------------------------------------------------------------------------- */

static enum rpc_status refuse_held(const struct publication *wanted,
				   const char *node, struct err *err)
{
	return csi_refuse(err, RPC_FAILED_PRECONDITION,
			  "volume \"%s\" is published to node %s",
			  wanted->pv->handle, node);
}

/*
 * Whether the volume may be published, as far as ControllerPublishVolume decided before.
 * *ret_is_there: exactly this was published already.
 */
static enum rpc_status look(struct csi_controller *self,
			    const struct publication *wanted,
			    bool *ret_is_there, struct err *err)
{
	_cleanup_(attachment_list_fini) struct attachment_list list = { 0 };
	int r = store_attachment_list(self->options.store,
				      wanted->pv->meta.name, &list, err);

	*ret_is_there = false;
	for (size_t i = 0; r == 0 && i < list.n; i++) {
		const struct attachment *item = &list.items[i];

		if (strcmp(item->pod_uid, wanted->holder) == 0) {
			*ret_is_there = strcmp(item->pod, wanted->how) == 0;
			if (!*ret_is_there)
				return csi_refuse(
					err, RPC_ALREADY_EXISTS,
					"volume \"%s\" is published to node %s as %s",
					wanted->pv->handle, wanted->node,
					item->pod);
		} else if (holder_is_csi(item->pod_uid) &&
			   is_single(item->pod)) {
			return refuse_held(wanted, item->node, err);
		}
	}
	return csi_status_of(r);
}

static enum rpc_status attach(struct csi_controller *self,
			      const struct publication *wanted, struct err *err)
{
	_cleanup_(attachment_fini) struct attachment holder = { 0 };
	const struct attachment attachment = {
		.volume = wanted->pv->meta.name,
		.node = (char *)wanted->node,
		.pod_namespace = (char *)CSI_NAMESPACE,
		.pod = (char *)wanted->how,
		.pod_uid = (char *)wanted->holder,
	};
	bool is_there;
	enum rpc_status status = look(self, wanted, &is_there, err);
	int r;

	if (status != RPC_OK || is_there)
		return status;
	r = store_attach_within(self->options.store, &attachment,
				wanted->is_for_one_node ? ATTACHMENT_ONE_NODE
							: ATTACHMENT_ANYWHERE,
				wanted->n_max, &holder, err);
	if (r == STORE_CONFLICT)
		return refuse_held(wanted, holder.node, err);
	if (r == STORE_FULL)
		return csi_refuse(err, RPC_RESOURCE_EXHAUSTED,
				  "node %s has %" PRIu64
				  " volumes already, as many as it takes",
				  wanted->node, wanted->n_max);
	return csi_status_of(r);
}

static enum rpc_status publish_locked(
	struct csi_controller *self,
	const Csi__V1__ControllerPublishVolumeRequest *wire, uint64_t n_max,
	struct err *err)
{
	_cleanup_(csi_volume_fini) struct csi_volume volume = { 0 };
	struct publication wanted = { .pv = &volume.pv,
				      .node = wire->node_id,
				      .n_max = n_max };
	enum rpc_status status =
		csi_find_volume(self, wire->volume_id, &volume, err);

	if (status != RPC_OK)
		return status;
	if (!is_node(&self->options, wire->node_id))
		return csi_refuse(err, RPC_NOT_FOUND, "there is no node \"%s\"",
				  wire->node_id);
	if (!csi_modes_allow(
		    volume.pv.access_modes,
		    csi_access_mode(
			    wire->volume_capability->access_mode->mode)))
		return csi_refuse(
			err, RPC_INVALID_ARGUMENT,
			"volume \"%s\" was made for other access modes than %s",
			volume.pv.handle, mode_name(wire->volume_capability));
	holder_of(wire->node_id, wanted.holder, sizeof(wanted.holder));
	(void)snprintf(wanted.how, sizeof(wanted.how), "%s%s",
		       mode_name(wire->volume_capability),
		       wire->readonly ? ",ro" : "");
	wanted.is_for_one_node = is_single(wanted.how);
	status = check_claim(self, &volume.pv, err);
	return status == RPC_OK ? attach(self, &wanted, err) : status;
}

enum rpc_status csi_publish_volume(struct csi_controller *self,
				   const ProtobufCMessage *message,
				   struct rpc_response *response,
				   struct err *err)
{
	const Csi__V1__ControllerPublishVolumeRequest *wire =
		(const Csi__V1__ControllerPublishVolumeRequest *)message;
	enum rpc_status status = check_request(wire, err);
	uint64_t n_max;

	(void)response;
	if (status != RPC_OK)
		return status;
	n_max = csi_node_limit(&self->options, wire->node_id);
	(void)pthread_mutex_lock(csi_lock(self, wire->volume_id));
	status = publish_locked(self, wire, n_max, err);
	(void)pthread_mutex_unlock(csi_lock(self, wire->volume_id));
	return status;
}

/* --- the end ------------------------------------------------------------------------------- */

/* node "" = all nodes that ControllerPublishVolume published the volume to. */
static int detach(struct csi_controller *self, const char *volume,
		  const char *node, struct err *err)
{
	_cleanup_(attachment_list_fini) struct attachment_list list = { 0 };
	int r = store_attachment_list(self->options.store, volume, &list, err);

	for (size_t i = 0; r == 0 && i < list.n; i++) {
		const struct attachment *item = &list.items[i];

		if (!holder_is_csi(item->pod_uid) ||
		    (*node && strcmp(item->node, node) != 0))
			continue;
		r = store_detach(self->options.store, item->pod_uid, volume,
				 err);
	}
	return r;
}

/* A volume that does not exist counts as unpublished (csi.proto). */
enum rpc_status csi_unpublish_volume(struct csi_controller *self,
				     const ProtobufCMessage *message,
				     struct rpc_response *response,
				     struct err *err)
{
	const Csi__V1__ControllerUnpublishVolumeRequest *wire =
		(const Csi__V1__ControllerUnpublishVolumeRequest *)message;
	_cleanup_(csi_volume_fini) struct csi_volume volume = { 0 };
	enum rpc_status status =
		csi_find_volume(self, wire->volume_id, &volume, err);

	(void)response;
	if (status == RPC_NOT_FOUND) {
		err_fini(err);
		return RPC_OK;
	}
	if (status != RPC_OK)
		return status;
	status = csi_status_of(
		detach(self, volume.pv.meta.name, wire->node_id, err));
	if (status == RPC_OK && volume.pv.phase != PV_BOUND)
		self->options.look_at(self->options.userdata,
				      volume.pv.meta.name);
	return status;
}
