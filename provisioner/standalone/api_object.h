/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The verbs on objects and collections. Threads: any; each call is one request. */

#include "api_route.h"

void api_object_get(const struct api *api, const struct api_request *request,
		    const struct api_route *route, struct api_response *ret);
void api_object_list(const struct api *api, const struct api_request *request,
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

/*
 * The objects of a route that a request's selectors leave. 0, or the response is
 * the failure already.
 */
int api_object_select(const struct api *api, const struct api_request *request,
		      const struct api_route *route, struct object_list *ret,
		      struct api_response *response);
