/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Each verb fills a message on its stack, which borrows from the arguments, and
 * sends it; node_client.h's types stand for CSI's, so that nobody else here needs
 * the generated ones.
 *
 * Access modes are told as by a kubelet that knows that the driver has
 * SINGLE_NODE_MULTI_WRITER (csi-lib-utils, accessmodes): several pods of one node
 * may share a ReadWriteOnce volume, but not a ReadWriteOncePod one.
 */

#include "node_client.h"

#include <string.h>

#include "claimfs.pb-c.h"
#include "csi.pb-c.h"
#include "csi_message.h"
#include "rpc_client.h"

#define PROBE_TIMEOUT_MS 3000

struct node_client {
	struct rpc_client *rpc;
	unsigned int timeout_ms;
};

int node_client_new(struct node_client **ret, const char *socket_path,
		    unsigned int timeout_ms, struct err *err)
{
	_cleanup_(node_client_free) struct node_client *client =
		calloc(1, sizeof(*client));
	int r;

	if (!client)
		return err_set(err, -ENOMEM, "out of memory");
	client->timeout_ms = timeout_ms ? timeout_ms : NODE_CLIENT_TIMEOUT_MS;
	r = rpc_client_new(&client->rpc, socket_path, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(client);
	return 0;
}

struct node_client *node_client_free(struct node_client *client)
{
	if (!client)
		return NULL;
	(void)rpc_client_free(client->rpc);
	free(client);
	return NULL;
}

void node_client_cancel(struct node_client *client)
{
	rpc_client_cancel(client->rpc);
}

/* *ret_response is the bytes of the answer, for the caller to free. */
static enum rpc_status client_call(struct node_client *client,
				   const char *method,
				   const ProtobufCMessage *message,
				   struct rpc_response *ret_response,
				   struct err *err)
{
	struct rpc_request request = { .method = method };
	_cleanup_(free) uint8_t *data = NULL;

	if (csi_encode(message, &data, &request.len) < 0) {
		(void)err_set(err, -ENOMEM, "out of memory");
		return RPC_INTERNAL;
	}
	request.data = data;
	return rpc_client_call(client->rpc, &request, client->timeout_ms,
			       ret_response, err);
}

/* For verbs whose answer is an empty message. */
static enum rpc_status client_tell(struct node_client *client,
				   const char *method,
				   const ProtobufCMessage *message,
				   struct err *err)
{
	struct rpc_response response = { 0 };
	enum rpc_status status =
		client_call(client, method, message, &response, err);

	free(response.data);
	return status;
}

static Csi__V1__VolumeCapability__AccessMode__Mode access_mode_to_wire(
	enum access_mode mode)
{
	switch (mode) {
	case ACCESS_RWO:
		return CSI__V1__VOLUME_CAPABILITY__ACCESS_MODE__MODE__SINGLE_NODE_MULTI_WRITER;
	case ACCESS_ROX:
		return CSI__V1__VOLUME_CAPABILITY__ACCESS_MODE__MODE__MULTI_NODE_READER_ONLY;
	case ACCESS_RWX:
		return CSI__V1__VOLUME_CAPABILITY__ACCESS_MODE__MODE__MULTI_NODE_MULTI_WRITER;
	case ACCESS_RWOP:
		return CSI__V1__VOLUME_CAPABILITY__ACCESS_MODE__MODE__SINGLE_NODE_SINGLE_WRITER;
	}
	return CSI__V1__VOLUME_CAPABILITY__ACCESS_MODE__MODE__UNKNOWN;
}

/* A VolumeCapability with its parts. */
struct capability {
	Csi__V1__VolumeCapability wire;
	Csi__V1__VolumeCapability__MountVolume mount;
	Csi__V1__VolumeCapability__AccessMode mode;
};

static void capability_init(struct capability *c,
			    const struct node_client_volume *volume)
{
	csi__v1__volume_capability__init(&c->wire);
	csi__v1__volume_capability__mount_volume__init(&c->mount);
	csi__v1__volume_capability__access_mode__init(&c->mode);
	if (volume->fs_type)
		c->mount.fs_type = (char *)volume->fs_type;
	if (volume->mount_group)
		c->mount.volume_mount_group = (char *)volume->mount_group;
	c->mount.mount_flags = (char **)volume->mount_flags;
	c->mount.n_mount_flags = volume->n_mount_flags;
	c->mode.mode = access_mode_to_wire(volume->access_mode);
	c->wire.access_mode = &c->mode;
	c->wire.mount = &c->mount;
	c->wire.access_type_case =
		CSI__V1__VOLUME_CAPABILITY__ACCESS_TYPE_MOUNT;
}

/* The context as entries of that type, in one piece; NULL: out of memory. */
static ProtobufCMessage **context_to_wire(
	const struct labels *context, const ProtobufCMessageDescriptor *type)
{
	ProtobufCMessage **entries = csi_map_new(type, context->n);

	for (size_t i = 0; entries && i < context->n; i++)
		csi_map_set(entries[i],
			    (struct csi_pair){ context->items[i].key,
					       context->items[i].value });
	return entries;
}

static const struct labels *volume_context(
	const struct node_client_volume *volume)
{
	static const struct labels none = { 0 };

	return volume->context ? volume->context : &none;
}

enum rpc_status node_client_stage(struct node_client *client,
				  const struct node_client_volume *volume,
				  const char *staging_path, struct err *err)
{
	Csi__V1__NodeStageVolumeRequest wire =
		CSI__V1__NODE_STAGE_VOLUME_REQUEST__INIT;
	const struct labels *context = volume_context(volume);
	_cleanup_(free) ProtobufCMessage **entries = context_to_wire(
		context,
		&csi__v1__node_stage_volume_request__volume_context_entry__descriptor);
	struct capability capability;

	if (!entries) {
		(void)err_set(err, -ENOMEM, "out of memory");
		return RPC_INTERNAL;
	}
	capability_init(&capability, volume);
	wire.volume_id = (char *)volume->handle;
	wire.staging_target_path = (char *)staging_path;
	wire.volume_capability = &capability.wire;
	wire.volume_context = (void *)entries;
	wire.n_volume_context = context->n;
	return client_tell(client, "/csi.v1.Node/NodeStageVolume", &wire.base,
			   err);
}

enum rpc_status node_client_unstage(struct node_client *client,
				    const char *handle,
				    const char *staging_path, struct err *err)
{
	Csi__V1__NodeUnstageVolumeRequest wire =
		CSI__V1__NODE_UNSTAGE_VOLUME_REQUEST__INIT;

	wire.volume_id = (char *)handle;
	wire.staging_target_path = (char *)staging_path;
	return client_tell(client, "/csi.v1.Node/NodeUnstageVolume", &wire.base,
			   err);
}

enum rpc_status node_client_publish(struct node_client *client,
				    const struct node_client_volume *volume,
				    const struct node_client_target *target,
				    struct err *err)
{
	Csi__V1__NodePublishVolumeRequest wire =
		CSI__V1__NODE_PUBLISH_VOLUME_REQUEST__INIT;
	const struct labels *context = volume_context(volume);
	_cleanup_(free) ProtobufCMessage **entries = context_to_wire(
		context,
		&csi__v1__node_publish_volume_request__volume_context_entry__descriptor);
	struct capability capability;

	if (!entries) {
		(void)err_set(err, -ENOMEM, "out of memory");
		return RPC_INTERNAL;
	}
	capability_init(&capability, volume);
	wire.volume_id = (char *)volume->handle;
	wire.staging_target_path = (char *)target->staging_path;
	wire.target_path = (char *)target->target_path;
	wire.readonly = target->is_read_only;
	wire.volume_capability = &capability.wire;
	wire.volume_context = (void *)entries;
	wire.n_volume_context = context->n;
	return client_tell(client, "/csi.v1.Node/NodePublishVolume", &wire.base,
			   err);
}

enum rpc_status node_client_unpublish(struct node_client *client,
				      const char *handle,
				      const char *target_path, struct err *err)
{
	Csi__V1__NodeUnpublishVolumeRequest wire =
		CSI__V1__NODE_UNPUBLISH_VOLUME_REQUEST__INIT;

	wire.volume_id = (char *)handle;
	wire.target_path = (char *)target_path;
	return client_tell(client, "/csi.v1.Node/NodeUnpublishVolume",
			   &wire.base, err);
}

enum rpc_status node_client_expand(struct node_client *client,
				   const struct node_client_volume *volume,
				   const struct node_client_target *target,
				   uint64_t capacity, struct err *err)
{
	Csi__V1__NodeExpandVolumeRequest wire =
		CSI__V1__NODE_EXPAND_VOLUME_REQUEST__INIT;
	Csi__V1__CapacityRange range = CSI__V1__CAPACITY_RANGE__INIT;
	struct capability capability;

	capability_init(&capability, volume);
	range.required_bytes = (int64_t)capacity;
	wire.volume_id = (char *)volume->handle;
	wire.volume_path = (char *)target->target_path;
	wire.staging_target_path = (char *)target->staging_path;
	wire.capacity_range = &range;
	wire.volume_capability = &capability.wire;
	return client_tell(client, "/csi.v1.Node/NodeExpandVolume", &wire.base,
			   err);
}

enum rpc_status node_client_freeze(struct node_client *client,
				   const char *handle, const char *token,
				   uint32_t seconds, struct err *err)
{
	Claimfs__V1__FreezeRequest wire = CLAIMFS__V1__FREEZE_REQUEST__INIT;

	wire.volume_id = (char *)handle;
	wire.token = (char *)token;
	wire.seconds = seconds;
	return client_tell(client, "/claimfs.v1.Volume/Freeze", &wire.base,
			   err);
}

static enum rpc_status thaw_decode(const struct rpc_response *response,
				   bool *ret, struct err *err)
{
	_cleanup_(csi_message_free) ProtobufCMessage *message =
		csi_decode(&claimfs__v1__thaw_response__descriptor,
			   response->data, response->len, err);

	if (!message)
		return RPC_INTERNAL;
	*ret = ((const Claimfs__V1__ThawResponse *)message)->was_frozen;
	return RPC_OK;
}

enum rpc_status node_client_thaw(struct node_client *client, const char *handle,
				 const char *token, bool *ret, struct err *err)
{
	Claimfs__V1__ThawRequest wire = CLAIMFS__V1__THAW_REQUEST__INIT;
	struct rpc_response response = { 0 };
	enum rpc_status status;

	wire.volume_id = (char *)handle;
	wire.token = (char *)token;
	status = client_call(client, "/claimfs.v1.Volume/Thaw", &wire.base,
			     &response, err);
	if (status == RPC_OK)
		status = thaw_decode(&response, ret, err);
	free(response.data);
	return status;
}

static struct node_client_usage usage_from_wire(
	const Csi__V1__NodeGetVolumeStatsResponse *wire,
	Csi__V1__VolumeUsage__Unit unit)
{
	for (size_t i = 0; i < wire->n_usage; i++) {
		const Csi__V1__VolumeUsage *usage = wire->usage[i];

		if (usage->unit == unit)
			return (struct node_client_usage){
				.is_known = true,
				.total = usage->total,
				.available = usage->available,
				.used = usage->used,
			};
	}
	return (struct node_client_usage){ 0 };
}

static enum rpc_status stats_decode(const struct rpc_response *response,
				    struct node_client_stats *ret,
				    struct err *err)
{
	_cleanup_(csi_message_free) ProtobufCMessage *message =
		csi_decode(&csi__v1__node_get_volume_stats_response__descriptor,
			   response->data, response->len, err);
	const Csi__V1__NodeGetVolumeStatsResponse *wire =
		(const Csi__V1__NodeGetVolumeStatsResponse *)message;
	const Csi__V1__VolumeCondition *condition;
	char *text;

	if (!wire)
		return RPC_INTERNAL;
	condition = wire->volume_condition;
	text = strdup(condition ? condition->message : "");
	if (!text) {
		(void)err_set(err, -ENOMEM, "out of memory");
		return RPC_INTERNAL;
	}
	*ret = (struct node_client_stats){
		.bytes = usage_from_wire(wire,
					 CSI__V1__VOLUME_USAGE__UNIT__BYTES),
		.inodes = usage_from_wire(wire,
					  CSI__V1__VOLUME_USAGE__UNIT__INODES),
		.is_abnormal = condition && condition->abnormal,
		.condition = text,
	};
	return RPC_OK;
}

enum rpc_status node_client_stats(struct node_client *client,
				  const char *handle, const char *path,
				  struct node_client_stats *ret,
				  struct err *err)
{
	Csi__V1__NodeGetVolumeStatsRequest wire =
		CSI__V1__NODE_GET_VOLUME_STATS_REQUEST__INIT;
	struct rpc_response response = { 0 };
	enum rpc_status status;

	wire.volume_id = (char *)handle;
	wire.volume_path = (char *)path;
	status = client_call(client, "/csi.v1.Node/NodeGetVolumeStats",
			     &wire.base, &response, err);
	if (status == RPC_OK)
		status = stats_decode(&response, ret, err);
	free(response.data);
	return status;
}

void node_client_stats_fini(struct node_client_stats *stats)
{
	free(stats->condition);
	*stats = NODE_CLIENT_STATS_INIT;
}

static enum rpc_status info_decode(const struct rpc_response *response,
				   uint64_t *ret, struct err *err)
{
	_cleanup_(csi_message_free) ProtobufCMessage *message =
		csi_decode(&csi__v1__node_get_info_response__descriptor,
			   response->data, response->len, err);
	const Csi__V1__NodeGetInfoResponse *wire =
		(const Csi__V1__NodeGetInfoResponse *)message;

	if (!wire)
		return RPC_INTERNAL;
	*ret = wire->max_volumes_per_node > 0
		       ? (uint64_t)wire->max_volumes_per_node
		       : 0;
	return RPC_OK;
}

enum rpc_status node_client_max_volumes(struct node_client *client,
					uint64_t *ret, struct err *err)
{
	const Csi__V1__NodeGetInfoRequest wire =
		CSI__V1__NODE_GET_INFO_REQUEST__INIT;
	struct rpc_response response = { 0 };
	enum rpc_status status = client_call(client, "/csi.v1.Node/NodeGetInfo",
					     &wire.base, &response, err);

	if (status == RPC_OK)
		status = info_decode(&response, ret, err);
	free(response.data);
	return status;
}

enum rpc_status node_client_probe(struct node_client *client, struct err *err)
{
	const struct rpc_request request = {
		.method = "/csi.v1.Identity/Probe",
	};
	struct rpc_response response = { 0 };
	enum rpc_status status = rpc_client_call(
		client->rpc, &request, PROBE_TIMEOUT_MS, &response, err);

	free(response.data);
	return status;
}
