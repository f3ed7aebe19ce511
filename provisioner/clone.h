/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Of STEP_PROVISION what a claim with a dataSource needs besides: a copy of its source,
 * made by the copier under the volume's name before the directory is, and nothing of
 * it left over after that.
 *
 * Threads: the reconciler's only.
 */

#include "claim_apply.h"
#include "provision.h"

/*
 * 0: the copy is whole, and making->copy says so. APPLY_HANDED: it is being made, and
 * the claim is queued when that is over. Negative: there is none, err says why.
 */
int clone_prepare(const struct applier *applier,
		  const struct apply_subject *subject, struct making *making,
		  struct err *err);
/* The volume of this name has its copy. */
int clone_end(const struct applier *applier, const char *volume,
	      struct err *err);
/* It will not be made: 0 when no copy is left, APPLY_LATER while one is. */
int clone_cancel(const struct applier *applier, const char *volume,
		 struct err *err);
