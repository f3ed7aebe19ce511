/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What api_admin.c has a table of; one file per verb. See api_admin_fn. */

#include "api_admin.h"

/* history.c: {kind, namespace, name} -> {items: [{at, uid, who, what, detail}]} */
int admin_history(struct api_admin_call *call, const struct cJSON *in,
		  struct cJSON **ret, struct err *err);

/*
 * trash_verbs.c: {action, volume, dryRun} -> {items: [...]} for the action "list",
 * else what is in the trash of the volume; {volume, dryRun} -> PersistentVolume.
 */
int admin_trash(struct api_admin_call *call, const struct cJSON *in,
		struct cJSON **ret, struct err *err);
int admin_restore(struct api_admin_call *call, const struct cJSON *in,
		  struct cJSON **ret, struct err *err);
