/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The verb "adopt": a directory that was there before becomes a volume, with its
 * claim. In this order: nobody owns it -> claim (names the volume) -> intent ->
 * descriptor -> PersistentVolume -> intent closed. Cut off anywhere, it is finished by
 * a repetition, which leaves a volume that is there to the reconciler, or undone, which removes the descriptor only, when the claim goes: a
 * directory whose descriptor says "adopted" is never removed.
 *
 * Names of directories that other provisioners made tell the volume's:
 *
 *	csi-driver-nfs		<pv>
 *	nfs-subdir		<namespace>-<claim>-<pv>
 *
 * where <pv> is "pvc-" and a uuid. Other directories become adopted-<namespace>-<claim>.
 */

#include <string.h>

#include <cjson/cJSON.h>

#include "admin_verbs.h"
#include "claim_match.h"
#include "class_parameters.h"
#include "intents.h"
#include "inventory.h"
#include "json_field.h"
#include "model_decode.h"
#include "object_change.h"
#include "volume_object.h"
#include "volume_record.h"
#include "volume_recover.h"

#define UUID_LEN 36

struct adoption {
	struct api_admin_call *call;
	const char *dir;
	const char *namespace;
	const char *claim_name;
	const char *class_name; /* "" = the default class */
	const char *size;
	const char *mode;
	const char *reclaim;

	char *volume; /* its name */
	struct inventory inventory;
	const struct storage_class *class; /* in the inventory */
	struct volume_place place;
	struct object *claim;
	struct object *object;
	bool is_done; /* the volume is there */
};

static void adoption_fini(struct adoption *self)
{
	free(self->volume);
	inventory_fini(&self->inventory);
	volume_place_fini(&self->place);
	self->claim = object_unref(self->claim);
	self->object = object_unref(self->object);
}

DEFINE_FINI(struct adoption, adoption_fini)

static int no_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "no memory");
}

/* --- what is asked ---------------------------------------------------------------- */

static int read_call(struct adoption *self, const cJSON *in, struct err *err)
{
	const struct {
		const char *key;
		const char *fallback;
		const char **ret;
	} fields[] = {
		{ "dir", NULL, &self->dir },
		{ "namespace", NULL, &self->namespace },
		{ "claim", NULL, &self->claim_name },
		{ "class", "", &self->class_name },
		{ "size", "1Gi", &self->size },
		{ "mode", "ReadWriteMany", &self->mode },
		{ "reclaim", "Retain", &self->reclaim },
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(fields) && r == 0; i++)
		r = api_admin_string(in, fields[i].key, fields[i].fallback,
				     fields[i].ret, err);
	return r < 0 ? r : subdir_check(self->dir, err);
}

static bool is_uuid(const char *text)
{
	return strlen(text) == UUID_LEN &&
	       strspn(text, "0123456789abcdef-") == UUID_LEN;
}

static int name_volume(struct adoption *self, struct err *err)
{
	const char *slash = strrchr(self->dir, '/');
	const char *base = slash ? slash + 1 : self->dir;
	size_t len = strlen(base);
	const char *end = len >= UUID_LEN + 4 ? base + len - UUID_LEN - 4 : "";
	int n;

	if (strncmp(end, "pvc-", 4) == 0 && is_uuid(end + 4) &&
	    (end == base || end[-1] == '-'))
		n = asprintf(&self->volume, "%s", end);
	else
		n = asprintf(&self->volume, "adopted-%s-%s", self->namespace,
			     self->claim_name);
	if (n < 0)
		self->volume = NULL;
	return self->volume ? 0 : no_memory(err);
}

static int find_class(struct adoption *self, struct err *err)
{
	const struct inventory *inventory = &self->inventory;
	int r = inventory_load(self->call->admin->cluster, INVENTORY_CLASSES,
			       NULL, NULL, &self->inventory, err);

	if (r < 0)
		return r;
	if (!*self->class_name)
		self->class =
			default_class(inventory->classes, inventory->n_classes);
	for (size_t i = 0; i < inventory->n_classes; i++)
		if (strcmp(inventory->classes[i].meta.name, self->class_name) ==
		    0)
			self->class = &inventory->classes[i];
	if (self->class)
		return 0;
	return err_set(err, -ENOENT,
		       *self->class_name
			       ? "there is no StorageClass \"%s\""
			       : "there is no default StorageClass%s: name one",
		       self->class_name);
}

