/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The order keeps data safe. A volume whose policy is Delete and whose claim is not
 * there, or is another one, would be removed as soon as it appears. So the claim comes
 * first and names the volume, which no other volume can then become, and the volume
 * is made with that claim's uid:
 *
 *	claim absent		-> claim (names the volume) -> volume
 *	claim without a volume	-> claim names the volume   -> volume
 *	claim names the volume	->			       volume
 *	claim has another one	-> volume, Retain, reserved for the claim that is gone
 *
 * What the descriptor calls Released or Available was nobody's, and comes back as that,
 * without a claim.
 *
 * Each line may be cut off anywhere, and is finished when it is repeated.
 *
 * Objects come from the descriptor's record; descriptors of older versions have none,
 * and then the class has to be there, as it was.
 */

#include "volume_recover.h"

#include <inttypes.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "json_field.h"
#include "model_decode.h"
#include "object_change.h"
#include "plan.h"
#include "volume_object.h"
#include "volume_place.h"
#include "volume_record.h"

struct recovery {
	struct cluster *cluster;
	const struct share_volume *where;
	const struct share_found *found;
	struct object *claim;  /* as it is to be made */
	struct object *volume; /* the same, without claimRef.uid */
};

static void recovery_fini(struct recovery *self)
{
	self->claim = object_unref(self->claim);
	self->volume = object_unref(self->volume);
}

DEFINE_FINI(struct recovery, recovery_fini)

static int left(struct err *err, const char *why)
{
	(void)err_set(err, -ENODATA, "%s", why);
	return VOLUME_LEFT;
}

static bool is_in_phase(const struct recovery *self, enum pv_phase phase)
{
	return strcmp(self->found->phase, pv_phase_names[phase]) == 0;
}

static bool is_nobodys(const struct recovery *self)
{
	return is_in_phase(self, PV_RELEASED) ||
	       is_in_phase(self, PV_AVAILABLE);
}

/* --- without a record ------------------------------------------------------------ */

static int guess_claim(const struct share_found *found, struct object **ret,
		       struct err *err)
{
	char size[24];
	cJSON *json = cJSON_CreateObject();
	cJSON *metadata, *spec, *modes, *requests;

	(void)snprintf(size, sizeof(size), "%" PRIu64, found->capacity);
	(void)cJSON_AddStringToObject(json, "apiVersion", "v1");
	(void)cJSON_AddStringToObject(json, "kind", "PersistentVolumeClaim");
	metadata = cJSON_AddObjectToObject(json, "metadata");
	(void)cJSON_AddStringToObject(metadata, "namespace",
				      found->claim_namespace);
	(void)cJSON_AddStringToObject(metadata, "name", found->claim_name);
	spec = cJSON_AddObjectToObject(json, "spec");
	modes = cJSON_AddArrayToObject(spec, "accessModes");
	(void)cJSON_AddItemToArray(modes, cJSON_CreateString("ReadWriteMany"));
	requests = cJSON_AddObjectToObject(
		cJSON_AddObjectToObject(spec, "resources"), "requests");
	(void)cJSON_AddStringToObject(requests, "storage", size);
	(void)cJSON_AddStringToObject(spec, "storageClassName",
				      found->class_name);
	(void)cJSON_AddStringToObject(spec, "volumeName", found->volume);
	return object_new(ret, json, err);
}

static int guess_volume(const struct recovery *self,
			const struct storage_class *class, struct object **ret,
			struct err *err)
{
	_cleanup_(volume_place_fini) struct volume_place place = { 0 };
	_cleanup_(claim_fini) struct claim claim = { 0 };
	int r = claim_decode(self->claim, &claim, err);

	if (r >= 0)
		r = volume_place_of_claim(&claim, class, &place, err);
	if (r < 0)
		return r;
	if (volume_place_set(&place.name, self->found->volume) < 0 ||
	    volume_place_set(&place.path, self->found->path) < 0 ||
	    volume_place_set(&place.server, self->where->server) < 0 ||
	    volume_place_set(&place.share, self->where->share) < 0)
		return err_set(err, -ENOMEM, "no memory");
	return volume_object_new(ret, self->claim, class, &place, err);
}

static int guess(struct recovery *self, struct err *err)
{
	_cleanup_(object_unref) struct object *object = NULL;
	_cleanup_(storage_class_fini) struct storage_class class = { 0 };
	int r;

	if (is_nobodys(self))
		return left(err,
			    "its descriptor has no record, and nobody had it");
	r = self->cluster->ops->get(self->cluster, KIND_STORAGE_CLASS, "",
				    self->found->class_name, &object, err);
	if (r == CLUSTER_NOT_FOUND)
		return left(
			err,
			"its descriptor has no record, and its class is not there: apply the class first");
	if (r == 0)
		r = storage_class_decode(object, &class, err);
	if (r >= 0)
		r = guess_claim(self->found, &self->claim, err);
	if (r >= 0)
		r = guess_volume(self, &class, &self->volume, err);
	return r;
}

static int read_record(struct recovery *self, struct err *err)
{
	const struct share_found *found = self->found;
	int r = 0;

	if (!is_nobodys(self))
		r = volume_record_claim(found->record, found->volume,
					found->claim_namespace,
					found->claim_name, &self->claim, err);
	if (r >= 0)
		r = volume_record_volume(found->record, found->volume,
					 &self->volume, err);
	return r == -EBADMSG ? VOLUME_LEFT : r;
}

