/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Watches: a stream of JSON lines, one per change. Threads: a watch belongs to its
 * connection's thread, which it blocks.
 */

#include "api_route.h"

/* Fills the response with a watch, or with the failure. */
void api_watch_start(const struct api *api, const struct api_request *request,
		     const struct api_route *route, struct api_response *ret);
