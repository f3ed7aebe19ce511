/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* JSON for people and scripts, on stdout. Threads: one. */

#include "ctl.h"

struct cJSON;

/* CTL_JSON, CTL_YAML or CTL_NAME; members are sorted by name as kubectl has them. */
int ctl_print(const struct cJSON *object, enum ctl_output output,
	      struct err *err);

/* Sorts the members of all objects in it. */
void ctl_sort(struct cJSON *json);
