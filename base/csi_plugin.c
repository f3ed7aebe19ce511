/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The plugin's capabilities, of which CSI says: "All instances of the same version of
 * the Plugin SHALL return the same set of capabilities, regardless of both where
 * instances are deployed and which RPCs an instance serves." So a node, too, says
 * that there is a Controller service, which the provisioner serves.
 *
 * VOLUME_ACCESSIBILITY_CONSTRAINTS is not among them: a share is reached from
 * anywhere.
 */

#include "csi_plugin.h"

#include "csi.pb-c.h"

enum rpc_status csi_reply_plugin_capabilities(struct rpc_response *response,
					      struct err *err)
{
	Csi__V1__PluginCapability__Service service =
		CSI__V1__PLUGIN_CAPABILITY__SERVICE__INIT;
	Csi__V1__PluginCapability__VolumeExpansion expansion =
		CSI__V1__PLUGIN_CAPABILITY__VOLUME_EXPANSION__INIT;
	Csi__V1__PluginCapability capabilities[] = {
		CSI__V1__PLUGIN_CAPABILITY__INIT,
		CSI__V1__PLUGIN_CAPABILITY__INIT,
	};
	Csi__V1__PluginCapability *list[] = { &capabilities[0],
					      &capabilities[1] };
	Csi__V1__GetPluginCapabilitiesResponse wire =
		CSI__V1__GET_PLUGIN_CAPABILITIES_RESPONSE__INIT;

	service.type =
		CSI__V1__PLUGIN_CAPABILITY__SERVICE__TYPE__CONTROLLER_SERVICE;
	capabilities[0].type_case = CSI__V1__PLUGIN_CAPABILITY__TYPE_SERVICE;
	capabilities[0].service = &service;
	expansion.type =
		CSI__V1__PLUGIN_CAPABILITY__VOLUME_EXPANSION__TYPE__ONLINE;
	capabilities[1].type_case =
		CSI__V1__PLUGIN_CAPABILITY__TYPE_VOLUME_EXPANSION;
	capabilities[1].volume_expansion = &expansion;
	wire.capabilities = list;
	wire.n_capabilities = ARRAY_SIZE(list);
	return csi_reply(&wire.base, response, err);
}
