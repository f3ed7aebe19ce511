/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One claim or volume, as it is now: a plan is made and carried out as far as possible.
 *
 * Threads: the reconciler's.
 */

#include "claim_apply.h"
#include "reconcile.h"

struct scope {
	const struct reconciler_options *options;
	const struct applier *applier;
};

/* As claim_apply(); also for one that is gone. */
int reconcile_claim(const struct scope *scope, const char *namespace,
		    const char *name, struct err *err);
int reconcile_volume(const struct scope *scope, const char *name,
		     struct err *err);
