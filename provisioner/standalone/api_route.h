/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a path means, and who answers. Threads: any.
 */

#include "api.h"
#include "object.h"

enum api_target {
	API_TARGET_NONE, /* 404 */
	API_TARGET_DISCOVERY,
	API_TARGET_OPENAPI,
	API_TARGET_ACCESS,
	API_TARGET_HEALTH,
	API_TARGET_NAMESPACES,
	API_TARGET_NAMESPACE,
	API_TARGET_COLLECTION,
	API_TARGET_OBJECT,
	API_TARGET_STATUS,
	API_TARGET_ADMIN, /* the name is the verb */
	API_TARGET_N,
};

#define API_NAME_MAX 256

struct api_route {
	enum api_target target;
	enum object_kind kind;
	bool has_namespace; /* false: all namespaces, or cluster-scoped */
	char namespace[API_NAME_MAX];
	char name[API_NAME_MAX];
};

void api_route_parse(const char *path, struct api_route *ret);

/* Answers a request. The response is complete whatever happens. */
void api_handle(const struct api *api, const struct api_request *request,
		struct api_response *ret);
