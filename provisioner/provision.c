/* SPDX-License-Identifier: Apache-2.0 */

/*
 * In this order: intent, directory with descriptor, PersistentVolume, intent closed.
 * The volume's name is made from the claim's uid, so a repetition after a crash
 * finds the same directory and the same volume.
 */

#include "provision.h"

#include <string.h>

#include "intents.h"
#include "log.h"
#include "volume_object.h"
#include "volume_record.h"

struct provision_run {
	const struct applier *applier;
	const struct apply_subject *subject;
	const struct storage_class *class;
	struct volume_place place;
};

static void run_fini(struct provision_run *run)
{
	volume_place_fini(&run->place);
}

DEFINE_FINI(struct provision_run, run_fini)

static void tell(const struct provision_run *run, enum cluster_event_type type,
		 const char *reason, const char *message)
{
	apply_event(run->applier, run->subject->object, type, reason,
		    run->class->provisioner, message);
}

static void tell_about(const struct provision_run *run,
		       enum cluster_event_type type, const char *reason,
		       const char *prefix, const char *rest)
{
	_cleanup_(free) char *message = NULL;

	if (asprintf(&message, "%s%s", prefix, rest) < 0)
		message = NULL;
	tell(run, type, reason, message ? message : rest);
}

/* --- the directory -------------------------------------------------------------------- */

/* 1: there is a volume of that name; 0: there is none. */
static int volume_exists(const struct applier *applier, const char *name,
			 struct err *err)
{
	_cleanup_(object_unref) struct object *volume = NULL;
	int r = applier->cluster->ops->get(applier->cluster,
					   KIND_PERSISTENT_VOLUME, "", name,
					   &volume, err);

	if (r == CLUSTER_NOT_FOUND)
		err_fini(err);
	return r < 0 ? r : r == 0;
}

/*
 * A directory that has a descriptor of a volume that is in nobody's record any
 * more (a retained one whose PV was deleted) may be used again; the data that is
 * in it is then the new claim's, as users of fixed directory names expect.
 */
static int make_directory(const struct provision_run *run, const char *record,
			  struct err *err)
{
	const struct applier *applier = run->applier;
	struct share_volume volume = volume_place_borrow(&run->place);
	_cleanup_(free) char *owner = NULL;
	int r;

	volume.record = record;
	r = apply_share_make(applier, &volume, &owner, err);
	if (r != SHARE_TAKEN)
		return r;
	r = volume_exists(applier, owner, err);
	if (r < 0)
		return r;
	if (r == 0) {
		_cleanup_(free) char *other = NULL;

		r = apply_share_forget(applier, &volume, owner, err);
		if (r < 0)
			return r;
		r = apply_share_make(applier, &volume, &other, err);
		if (r != SHARE_TAKEN)
			return r;
	}
	return err_set(
		err, -EEXIST,
		"directory %s on share %s of server %s overlaps with that of volume %s",
		volume.path, volume.share, volume.server, owner);
}

static int create_volume(const struct provision_run *run,
			 const struct object *object, struct err *err)
{
	struct cluster *cluster = run->applier->cluster;
	_cleanup_(object_unref) struct object *stored = NULL;
	int r;

	r = cluster->ops->create(cluster, object, &stored, err);
	return r == CLUSTER_EXISTS ? 0 : apply_outcome(r);
}

/*
 * A first try that did not even reach the share leaves nothing to undo: a claim
 * with a misspelt server must not be remembered for ever.
 */
static int fail_unreached(const struct provision_run *run, int64_t intent,
			  int begun, struct err *err)
{
	if (begun != INTENT_FOUND)
		(void)intent_end(run->applier->store, intent, NULL);
	return err->code;
}

static int run_steps(const struct provision_run *run, struct err *err)
{
	_cleanup_(object_unref) struct object *volume = NULL;
	_cleanup_(free) char *record = NULL;
	int64_t intent;
	int begun, r;

	r = volume_object_new(&volume, run->subject->object, run->class,
			      &run->place, err);
	if (r < 0)
		return r;
	record = volume_record_text(volume, run->subject->object);
	if (!record)
		return err_set(err, -ENOMEM, "no memory");
	begun = intent_begin(run->applier->store, STEP_PROVISION, &run->place,
			     &intent, err);
	if (begun < 0)
		return begun;
	r = make_directory(run, record, err);
	if (r == SHARE_UNREACHED)
		return fail_unreached(run, intent, begun, err);
	if (r < 0)
		return r;
	r = create_volume(run, volume, err);
	if (r != 0)
		return r;
	return intent_end(run->applier->store, intent, err);
}

/* --- the step --------------------------------------------------------------------------- */

static void tell_version(const struct provision_run *run)
{
	_cleanup_(free) char *message = NULL;

	if (run->place.nfs_major < 4)
		return;
	if (asprintf(
		    &message,
		    "StorageClass \"%s\" asks for nfsvers=%u.%u: the volume is served by NFS version 3, the highest that this driver speaks",
		    run->class->meta.name, run->place.nfs_major,
		    run->place.nfs_minor) < 0)
		return;
	tell(run, CLUSTER_EVENT_NORMAL, "NFSVersion", message);
}

static void tell_success(const struct provision_run *run)
{
	tell_version(run);
	tell_about(run, CLUSTER_EVENT_NORMAL, "ProvisioningSucceeded",
		   "Successfully provisioned volume ", run->place.name);
	log_info("volume provisioned", F_STR("volume", run->place.name),
		 F_STR("namespace", run->place.claim_namespace),
		 F_STR("claim", run->place.claim_name),
		 F_STR("directory", run->place.path));
}

static void tell_start(const struct provision_run *run)
{
	_cleanup_(free) char *message = NULL;

	if (asprintf(
		    &message,
		    "External provisioner is provisioning volume for claim \"%s/%s\"",
		    run->place.claim_namespace, run->place.claim_name) < 0)
		return;
	tell(run, CLUSTER_EVENT_NORMAL, "Provisioning", message);
}

static int run_and_tell(struct provision_run *run, struct err *err)
{
	int r = volume_place_of_claim(run->subject->claim, run->class,
				      &run->place, err);

	if (r >= 0) {
		tell_start(run);
		r = run_steps(run, err);
	}
	if (r < 0) {
		(void)err_wrap(
			err,
			"failed to provision volume with StorageClass \"%s\"",
			run->class->meta.name);
		tell(run, CLUSTER_EVENT_WARNING, "ProvisioningFailed",
		     err_text(err));
	} else if (r == 0) {
		tell_success(run);
	}
	return r;
}

int provision(const struct applier *applier,
	      const struct apply_subject *subject, const struct plan_step *step,
	      struct err *err)
{
	const struct plan_world *world = subject->world;

	for (size_t i = 0; i < world->n_classes; i++) {
		_cleanup_(run_fini) struct provision_run run = {
			.applier = applier,
			.subject = subject,
			.class = &world->classes[i],
		};

		if (strcmp(run.class->meta.name, step->value) == 0)
			return run_and_tell(&run, err);
	}
	return APPLY_AGAIN;
}
