/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which PersistentVolume a claim gets, by Kubernetes' rules, and which class it
 * gets when it names none. Pure: no I/O, no memory. Results borrow from the arrays.
 */

#include "model.h"

enum claim_match_flags {
	/*
	 * The class waits for a consumer that has not come: only a volume that
	 * is already this claim's may match.
	 */
	CLAIM_MATCH_CLAIMED_ONLY = 1u << 0,
};

/*
 * The volume for a claim without spec.volumeName; NULL when there is none.
 */
const struct persistent_volume *claim_match(
	const struct claim *claim, const struct persistent_volume *volumes,
	size_t n, enum claim_match_flags flags);

/* claimRef names this claim; an empty uid (pre-bound by name) counts. */
bool volume_is_for_claim(const struct persistent_volume *pv,
			 const struct claim *claim);
/* The same, by the claim's uid, too: it is reserved for good. */
bool volume_is_bound_to(const struct persistent_volume *pv,
			const struct claim *claim);

/* Why a claim that names this volume can't have it; NULL = it can. */
const char *claim_volume_mismatch(const struct claim *claim,
				  const struct persistent_volume *pv);

/* The newest default class, the first by name of several; NULL = none. */
const struct storage_class *default_class(const struct storage_class *classes,
					  size_t n);
