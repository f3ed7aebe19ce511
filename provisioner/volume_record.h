/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a descriptor keeps of a volume's objects, so that the record can be rebuilt
 * from the share:
 *
 *	{"persistentVolume": {...}, "persistentVolumeClaim": {...}}
 *
 * with metadata and spec as they were made, without what only the API gives (uid,
 * resourceVersion, status). Pure; any thread.
 */

#include "object.h"

/*
 * Malloc'ed; NULL = no memory. A volume that is nobody's has no claim. A claim's labels and annotations are left out where
 * they are large.
 */
char *volume_record_text(const struct object *volume,
			 const struct object *claim);

/*
 * The objects again, to be created: the claim names the volume; the volume names
 * the claim by name, and is Retain unless its record says otherwise. -EBADMSG for a
 * record that does not hold them, or holds others than it should.
 */
int volume_record_claim(const struct cJSON *record, const char *volume,
			const char *namespace, const char *name,
			struct object **ret, struct err *err);
int volume_record_volume(const struct cJSON *record, const char *volume,
			 struct object **ret, struct err *err);
