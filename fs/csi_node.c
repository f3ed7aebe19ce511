/* SPDX-License-Identifier: Apache-2.0 */

/*
 * CSI's Node service: a request is decoded, turned into node.h's arguments, which
 * borrow from it, and node.h's answer is encoded. What a field must look like is
 * checked there; here is only what its arguments can't hold: that there is a
 * capability, that it is a mount, and what we do not serve.
 *
 * `secrets` are not even looked at, so they can't reach a log. A refused request
 * is logged here, once; a success is node.c's to tell.
 */

#include <stdbool.h>

#include "csi.h"
#include "csi.pb-c.h"
#include "csi_message.h"
#include "log.h"
#include "node.h"

/* A request that could not be decoded or lacks something. */
static enum rpc_status refuse(const struct rpc_request *request,
			      const struct err *err)
{
	log_warn("request refused", F_STR("method", request->method),
		 F_ERR(err));
	return RPC_INVALID_ARGUMENT;
}

enum rpc_status csi_answered(const struct rpc_request *request,
			     const char *volume_id, enum rpc_status status,
			     const struct err *err)
{
	if (status != RPC_OK)
		log_warn("request failed", F_STR("method", request->method),
			 F_STR("volume", volume_id),
			 F_STR("status", rpc_status_name(status)), F_ERR(err));
	return status;
}

/*
 * "/a//b/./" -> "/a/b", in the decoded message. The node knows mounts by the text
 * of their paths, and another spelling would pass for a path that is nobody's, to
 * be unmounted under a volume that is in use.
 */
static const char *path_squeeze(char *path)
{
	char *out = path;

	for (const char *in = path; *in;) {
		if (in[0] == '/' &&
		    (in[1] == '/' || (in[1] == '\0' && in > path)))
			in++;
		else if (in[0] == '/' && in[1] == '.' &&
			 (in[2] == '/' || (in[2] == '\0' && in > path)))
			in += 2;
		else
			*out++ = *in++;
	}
	/* What is empty is protobuf-c's own constant. */
	if (*path)
		*out = '\0';
	return path;
}

/* What stage and publish have in common; borrows from the message. */
struct volume_args {
	struct node_capability capability;
	struct labels context; /* items are owned */
};

static void volume_args_fini(struct volume_args *args)
{
	free(args->context.items);
}

DEFINE_FINI(struct volume_args, volume_args_fini)

static int capability_decode(const Csi__V1__VolumeCapability *wire,
			     struct node_capability *ret, struct err *err)
{
	if (!wire)
		return err_set(err, -EINVAL, "volume_capability is missing");
	if (wire->access_type_case ==
	    CSI__V1__VOLUME_CAPABILITY__ACCESS_TYPE_BLOCK)
		return err_set(
			err, -EINVAL,
			"volume_capability is block, a share has only mount");
	if (wire->access_type_case !=
	    CSI__V1__VOLUME_CAPABILITY__ACCESS_TYPE_MOUNT)
		return err_set(err, -EINVAL,
			       "volume_capability.mount is missing");
	if (!wire->access_mode)
		return err_set(err, -EINVAL,
			       "volume_capability.access_mode is missing");
	*ret = (struct node_capability){
		.access_mode = (enum node_access_mode)wire->access_mode->mode,
		.mount_flags = (const char *const *)wire->mount->mount_flags,
		.n_mount_flags = wire->mount->n_mount_flags,
		.mount_group = wire->mount->volume_mount_group,
	};
	return 0;
}

/*
 * A map that has a key twice has its last value, and labels_get() takes the first:
 * hence backwards.
 */
static int context_decode(ProtobufCMessage *const *entries, size_t n,
			  struct labels *ret, struct err *err)
{
	ret->items = calloc(n + 1, sizeof(*ret->items));
	if (!ret->items)
		return err_set(err, -ENOMEM, "out of memory");
	for (ret->n = 0; ret->n < n; ret->n++) {
		struct csi_pair pair = csi_map_get(entries[n - 1 - ret->n]);

		ret->items[ret->n] =
			(struct label){ (char *)pair.key, (char *)pair.value };
	}
	return 0;
}

