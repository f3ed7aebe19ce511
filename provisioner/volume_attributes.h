/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What of a volume can become another: onDelete, trashTTL, mountPermissions. A PV's
 * volumeAttributes never change and say what its StorageClass had; what its
 * VolumeAttributesClass has, annotations of the PV say, claimfs.io/onDelete and so on.
 * They go before, and are replaced together: what a class does not name is again as the
 * StorageClass had it.
 *
 * Pure; any thread.
 */

#include "model.h"

struct cJSON;

struct volume_attribute {
	const char *where; /* for sentences */
	const char *value; /* "" = not given; of the pv */
};

struct volume_attribute volume_attribute_get(const struct persistent_volume *pv,
					     const char *key);
/* The mode of the directory that the volume asks for; 0 = none. */
uint32_t volume_permissions(const struct persistent_volume *pv);

/* For object_change() of a PV: it is of that class now. A struct attributes_class. */
int volume_attributes_set(struct cJSON *json, const void *userdata);
