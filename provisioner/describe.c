/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The descriptor is written as it will be true in a moment: the claim has reserved
 * the volume, or asks for this size, and both are tried again until they are done.
 */

#include "describe.h"

#include <string.h>

#include "volume_place.h"

static const struct persistent_volume *find_volume(
	const struct plan_world *world, const char *name)
{
	for (size_t i = 0; i < world->n_volumes; i++)
		if (strcmp(world->volumes[i].meta.name, name) == 0)
			return &world->volumes[i];
	return NULL;
}

int describe(const struct applier *applier, const struct apply_subject *subject,
	     const struct plan_step *step, struct err *err)
{
	const struct persistent_volume *pv =
		find_volume(subject->world, step->volume);
	const struct claim *claim = subject->claim;
	_cleanup_(volume_place_fini) struct volume_place place = { 0 };
	struct share_volume volume;
	int r;

	if (!pv)
		return APPLY_AGAIN;
	r = volume_place_of_volume(pv, &place, err);
	if (r < 0)
		return r;
	volume = volume_place_borrow(&place);
	volume.claim_namespace = claim->meta.namespace;
	volume.claim_name = claim->meta.name;
	volume.claim_uid = claim->meta.uid;
	if (volume.capacity < claim->request)
		volume.capacity = claim->request;
	return apply_share_describe(applier, &volume, err);
}
