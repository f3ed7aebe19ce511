/* SPDX-License-Identifier: Apache-2.0 */

/*
 *	provision, volume exists	-> it was finished: rest of its copy, close
 *	provision, claim exists		-> the claim's plan goes on: leave
 *	provision, claim is gone	-> its copy; directory into the trash, descriptor:
 *					   close
 *	reclaim, volume exists		-> the volume's plan goes on: leave
 *	reclaim, volume is gone		-> row of what is in the trash, descriptor: close
 *
 * Each intent is settled under its claim's key, so that one whose server does not
 * answer backs off on its own and holds up nobody else's for long.
 *
 * The directory of a claim that is gone is proved to be ours by its descriptor,
 * as ever; nothing is removed because an intent says so.
 */

#include "intents.h"

#include <string.h>

#include "clone.h"
#include "log.h"
#include "model_decode.h"
#include "reclaim.h"
#include "workers.h"

int intent_begin(struct store *store, enum claim_step step,
		 const struct volume_place *place, int64_t *ret_id,
		 struct err *err)
{
	_cleanup_(free) char *detail = NULL;
	const char *name = claim_step_name(step);
	int r = volume_place_to_detail(place, &detail);

	if (r < 0)
		return err_set(err, r, "no memory");
	r = store_intent_find(store, place->name, name, detail, ret_id, err);
	if (r != STORE_NOT_FOUND)
		return r < 0 ? r : INTENT_FOUND;
	return store_intent_open(store, name, place->name, detail, ret_id, err);
}

int intent_end(struct store *store, int64_t id, struct err *err)
{
	return store_intent_close(store, id, "done", err);
}

/* --- at start and from time to time -------------------------------------------------- */

enum fate {
	FATE_LEAVE,
	FATE_CLOSE,
	FATE_UNDO,
	FATE_FINISH, /* somebody took the volume away before we were done */
};

/* 0 with *ret NULL: there is none, or it is another one by now. */
static int get_object(const struct applier *applier, enum object_kind kind,
		      const char *namespace, const char *name,
		      struct object **ret, struct err *err)
{
	int r = applier->cluster->ops->get_live(applier->cluster, kind,
						namespace, name, ret, err);

	return r == CLUSTER_NOT_FOUND ? 0 : r;
}

static bool wants_volume(const struct object *object, const char *uid)
{
	_cleanup_(claim_fini) struct claim claim = { 0 };

	/* One that can't be read is left alone. */
	if (claim_decode(object, &claim, NULL) < 0)
		return true;
	return strcmp(claim.meta.uid, uid) == 0 && !claim.meta.is_deleting;
}

static int fate_of(const struct applier *applier,
		   const struct store_intent *intent,
		   const struct volume_place *place, enum fate *ret,
		   struct err *err)
{
	_cleanup_(object_unref) struct object *volume = NULL;
	_cleanup_(object_unref) struct object *claim = NULL;
	bool is_provision =
		strcmp(intent->step, claim_step_name(STEP_PROVISION)) == 0;
	int r;

	r = get_object(applier, KIND_PERSISTENT_VOLUME, "", intent->volume,
		       &volume, err);
	if (r != 0)
		return r;
	/*
	 * A volume that exists is never undone, even where it seems to be in
	 * another place: two names may mean one server.
	 */
	if (!is_provision) {
		*ret = volume ? FATE_LEAVE : FATE_FINISH;
		return 0;
	}
	if (volume) {
		*ret = FATE_CLOSE;
		return 0;
	}
	r = get_object(applier, KIND_CLAIM, place->claim_namespace,
		       place->claim_name, &claim, err);
	if (r != 0)
		return r;
	*ret = claim && wants_volume(claim, place->claim_uid) ? FATE_LEAVE
							      : FATE_UNDO;
	return 0;
}

/* Only undoing touches a directory that is still in its place. */
static int clean_up(const struct applier *applier, struct volume_place *place,
		    enum fate fate, struct err *err)
{
	struct share_volume volume = volume_place_borrow(place);
	int r;

	/* Nobody ever had it. */
	if (fate == FATE_UNDO)
		place->trash_ttl_s = 0;
	r = reclaim_directory(applier, place,
			      fate == FATE_UNDO ? ON_DELETE_DELETE
						: ON_DELETE_RETAIN,
			      NULL, err);
	if (r < 0)
		return r;
	/* Else it was there before, or is another volume's: nothing was made. */
	if (fate == FATE_UNDO && (r == 0 || r == SHARE_TRASHED))
		log_info("provisioning undone", F_STR("volume", place->name),
			 F_STR("directory", place->path));
	return apply_share_forget(applier, &volume, volume.name, err);
}

static int settle(const struct applier *applier,
		  const struct store_intent *intent, struct volume_place *place,
		  struct err *err)
{
	enum fate fate;
	int r;

	/* Who deletes a volume by force may do it while it is reclaimed. */
	if (workers_have(applier->workers, KIND_PERSISTENT_VOLUME, "",
			 intent->volume))
		return 0;
	r = fate_of(applier, intent, place, &fate, err);
	if (r != 0)
		return apply_outcome(r);
	if (fate == FATE_LEAVE)
		return 0;
	if (fate == FATE_UNDO)
		r = clone_cancel(applier, intent->volume, err);
	if (r != 0)
		return r;
	if (fate != FATE_CLOSE)
		r = clean_up(applier, place, fate, err);
	else
		r = clone_end(applier, intent->volume, err);
	if (r >= 0)
		r = intent_end(applier->store, intent->id, err);
	/* Somebody may wait for that to have it back. */
	if (r == 0 && fate == FATE_FINISH)
		remover_wake(applier->remover);
	return r;
}

typedef int (*intent_fn)(const struct applier *applier,
			 const struct store_intent *intent,
			 struct volume_place *place, struct err *err);

static int for_each(const struct applier *applier,
		    const struct store_intent_list *list, intent_fn fn,
		    struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < list->n; i++) {
		_cleanup_(volume_place_fini) struct volume_place place = { 0 };

		r = volume_place_from_detail(list->items[i].detail, &place,
					     err);
		if (r < 0)
			return err_wrap(err, "intent %lld",
					(long long)list->items[i].id);
		r = fn(applier, &list->items[i], &place, err);
	}
	return r;
}

int intents_settle(const struct applier *applier, const char *namespace,
		   const char *name, struct err *err)
{
	_cleanup_(store_intent_list_fini) struct store_intent_list list = { 0 };
	int r = store_intent_list_claim(applier->store, namespace, name, &list,
					err);

	return r < 0 ? r : for_each(applier, &list, settle, err);
}

static int queue(const struct applier *applier,
		 const struct store_intent *intent, struct volume_place *place,
		 struct err *err)
{
	applier->queue_claim(applier->userdata, place->claim_namespace,
			     place->claim_name);
	return 0;
}

int intents_queue(const struct applier *applier, struct err *err)
{
	_cleanup_(store_intent_list_fini) struct store_intent_list list = { 0 };
	int r = store_intent_list_open(applier->store, &list, err);

	return r < 0 ? r : for_each(applier, &list, queue, err);
}
