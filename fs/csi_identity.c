/* SPDX-License-Identifier: Apache-2.0 */

/*
 * CSI's Identity service of a node: who this is and that it lives. The requests
 * have no fields, so their bytes are not looked at.
 */

#include "csi.h"
#include "csi.pb-c.h"
#include "csi_message.h"
#include "csi_plugin.h"
#include "node.h"
#include "version.h"

enum rpc_status csi_get_plugin_info(void *node,
				    const struct rpc_request *request,
				    struct rpc_response *response,
				    struct err *err)
{
	Csi__V1__GetPluginInfoResponse info =
		CSI__V1__GET_PLUGIN_INFO_RESPONSE__INIT;

	info.name = (char *)node_driver(node);
	info.vendor_version = (char *)CLAIMFS_VERSION;
	return csi_reply(&info.base, response, err);
}

enum rpc_status csi_get_plugin_capabilities(void *node,
					    const struct rpc_request *request,
					    struct rpc_response *response,
					    struct err *err)
{
	return csi_reply_plugin_capabilities(response, err);
}

enum rpc_status csi_probe(void *node, const struct rpc_request *request,
			  struct rpc_response *response, struct err *err)
{
	Csi__V1__ProbeResponse probe = CSI__V1__PROBE_RESPONSE__INIT;
	Csi__V1__BoolValue ready = CSI__V1__BOOL_VALUE__INIT;

	ready.value = true;
	probe.ready = &ready;
	return csi_reply(&probe.base, response, err);
}
