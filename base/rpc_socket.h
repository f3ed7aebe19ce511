/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Paths of unix sockets, as rpc_server and rpc_client need them. Nothing is kept
 * between calls; any thread.
 */

#include "err.h"

/*
 * gRPC's address of the socket: "unix:" and the path, percent-encoded. The caller
 * frees *ret. -EINVAL for a path that is empty or too long for sun_path.
 */
int rpc_socket_address(char **ret, const char *path, struct err *err);

/*
 * Makes sure that a server can bind path: it is absent, or the socket of a
 * server that is gone. -EADDRINUSE when somebody listens there, -EEXIST when it
 * is no socket, otherwise what bind(2) says about the folder.
 */
int rpc_socket_check_free(const char *path, struct err *err);