static enum rpc_status stage(void *userdata, const struct rpc_request *request,
			     struct rpc_response *response, struct err *err)
{
	_cleanup_(csi_message_free) ProtobufCMessage *message =
		csi_decode(&csi__v1__node_stage_volume_request__descriptor,
			   request->data, request->len, err);
	const Csi__V1__NodeStageVolumeRequest *wire =
		(const Csi__V1__NodeStageVolumeRequest *)message;
	_cleanup_(volume_args_fini) struct volume_args volume = { 0 };
	struct node_stage_args args;

	if (!wire ||
	    capability_decode(wire->volume_capability, &volume.capability,
			      err) < 0 ||
	    context_decode((ProtobufCMessage *const *)wire->volume_context,
			   wire->n_volume_context, &volume.context, err) < 0)
		return refuse(request, err);
	args = (struct node_stage_args){
		.volume_id = wire->volume_id,
		.staging_path = path_squeeze(wire->staging_target_path),
		.capability = volume.capability,
		.context = &volume.context,
	};
	return csi_answered(request, wire->volume_id,
			    node_stage(userdata, &args, err), err);
}

static enum rpc_status unstage(void *userdata,
			       const struct rpc_request *request,
			       struct rpc_response *response, struct err *err)
{
	_cleanup_(csi_message_free) ProtobufCMessage *message =
		csi_decode(&csi__v1__node_unstage_volume_request__descriptor,
			   request->data, request->len, err);
	const Csi__V1__NodeUnstageVolumeRequest *wire =
		(const Csi__V1__NodeUnstageVolumeRequest *)message;

	if (!wire)
		return refuse(request, err);
	return csi_answered(
		request, wire->volume_id,
		node_unstage(userdata, wire->volume_id,
			     path_squeeze(wire->staging_target_path), err),
		err);
}

static enum rpc_status publish(void *userdata,
			       const struct rpc_request *request,
			       struct rpc_response *response, struct err *err)
{
	_cleanup_(csi_message_free) ProtobufCMessage *message =
		csi_decode(&csi__v1__node_publish_volume_request__descriptor,
			   request->data, request->len, err);
	const Csi__V1__NodePublishVolumeRequest *wire =
		(const Csi__V1__NodePublishVolumeRequest *)message;
	_cleanup_(volume_args_fini) struct volume_args volume = { 0 };
	struct node_publish_args args;

	if (!wire ||
	    capability_decode(wire->volume_capability, &volume.capability,
			      err) < 0 ||
	    context_decode((ProtobufCMessage *const *)wire->volume_context,
			   wire->n_volume_context, &volume.context, err) < 0)
		return refuse(request, err);
	args = (struct node_publish_args){
		.volume_id = wire->volume_id,
		.staging_path = path_squeeze(wire->staging_target_path),
		.target_path = path_squeeze(wire->target_path),
		.capability = volume.capability,
		.is_read_only = wire->readonly,
		.context = &volume.context,
	};
	return csi_answered(request, wire->volume_id,
			    node_publish(userdata, &args, err), err);
}

static enum rpc_status unpublish(void *userdata,
				 const struct rpc_request *request,
				 struct rpc_response *response, struct err *err)
{
	_cleanup_(csi_message_free) ProtobufCMessage *message =
		csi_decode(&csi__v1__node_unpublish_volume_request__descriptor,
			   request->data, request->len, err);
	const Csi__V1__NodeUnpublishVolumeRequest *wire =
		(const Csi__V1__NodeUnpublishVolumeRequest *)message;

	if (!wire)
		return refuse(request, err);
	return csi_answered(request, wire->volume_id,
			    node_unpublish(userdata, wire->volume_id,
					   path_squeeze(wire->target_path),
					   err),
			    err);
}

/* CSI's counts are signed; a server without limits says UINT64_MAX. */
static int64_t count_to_wire(uint64_t count)
{
	return count > INT64_MAX ? INT64_MAX : (int64_t)count;
}

