/* SPDX-License-Identifier: Apache-2.0 */

/*
 * In this order: the volume is read again, live, and must be Released, intent, directory out
 * of its place, row of the trash, PersistentVolume deleted, its finalizer removed,
 * descriptor, intent closed. All of it is quick, whatever the directory holds: it goes
 * into the trash by a rename, and the remover has it from there on. With trashTTL 0
 * the volume stays until the remover is done, as people know it from other drivers:
 * when it is gone, so is its data.
 *
 * Until the finalizer goes the volume stays in sight, so that an interruption anywhere
 * is found again; from there on the intent is. The descriptor goes after that, because
 * a repetition knows by it that the directory, which may have been kept, was dealt
 * with.
 */

#include "reclaim.h"

#include <string.h>
#include <time.h>

#include "intents.h"
#include "log.h"
#include "model_decode.h"
#include "object_change.h"
#include "timestamp.h"
#include "trash.h"

/* *ret: the volume, still there and Released; else NULL. */
static int check_released(const struct applier *applier,
			  const struct persistent_volume *pv,
			  struct object **ret, struct err *err)
{
	_cleanup_(object_unref) struct object *object = NULL;
	_cleanup_(persistent_volume_fini) struct persistent_volume now = { 0 };
	int r;

	r = applier->cluster->ops->get_live(applier->cluster,
					    KIND_PERSISTENT_VOLUME, "",
					    pv->meta.name, &object, err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = persistent_volume_decode(object, &now, err);
	if (r < 0)
		return r;
	/* Whoever took the claimRef away a moment ago wants the data. */
	if (strcmp(now.meta.uid, pv->meta.uid) == 0 && now.claim_ref.is_set &&
	    now.phase == PV_RELEASED && now.reclaim == RECLAIM_DELETE)
		*ret = TAKE_PTR(object);
	return 0;
}

/* SHARE_TRASHED: it has its row; 0: it has none. */
static int look_into_trash(const struct applier *applier,
			   const struct volume_place *place, struct err *err)
{
	_cleanup_(store_trash_fini) struct store_trash trash = { 0 };
	int r = store_trash_get(applier->store, place->name, &trash, err);

	if (r != 0)
		return r < 0 ? r : 0;
	if (trash.state == TRASH_RESTORING)
		return err_set(err, -EBUSY, "volume %s is being restored",
			       place->name);
	return SHARE_TRASHED;
}

/*
 * What has its row was dealt with by a try before this one, and is the remover's: its
 * descriptor in the trash must not be written by two at a time.
 */
int reclaim_directory(const struct applier *applier,
		      const struct volume_place *place, enum on_delete how,
		      const struct object *pv, struct err *err)
{
	_cleanup_(store_trash_fini) struct store_trash trash = { 0 };
	struct share_volume volume = volume_place_borrow(place);
	_cleanup_(free) char *note = NULL;
	int r = look_into_trash(applier, place, err);

	if (r != 0)
		return r;
	r = trash_new(place, pv, time(NULL), &trash);
	if (r == 0)
		note = trash_note(&trash, NULL);
	if (!note)
		return err_set(err, -ENOMEM, "no memory");
	volume.note = note;
	r = apply_share_reclaim(applier, &volume, how, err);
	if (r != SHARE_TRASHED)
		return r;
	r = store_trash_put(applier->store, &trash, err);
	if (r < 0)
		return r;
	log_info("directory moved into the trash", F_STR("volume", place->name),
		 F_STR("share", place->share), F_STR("directory", place->path));
	remover_wake(applier->remover);
	return SHARE_TRASHED;
}

static void tell(const struct applier *applier, const struct object *pv,
		 const struct volume_place *place, int outcome)
{
	_cleanup_(free) char *message = NULL;
	char until[TIMESTAMP_MAX];

	if (outcome != SHARE_TRASHED) {
		log_info(outcome == SHARE_KEPT ? "directory kept"
					       : "directory reclaimed",
			 F_STR("volume", place->name),
			 F_STR("share", place->share),
			 F_STR("directory", place->path));
		return;
	}
	timestamp_format((int64_t)time(NULL) + (int64_t)place->trash_ttl_s,
			 until);
	if (asprintf(
		    &message,
		    "Directory %s is in the trash until %s; \"claimctl restore %s\" brings the volume back",
		    place->path, until, place->name) < 0) {
		message = NULL;
		return;
	}
	apply_event(applier, pv, CLUSTER_EVENT_NORMAL, "VolumeTrashed",
		    COMPONENT_BINDER, message);
}

/* 0: it is out of the way; RECLAIM_WAIT: the remover says when. */
enum reclaim_outcome {
	RECLAIM_WAIT = 16, /* none of apply_outcome's */
};

static int remove_directory(const struct applier *applier,
			    const struct object *pv,
			    const struct volume_place *place, struct err *err)
{
	int r = reclaim_directory(applier, place, place->on_delete, pv, err);

	if (r == SHARE_FOREIGN)
		return err->code;
	if (r < 0)
		return r;
	/* Which is asked as often as the remover tells how far it is. */
	if (r == SHARE_TRASHED && !place->trash_ttl_s)
		return RECLAIM_WAIT;
	tell(applier, pv, place, r);
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
		     const struct persistent_volume *pv,
		     const struct object *object, struct err *err)
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
	r = remove_directory(applier, object, &place, err);
	if (r != 0)
		return r == RECLAIM_WAIT ? 0 : r;
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
	_cleanup_(object_unref) struct object *object = NULL;
	int r = check_released(applier, subject->pv, &object, err);

	if (r == 0 && object)
		r = run_steps(applier, subject->pv, object, err);
	if (r < 0)
		apply_event(applier, subject->object, CLUSTER_EVENT_WARNING,
			    "VolumeFailedDelete", subject->pv->driver,
			    err_text(err));
	return r;
}
