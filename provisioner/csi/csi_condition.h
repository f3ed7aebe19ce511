/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* csi.v1.VolumeCondition. Any thread. */

#include "csi.pb-c.h"
#include "model.h"

/* What is wrong with a volume in this phase, a literal; NULL = nothing. */
const char *csi_condition_of_phase(enum pv_phase phase);
/* why: NULL = nothing is wrong. */
void csi_condition_fill(Csi__V1__VolumeCondition *ret, const char *why);
