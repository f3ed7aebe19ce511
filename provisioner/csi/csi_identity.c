/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The Identity service, and ControllerGetCapabilities: which plugin this is and what it can
 * do. The requests have no fields.
 *
 * With --kubernetes this program itself makes volumes for the cluster's claims. A
 * csi-provisioner beside it would make each volume a second time. So the capabilities to
 * make and change volumes are not offered there.
 */

#include "csi_calls.h"
#include "csi_plugin.h"
#include "version.h"

#define RPC_CAPABILITY(name) \
	CSI__V1__CONTROLLER_SERVICE_CAPABILITY__RPC__TYPE__##name

enum rpc_status csi_plugin_info(struct csi_controller *self,
				const ProtobufCMessage *message,
				struct rpc_response *response, struct err *err)
{
	Csi__V1__GetPluginInfoResponse info =
		CSI__V1__GET_PLUGIN_INFO_RESPONSE__INIT;

	(void)message;
	info.name = (char *)self->options.drivers[0];
	info.vendor_version = (char *)CLAIMFS_VERSION;
	return csi_reply(&info.base, response, err);
}

enum rpc_status csi_plugin_capabilities(struct csi_controller *self,
					const ProtobufCMessage *message,
					struct rpc_response *response,
					struct err *err)
{
	(void)self;
	(void)message;
	return csi_reply_plugin_capabilities(response, err);
}

enum rpc_status csi_probe(struct csi_controller *self,
			  const ProtobufCMessage *message,
			  struct rpc_response *response, struct err *err)
{
	Csi__V1__ProbeResponse probe = CSI__V1__PROBE_RESPONSE__INIT;
	Csi__V1__BoolValue ready = CSI__V1__BOOL_VALUE__INIT;

	(void)message;
	ready.value = atomic_load(&self->is_ready);
	probe.ready = &ready;
	return csi_reply(&probe.base, response, err);
}

static const struct {
	Csi__V1__ControllerServiceCapability__RPC__Type type;
	bool is_in_cluster;
} capabilities[] = {
	{ RPC_CAPABILITY(CREATE_DELETE_VOLUME), false },
	{ RPC_CAPABILITY(PUBLISH_UNPUBLISH_VOLUME), false },
	{ RPC_CAPABILITY(PUBLISH_READONLY), false },
	{ RPC_CAPABILITY(LIST_VOLUMES), true },
	{ RPC_CAPABILITY(LIST_VOLUMES_PUBLISHED_NODES), false },
	{ RPC_CAPABILITY(GET_VOLUME), true },
	{ RPC_CAPABILITY(VOLUME_CONDITION), true },
	{ RPC_CAPABILITY(GET_CAPACITY), true },
	{ RPC_CAPABILITY(EXPAND_VOLUME), false },
	{ RPC_CAPABILITY(CLONE_VOLUME), false },
	{ RPC_CAPABILITY(CREATE_DELETE_SNAPSHOT), true },
	{ RPC_CAPABILITY(LIST_SNAPSHOTS), true },
	{ RPC_CAPABILITY(GET_SNAPSHOT), true },
	{ RPC_CAPABILITY(MODIFY_VOLUME), false },
	{ RPC_CAPABILITY(SINGLE_NODE_MULTI_WRITER), true },
};

enum rpc_status csi_controller_capabilities(struct csi_controller *self,
					    const ProtobufCMessage *message,
					    struct rpc_response *response,
					    struct err *err)
{
	Csi__V1__ControllerGetCapabilitiesResponse wire =
		CSI__V1__CONTROLLER_GET_CAPABILITIES_RESPONSE__INIT;
	Csi__V1__ControllerServiceCapability items[ARRAY_SIZE(capabilities)];
	Csi__V1__ControllerServiceCapability__RPC
		rpcs[ARRAY_SIZE(capabilities)];
	Csi__V1__ControllerServiceCapability *list[ARRAY_SIZE(capabilities)];

	(void)message;
	wire.capabilities = list;
	for (size_t i = 0; i < ARRAY_SIZE(capabilities); i++) {
		size_t n = wire.n_capabilities;

		if (self->options.is_cluster && !capabilities[i].is_in_cluster)
			continue;
		csi__v1__controller_service_capability__rpc__init(&rpcs[n]);
		csi__v1__controller_service_capability__init(&items[n]);
		rpcs[n].type = capabilities[i].type;
		items[n].type_case =
			CSI__V1__CONTROLLER_SERVICE_CAPABILITY__TYPE_RPC;
		items[n].rpc = &rpcs[n];
		list[n] = &items[n];
		wire.n_capabilities++;
	}
	return csi_reply(&wire.base, response, err);
}
