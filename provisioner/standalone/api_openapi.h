/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The OpenAPI documents, from which kubectl learns our kinds' fields: /openapi/v2 (as
 * JSON, or as the protobuf that kubectl asks for), /openapi/v3 and the document of
 * each API version below it. Threads: any.
 */

#include "api_route.h"

struct cJSON;

bool api_openapi_has(const char *path);
void api_openapi_get(const struct api *api, const struct api_request *request,
		     const struct api_route *route, struct api_response *ret);

/* A version 2 document as a protobuf message; malloc'ed. -ENOMEM. */
int api_openapi_encode(const struct cJSON *json, char **ret, size_t *ret_len);
