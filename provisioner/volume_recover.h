/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A volume that a share tells of and the API does not, made again: its claim, then its
 * PersistentVolume. What exists is never changed, but for a claim that has no volume
 * yet. Threads: any.
 */

#include "cluster.h"
#include "share_survey.h"

enum volume_recover_outcome {
	VOLUME_RECOVERED = 0,
	VOLUME_EXISTS = 1,
	VOLUME_LEFT = 2,     /* nothing to make it from; err has the reason */
	VOLUME_RELEASED = 3, /* made, but its claim has another volume by now */
};

enum volume_recover_flags {
	VOLUME_RECOVER_DRY_RUN = 1u << 0, /* nothing is made */
};

int volume_recover(struct cluster *cluster, const struct share_volume *where,
		   const struct share_found *found,
		   enum volume_recover_flags flags, struct err *err);

/*
 * The claim, made if there is none, names the volume from then on. VOLUME_RELEASED
 * when it has another one, or is being deleted. *ret: as it is, with its uid.
 */
int volume_prepare_claim(struct cluster *cluster, const struct object *claim,
			 const char *volume, struct object **ret,
			 struct err *err);
