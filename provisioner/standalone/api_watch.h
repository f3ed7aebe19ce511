/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Watches: a stream of JSON lines, one per change. Threads: a watch belongs to its
 * connection's thread, which it blocks.
 */

#include <sys/types.h>

#include "api_route.h"

/* Fills the response with a watch, or with the failure. */
void api_watch_start(const struct api *api, const struct api_request *request,
		     const struct api_route *route, struct api_response *ret);

/*
 * Bytes of the stream; waits until there are some. 0 = the stream is over: its
 * time is up, the client left (client_fd), or the server stops.
 */
size_t api_watch_read(struct api_watch *watch, int client_fd, char *buffer,
		      size_t size);

struct api_watch *api_watch_free(struct api_watch *watch);

DEFINE_CLEANUP(struct api_watch *, api_watch_free)
