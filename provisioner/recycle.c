/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Kubernetes' recycler (rm -rf in a pod, for volumes of type nfs), without the pod.
 * What is emptied is whatever the volume names, as there: that a directory was made
 * for the volume can't be known of a static one. So nothing is emptied that another
 * volume has a part in, be it in the record or on the share.
 *
 * No intent is open meanwhile: the volume itself says that it is Released, and
 * emptying goes on from whatever an interruption left.
 */

#include "recycle.h"

#include <string.h>

#include "class_parameters.h"
#include "log.h"
#include "model_decode.h"
#include "volume_place.h"

/* The volume may have been rescued, or given another policy: APPLY_AGAIN. */
static int check_released(const struct applier *applier,
			  const struct persistent_volume *pv, struct err *err)
{
	_cleanup_(object_unref) struct object *object = NULL;
	_cleanup_(persistent_volume_fini) struct persistent_volume now = { 0 };
	int r;

	r = applier->cluster->ops->get(applier->cluster, KIND_PERSISTENT_VOLUME,
				       "", pv->meta.name, &object, err);
	if (r != 0)
		return r < 0 ? r : APPLY_AGAIN;
	r = persistent_volume_decode(object, &now, err);
	if (r < 0)
		return r;
	if (strcmp(now.meta.uid, pv->meta.uid) == 0 &&
	    now.reclaim == RECLAIM_RECYCLE && now.claim_ref.is_set &&
	    strcmp(now.claim_ref.uid, pv->claim_ref.uid) == 0 &&
	    (now.phase == PV_RELEASED || now.phase == PV_FAILED))
		return 0;
	return APPLY_AGAIN;
}

/* From the server's root, since shares may lie in each other. NULL = no memory. */
static char *whole_path(const struct volume_place *place)
{
	const char *share = strcmp(place->share, "/") == 0 ? "" : place->share;
	char *path;

	return asprintf(&path, "%s/%s", share, place->path) < 0 ? NULL : path;
}

static bool overlaps(const struct volume_place *a, const struct volume_place *b)
{
	_cleanup_(free) char *path_a = whole_path(a);
	_cleanup_(free) char *path_b = whole_path(b);

	if (strcmp(a->server, b->server) != 0)
		return false;
	return !path_a || !path_b || paths_overlap(path_a, path_b);
}

static int check_neighbours(const struct plan_world *world,
			    const struct volume_place *place, struct err *err)
{
	for (size_t i = 0; i < world->n_volumes; i++) {
		_cleanup_(volume_place_fini) struct volume_place other = { 0 };

		if (strcmp(world->volumes[i].meta.name, place->name) == 0 ||
		    volume_place_of_volume(&world->volumes[i], &other, NULL) <
			    0 ||
		    !overlaps(place, &other))
			continue;
		return err_set(
			err, -EPERM,
			"keep directory %s on share %s of server %s: it overlaps with that of volume %s",
			place->path, place->share, place->server, other.name);
	}
	return 0;
}

static int empty(const struct applier *applier,
		 const struct apply_subject *subject, struct err *err)
{
	_cleanup_(volume_place_fini) struct volume_place place = { 0 };
	struct share_volume volume;
	int r = volume_place_of_volume(subject->pv, &place, err);

	if (r >= 0)
		r = check_neighbours(subject->world, &place, err);
	if (r < 0)
		return r;
	volume = volume_place_borrow(&place);
	r = apply_share_scrub(applier, &volume, err);
	if (r == 0)
		log_info("volume recycled", F_STR("volume", place.name),
			 F_STR("share", place.share),
			 F_STR("directory", place.path));
	return r == SHARE_MORE ? APPLY_AGAIN : r;
}

static void tell_failure(const struct applier *applier,
			 const struct apply_subject *subject, struct err *err)
{
	_cleanup_(err_fini) struct err ignored = ERR_INIT;

	(void)err_wrap(err, "Recycle failed");
	if (apply_volume_phase(applier, subject, PV_FAILED, &ignored) < 0)
		log_warn("volume not marked as failed",
			 F_STR("volume", subject->pv->meta.name),
			 F_ERR(&ignored));
	apply_event(applier, subject->object, CLUSTER_EVENT_WARNING,
		    "VolumeFailedRecycle", COMPONENT_BINDER, err_text(err));
}

int recycle(const struct applier *applier, const struct apply_subject *subject,
	    struct err *err)
{
	int r = check_released(applier, subject->pv, err);

	if (r == 0)
		r = empty(applier, subject, err);
	if (r < 0)
		tell_failure(applier, subject, err);
	return r;
}