static enum rpc_status stats_reply(const struct node_volume_stats *stats,
				   struct rpc_response *response,
				   struct err *err)
{
	const struct volume_usage *usage = &stats->usage;
	Csi__V1__NodeGetVolumeStatsResponse wire =
		CSI__V1__NODE_GET_VOLUME_STATS_RESPONSE__INIT;
	Csi__V1__VolumeCondition condition = CSI__V1__VOLUME_CONDITION__INIT;
	Csi__V1__VolumeUsage bytes = CSI__V1__VOLUME_USAGE__INIT;
	Csi__V1__VolumeUsage inodes = CSI__V1__VOLUME_USAGE__INIT;
	Csi__V1__VolumeUsage *list[] = { &bytes, &inodes };

	bytes.unit = CSI__V1__VOLUME_USAGE__UNIT__BYTES;
	bytes.total = count_to_wire(usage->total_bytes);
	bytes.available = count_to_wire(usage->avail_bytes);
	bytes.used = count_to_wire(usage->used_bytes);
	inodes.unit = CSI__V1__VOLUME_USAGE__UNIT__INODES;
	inodes.total = count_to_wire(usage->total_files);
	inodes.available = count_to_wire(usage->avail_files);
	inodes.used = count_to_wire(usage->used_files);
	condition.abnormal = stats->health.health != NFS_HEALTH_OK;
	condition.message = condition.abnormal ? (char *)stats->health.reason
					       : (char *)"ok";
	wire.usage = list;
	wire.n_usage = usage->is_known ? ARRAY_SIZE(list) : 0;
	wire.volume_condition = &condition;
	return csi_reply(&wire.base, response, err);
}

static enum rpc_status get_volume_stats(void *userdata,
					const struct rpc_request *request,
					struct rpc_response *response,
					struct err *err)
{
	_cleanup_(csi_message_free) ProtobufCMessage *message =
		csi_decode(&csi__v1__node_get_volume_stats_request__descriptor,
			   request->data, request->len, err);
	const Csi__V1__NodeGetVolumeStatsRequest *wire =
		(const Csi__V1__NodeGetVolumeStatsRequest *)message;
	struct node_volume_stats stats;
	enum rpc_status status;

	if (!wire)
		return refuse(request, err);
	status = csi_answered(request, wire->volume_id,
			      node_volume_stats(userdata, wire->volume_id,
						path_squeeze(wire->volume_path),
						&stats, err),
			      err);
	return status == RPC_OK ? stats_reply(&stats, response, err) : status;
}

/* Without a range the volume is asked for as it is. */
static enum rpc_status expand(void *userdata, const struct rpc_request *request,
			      struct rpc_response *response, struct err *err)
{
	_cleanup_(csi_message_free) ProtobufCMessage *message =
		csi_decode(&csi__v1__node_expand_volume_request__descriptor,
			   request->data, request->len, err);
	const Csi__V1__NodeExpandVolumeRequest *wire =
		(const Csi__V1__NodeExpandVolumeRequest *)message;
	Csi__V1__NodeExpandVolumeResponse reply =
		CSI__V1__NODE_EXPAND_VOLUME_RESPONSE__INIT;
	int64_t required;
	uint64_t capacity;
	enum rpc_status status;

	if (!wire)
		return refuse(request, err);
	required =
		wire->capacity_range ? wire->capacity_range->required_bytes : 0;
	status = csi_answered(request, wire->volume_id,
			      node_expand(userdata, wire->volume_id,
					  path_squeeze(wire->volume_path),
					  required > 0 ? (uint64_t)required : 0,
					  &capacity, err),
			      err);
	if (status != RPC_OK)
		return status;
	reply.capacity_bytes = count_to_wire(capacity);
	return csi_reply(&reply.base, response, err);
}

