/* SPDX-License-Identifier: Apache-2.0 */

/*
 *	volume and claim read again -> descriptor -> the volume notes what it says
 *
 * The descriptor is written as it will be true in a moment: the claim has reserved
 * the volume, or asks for this size, and both are tried again until they are done. So
 * is what ends before the note: the descriptor is then written once more.
 *
 * With the objects the descriptor has the phase, since nobody could tell from a share
 * whether a volume that a claim once had is somebody's still. A volume that is Bound
 * comes back with its claim, one that is Released or Available without.
 */

#include "describe.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "expand.h"
#include "model_decode.h"
#include "object_change.h"
#include "volume_place.h"
#include "volume_record.h"

struct description {
	const struct applier *applier;
	enum pv_phase phase;
	char text[VOLUME_DESCRIBED_MAX];
	struct object *volume; /* as it will be */
	struct object *claim;  /* NULL = nobody's */
	struct persistent_volume pv;
	struct volume_place place;
};

static void description_fini(struct description *self)
{
	self->volume = object_unref(self->volume);
	self->claim = object_unref(self->claim);
	persistent_volume_fini(&self->pv);
	volume_place_fini(&self->place);
}

DEFINE_FINI(struct description, description_fini)

static int get(const struct description *self, enum object_kind kind,
	       const char *namespace, const char *name, struct object **ret,
	       struct err *err)
{
	struct cluster *cluster = self->applier->cluster;
	int r = cluster->ops->get(cluster, kind, namespace, name, ret, err);

	return r == CLUSTER_NOT_FOUND ? APPLY_AGAIN : r;
}

/* The subject's, or the one that the volume is bound to. */
static int read_claim(struct description *self,
		      const struct apply_subject *subject, struct err *err)
{
	const struct claim_ref *ref = &self->pv.claim_ref;
	int r;

	if (self->phase != PV_BOUND)
		return 0;
	if (subject->claim) {
		self->claim = object_ref((struct object *)subject->object);
		return 0;
	}
	r = get(self, KIND_CLAIM, ref->namespace, ref->name, &self->claim, err);
	if (r == 0 && strcmp(self->claim->uid, ref->uid) != 0)
		return APPLY_AGAIN;
	return r;
}

static int read_volume(struct description *self, const char *name,
		       struct err *err)
{
	int r = get(self, KIND_PERSISTENT_VOLUME, "", name, &self->volume, err);

	if (r == 0)
		r = persistent_volume_decode(self->volume, &self->pv, err);
	if (r == 0)
		volume_described(self->phase,
				 reclaim_policy_names[self->pv.reclaim],
				 self->text);
	return r;
}

static int note(cJSON *json, const void *text)
{
	return change_annotation(json, ANNOTATION_DESCRIBED, text);
}

static int foresee_volume(struct description *self, struct err *err)
{
	cJSON *json = object_edit(self->volume);
	int r = json ? note(json, self->text) : -ENOMEM;

	if (r >= 0 && self->claim)
		r = expand_volume(json, self->claim);
	if (r < 0 || r == CHANGE_OUTDATED) {
		cJSON_Delete(json);
		return r < 0 ? err_set(err, r, "no memory") : APPLY_AGAIN;
	}
	self->volume = object_unref(self->volume);
	persistent_volume_fini(&self->pv);
	r = object_new(&self->volume, json, err);
	return r == 0 ? persistent_volume_decode(self->volume, &self->pv, err)
		      : r;
}

static int write_descriptor(const struct description *self, struct err *err)
{
	_cleanup_(free) char *record =
		volume_record_text(self->volume, self->claim);
	struct share_volume volume = volume_place_borrow(&self->place);

	if (!record)
		return err_set(err, -ENOMEM, "no memory");
	if (self->claim) {
		volume.claim_namespace = self->claim->namespace;
		volume.claim_name = self->claim->name;
		volume.claim_uid = self->claim->uid;
	}
	volume.phase = pv_phase_names[self->phase];
	volume.record = record;
	return apply_share_describe(self->applier, &volume, err);
}

static int note_described(const struct description *self, struct err *err)
{
	struct object_target target = { .kind = KIND_PERSISTENT_VOLUME,
					.namespace = "",
					.name = self->volume->name,
					.uid = self->volume->uid };
	int r = object_change(self->applier->cluster, &target, note, self->text,
			      err);

	return r == CLUSTER_NOT_FOUND ? APPLY_AGAIN : apply_outcome(r);
}

int describe(const struct applier *applier, const struct apply_subject *subject,
	     const char *volume, enum pv_phase phase, struct err *err)
{
	_cleanup_(description_fini) struct description self = {
		.applier = applier, .phase = phase
	};
	int r = read_volume(&self, volume, err);

	if (r == 0)
		r = read_claim(&self, subject, err);
	if (r == 0)
		r = foresee_volume(&self, err);
	if (r == 0)
		r = volume_place_of_volume(&self.pv, &self.place, err);
	if (r == 0)
		r = write_descriptor(&self, err);
	return r == 0 ? note_described(&self, err) : r;
}
