/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How many volumes a node takes: NodeGetInfo's max_volumes_per_node, which its daemon tells
 * the kubelet, too. The daemon is asked each time, since it may have been restarted with
 * another number. If it does not answer within PATIENCE_MS there is no limit here: the
 * daemon itself refuses a volume too many when it is to be staged.
 */

#include <string.h>

#include "csi_calls.h"
#include "node_client.h"
#include "pods.h"

#define PATIENCE_MS 1000

static const char *socket_of(const struct csi_controller_options *options,
			     const char *node)
{
	for (size_t i = 0; i < options->n_daemons; i++)
		if (strcmp(options->daemons[i].name, node) == 0)
			return options->daemons[i].socket;
	return NULL;
}

uint64_t csi_node_limit(const struct csi_controller_options *options,
			const char *node)
{
	_cleanup_(node_client_free) struct node_client *client = NULL;
	_cleanup_(err_fini) struct err err = ERR_INIT;
	const char *socket = socket_of(options, node);
	uint64_t n = 0;

	if (!socket || node_client_new(&client, socket, PATIENCE_MS, &err) < 0)
		return UINT64_MAX;
	if (node_client_max_volumes(client, &n, &err) != RPC_OK || n == 0)
		return UINT64_MAX;
	return n;
}
