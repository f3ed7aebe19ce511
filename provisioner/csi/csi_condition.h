/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* csi.v1.VolumeCondition, which says what is wrong with a volume. Any thread. */

#include "csi.pb-c.h"
#include "model.h"

/* What is wrong with a volume in this phase, a string literal; NULL = nothing. */
const char *csi_condition_of_phase(enum pv_phase phase);
/* why: what is wrong, borrowed; NULL = nothing. */
void csi_condition_fill(Csi__V1__VolumeCondition *ret, const char *why);