static int make_claim_object(const struct adoption *self, struct object **ret,
			     struct err *err)
{
	cJSON *json = cJSON_CreateObject();
	cJSON *metadata, *spec, *modes, *requests;

	(void)cJSON_AddStringToObject(json, "apiVersion", "v1");
	(void)cJSON_AddStringToObject(json, "kind", "PersistentVolumeClaim");
	metadata = cJSON_AddObjectToObject(json, "metadata");
	(void)cJSON_AddStringToObject(metadata, "namespace", self->namespace);
	(void)cJSON_AddStringToObject(metadata, "name", self->claim_name);
	spec = cJSON_AddObjectToObject(json, "spec");
	modes = cJSON_AddArrayToObject(spec, "accessModes");
	(void)cJSON_AddItemToArray(modes, cJSON_CreateString(self->mode));
	requests = cJSON_AddObjectToObject(
		cJSON_AddObjectToObject(spec, "resources"), "requests");
	(void)cJSON_AddStringToObject(requests, "storage", self->size);
	(void)cJSON_AddStringToObject(spec, "storageClassName",
				      self->class->meta.name);
	(void)cJSON_AddStringToObject(spec, "volumeName", self->volume);
	return object_new(ret, json, err);
}

/* Its mode and owner stay as they are. */
static int find_place(struct adoption *self, const struct object *object,
		      struct err *err)
{
	_cleanup_(claim_fini) struct claim claim = { 0 };
	int r = claim_decode(object, &claim, err);

	volume_place_fini(&self->place);
	if (r >= 0)
		r = volume_place_of_claim(&claim, self->class, &self->place,
					  err);
	if (r < 0)
		return r;
	self->place.permissions = 0;
	self->place.has_owner = false;
	if (volume_place_set(&self->place.path, self->dir) < 0 ||
	    volume_place_set(&self->place.name, self->volume) < 0)
		return no_memory(err);
	return 0;
}

/* --- whose it is ------------------------------------------------------------------ */

static int refuse(const struct adoption *self, const char *owner,
		  struct err *err)
{
	return err_set(
		err, -EEXIST,
		"directory \"%s\" on share %s of server %s overlaps with that of volume %s",
		self->dir, self->place.share, self->place.server, owner);
}

/* What a try before this one left. */
static bool is_own(const struct adoption *self, const char *volume,
		   const char *namespace, const char *claim)
{
	return strcmp(volume, self->volume) == 0 &&
	       strcmp(namespace, self->namespace) == 0 &&
	       strcmp(claim, self->claim_name) == 0;
}

static int on_volume(void *userdata, const struct share_found *found,
		     struct err *err)
{
	const struct adoption *self = userdata;

	if (found->state == SHARE_BROKEN ||
	    !paths_overlap(found->path, self->dir) ||
	    is_own(self, found->volume, found->claim_namespace,
		   found->claim_name))
		return 0;
	return refuse(self, found->volume, err);
}

/* A volume that was made by hand has no descriptor. */
static int check_volume(struct adoption *self, const struct object *object,
			struct err *err)
{
	_cleanup_(persistent_volume_fini) struct persistent_volume pv = { 0 };
	_cleanup_(volume_place_fini) struct volume_place place = { 0 };

	if (persistent_volume_decode(object, &pv, NULL) < 0 ||
	    volume_place_of_volume(&pv, &place, NULL) < 0 ||
	    strcmp(place.server, self->place.server) != 0 ||
	    strcmp(place.share, self->place.share) != 0 ||
	    !paths_overlap(place.path, self->dir))
		return 0;
	if (strcmp(place.path, self->dir) == 0 &&
	    is_own(self, place.name, place.claim_namespace, place.claim_name)) {
		self->is_done = true;
		return 0;
	}
	return refuse(self, place.name, err);
}

static int check_volumes(struct adoption *self, struct err *err)
{
	struct cluster *cluster = self->call->admin->cluster;
	_cleanup_(object_list_fini) struct object_list list = OBJECT_LIST_INIT;
	int r = cluster->ops->list(cluster, KIND_PERSISTENT_VOLUME, NULL, &list,
				   err);

	for (size_t i = 0; i < list.n && r == 0; i++)
		r = check_volume(self, list.items[i], err);
	return r;
}

