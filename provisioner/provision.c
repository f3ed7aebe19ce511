/* SPDX-License-Identifier: Apache-2.0 */

/*
 * In this order: intent, directory with descriptor, PersistentVolume, intent closed.
 * The volume's name is made from the claim's uid, so a repetition after a crash
 * finds the same directory and the same volume.
 *
 *	provision()	intent; of a clone its copy (clone.h), and again when that is
 *			whole
 *	make()		directory, on one of the workers' threads
 *	finish()	PersistentVolume, intent closed
 */

#include "provision.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "claim_match.h"
#include "clone.h"
#include "csi_origin.h"
#include "intents.h"
#include "json_field.h"
#include "log.h"
#include "model_decode.h"
#include "store_trash.h"
#include "volume_attributes.h"
#include "volume_object.h"
#include "volume_record.h"

static void free_work(struct work *work)
{
	struct making *making = container_of(work, struct making, work);

	volume_place_fini(&making->place);
	free(making->provisioner);
	free(making->record);
	free(making->copy);
	object_unref(making->volume);
	free(making);
}

struct making *making_free(struct making *making)
{
	if (making)
		work_free(&making->work);
	return NULL;
}

/* --- telling ------------------------------------------------------------------------ */

static void tell(const struct applier *applier, const struct object *claim,
		 const struct making *making, enum cluster_event_type type,
		 const char *reason, const char *message)
{
	apply_event(applier, claim, type, reason, making->provisioner, message);
}

void provision_tell_start(const struct applier *applier,
			  const struct object *claim,
			  const struct making *making)
{
	_cleanup_(free) char *message = NULL;

	if (asprintf(
		    &message,
		    "External provisioner is provisioning volume for claim \"%s/%s\"",
		    claim->namespace, claim->name) < 0)
		return;
	tell(applier, claim, making, CLUSTER_EVENT_NORMAL, "Provisioning",
	     message);
}

static void tell_version(const struct applier *applier,
			 const struct object *claim,
			 const struct making *making)
{
	const struct volume_place *place = &making->place;
	_cleanup_(free) char *message = NULL;

	if (place->nfs_major < 4)
		return;
	if (asprintf(
		    &message,
		    "StorageClass \"%s\" asks for nfsvers=%u.%u: the volume is served by NFS version 3, the highest that this driver speaks",
		    place->class_name, place->nfs_major, place->nfs_minor) < 0)
		return;
	tell(applier, claim, making, CLUSTER_EVENT_NORMAL, "NFSVersion",
	     message);
}

static void tell_success(const struct applier *applier,
			 const struct object *claim,
			 const struct making *making)
{
	const struct volume_place *place = &making->place;
	_cleanup_(free) char *message = NULL;

	tell_version(applier, claim, making);
	if (asprintf(&message, "Successfully provisioned volume %s",
		     place->name) < 0)
		message = NULL;
	tell(applier, claim, making, CLUSTER_EVENT_NORMAL,
	     "ProvisioningSucceeded", message ? message : place->name);
	log_info("volume provisioned", F_STR("volume", place->name),
		 F_STR("namespace", place->claim_namespace),
		 F_STR("claim", place->claim_name),
		 F_STR("directory", place->path));
}

static int tell_failure(const struct applier *applier,
			const struct object *claim, const char *class,
			const char *provisioner, struct err *err)
{
	(void)err_wrap(err,
		       "failed to provision volume with StorageClass \"%s\"",
		       class);
	apply_event(applier, claim, CLUSTER_EVENT_WARNING, "ProvisioningFailed",
		    provisioner, err_text(err));
	return err->code;
}

/* --- the directory -------------------------------------------------------------------- */

/*
 * 1: there is a volume of that name, or something is being done about it; 0: nobody
 * knows it.
 */
static int is_known(const struct applier *applier, const char *name,
		    struct err *err)
{
	_cleanup_(object_unref) struct object *volume = NULL;
	_cleanup_(store_trash_fini) struct store_trash trash = { 0 };
	int64_t intent;
	int r = store_intent_find(applier->store, name, NULL, NULL, &intent,
				  err);

	/* It may be on its way back; its volume is made before the row goes. */
	if (r == STORE_NOT_FOUND)
		r = store_trash_get(applier->store, name, &trash, err);
	if (r == STORE_NOT_FOUND)
		r = applier->cluster->ops->get_live(applier->cluster,
						    KIND_PERSISTENT_VOLUME, "",
						    name, &volume, err);
	if (r == CLUSTER_NOT_FOUND)
		err_fini(err);
	return r < 0 ? r : r == 0;
}

