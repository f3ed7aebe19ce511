/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* fieldValidation: what becomes of fields that nobody knows. Threads: any. */

#include "api.h"
#include "object.h"

/*
 * Unknown fields are a failure (Strict), a warning in the response (Warn, the
 * default), or nothing (Ignore); they are kept in any case. Those that old, which may
 * be NULL, has as well are nobody's mistake now. 0, or the response is the failure
 * already.
 */
int api_fields_check(const struct api_request *request,
		     const struct object *object, const struct object *old,
		     struct api_response *response);
