/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Objects as the API server sends them become objects as object.h has them: without
 * metadata.managedFields, and with kind and apiVersion, which items of a list lack.
 */

#include "object.h"

/* Takes the JSON, on failure, too. */
int kube_object_new(struct object **ret, enum object_kind kind,
		    struct cJSON *take_json, struct err *err);
int kube_object_parse(struct object **ret, enum object_kind kind,
		      const char *text, size_t len, struct err *err);