/*
 * A claim has it, though nobody here knows its volume: the record was lost, or it is
 * another cluster's. Only the claim of that name may have it again.
 */
static bool is_somebodys(const struct share_owner *owner,
			 const struct share_volume *volume)
{
	static const enum pv_phase nobodys[] = { PV_AVAILABLE, PV_RELEASED,
						 PV_FAILED };

	for (size_t i = 0; i < ARRAY_SIZE(nobodys); i++)
		if (strcmp(owner->phase, pv_phase_names[nobodys[i]]) == 0)
			return false;
	return strcmp(owner->claim_namespace, volume->claim_namespace) != 0 ||
	       strcmp(owner->claim_name, volume->claim_name) != 0;
}

static int refuse_known(const struct share_owner *owner,
			const struct share_volume *volume, struct err *err)
{
	return err_set(
		err, -EEXIST,
		"directory %s on share %s of server %s overlaps with that of volume %s",
		volume->path, volume->share, volume->server, owner->volume);
}

static int refuse_unknown(const struct share_owner *owner,
			  const struct share_volume *volume, struct err *err)
{
	return err_set(
		err, -EEXIST,
		"directory %s on share %s of server %s overlaps with that of volume %s, which claim %s/%s has and which is not in this record: use another directory, or bring the volume back with \"claimctl recover\" or \"claimctl check --repair\"",
		volume->path, volume->share, volume->server, owner->volume,
		owner->claim_namespace, owner->claim_name);
}

/*
 * What was a volume's that is in nobody's record any more (a retained one whose PV
 * was deleted) may be used again; the data that is in it is then the new claim's, as
 * users of fixed directory names expect.
 */
static int take_over(const struct applier *applier,
		     const struct share_volume *volume,
		     const struct share_owner *owner, struct err *err)
{
	_cleanup_(share_owner_fini) struct share_owner other = { 0 };
	int r = is_known(applier, owner->volume, err);

	if (r < 0)
		return r;
	if (r > 0)
		return refuse_known(owner, volume, err);
	if (is_somebodys(owner, volume))
		return refuse_unknown(owner, volume, err);
	r = apply_share_forget(applier, volume, owner->volume, err);
	if (r < 0)
		return r;
	r = apply_share_make(applier, volume, &other, err);
	return r == SHARE_TAKEN ? refuse_known(&other, volume, err) : r;
}

static int make(struct work *work, const struct applier *applier,
		struct err *err)
{
	const struct making *making = container_of(work, struct making, work);
	struct share_volume volume = volume_place_borrow(&making->place);
	_cleanup_(share_owner_fini) struct share_owner owner = { 0 };
	int r;

	volume.record = making->record;
	volume.copy = making->copy;
	r = apply_share_make(applier, &volume, &owner, err);
	return r == SHARE_TAKEN ? take_over(applier, &volume, &owner, err) : r;
}

/* --- after it -------------------------------------------------------------------------- */

/*
 * A first try that did not even reach the share leaves nothing to undo: a claim
 * with a misspelt server must not be remembered for ever.
 */
static int fail(const struct applier *applier, const struct object *claim,
		struct making *making, struct err *err)
{
	if (making->work.r == SHARE_UNREACHED && making->is_first)
		(void)intent_end(applier->store, making->intent, NULL);
	(void)err_set(err, making->work.err.code, "%s",
		      err_text(&making->work.err));
	return tell_failure(applier, claim, making->place.class_name,
			    making->provisioner, err);
}

static int store_volume(const struct applier *applier,
			const struct object *claim, struct making *making,
			struct err *err)
{
	struct cluster *cluster = applier->cluster;
	_cleanup_(object_unref) struct object *stored = NULL;
	int r = cluster->ops->create(cluster, making->volume, &stored, err);

	if (r != 0 && r != CLUSTER_EXISTS)
		return apply_outcome(r);
	r = making->copy ? clone_end(applier, making->copy, err) : 0;
	if (r == 0)
		r = intent_end(applier->store, making->intent, err);
	if (r == 0)
		tell_success(applier, claim, making);
	return r;
}

static int finish(struct work *take_work, const struct applier *applier,
		  const struct object *claim, struct err *err)
{
	_cleanup_(making_free) struct making *making =
		container_of(take_work, struct making, work);

	/* Made for nobody: its intent tells what is to be done about it. */
	if (!claim || strcmp(claim->uid, making->place.claim_uid) != 0 ||
	    json_at(claim->json, "metadata.deletionTimestamp"))
		return 0;
	return making->work.r == 0 ? store_volume(applier, claim, making, err)
				   : fail(applier, claim, making, err);
}

