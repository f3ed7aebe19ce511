/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* RFC 6902: a list of operations on JSON. Pure. Threads: any. */

#include "err.h"

struct cJSON;

/* As api_patch_apply() for API_PATCH_JSON. */
int api_json_patch_apply(struct cJSON **target, const struct cJSON *patch,
			 struct err *err);
