/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A new PersistentVolume for a claim. Pure; any thread. */

#include "object.h"
#include "volume_place.h"

/* As Kubernetes' external provisioner leaves it: bound to the claim by claimRef. */
int volume_object_new(struct object **ret, const struct object *claim,
		      const struct storage_class *class,
		      const struct volume_place *place, struct err *err);
