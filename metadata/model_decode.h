/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Objects to plain structs. *ret is written only on success; the caller calls the
 * matching _fini. A wrong type or value is -EINVAL with a sentence that names the
 * JSON path, the value and what is allowed; unknown fields are ignored.
 */

#include "model.h"
#include "object.h"

int storage_class_decode(const struct object *object, struct storage_class *ret,
			 struct err *err);
int persistent_volume_decode(const struct object *object,
			     struct persistent_volume *ret, struct err *err);
int attributes_class_decode(const struct object *object,
			    struct attributes_class *ret, struct err *err);
int claim_decode(const struct object *object, struct claim *ret,
		 struct err *err);
int pod_decode(const struct object *object, struct pod *ret, struct err *err);

/* For claim_decode(): what the status says of modifications; may leave half of them. */
int claim_modification_decode(const struct object *object, struct claim *claim,
			      struct err *err);