static enum rpc_status get_capabilities(void *userdata,
					const struct rpc_request *request,
					struct rpc_response *response,
					struct err *err)
{
	static const Csi__V1__NodeServiceCapability__RPC__Type types[] = {
		CSI__V1__NODE_SERVICE_CAPABILITY__RPC__TYPE__STAGE_UNSTAGE_VOLUME,
		CSI__V1__NODE_SERVICE_CAPABILITY__RPC__TYPE__GET_VOLUME_STATS,
		CSI__V1__NODE_SERVICE_CAPABILITY__RPC__TYPE__VOLUME_CONDITION,
		CSI__V1__NODE_SERVICE_CAPABILITY__RPC__TYPE__EXPAND_VOLUME,
		CSI__V1__NODE_SERVICE_CAPABILITY__RPC__TYPE__SINGLE_NODE_MULTI_WRITER,
		CSI__V1__NODE_SERVICE_CAPABILITY__RPC__TYPE__VOLUME_MOUNT_GROUP,
	};
	Csi__V1__NodeGetCapabilitiesResponse wire =
		CSI__V1__NODE_GET_CAPABILITIES_RESPONSE__INIT;
	Csi__V1__NodeServiceCapability capabilities[ARRAY_SIZE(types)];
	Csi__V1__NodeServiceCapability__RPC rpcs[ARRAY_SIZE(types)];
	Csi__V1__NodeServiceCapability *list[ARRAY_SIZE(types)];

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		csi__v1__node_service_capability__rpc__init(&rpcs[i]);
		csi__v1__node_service_capability__init(&capabilities[i]);
		rpcs[i].type = types[i];
		capabilities[i].type_case =
			CSI__V1__NODE_SERVICE_CAPABILITY__TYPE_RPC;
		capabilities[i].rpc = &rpcs[i];
		list[i] = &capabilities[i];
	}
	wire.capabilities = list;
	wire.n_capabilities = ARRAY_SIZE(list);
	return csi_reply(&wire.base, response, err);
}

static enum rpc_status get_info(void *userdata,
				const struct rpc_request *request,
				struct rpc_response *response, struct err *err)
{
	Csi__V1__NodeGetInfoResponse wire =
		CSI__V1__NODE_GET_INFO_RESPONSE__INIT;

	wire.node_id = (char *)node_name(userdata);
	wire.max_volumes_per_node = node_max_volumes(userdata);
	return csi_reply(&wire.base, response, err);
}

const struct rpc_method csi_node_methods[CSI_NODE_METHODS] = {
	{ "/csi.v1.Identity/GetPluginInfo", csi_get_plugin_info },
	{ "/csi.v1.Identity/GetPluginCapabilities",
	  csi_get_plugin_capabilities },
	{ "/csi.v1.Identity/Probe", csi_probe },
	{ "/pluginregistration.Registration/GetInfo",
	  csi_get_registration_info },
	{ "/pluginregistration.Registration/NotifyRegistrationStatus",
	  csi_notify_registration },
	{ "/csi.v1.Node/NodeStageVolume", stage, .is_slow = true },
	{ "/csi.v1.Node/NodeUnstageVolume", unstage, .is_slow = true },
	{ "/csi.v1.Node/NodePublishVolume", publish },
	{ "/csi.v1.Node/NodeUnpublishVolume", unpublish },
	{ "/csi.v1.Node/NodeGetVolumeStats", get_volume_stats },
	{ "/csi.v1.Node/NodeExpandVolume", expand },
	{ "/csi.v1.Node/NodeGetCapabilities", get_capabilities },
	{ "/csi.v1.Node/NodeGetInfo", get_info },
	{ "/claimfs.v1.Volume/Freeze", csi_freeze, .is_slow = true },
	{ "/claimfs.v1.Volume/Thaw", csi_thaw },
};

void csi_make_publishing_slow(struct rpc_method ret[static CSI_NODE_METHODS])
{
	for (size_t i = 0; i < CSI_NODE_METHODS; i++) {
		ret[i] = csi_node_methods[i];
		ret[i].is_slow |=
			ret[i].fn == publish || ret[i].fn == unpublish;
	}
}
