/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Patches of JSON: RFC 7386 (merge), RFC 6902 (JSON patch) and Kubernetes'
 * strategic merge for the lists that our kinds have. Pure. Threads: any.
 */

#include "err.h"

struct cJSON;

enum api_patch_type {
	API_PATCH_MERGE,
	API_PATCH_STRATEGIC,
	API_PATCH_JSON,
};

/* From a Content-Type; -ENOENT. */
int api_patch_type_parse(const char *content_type, enum api_patch_type *ret);

/*
 * Changes *target in place; the root itself may be replaced. -EINVAL for a patch that
 * is none, -EBADMSG for one that can't be applied (a failed test, a missing path);
 * *target may then be half changed: it is to be thrown away.
 */
int api_patch_apply(struct cJSON **target, enum api_patch_type type,
		    const struct cJSON *patch, struct err *err);
