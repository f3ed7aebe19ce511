/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * CSI's Identity and Node services, the kubelet's Registration and our own Volume, for
 * an rpc_server whose userdata is the struct node. Handlers run on the server's threads
 * and block as node.h says.
 *
 * A request that is no message of its type, or lacks what node.h can't express, is
 * INVALID_ARGUMENT; everything else is answered as node.h answers.
 */

#include "rpc_server.h"

#define CSI_NODE_METHODS 15

extern const struct rpc_method csi_node_methods[CSI_NODE_METHODS];

/*
 * The same in a place of the caller's, where publishing may take as long as staging:
 * inline volumes are started by it, and unpublishing ends them.
 */
void csi_make_publishing_slow(struct rpc_method ret[static CSI_NODE_METHODS]);

/* Logs a refusal; returns status (csi_node.c). */
enum rpc_status csi_answered(const struct rpc_request *request,
			     const char *volume_id, enum rpc_status status,
			     const struct err *err);

/* What csi_node_methods has of Identity (csi_identity.c). */
enum rpc_status csi_get_plugin_info(void *node,
				    const struct rpc_request *request,
				    struct rpc_response *response,
				    struct err *err);
enum rpc_status csi_get_plugin_capabilities(void *node,
					    const struct rpc_request *request,
					    struct rpc_response *response,
					    struct err *err);
enum rpc_status csi_probe(void *node, const struct rpc_request *request,
			  struct rpc_response *response, struct err *err);

/* Of Volume (csi_freeze.c). */
enum rpc_status csi_freeze(void *node, const struct rpc_request *request,
			   struct rpc_response *response, struct err *err);
enum rpc_status csi_thaw(void *node, const struct rpc_request *request,
			 struct rpc_response *response, struct err *err);

/* And of Registration (csi_registration.c). */
enum rpc_status csi_get_registration_info(void *node,
					  const struct rpc_request *request,
					  struct rpc_response *response,
					  struct err *err);
enum rpc_status csi_notify_registration(void *node,
					const struct rpc_request *request,
					struct rpc_response *response,
					struct err *err);