/* --- before it ------------------------------------------------------------------------ */

/* What its VolumeAttributesClass has; our own API has no such classes. */
static int take_attributes(struct making *making,
			   const struct apply_subject *subject, struct err *err)
{
	const struct attributes_class *class = world_find_attributes_class(
		subject->world, subject->claim->attributes_class);
	_cleanup_(persistent_volume_fini) struct persistent_volume pv = { 0 };
	cJSON *json;
	int r;

	if (!class)
		return 0;
	json = object_edit(making->volume);
	r = json ? volume_attributes_set(json, class) : -ENOMEM;
	if (r < 0) {
		cJSON_Delete(json);
		return err_set(err, r, "no memory");
	}
	making->volume = object_unref(making->volume);
	r = object_new(&making->volume, json, err);
	if (r >= 0)
		r = persistent_volume_decode(making->volume, &pv, err);
	if (r >= 0)
		making->place.permissions = volume_permissions(&pv);
	return r;
}

/*
 * A CSI volume's name is chosen, and whoever writes claims may choose one that is
 * another's: its directory and descriptor would be taken for ours.
 */
static int check_name(const struct applier *applier,
		      const struct apply_subject *subject, const char *name,
		      struct err *err)
{
	_cleanup_(persistent_volume_fini) struct persistent_volume pv = { 0 };
	_cleanup_(object_unref) struct object *volume = NULL;
	int r;

	if (!claim_csi_volume_name(subject->claim))
		return 0;
	r = applier->cluster->ops->get(applier->cluster, KIND_PERSISTENT_VOLUME,
				       "", name, &volume, err);
	if (r == CLUSTER_NOT_FOUND) {
		err_fini(err);
		return 0;
	}
	if (r == 0)
		r = persistent_volume_decode(volume, &pv, err);
	if (r != 0)
		return r < 0 ? r : -EIO;
	return volume_is_bound_to(&pv, subject->claim)
		       ? 0
		       : err_set(err, -EEXIST,
				 "volume \"%s\" is another claim's", name);
}

static int making_new(struct making **ret, const struct apply_subject *subject,
		      const struct storage_class *class, struct err *err)
{
	_cleanup_(making_free) struct making *making = NULL;
	int r;

	making = calloc(1, sizeof(*making));
	if (!making)
		return err_set(err, -ENOMEM, "no memory");
	making->work = (struct work){ .kind = KIND_CLAIM,
				      .run = make,
				      .finish = finish,
				      .free = free_work };
	r = volume_place_of_claim(subject->claim, class, &making->place, err);
	if (r < 0)
		return r;
	r = volume_object_new(&making->volume, subject->object, class,
			      &making->place, err);
	if (r >= 0)
		r = take_attributes(making, subject, err);
	if (r < 0)
		return r;
	making->record = volume_record_text(making->volume, subject->object);
	making->provisioner = strdup(class->provisioner);
	if (!making->record || !making->provisioner)
		return err_set(err, -ENOMEM, "no memory");
	*ret = TAKE_PTR(making);
	return 0;
}

static int begin(const struct applier *applier, const struct object *claim,
		 struct making *take_making, struct err *err)
{
	_cleanup_(making_free) struct making *making = take_making;
	int r;

	if (!making->copy)
		provision_tell_start(applier, claim, making);
	r = intent_begin(applier->store, STEP_PROVISION, &making->place,
			 &making->intent, err);
	if (r < 0)
		return r;
	making->is_first = r != INTENT_FOUND;
	making->work.namespace = making->place.claim_namespace;
	making->work.name = making->place.claim_name;
	return workers_add(applier->workers, &TAKE_PTR(making)->work) ==
			       WORKERS_FULL
		       ? APPLY_LATER
		       : APPLY_HANDED;
}

int provision(const struct applier *applier,
	      const struct apply_subject *subject, const struct plan_step *step,
	      struct err *err)
{
	const struct storage_class *class =
		world_find_class(subject->world, step->value);
	_cleanup_(making_free) struct making *making = NULL;
	int r;

	if (!class)
		return APPLY_AGAIN;
	r = check_name(applier, subject, step->volume, err);
	if (r >= 0)
		r = making_new(&making, subject, class, err);
	if (r >= 0 && subject->claim->data_source.is_set)
		r = clone_prepare(applier, subject, making, err);
	if (r == 0)
		r = begin(applier, subject->object, TAKE_PTR(making), err);
	return r < 0 ? tell_failure(applier, subject->object, class->meta.name,
				    class->provisioner, err)
		     : r;
}
