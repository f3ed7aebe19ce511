/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The matcher of Kubernetes' PersistentVolume controller (findByClaim() in
 * pkg/controller/volume/persistentvolume/index.go, FindMatchingVolume() in
 * component-helpers). Its order of preference, which people rely on:
 *
 *  1. Volumes are grouped by their exact set of access modes. Of the sets that
 *     contain everything asked for, the one with the fewest modes that has a hit
 *     wins, even where a larger set holds a better fitting size.
 *  2. A volume that is bound or pre-bound to the claim is taken at once; class
 *     and selector are not looked at, size and volume mode are.
 *  3. Otherwise the smallest that is large enough; of equals the first.
 */

#include "claim_match.h"

#include <string.h>

#include "csi_origin.h"

static const char *class_of(const struct claim *claim)
{
	return claim->class_name ? claim->class_name : "";
}

bool volume_is_for_claim(const struct persistent_volume *pv,
			 const struct claim *claim)
{
	const struct claim_ref *ref = &pv->claim_ref;

	return ref->is_set && strcmp(ref->name, claim->meta.name) == 0 &&
	       strcmp(ref->namespace, claim->meta.namespace) == 0 &&
	       (!*ref->uid || strcmp(ref->uid, claim->meta.uid) == 0);
}

bool volume_is_bound_to(const struct persistent_volume *pv,
			const struct claim *claim)
{
	return volume_is_for_claim(pv, claim) && *pv->claim_ref.uid;
}

/* What holds for bound and unbound volumes alike. */
static bool can_hold(const struct persistent_volume *pv,
		     const struct claim *claim)
{
	return pv->capacity >= claim->request &&
	       pv->is_block == claim->is_block && !pv->meta.is_deleting &&
	       strcmp(pv->attributes_class, claim->attributes_class) == 0;
}

/* What is made over CSI is made for it: nobody who waits there asked for a free one. */
static bool is_offered(const struct persistent_volume *pv,
		       const struct claim *claim)
{
	return !claim_is_csi(claim) && !pv->claim_ref.is_set &&
	       pv->phase == PV_AVAILABLE &&
	       strcmp(pv->class_name, class_of(claim)) == 0 &&
	       selector_matches(&claim->selector, &pv->meta.labels);
}

static const struct persistent_volume *match_in_set(
	const struct claim *claim, const struct persistent_volume *volumes,
	size_t n, uint32_t modes, enum claim_match_flags flags)
{
	const struct persistent_volume *best = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct persistent_volume *pv = &volumes[i];

		if (pv->access_modes != modes || !can_hold(pv, claim))
			continue;
		if (volume_is_for_claim(pv, claim))
			return pv;
		if ((flags & CLAIM_MATCH_CLAIMED_ONLY) ||
		    !is_offered(pv, claim))
			continue;
		if (!best || pv->capacity < best->capacity)
			best = pv;
	}
	return best;
}

const struct persistent_volume *claim_match(
	const struct claim *claim, const struct persistent_volume *volumes,
	size_t n, enum claim_match_flags flags)
{
	const uint32_t all = ACCESS_RWO | ACCESS_ROX | ACCESS_RWX | ACCESS_RWOP;

	for (int n_modes = 1; n_modes <= 4; n_modes++) {
		for (uint32_t modes = 1; modes <= all; modes++) {
			const struct persistent_volume *pv;

			if (__builtin_popcount(modes) != n_modes ||
			    (claim->access_modes & ~modes))
				continue;
			pv = match_in_set(claim, volumes, n, modes, flags);
			if (pv)
				return pv;
		}
	}
	return NULL;
}

const char *claim_volume_mismatch(const struct claim *claim,
				  const struct persistent_volume *pv)
{
	if (pv->meta.is_deleting)
		return "the volume is marked for deletion";
	if (pv->capacity < claim->request)
		return "requested PV is too small";
	if (strcmp(pv->class_name, class_of(claim)) != 0)
		return "storageClassName does not match";
	if (pv->is_block != claim->is_block)
		return "incompatible volumeMode";
	if (claim->access_modes & ~pv->access_modes)
		return "incompatible accessMode";
	return NULL;
}

const struct storage_class *default_class(const struct storage_class *classes,
					  size_t n)
{
	const struct storage_class *best = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct storage_class *class = &classes[i];

		if (!class->is_default)
			continue;
		if (!best || class->meta.creation_s > best->meta.creation_s ||
		    (class->meta.creation_s == best->meta.creation_s &&
		     strcmp(class->meta.name, best->meta.name) < 0))
			best = class;
	}
	return best;
}
