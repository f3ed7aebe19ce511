/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The subset of the Kubernetes API that storage needs, over HTTP on a unix socket
 * and, if asked, on a loopback address: Kubernetes' paths, verbs, JSON, status
 * codes and watch streams, so that an unmodified kubectl works.
 *
 * There is no authentication: the socket has mode 0600 and the address must be a
 * loopback one.
 *
 * Threads: one per connection, at most max_connections; watches block theirs.
 */

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

struct api_admin;
struct api_server;
struct registry;
struct watch_hub;

struct api_server_options {
	struct registry *registry; /* borrowed */
	struct watch_hub *hub;	   /* borrowed */
	struct api_admin *admin;   /* borrowed */
	bool is_mirror;		   /* as in struct api */
	const char *socket_path;   /* a stale socket is replaced */
	const char *listen;	   /* "127.0.0.1:PORT", "[::1]:PORT"; or NULL */
	unsigned int max_connections; /* per transport; 0 = 288 */
};

/*
 * Listens and answers from then on. -EADDRINUSE when somebody answers on the
 * socket or has the port, -EINVAL for an address that is not a loopback one or a
 * path that is too long for a socket.
 */
int api_server_new(struct api_server **ret,
		   const struct api_server_options *options, struct err *err);

/* Ends all watches (watch_hub_close()), lets requests finish, removes the socket. */
struct api_server *api_server_free(struct api_server *server);

/* The port that --listen got (of use with port 0); 0 without one. */
uint16_t api_server_port(const struct api_server *server);

DEFINE_CLEANUP(struct api_server *, api_server_free)
