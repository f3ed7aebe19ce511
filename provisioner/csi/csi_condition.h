/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* csi.v1.VolumeCondition. Any thread. */

#include "csi.pb-c.h"
#include "csi_find.h"
#include "model.h"

/* What is wrong with a volume in this phase, a literal; NULL = nothing. */
const char *csi_condition_of_phase(enum pv_phase phase);
/* why: NULL = nothing is wrong. */
void csi_condition_fill(Csi__V1__VolumeCondition *ret, const char *why);

/*
 * What is wrong with a volume by what its server says of its directory; *ret is
 * malloc'ed, and NULL when nothing is. -ENOMEM.
 */
int csi_condition_probe(struct csi_controller *self,
			const struct csi_volume *volume, char **ret);
