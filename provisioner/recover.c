/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The verb "recover": every descriptor of a share, one after the other, made into
 * objects where there are none, and all that lies in the trash, and all snapshots, into
 * their rows. One that can't be recovered does not keep the others from it; a share that can't be read does.
 */

#include <string.h>

#include <cjson/cJSON.h>

#include "admin_verbs.h"
#include "json_field.h"
#include "snapshot_recover.h"
#include "trash_recover.h"
#include "volume_recover.h"

struct run {
	struct api_admin_call *call;
	struct share_volume where;
	bool is_dry_run;
	unsigned int n_recovered;
	unsigned int n_existing;
	unsigned int n_left;
	unsigned int n_failed;
};

static int say(struct run *run, const struct share_found *found,
	       const char *what, const char *why)
{
	return api_admin_say(run->call, "volume %s%s%s%s%s%s%s: %s%s%s",
			     found->volume, *found->path ? ", directory " : "",
			     found->path, *found->claim_name ? ", claim " : "",
			     found->claim_namespace,
			     *found->claim_name ? "/" : "", found->claim_name,
			     what, *why ? ": " : "", why);
}

static int say_recovered(struct run *run, const struct share_found *found,
			 const char *how, const char *phase)
{
	char what[64];

	run->n_recovered++;
	(void)snprintf(what, sizeof(what), "%srecovered%s%s",
		       run->is_dry_run ? "would be " : "", how, phase);
	return say(run, found, what, "");
}

static int say_existing(struct run *run, const struct share_found *found)
{
	run->n_existing++;
	return say(run, found, "is there already", "");
}

static int say_left(struct run *run, const struct share_found *found,
		    const struct err *why)
{
	run->n_left++;
	return say(run, found, "left alone", err_text(why));
}

static int say_failed(struct run *run, const struct share_found *found,
		      const struct err *why)
{
	run->n_failed++;
	return say(run, found, "not recovered", err_text(why));
}

static int on_volume(void *userdata, const struct share_found *found,
		     struct err *err)
{
	struct run *run = userdata;
	_cleanup_(err_fini) struct err why = ERR_INIT;
	int r = volume_recover(run->call->admin->cluster, &run->where, found,
			       run->is_dry_run ? VOLUME_RECOVER_DRY_RUN : 0,
			       &why);

	(void)err;
	switch (r) {
	case VOLUME_RECOVERED:
		return say_recovered(run, found, *found->phase ? " as " : "",
				     found->phase);
	case VOLUME_RELEASED:
		run->n_recovered++;
		return say(run, found, "recovered as Released",
			   "its claim has another volume");
	case VOLUME_EXISTS:
		return say_existing(run, found);
	case VOLUME_LEFT:
		return say_left(run, found, &why);
	default:
		return say_failed(run, found, &why);
	}
}

static int on_trashed(void *userdata, const struct share_found *found,
		      struct err *err)
{
	struct run *run = userdata;
	_cleanup_(err_fini) struct err why = ERR_INIT;
	int r = trash_recover(run->call->admin->store, &run->where, found,
			      run->is_dry_run ? TRASH_RECOVER_DRY_RUN : 0,
			      &why);

	(void)err;
	switch (r) {
	case TRASH_RECOVERED:
		return say_recovered(run, found, " into the trash", "");
	case TRASH_EXISTS:
		return say_existing(run, found);
	case TRASH_LEFT:
		return say_left(run, found, &why);
	default:
		return say_failed(run, found, &why);
	}
}

static int say_snapshot(struct run *run, const char *id, const char *what,
			const char *why)
{
	return api_admin_say(run->call, "snapshot %s: %s%s%s", id, what,
			     *why ? ": " : "", why);
}

static int on_snapshot(void *userdata, const struct share_snapshot_found *found,
		       struct err *err)
{
	struct run *run = userdata;
	_cleanup_(err_fini) struct err why = ERR_INIT;
	int r = snapshot_recover(run->call->admin->store, &run->where, found,
				 run->is_dry_run ? SNAPSHOT_RECOVER_DRY_RUN : 0,
				 &why);

	(void)err;
	switch (r) {
	case SNAPSHOT_RECOVERED:
		run->n_recovered++;
		return say_snapshot(run, found->id,
				    run->is_dry_run ? "would be recovered"
						    : "recovered",
				    "");
	case SNAPSHOT_EXISTS:
		run->n_existing++;
		return say_snapshot(run, found->id, "is there already", "");
	case SNAPSHOT_LEFT:
		run->n_left++;
		return say_snapshot(run, found->id, "left alone",
				    err_text(&why));
	default:
		run->n_failed++;
		return say_snapshot(run, found->id, "not recovered",
				    err_text(&why));
	}
}

static int encode(const struct run *run, cJSON **ret, struct err *err)
{
	cJSON *json = cJSON_CreateObject();

	if (cJSON_AddNumberToObject(json, "recovered", run->n_recovered) &&
	    cJSON_AddNumberToObject(json, "existing", run->n_existing) &&
	    cJSON_AddNumberToObject(json, "left", run->n_left) &&
	    cJSON_AddNumberToObject(json, "failed", run->n_failed)) {
		*ret = json;
		return 0;
	}
	cJSON_Delete(json);
	return err_set(err, -ENOMEM, "no memory");
}

int admin_recover(struct api_admin_call *call, const cJSON *in, cJSON **ret,
		  struct err *err)
{
	struct run run = { .call = call };
	struct share_survey survey = { .on_volume = on_volume,
				       .on_trashed = on_trashed,
				       .userdata = &run };
	int r = admin_share(in, &run.where, err);

	if (r >= 0)
		r = json_bool(in, "dryRun", false, &run.is_dry_run, err);
	if (r == 0)
		r = share_survey(&run.where, &survey, err);
	if (r == 0)
		r = call->admin->share->each_snapshot(&run.where, on_snapshot,
						      &run, err);
	if (r == SHARE_UNREACHED)
		r = err->code;
	remover_wake(call->admin->remover);
	return r < 0 ? r : encode(&run, ret, err);
}
