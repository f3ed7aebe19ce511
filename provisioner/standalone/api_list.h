/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Lists: selectors, resourceVersion and its match, limit and continue. Threads: any;
 * each call is one request.
 */

#include "api_route.h"

struct api_continue;
struct api_list_meta;
struct api_list_part;
struct text_list;

void api_list(const struct api *api, const struct api_request *request,
	      const struct api_route *route, struct api_response *ret);

/*
 * The objects of a route that a request's selectors leave, behind `after` (NULL =
 * from the first one on). 0, or the response is the failure already.
 */
int api_list_select(const struct api *api, const struct api_request *request,
		    const struct api_route *route,
		    const struct api_continue *after, struct text_list **ret,
		    struct api_response *response);

/* As JSON or, if the client would rather have one, as a table. */
void api_list_show(const struct api_request *request, enum object_kind kind,
		   const struct api_list_part *part,
		   const struct api_list_meta *meta, struct api_response *ret);

/*
 * What a list or watch may ask for together (ListOptions); is_watch tells which of
 * the two it is. 0, or the response is the failure already.
 */
int api_list_check(const struct api_query *query, bool is_watch,
		   struct api_response *response);