static int check_owner(struct adoption *self, struct err *err)
{
	struct share_volume where = volume_place_borrow(&self->place);
	struct share_survey survey = { .on_volume = on_volume,
				       .userdata = self };
	int r = share_survey_path(&where, self->dir, err);

	if (r == 0)
		r = share_survey(&where, &survey, err);
	return r == 0 ? check_volumes(self, err) : r;
}

/* --- taking it in ------------------------------------------------------------------ */

static int set_policy(cJSON *json, const char *reclaim)
{
	char described[VOLUME_DESCRIBED_MAX];
	int r = change_string(change_member(json, "spec"),
			      "persistentVolumeReclaimPolicy", reclaim);

	volume_described(PV_BOUND, reclaim, described);
	if (r >= 0)
		r = change_annotation(json, ANNOTATION_DESCRIBED, described);
	/* The volume's plan adds it where the policy is Delete. */
	return r < 0 ? r : change_remove_finalizer(json, FINALIZER_EXTERNAL);
}

static int make_object(struct adoption *self, struct err *err)
{
	_cleanup_(object_unref) struct object *made = NULL;
	cJSON *json;
	int r = volume_object_new(&made, self->claim, self->class, &self->place,
				  err);

	if (r < 0)
		return r;
	json = object_edit(made);
	if (!json || set_policy(json, self->reclaim) < 0) {
		cJSON_Delete(json);
		return no_memory(err);
	}
	return object_new(&self->object, json, err);
}

static int make_descriptor(const struct adoption *self, struct err *err)
{
	_cleanup_(free) char *record =
		volume_record_text(self->object, self->claim);
	_cleanup_(share_owner_fini) struct share_owner owner = { 0 };
	struct share_volume volume = volume_place_borrow(&self->place);
	int r;

	volume.record = record;
	r = self->call->admin->share->make(&volume, &owner, err);
	if (r == SHARE_TAKEN)
		return refuse(self, owner.volume, err);
	return r == SHARE_UNREACHED ? err->code : r;
}

static int make_volume(const struct adoption *self, struct err *err)
{
	struct cluster *cluster = self->call->admin->cluster;
	_cleanup_(object_unref) struct object *stored = NULL;
	int r = cluster->ops->create(cluster, self->object, &stored, err);

	return r > 0 ? -EINVAL : r;
}

static int take_in(struct adoption *self, struct err *err)
{
	struct store *store = self->call->admin->store;
	int64_t intent;
	int r = make_object(self, err);

	if (r >= 0)
		r = intent_begin(store, STEP_PROVISION, &self->place, &intent,
				 err);
	if (r >= 0)
		r = make_descriptor(self, err);
	if (r == 0)
		r = make_volume(self, err);
	return r == 0 ? intent_end(store, intent, err) : r;
}

static int prepare(struct adoption *self, struct err *err)
{
	_cleanup_(object_unref) struct object *claim = NULL;
	int r = name_volume(self, err);

	if (r == 0)
		r = find_class(self, err);
	if (r == 0)
		r = make_claim_object(self, &claim, err);
	if (r == 0)
		r = find_place(self, claim, err);
	if (r == 0)
		r = check_owner(self, err);
	if (r != 0)
		return r;
	r = volume_prepare_claim(self->call->admin->cluster, claim,
				 self->volume, &self->claim, err);
	if (r == VOLUME_RELEASED)
		return err_set(err, -EEXIST,
			       "claim %s/%s has another volume already",
			       self->namespace, self->claim_name);
	return r < 0 ? r : find_place(self, self->claim, err);
}

int admin_adopt(struct api_admin_call *call, const cJSON *in, cJSON **ret,
		struct err *err)
{
	_cleanup_(adoption_fini) struct adoption self = { .call = call };
	int r = read_call(&self, in, err);

	if (r == 0)
		r = prepare(&self, err);
	if (r == 0 && !self.is_done)
		r = take_in(&self, err);
	if (r < 0)
		return r;
	*ret = cJSON_CreateObject();
	(void)cJSON_AddStringToObject(*ret, "volume", self.volume);
	(void)cJSON_AddStringToObject(*ret, "share", self.place.share);
	(void)cJSON_AddStringToObject(*ret, "reclaim", self.reclaim);
	return 0;
}
