/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The questions of `kubectl auth can-i`. There is no authorization: whoever reaches the
 * API may do everything, and that is the answer. Threads: any.
 */

#include "api_route.h"

/* The path of a review that is answered here. */
bool api_access_has(const char *path);
void api_access_review(const struct api *api, const struct api_request *request,
		       const struct api_route *route, struct api_response *ret);
