/* SPDX-License-Identifier: Apache-2.0 */

/*
 *	reclaim()		intent
 *	take_away()		the volume is read again, live, and must be Released and
 *				nobody's; directory out of its place
 *	end_volume()		row of the trash, PersistentVolume deleted, its finalizer
 *				removed
 *	forget()		descriptor
 *	end_intent()		intent closed
 *
 * The second and the fourth are on the workers' threads, all else on the reconciler's.
 * All of it is quick, whatever the directory holds: it goes into the trash by a rename,
 * and the remover has it from there on. With trashTTL 0 the volume stays until the
 * remover is done, as people know it from other drivers: when it is gone, so is its
 * data.
 *
 * Until the finalizer goes the volume stays in sight, so that an interruption anywhere
 * is found again; from there on the intent is. The descriptor goes after that, because
 * a repetition knows by it that the directory, which may have been kept, was dealt
 * with. It goes under the claim's key, as intents are settled: a claim of that name may
 * get a volume of the same name, and its descriptor is to stay.
 */

#include "reclaim.h"

#include <string.h>
#include <time.h>

#include "intents.h"
#include "log.h"
#include "model_decode.h"
#include "object_change.h"
#include "store_attachment.h"
#include "timestamp.h"
#include "trash.h"
#include "workers.h"

struct reclaiming {
	struct work work;
	struct volume_place place;
	struct object *planned; /* the volume that it was planned for */
	char *driver;
	struct object *volume;	/* as it was taken; NULL = it was left alone */
	struct store_trash row; /* empty: it has one, or needs none */
	int64_t intent;
	bool is_first; /* no earlier try may have done something */
};

static void free_work(struct work *work)
{
	struct reclaiming *self = container_of(work, struct reclaiming, work);

	volume_place_fini(&self->place);
	object_unref(self->planned);
	free(self->driver);
	object_unref(self->volume);
	store_trash_fini(&self->row);
	free(self);
}

static struct reclaiming *reclaiming_free(struct reclaiming *self)
{
	if (self)
		work_free(&self->work);
	return NULL;
}

DEFINE_CLEANUP(struct reclaiming *, reclaiming_free)

/* --- the directory ------------------------------------------------------------------ */

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
static int move_directory(const struct applier *applier,
			  const struct volume_place *place, enum on_delete how,
			  const struct object *pv, struct store_trash *ret_row,
			  struct err *err)
{
	_cleanup_(store_trash_fini) struct store_trash row = { 0 };
	struct share_volume volume = volume_place_borrow(place);
	_cleanup_(free) char *note = NULL;
	int r = look_into_trash(applier, place, err);

	if (r != 0)
		return r;
	r = trash_new(place, pv, time(NULL), &row);
	if (r == 0)
		note = trash_note(&row, NULL);
	if (!note)
		return err_set(err, -ENOMEM, "no memory");
	volume.note = note;
	r = apply_share_reclaim(applier, &volume, how, err);
	if (r == SHARE_TRASHED) {
		*ret_row = row;
		row = (struct store_trash){ 0 };
	}
	return r;
}

static int put_row(const struct applier *applier,
		   const struct volume_place *place,
		   const struct store_trash *row, struct err *err)
{
	int r = row->volume ? store_trash_put(applier->store, row, err) : 0;

	if (r < 0 || !row->volume)
		return r;
	log_info("directory moved into the trash", F_STR("volume", place->name),
		 F_STR("share", place->share), F_STR("directory", place->path));
	remover_wake(applier->remover);
	return 0;
}

int reclaim_directory(const struct applier *applier,
		      const struct volume_place *place, enum on_delete how,
		      const struct object *pv, struct err *err)
{
	_cleanup_(store_trash_fini) struct store_trash row = { 0 };
	int r = move_directory(applier, place, how, pv, &row, err);
	int put = put_row(applier, place, &row, err);

	return put < 0 ? put : r;
}

/* --- on a thread -------------------------------------------------------------------- */

/* *ret: the volume, still there and Released; else NULL. */
static int check_released(const struct applier *applier,
			  const struct object *planned, struct object **ret,
			  struct err *err)
{
	_cleanup_(object_unref) struct object *object = NULL;
	_cleanup_(persistent_volume_fini) struct persistent_volume now = { 0 };
	int r;

