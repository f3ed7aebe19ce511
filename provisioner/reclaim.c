/* SPDX-License-Identifier: Apache-2.0 */

/*
 * In this order: the volume is read again and must be Released, intent, directory
 * (in slices, so that a large one does not hold up everybody else), PersistentVolume
 * deleted, its finalizer removed, descriptor, intent closed. Until the finalizer goes
 * the volume stays in sight, so that an interruption anywhere is found again; from
 * there on the intent is. The descriptor goes after that, because a repetition
 * knows by it that the directory, which may have been kept, was dealt with.
 */

#include "reclaim.h"

#include <string.h>

#include "intents.h"
#include "log.h"
#include "model_decode.h"
#include "object_change.h"

/* 0: still there and Released; 1: not any more. */
static int check_released(const struct applier *applier,
			  const struct persistent_volume *pv, struct err *err)
{
	_cleanup_(object_unref) struct object *object = NULL;
	_cleanup_(persistent_volume_fini) struct persistent_volume now = { 0 };
	int r;

	r = applier->cluster->ops->get(applier->cluster, KIND_PERSISTENT_VOLUME,
				       "", pv->meta.name, &object, err);
	if (r != 0)
		return r < 0 ? r : 1;
	r = persistent_volume_decode(object, &now, err);
	if (r < 0)
		return r;
	return strcmp(now.meta.uid, pv->meta.uid) != 0 ||
	       now.phase != PV_RELEASED || now.reclaim != RECLAIM_DELETE;
}

static int remove_directory(const struct applier *applier,
			    const struct volume_place *place, struct err *err)
{
	struct share_volume volume = volume_place_borrow(place);
	int r = apply_share_reclaim(applier, &volume, place->on_delete, err);

	if (r == SHARE_MORE)
		return APPLY_MORE;
	if (r == SHARE_FOREIGN)
		return err->code;
	if (r < 0)
		return r;
	log_info(r == SHARE_KEPT ? "directory kept" : "directory reclaimed",
		 F_STR("volume", place->name), F_STR("share", place->share),
		 F_STR("directory", place->path));
	return 0;
}

static int remove_volume(const struct applier *applier,
			 const struct persistent_volume *pv, struct err *err)
{
	struct object_target target = { .kind = KIND_PERSISTENT_VOLUME,
					.namespace = "",
					.name = pv->meta.name,
					.uid = pv->meta.uid };
	int r;

	if (!pv->meta.is_deleting) {
		r = applier->cluster->ops->delete (applier->cluster,
						   target.kind, "", target.name,
						   target.uid, err);
		if (r != 0)
			return apply_outcome(r);
	}
	return apply_outcome(object_change(applier->cluster, &target,
					   change_remove_finalizer,
					   FINALIZER_EXTERNAL, err));
}

static int run_steps(const struct applier *applier,
		     const struct persistent_volume *pv, struct err *err)
{
	_cleanup_(volume_place_fini) struct volume_place place = { 0 };
	struct share_volume volume;
	int64_t intent;
	int r;

	r = volume_place_of_volume(pv, &place, err);
	if (r < 0)
		return r;
	r = intent_begin(applier->store, STEP_RECLAIM, &place, &intent, err);
	if (r < 0)
		return r;
	r = remove_directory(applier, &place, err);
	if (r != 0)
		return r;
	r = remove_volume(applier, pv, err);
	if (r != 0)
		return r;
	volume = volume_place_borrow(&place);
	r = apply_share_forget(applier, &volume, volume.name, err);
	if (r < 0)
		return r;
	return intent_end(applier->store, intent, err);
}

int reclaim(const struct applier *applier, const struct apply_subject *subject,
	    struct err *err)
{
	int r = check_released(applier, subject->pv, err);

	if (r == 0)
		r = run_steps(applier, subject->pv, err);
	else if (r > 0)
		return 0;
	if (r < 0)
		apply_event(applier, subject->object, CLUSTER_EVENT_WARNING,
			    "VolumeFailedDelete", subject->pv->driver,
			    err_text(err));
	return r;
}
