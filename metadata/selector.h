/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A claim's spec.selector: matchLabels and matchExpressions. What matches is
 * selector_matches() in model.h.
 */

#include "model.h"

struct cJSON;

/* Absent = a selector that is not set. A bad operator or value is -EINVAL. */
int selector_decode(const struct cJSON *json, const char *path,
		    struct selector *ret, struct err *err);