	r = applier->cluster->ops->get_live(applier->cluster,
					    KIND_PERSISTENT_VOLUME, "",
					    planned->name, &object, err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = persistent_volume_decode(object, &now, err);
	if (r < 0)
		return r;
	/* Whoever took the claimRef away a moment ago wants the data. */
	if (strcmp(now.meta.uid, planned->uid) == 0 && now.claim_ref.is_set &&
	    now.phase == PV_RELEASED && now.reclaim == RECLAIM_DELETE)
		*ret = TAKE_PTR(object);
	return 0;
}

/*
 * 1: a pod has it, or a copy is made of it. The plan has asked, too; but that may have
 * been a while ago, when there is much to do. Who comes from now on sees that the volume
 * is Released.
 */
static int is_wanted(const struct applier *applier, const char *volume,
		     struct err *err)
{
	_cleanup_(attachment_list_fini) struct attachment_list list = { 0 };
	_cleanup_(store_copy_fini) struct store_copy copy = { 0 };
	int r = store_attachment_list(applier->store, volume, &list, err);

	if (r >= 0)
		r = store_copy_find_source(applier->store, volume, &copy, err);
	return r < 0 ? r : list.n > 0 || copy.name;
}

static int take_away(struct work *work, const struct applier *applier,
		     struct err *err)
{
	struct reclaiming *self = container_of(work, struct reclaiming, work);
	_cleanup_(object_unref) struct object *volume = NULL;
	int r = is_wanted(applier, self->place.name, err);

	if (r == 0)
		r = check_released(applier, self->planned, &volume, err);
	if (r != 0 || !volume)
		return r < 0 ? r : 0;
	self->volume = TAKE_PTR(volume);
	return move_directory(applier, &self->place, self->place.on_delete,
			      self->volume, &self->row, err);
}

static int forget(struct work *work, const struct applier *applier,
		  struct err *err)
{
	struct reclaiming *self = container_of(work, struct reclaiming, work);
	struct share_volume volume = volume_place_borrow(&self->place);

