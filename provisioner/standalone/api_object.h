/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The verbs on objects and collections, but for lists and watches. Threads: any; each call is one request. */

#include "api_route.h"

void api_object_get(const struct api *api, const struct api_request *request,
		    const struct api_route *route, struct api_response *ret);
void api_object_create(const struct api *api, const struct api_request *request,
		       const struct api_route *route, struct api_response *ret);
/* PUT and PATCH: of the object, or of its status when the route says so. */
void api_object_replace(const struct api *api,
			const struct api_request *request,
			const struct api_route *route,
			struct api_response *ret);
void api_object_patch(const struct api *api, const struct api_request *request,
		      const struct api_route *route, struct api_response *ret);
void api_object_delete(const struct api *api, const struct api_request *request,
		       const struct api_route *route, struct api_response *ret);
void api_object_delete_all(const struct api *api,
			   const struct api_request *request,
			   const struct api_route *route,
			   struct api_response *ret);