/* --- the claim ------------------------------------------------------------------- */

static const char *text_at(const cJSON *json, const char *path)
{
	const char *text = cJSON_GetStringValue(json_at(json, path));

	return text ? text : "";
}

static int name_volume(cJSON *json, const void *volume)
{
	const char *now = text_at(json, "spec.volumeName");
	cJSON *spec = change_member(json, "spec");

	if (!spec)
		return -ENOMEM;
	if (json_at(json, "metadata.deletionTimestamp") ||
	    (*now && strcmp(now, volume) != 0))
		return CHANGE_OUTDATED;
	return change_string(spec, "volumeName", volume);
}

int volume_prepare_claim(struct cluster *cluster, const struct object *claim,
			 const char *volume, struct object **ret,
			 struct err *err)
{
	_cleanup_(object_unref) struct object *object = NULL;
	struct object_target target = { .kind = KIND_CLAIM,
					.namespace = claim->namespace,
					.name = claim->name };
	int r = cluster->ops->create(cluster, claim, &object, err);

	if (r == CLUSTER_EXISTS) {
		err_fini(err);
		r = cluster->ops->get(cluster, KIND_CLAIM, target.namespace,
				      target.name, &object, err);
	}
	if (r != 0)
		return r < 0 ? r : -EINVAL;
	target.uid = object->uid;
	r = object_change(cluster, &target, name_volume, volume, err);
	if (r != 0)
		return r == CLUSTER_NOT_FOUND ? VOLUME_RELEASED
		       : r < 0		      ? r
					      : -EINVAL;
	*ret = TAKE_PTR(object);
	return 0;
}

/* --- the volume ------------------------------------------------------------------ */

/* It stays until somebody decides. */
static int keep(cJSON *json)
{
	cJSON *spec = change_member(json, "spec");
	int r = spec ? change_string(spec, "persistentVolumeReclaimPolicy",
				     reclaim_policy_names[RECLAIM_RETAIN])
		     : -ENOMEM;

	return r < 0 ? r : change_remove_finalizer(json, FINALIZER_EXTERNAL);
}

/* uid "": for nobody who is there. */
static int finish_volume(const struct recovery *self, const char *uid,
			 struct object **ret, struct err *err)
{
	cJSON *json = object_edit(self->volume);
	cJSON *spec = change_member(json, "spec");
	cJSON *ref;
	int r = spec ? 0 : -ENOMEM;

	if (r == 0 && !is_in_phase(self, PV_AVAILABLE)) {
		ref = change_member(spec, "claimRef");
		r = ref ? change_string(ref, "uid",
					*uid ? uid : self->found->claim_uid)
			: -ENOMEM;
		if (r >= 0 && !*uid)
			r = keep(json);
	}
	if (r < 0) {
		cJSON_Delete(json);
		return err_set(err, -ENOMEM, "no memory");
	}
	return object_new(ret, json, err);
}

static int make_volume(const struct recovery *self, const char *uid,
		       struct err *err)
{
	_cleanup_(object_unref) struct object *object = NULL;
	_cleanup_(object_unref) struct object *stored = NULL;
	int r = finish_volume(self, uid, &object, err);

	if (r < 0)
		return r;
	r = self->cluster->ops->create(self->cluster, object, &stored, err);
	if (r == CLUSTER_EXISTS)
		return VOLUME_EXISTS;
	if (r != 0)
		return r < 0 ? r : -EINVAL;
	return *uid || is_nobodys(self) ? VOLUME_RECOVERED : VOLUME_RELEASED;
}

/* --- both ------------------------------------------------------------------------- */

static int check_state(enum share_state state, struct err *err)
{
	switch (state) {
	case SHARE_READY:
		return 0;
	case SHARE_CREATING:
		return left(err, "it was being made when the record was lost");
	case SHARE_GONE:
		return left(err, "its directory is not there");
	case SHARE_REPLACED:
		return left(
			err,
			"the directory in its place is not the one that was made for it");
	case SHARE_BROKEN:
		break;
	}
	return left(err, "its descriptor can't be read");
}

static int exists(struct cluster *cluster, const char *volume, struct err *err)
{
	_cleanup_(object_unref) struct object *object = NULL;
	int r = cluster->ops->get(cluster, KIND_PERSISTENT_VOLUME, "", volume,
				  &object, err);

	if (r != CLUSTER_NOT_FOUND)
		return r < 0 ? r : VOLUME_EXISTS;
	err_fini(err);
	return 0;
}

int volume_recover(struct cluster *cluster, const struct share_volume *where,
		   const struct share_found *found,
		   enum volume_recover_flags flags, struct err *err)
{
	_cleanup_(recovery_fini) struct recovery self = { .cluster = cluster,
							  .where = where,
							  .found = found };
	_cleanup_(object_unref) struct object *claim = NULL;
	int r = exists(cluster, found->volume, err);

	if (r == 0)
		r = check_state(found->state, err);
	if (r == 0)
		r = found->record ? read_record(&self, err) : guess(&self, err);
	if (r != 0 || (flags & VOLUME_RECOVER_DRY_RUN))
		return r;
	if (self.claim)
		r = volume_prepare_claim(cluster, self.claim, found->volume,
					 &claim, err);
	if (r != 0 && r != VOLUME_RELEASED)
		return r;
	return make_volume(&self, claim ? claim->uid : "", err);
}
