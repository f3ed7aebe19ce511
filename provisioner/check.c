/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The verbs "check" and "repair". check compares what the API has (volumes, claims)
 * with what is on every share that a class or volume of ours names, and says a line for
 * each difference; it changes nothing. repair mends one difference that the line said
 * could be, after it has looked at it again:
 *
 *	recover		a descriptor without a volume: the volume is made again
 *	forget		the same, but there is no directory any more, or it was
 *			never finished: the descriptor is removed, nothing else
 *	describe	a volume without a descriptor: one is written, as for a
 *			directory that was there before, which is never removed
 *	drop		a copy that no row of the record tells of (check_copies.c)
 *
 * What is under way looks like a difference, too: who is not sure repeats the check.
 */

#include <string.h>

#include <cjson/cJSON.h>

#include "admin_verbs.h"
#include "check_copies.h"
#include "check_tell.h"
#include "json_field.h"
#include "object_change.h"
#include "plan.h"
#include "volume_recover.h"

static void run_fini(struct check_run *run)
{
	check_world_fini(&run->world);
}

DEFINE_FINI(struct check_run, run_fini)

/* --- a descriptor ----------------------------------------------------------------- */

static int on_orphan(struct check_run *run, const struct share_found *found)
{
	switch (found->state) {
	case SHARE_READY:
		return check_tell(
			run, found->volume, "recover",
			"directory %s on share %s belongs to volume %s of claim %s/%s, which is not there",
			found->path, run->share->share, found->volume,
			found->claim_namespace, found->claim_name);
	case SHARE_GONE:
	case SHARE_CREATING:
		return check_tell(
			run, found->volume, "forget",
			"share %s has a descriptor of volume %s, but neither the volume nor its finished directory %s is there",
			run->share->share, found->volume, found->path);
	case SHARE_REPLACED:
		return check_tell(
			run, found->volume, "",
			"share %s has a descriptor of volume %s, which is not there, and directory %s is another one",
			run->share->share, found->volume, found->path);
	case SHARE_BROKEN:
		break;
	}
	return check_tell(
		run, found->volume, "",
		"descriptor .claimfs/volumes/%s.json on share %s can't be read",
		found->volume, run->share->share);
}

static int on_known(struct check_run *run, const struct share_found *found,
		    const struct volume_place *place)
{
	if (found->state == SHARE_BROKEN)
		return on_orphan(run, found);
	if (strcmp(found->path, place->path) != 0)
		return check_tell(
			run, found->volume, "",
			"volume %s is in directory %s, but its descriptor on share %s names %s",
			found->volume, place->path, run->share->share,
			found->path);
	if (found->state == SHARE_GONE)
		return check_tell(
			run, found->volume, "",
			"volume %s has lost its directory %s on share %s",
			found->volume, found->path, run->share->share);
	if (found->state == SHARE_REPLACED)
		return check_tell(
			run, found->volume, "",
			"directory %s on share %s is not the one that was made for volume %s",
			found->path, run->share->share, found->volume);
	return 0;
}

static int on_volume(void *userdata, const struct share_found *found,
		     struct err *err)
{
	struct check_run *run = userdata;
	struct check_volume *volume =
		check_world_find(&run->world, found->volume);

	(void)err;
	if (found->state != SHARE_BROKEN &&
	    check_world_has_path(&run->world, run->share, found->path) < 0)
		return -ENOMEM;
	if (!volume)
		return check_world_is_open(&run->world, found->volume)
			       ? 0
			       : on_orphan(run, found);
	volume->has_descriptor = true;
	return volume->has_place ? on_known(run, found, &volume->place) : 0;
}

/* --- a share ---------------------------------------------------------------------- */

static int on_directory(void *userdata, const char *name, struct err *err)
{
	struct check_run *run = userdata;

	(void)err;
	if (check_world_owns(&run->world, run->share, name) ||
	    strncmp(name, "archived-", strlen("archived-")) == 0)
		return 0;
	return check_tell(
		run, "", "",
		"directory %s on share %s belongs to no volume (claimctl adopt makes it one)",
		name, run->share->share);
}

