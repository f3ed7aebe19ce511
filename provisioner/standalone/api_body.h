/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Bodies of requests into objects that fit the path. Threads: any. */

#include "api_route.h"

struct cJSON;

/*
 * The object in the body of a POST or PUT, with the namespace and kind of the path
 * where the body has none. 0, or -errno and the response is the failure already.
 */
int api_body_object(const struct api_request *request,
		    const struct api_route *route, struct object **ret,
		    struct api_response *response);

/* The same for JSON that is there already (a patched object); takes it. */
int api_body_check(struct cJSON *take_json, const struct api_route *route,
		   struct object **ret, struct api_response *response);
