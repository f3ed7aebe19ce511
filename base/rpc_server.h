/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A gRPC server for unary calls on a unix socket: methods by path, requests and
 * responses as bytes. What the bytes mean is the caller's (csi_*.c, with
 * protobuf-c); nothing outside base/rpc_*.c includes gRPC.
 *
 * Threads: handlers run on n_threads threads of the server's own, several at the
 * same time; further calls wait for one of them. A handler may block for as long
 * as its caller is willing to wait; methods that do are marked is_slow and have
 * n_slow_threads of their own. rpc_server_new() changes the umask for a
 * moment, and the threads have the signal mask of its caller.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "rpc_status.h"

struct rpc_server;

struct rpc_request {
	const char *method;  /* e.g. "/csi.v1.Node/NodeGetInfo" */
	const uint8_t *data; /* borrowed for the handler's run */
	size_t len;
};

struct rpc_response {
	uint8_t *data; /* malloc'ed by the handler, freed by the server */
	size_t len;
};

/*
 * Answers one call: RPC_OK with *response filled (it may stay empty), or another
 * status with the reason in *err (becomes grpc-message).
 */
typedef enum rpc_status (*rpc_fn)(void *userdata,
				  const struct rpc_request *request,
				  struct rpc_response *response,
				  struct err *err);

struct rpc_method {
	const char *path; /* "/package.Service/Method" */
	rpc_fn fn;
	bool is_slow; /* runs on the slow threads, and holds up no others */
};

struct rpc_server_options {
	const char *
		socket_path; /* a stale socket is replaced, a live one is an error */
	const struct rpc_method *methods; /* borrowed for the server's life */
	size_t n_methods;
	void *userdata;		     /* given to every handler */
	unsigned int n_threads;	     /* 0 = 4 */
	unsigned int n_slow_threads; /* 0 = slow methods are like others */
};

/*
 * Listens with mode 0600 and starts the threads. -EADDRINUSE when somebody
 * answers on the socket, -EINVAL for a path longer than sun_path allows.
 */
int rpc_server_new(struct rpc_server **ret,
		   const struct rpc_server_options *options, struct err *err);

/*
 * Serves a connected unix stream socket, whose listener is the caller's: one that
 * comes and goes while the server runs. The descriptor does not block. Any thread.
 */
void rpc_server_adopt(struct rpc_server *server, int take_fd);

/*
 * Stops listening, lets running calls finish, refuses slow ones that wait, and
 * removes the socket. After 5 s the
 * calls are cancelled, but their handlers are waited for: they use userdata.
 */
struct rpc_server *rpc_server_free(struct rpc_server *server);

DEFINE_CLEANUP(struct rpc_server *, rpc_server_free)
