/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The kubelet's Registration service (registration.proto): who this is, where its
 * CSI socket is, and what the kubelet made of that. The kubelet calls NodeGetInfo at
 * that socket before it says so.
 *
 * What it says is logged here; a refusal is nothing to end for, since the kubelet
 * itself tries again.
 */

#include "csi.h"
#include "csi_message.h"
#include "log.h"
#include "node.h"
#include "registration.h"
#include "registration.pb-c.h"

/* The kubelet's kinds of plugins have one each; CSI's, of which it knows this one. */
#define PLUGIN_TYPE    "CSIPlugin"
#define PLUGIN_VERSION "1.0.0"

static struct registration *find(void *node, struct err *err)
{
	struct registration *registration = node_registration(node);

	if (!registration)
		(void)err_set(err, -ENOSYS,
			      "this daemon does not register itself");
	return registration;
}

enum rpc_status csi_get_registration_info(void *node,
					  const struct rpc_request *request,
					  struct rpc_response *response,
					  struct err *err)
{
	const struct registration *registration = find(node, err);
	Pluginregistration__PluginInfo info =
		PLUGINREGISTRATION__PLUGIN_INFO__INIT;
	char *versions[] = { (char *)PLUGIN_VERSION };

	if (!registration)
		return RPC_UNIMPLEMENTED;
	info.type = (char *)PLUGIN_TYPE;
	info.name = (char *)node_driver(node);
	info.endpoint = (char *)registration_endpoint(registration);
	info.supported_versions = versions;
	info.n_supported_versions = ARRAY_SIZE(versions);
	return csi_reply(&info.base, response, err);
}

enum rpc_status csi_notify_registration(void *node,
					const struct rpc_request *request,
					struct rpc_response *response,
					struct err *err)
{
	struct registration *registration = find(node, err);
	_cleanup_(csi_message_free) ProtobufCMessage *message =
		csi_decode(&pluginregistration__registration_status__descriptor,
			   request->data, request->len, err);
	const Pluginregistration__RegistrationStatus *status =
		(const Pluginregistration__RegistrationStatus *)message;

	if (!registration)
		return RPC_UNIMPLEMENTED;
	if (!status)
		return RPC_INVALID_ARGUMENT;
	registration_set(registration, status->plugin_registered,
			 status->error);
	if (status->plugin_registered)
		log_info("the kubelet has registered this driver",
			 F_STR("driver", node_driver(node)));
	else
		log_error("the kubelet refuses this driver",
			  F_STR("driver", node_driver(node)),
			  F_STR("error", status->error));
	return RPC_OK;
}