static int check_volume(struct check_run *run,
			const struct check_volume *volume)
{
	struct share_volume where = volume_place_borrow(&volume->place);
	_cleanup_(err_fini) struct err err = ERR_INIT;
	int r = share_survey_path(&where, volume->place.path, &err);

	if (r == -ENOENT || r == -ENOTDIR)
		return check_tell(
			run, volume->place.name, "",
			"volume %s has lost its directory %s on share %s",
			volume->place.name, volume->place.path,
			volume->place.share);
	if (r == 0 && volume->is_provisioned)
		return check_tell(
			run, volume->place.name, "describe",
			"volume %s has no descriptor on share %s, so its directory %s is nobody's",
			volume->place.name, volume->place.share,
			volume->place.path);
	return 0;
}

static int check_share(struct check_run *run, struct err *err)
{
	struct share_survey survey = { .on_volume = on_volume,
				       .userdata = run };
	struct share_volume where = volume_place_borrow(run->share);
	int r = share_survey(&where, &survey, err);

	for (size_t i = 0; i < run->world.n_volumes && r == 0; i++) {
		const struct check_volume *volume = &run->world.volumes[i];

		if (volume->has_place && !volume->has_descriptor &&
		    check_world_is_on(&volume->place, run->share))
			r = check_volume(run, volume);
	}
	survey = (struct share_survey){ .on_directory = on_directory,
					.userdata = run };
	if (r == 0)
		r = share_survey(&where, &survey, err);
	return r == 0 ? check_copies(run, &where, err) : r;
}

/* --- claims ----------------------------------------------------------------------- */

static int check_claims(struct check_run *run, struct err *err)
{
	struct cluster *cluster = run->call->admin->cluster;
	_cleanup_(object_list_fini) struct object_list list = OBJECT_LIST_INIT;
	int r = cluster->ops->list(cluster, KIND_CLAIM, NULL, &list, err);

	run->share = NULL;
	for (size_t i = 0; i < list.n && r == 0; i++) {
		const struct object *claim = list.items[i];
		const char *volume = cJSON_GetStringValue(
			json_at(claim->json, "spec.volumeName"));

		if (volume && *volume && !check_world_find(&run->world, volume))
			r = check_tell(
				run, volume, "",
				"claim %s/%s names volume %s, which is not there",
				claim->namespace, claim->name, volume);
	}
	return r;
}

int admin_check(struct api_admin_call *call, const cJSON *in, cJSON **ret,
		struct err *err)
{
	_cleanup_(run_fini) struct check_run run = { .call = call };
	int r = check_world_load(&run.world, call->admin, err);

	(void)in;
	if (r == 0)
		r = check_claims(&run, err);
	for (size_t i = 0; i < run.world.n_shares && r == 0; i++) {
		_cleanup_(err_fini) struct err why = ERR_INIT;

		run.share = &run.world.shares[i];
		r = check_share(&run, &why);
		/* One that does not answer hides nothing of the others. */
		if (r < 0 && r != -ECANCELED && r != -ENOMEM)
			r = check_tell(&run, "", "", "%s", err_text(&why));
	}
	if (r < 0)
		return r;
	*ret = cJSON_CreateObject();
	(void)cJSON_AddNumberToObject(*ret, "found", run.n_found);
	return 0;
}

/* --- repair ----------------------------------------------------------------------- */

struct repair {
	struct api_admin *admin;
	struct share_volume where;
	const char *volume;
	const char *how;
	bool is_done;
};

static int gone_already(const struct repair *repair, struct err *err)
{
	return err_set(err, -EBUSY,
		       "volume %s is not as it was when it was checked",
		       repair->volume);
}

static int on_repair(void *userdata, const struct share_found *found,
		     struct err *err)
{
	struct repair *repair = userdata;
	int r;

