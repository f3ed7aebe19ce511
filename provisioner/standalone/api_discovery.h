/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which groups, versions and kinds there are: what kubectl asks before anything
 * else.
 */

#include "api_route.h"

bool api_discovery_has(const char *path);

void api_discovery_get(const struct api *api, const struct api_request *request,
		       const struct api_route *route, struct api_response *ret);
