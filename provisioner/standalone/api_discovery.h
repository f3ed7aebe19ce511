/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which groups, versions and kinds there are: what kubectl asks before anything
 * else. OpenAPI is not served (kubectl apply wants --validate=false).
 */

#include "api_route.h"

bool api_discovery_has(const char *path);

void api_discovery_get(const struct api *api, const struct api_request *request,
		       const struct api_route *route, struct api_response *ret);

/* There is no Namespace object: "default" and those that something lives in. */
void api_namespace_list(const struct api *api,
			const struct api_request *request,
			const struct api_route *route,
			struct api_response *ret);
void api_namespace_get(const struct api *api, const struct api_request *request,
		       const struct api_route *route, struct api_response *ret);