	return apply_share_forget(applier, &volume, volume.name, err);
}

/* --- what comes of it ----------------------------------------------------------------- */

static void tell(const struct applier *applier, const struct reclaiming *self)
{
	const struct volume_place *place = &self->place;
	_cleanup_(free) char *message = NULL;
	char until[TIMESTAMP_MAX];

	if (self->work.r != SHARE_TRASHED) {
		log_info(self->work.r == SHARE_KEPT ? "directory kept"
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
	apply_event(applier, self->volume, CLUSTER_EVENT_NORMAL,
		    "VolumeTrashed", COMPONENT_BINDER, message);
}

static int tell_failure(const struct applier *applier,
			const struct reclaiming *self, struct err *err)
{
	apply_event(applier, self->planned, CLUSTER_EVENT_WARNING,
		    "VolumeFailedDelete", self->driver, err_text(err));
	return err->code;
}

static int remove_volume(const struct applier *applier,
			 const struct object *volume, struct err *err)
{
	struct object_target target = { .kind = KIND_PERSISTENT_VOLUME,
					.namespace = "",
					.name = volume->name,
					.uid = volume->uid };
	int r = applier->cluster->ops->delete (applier->cluster, target.kind,
					       "", target.name, target.uid,
					       err);

	if (r != 0)
		return apply_outcome(r);
	return apply_outcome(object_change(applier->cluster, &target,
					   change_remove_finalizer,
					   FINALIZER_EXTERNAL, err));
}

static int end_intent(struct work *take_work, const struct applier *applier,
		      const struct object *claim, struct err *err)
{
	_cleanup_(reclaiming_free) struct reclaiming *self =
		container_of(take_work, struct reclaiming, work);

	(void)claim;
	if (self->work.r < 0)
		return err_set(err, self->work.r, "%s",
			       err_text(&self->work.err));
	/* Who wants it back has waited for this. */
	if (look_into_trash(applier, &self->place, NULL) == -EBUSY)
		remover_wake(applier->remover);
	return intent_end(applier->store, self->intent, err);
}

/* Should there be no room, which it had until now, the next resync settles the intent. */
static void forget_it(const struct applier *applier,
		      struct reclaiming *take_self)
{
	err_fini(&take_self->work.err);
	take_self->work =
		(struct work){ .kind = KIND_CLAIM,
			       .namespace = take_self->place.claim_namespace,
			       .name = take_self->place.claim_name,
			       .run = forget,
			       .finish = end_intent,
			       .free = free_work };
	(void)workers_add(applier->workers, &take_self->work);
}

/*
 * Nothing was done, or by a try before this one. Should the volume be gone by now, its
 * intent is the claim's to settle.
 */
static int give_up(const struct applier *applier, const struct reclaiming *self,
		   struct err *err)
{
	int r = 0;

	if (!self->volume && self->work.r == 0 && self->is_first)
		r = intent_end(applier->store, self->intent, err);
	else
		applier->queue_claim(applier->userdata,
				     self->place.claim_namespace,
				     self->place.claim_name);
	return r < 0 ? r : APPLY_LATER;
}

static int end_volume(struct work *take_work, const struct applier *applier,
		      const struct object *unused, struct err *err)
{
	_cleanup_(reclaiming_free) struct reclaiming *self =
		container_of(take_work, struct reclaiming, work);
	int r = self->work.r;

	(void)unused;
	if (r < 0 || r == SHARE_FOREIGN) {
		(void)give_up(applier, self, NULL);
		(void)err_set(err, self->work.err.code, "%s",
			      err_text(&self->work.err));
		return tell_failure(applier, self, err);
	}
	if (!self->volume)
		return give_up(applier, self, err);
	r = put_row(applier, &self->place, &self->row, err);
	if (r < 0)
		return tell_failure(applier, self, err);
	/* It is asked about as often as the remover tells how far it is. */
	if (self->work.r == SHARE_TRASHED && !self->place.trash_ttl_s)
		return 0;
	tell(applier, self);
	r = remove_volume(applier, self->volume, err);
	if (r != 0)
		return r < 0 ? tell_failure(applier, self, err) : r;
	forget_it(applier, TAKE_PTR(self));
	return 0;
}

/* --- before it -------------------------------------------------------------------------- */

static int reclaiming_new(struct reclaiming **ret,
			  const struct apply_subject *subject, struct err *err)
{
	_cleanup_(reclaiming_free) struct reclaiming *self =
		calloc(1, sizeof(*self));
	int r;

	if (!self)
		return err_set(err, -ENOMEM, "no memory");
	self->work = (struct work){ .kind = KIND_PERSISTENT_VOLUME,
				    .namespace = "",
				    .run = take_away,
				    .finish = end_volume,
				    .free = free_work };
	self->planned = object_ref((struct object *)subject->object);
	self->driver = strdup(subject->pv->driver);
	if (!self->driver)
		return err_set(err, -ENOMEM, "no memory");
	r = volume_place_of_volume(subject->pv, &self->place, err);
	if (r < 0)
		return r;
	self->work.name = self->place.name;
	*ret = TAKE_PTR(self);
	return 0;
}

static int begin(const struct applier *applier, struct reclaiming *take_self,
		 struct err *err)
{
	_cleanup_(reclaiming_free) struct reclaiming *self = take_self;
	int r = look_into_trash(applier, &self->place, err);

	/* The remover says when. */
	if (r < 0 || (r == SHARE_TRASHED && !self->place.trash_ttl_s))
		return r < 0 ? r : 0;
	r = intent_begin(applier->store, STEP_RECLAIM, &self->place,
			 &self->intent, err);
	if (r < 0)
		return r;
	self->is_first = r != INTENT_FOUND;
	return workers_add(applier->workers, &TAKE_PTR(self)->work) ==
			       WORKERS_FULL
		       ? APPLY_LATER
		       : APPLY_HANDED;
}

int reclaim(const struct applier *applier, const struct apply_subject *subject,
	    struct err *err)
{
	_cleanup_(reclaiming_free) struct reclaiming *self = NULL;
	int r = reclaiming_new(&self, subject, err);

	if (r == 0)
		r = begin(applier, TAKE_PTR(self), err);
	if (r < 0)
		apply_event(applier, subject->object, CLUSTER_EVENT_WARNING,
			    "VolumeFailedDelete", subject->pv->driver,
			    err_text(err));
	return r;
}