	if (strcmp(found->volume, repair->volume) != 0)
		return 0;
	r = volume_recover(repair->admin->cluster, &repair->where, found,
			   strcmp(repair->how, "recover") == 0
				   ? 0
				   : VOLUME_RECOVER_DRY_RUN,
			   err);
	repair->is_done = true;
	if (strcmp(repair->how, "recover") == 0)
		return r == VOLUME_LEFT ? -EBUSY : r < 0 ? r : 0;
	/* There is no volume, and nothing to make one from: that was checked. */
	if (r != VOLUME_LEFT ||
	    (found->state != SHARE_GONE && found->state != SHARE_CREATING))
		return r < 0 ? r : gone_already(repair, err);
	err_fini(err);
	repair->where.path = found->path;
	r = repair->admin->share->forget(&repair->where, repair->volume, err);
	return r == SHARE_UNREACHED ? err->code : r;
}

static int note_undescribed(cJSON *json, const void *userdata)
{
	return change_annotation(json, ANNOTATION_DESCRIBED, "");
}

/* Phase and objects are the reconciler's to write, who believes that he has. */
static int describe_again(const struct repair *repair,
			  const struct object *volume, struct err *err)
{
	const struct object_target target = { .kind = KIND_PERSISTENT_VOLUME,
					      .namespace = "",
					      .name = volume->name,
					      .uid = volume->uid };
	int r = object_change(repair->admin->cluster, &target, note_undescribed,
			      NULL, err);

	return r < 0 ? r : 0;
}

static int describe(const struct repair *repair, struct err *err)
{
	struct cluster *cluster = repair->admin->cluster;
	_cleanup_(object_unref) struct object *object = NULL;
	_cleanup_(persistent_volume_fini) struct persistent_volume pv = { 0 };
	_cleanup_(volume_place_fini) struct volume_place place = { 0 };
	_cleanup_(share_owner_fini) struct share_owner owner = { 0 };
	struct share_volume volume;
	int r = cluster->ops->get(cluster, KIND_PERSISTENT_VOLUME, "",
				  repair->volume, &object, err);

	if (r != 0)
		return r < 0 ? r : -ENOENT;
	r = persistent_volume_decode(object, &pv, err);
	if (r >= 0)
		r = volume_place_of_volume(&pv, &place, err);
	if (r < 0)
		return r;
	volume = volume_place_borrow(&place);
	r = share_survey_path(&volume, place.path, err);
	if (r == 0)
		r = repair->admin->share->make(&volume, &owner, err);
	if (r == SHARE_TAKEN)
		return err_set(err, -EEXIST,
			       "directory %s is that of volume %s", place.path,
			       owner.volume);
	if (r == 0)
		r = describe_again(repair, object, err);
	return r == SHARE_UNREACHED ? err->code : r;
}

int admin_repair(struct api_admin_call *call, const cJSON *in, cJSON **ret,
		 struct err *err)
{
	struct repair repair = { .admin = call->admin };
	struct share_survey survey = { .on_volume = on_repair,
				       .userdata = &repair };
	int r = admin_share(in, &repair.where, err);

	(void)ret;
	if (r == 0)
		r = api_admin_string(in, "volume", NULL, &repair.volume, err);
	if (r == 0)
		r = api_admin_string(in, "repair", NULL, &repair.how, err);
	if (r < 0)
		return r;
	if (strcmp(repair.how, "describe") == 0)
		return describe(&repair, err);
	if (strcmp(repair.how, "drop") == 0)
		return check_drop_copy(repair.admin, &repair.where,
				       repair.volume, err);
	if (strcmp(repair.how, "recover") != 0 &&
	    strcmp(repair.how, "forget") != 0)
		return err_set(err, -EINVAL,
			       "repair: Unsupported value: \"%s\"", repair.how);
	r = share_survey(&repair.where, &survey, err);
	if (r == 0 && !repair.is_done)
		return gone_already(&repair, err);
	return r;
}
