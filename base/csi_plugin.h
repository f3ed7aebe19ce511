/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What every one of claimfs's CSI sockets says of the plugin as a whole. */

#include "csi_message.h"

/* The answer to Identity's GetPluginCapabilities. Any thread. */
enum rpc_status csi_reply_plugin_capabilities(struct rpc_response *response,
					      struct err *err);
