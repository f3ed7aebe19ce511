/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Namespaces, which are no objects here: "default" and those that something lives in
 * can be seen, making and changing one is a success with a warning, and deleting one
 * is refused. Threads: any.
 */

#include "api_route.h"

void api_namespace_list(const struct api *api,
			const struct api_request *request,
			const struct api_route *route,
			struct api_response *ret);
void api_namespace_get(const struct api *api, const struct api_request *request,
		       const struct api_route *route, struct api_response *ret);
void api_namespace_create(const struct api *api,
			  const struct api_request *request,
			  const struct api_route *route,
			  struct api_response *ret);
/* PUT and PATCH. */
void api_namespace_update(const struct api *api,
			  const struct api_request *request,
			  const struct api_route *route,
			  struct api_response *ret);
void api_namespace_delete(const struct api *api,
			  const struct api_request *request,
			  const struct api_route *route,
			  struct api_response *ret);
