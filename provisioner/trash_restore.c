/* SPDX-License-Identifier: Apache-2.0 */

/*
 *	directory back in its place, with its descriptor -> PersistentVolume ->
 *	descriptor in the trash -> row
 *
 * The volume is made anew from what it was: its spec, labels and annotations, without
 * what only a former life meant. It is reserved for the claim that had it, by name: a
 * claim of that name gets it, whatever its uid is, and nobody else does. Its reclaim
 * policy is what it was.
 */

#include "trash_restore.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "json_field.h"
#include "log.h"
#include "plan.h"
#include "volume_record.h"

/* What the API gives, and what a binding leaves behind. */
static void forget_life(cJSON *json)
{
	static const char *const meta[] = { "uid",
					    "resourceVersion",
					    "creationTimestamp",
					    "deletionTimestamp",
					    "deletionGracePeriodSeconds",
					    "generation",
					    "managedFields",
					    "selfLink" };
	cJSON *metadata = cJSON_GetObjectItem(json, "metadata");
	cJSON *annotations = cJSON_GetObjectItem(metadata, "annotations");
	cJSON *ref = cJSON_GetObjectItem(cJSON_GetObjectItem(json, "spec"),
					 "claimRef");

	for (size_t i = 0; i < ARRAY_SIZE(meta); i++)
		cJSON_DeleteItemFromObjectCaseSensitive(metadata, meta[i]);
	cJSON_DeleteItemFromObjectCaseSensitive(annotations,
						ANNOTATION_BOUND_BY_CONTROLLER);
	cJSON_DeleteItemFromObjectCaseSensitive(ref, "uid");
	cJSON_DeleteItemFromObjectCaseSensitive(ref, "resourceVersion");
	cJSON_DeleteItemFromObjectCaseSensitive(json, "status");
}

int trash_restored_object(const struct store_trash *trash, struct object **ret,
			  struct err *err)
{
	cJSON *json;
	int r;

	if (!trash->object)
		return err_set(
			err, -ENOENT,
			"restore volume %s: its PersistentVolume is not known any more; the data is in .claimfs/trash/%s",
			trash->volume, trash->volume);
	r = json_parse(trash->object, strlen(trash->object), &json, err);
	if (r < 0)
		return r;
	forget_life(json);
	return object_new(ret, json, err);
}

static int move_back(const struct remover_options *options,
		     const struct object *object,
		     const struct volume_place *place, struct err *err)
{
	struct share_volume volume = volume_place_borrow(place);
	_cleanup_(free) char *record = volume_record_text(object, NULL);
	_cleanup_(share_owner_fini) struct share_owner owner = { 0 };
	int r;

	if (!record)
		return err_set(err, -ENOMEM, "no memory");
	volume.phase = pv_phase_names[PV_AVAILABLE];
	volume.record = record;
	r = options->share->restore(&volume, &owner, err);
	if (r == SHARE_UNREACHED)
		return err->code;
	if (r == SHARE_TAKEN)
		return err_set(
			err, -EEXIST,
			"restore volume %s: directory %s on share %s of server %s overlaps with that of volume %s",
			place->name, place->path, place->share, place->server,
			owner.volume);
	return r;
}

static int make_volume(const struct remover_options *options,
		       const struct object *object, struct err *err)
{
	_cleanup_(object_unref) struct object *stored = NULL;
	struct cluster *cluster = options->cluster;
	int r = cluster->ops->create(cluster, object, &stored, err);

	/* A try before this one made it; of others the verb has taken care. */
	if (r == CLUSTER_EXISTS)
		return 0;
	return r > 0 ? -EINVAL : r;
}

int trash_restore(const struct remover_options *options,
		  const struct store_trash *trash,
		  const struct volume_place *place, struct err *err)
{
	_cleanup_(object_unref) struct object *object = NULL;
	struct share_volume volume = volume_place_borrow(place);
	int r = trash_restored_object(trash, &object, err);

	if (r == 0)
		r = move_back(options, object, place, err);
	if (r == 0)
		r = make_volume(options, object, err);
	if (r < 0)
		return r;
	r = options->share->drop(&volume, err);
	if (r != 0)
		return r == SHARE_UNREACHED ? err->code : r;
	r = store_trash_remove(options->store, trash->volume, err);
	if (r < 0)
		return r;
	log_info("restored from the trash", F_STR("volume", trash->volume),
		 F_STR("directory", place->path));
	return 0;
}
