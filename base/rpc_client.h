/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A gRPC client for unary calls over a unix socket, blocking. Any thread may
 * call; calls of several threads run at the same time on one connection.
 * gRPC reconnects by itself; a call while nobody listens fails at once with
 * RPC_UNAVAILABLE.
 */

#include "rpc_server.h"

struct rpc_client;

int rpc_client_new(struct rpc_client **ret, const char *socket_path,
		   struct err *err);
struct rpc_client *rpc_client_free(struct rpc_client *client);

/* Every call, now or later, ends at once with RPC_CANCELLED. Any thread. */
void rpc_client_cancel(struct rpc_client *client);

/*
 * Calls and waits at most timeout_ms. On RPC_OK *ret_response is filled (the
 * caller frees data); otherwise err holds the server's message.
 */
enum rpc_status rpc_client_call(struct rpc_client *client,
				const struct rpc_request *request,
				unsigned int timeout_ms,
				struct rpc_response *ret_response,
				struct err *err);

DEFINE_CLEANUP(struct rpc_client *, rpc_client_free)
