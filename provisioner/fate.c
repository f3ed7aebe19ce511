/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The verb "fate": what would become of a volume's directory if its claim, or the
 * volume itself, were deleted now. It decides nothing: it says what volume_plan.c and
 * share_reclaim.c would come to, and how much there is. Only looks, and counts for no
 * longer than COUNT_S.
 */

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "admin_verbs.h"
#include "clock.h"
#include "model_decode.h"
#include "share_survey.h"
#include "timestamp.h"
#include "trash.h"
#include "volume_place.h"

#define COUNT_S 5

struct fate {
	struct persistent_volume pv;
	struct volume_place place;
	struct share_inside inside;
	enum object_kind kind; /* of what would be deleted */
};

static void fate_fini(struct fate *fate)
{
	persistent_volume_fini(&fate->pv);
	volume_place_fini(&fate->place);
}

DEFINE_FINI(struct fate, fate_fini)

/* --- words ------------------------------------------------------------------------ */

static const char *why_it_stays(const struct fate *fate)
{
	const struct persistent_volume *pv = &fate->pv;

	if (!pv->claim_ref.is_set ||
	    (pv->phase != PV_BOUND && pv->phase != PV_RELEASED))
		return "no claim has had the volume";
	if (pv->reclaim == RECLAIM_RETAIN)
		return "the volume's reclaim policy is Retain";
	if (pv->reclaim == RECLAIM_RECYCLE)
		return NULL;
	if (fate->inside.is_adopted)
		return "it was there before its volume";
	if (!fate->inside.is_described)
		return "nothing on the share says that it was made for the volume";
	if (fate->place.on_delete == ON_DELETE_RETAIN)
		return "the volume's class says onDelete: retain";
	return NULL;
}

static void write_fate(FILE *out, const struct fate *fate)
{
	const char *why = why_it_stays(fate);
	char until[TIMESTAMP_MAX];

	if (why) {
		(void)fprintf(out, "would stay: %s", why);
	} else if (fate->pv.reclaim == RECLAIM_RECYCLE) {
		(void)fputs("would be emptied", out);
	} else if (fate->place.on_delete == ON_DELETE_ARCHIVE) {
		(void)fputs("would be renamed to archived-..., and stay", out);
	} else if (fate->place.trash_ttl_s == 0) {
		(void)fputs("would be removed at once", out);
	} else {
		timestamp_format((int64_t)time(NULL) +
					 (int64_t)fate->place.trash_ttl_s,
				 until);
		(void)fprintf(out, "would lie in the trash until %s", until);
	}
}

static void write_size(FILE *out, const struct share_inside *inside)
{
	const char *least = inside->is_complete ? "" : "at least ";

	(void)fprintf(out, " (%s%" PRIu64 " %s, %s", least,
		      inside->counted.n_files,
		      inside->counted.n_files == 1 ? "file" : "files", least);
	trash_write_size(out, inside->counted.n_bytes);
	(void)fputs(") ", out);
}

static char *make_message(const struct fate *fate)
{
	const struct volume_place *place = &fate->place;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	if (fate->kind == KIND_PERSISTENT_VOLUME && fate->pv.phase == PV_BOUND)
		(void)fprintf(out, "when claim %s/%s is gone, ",
			      place->claim_namespace, place->claim_name);
	(void)fprintf(out, "directory %s on share %s of server %s", place->path,
		      place->share, place->server);
	write_size(out, &fate->inside);
	write_fate(out, fate);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

static int answer(const struct fate *fate, cJSON **ret, struct err *err)
{
	_cleanup_(free) char *message = make_message(fate);
	const struct share_inside *inside = &fate->inside;
	cJSON *json = cJSON_CreateObject();

	if (message && cJSON_AddStringToObject(json, "message", message) &&
	    cJSON_AddStringToObject(json, "volume", fate->pv.meta.name) &&
	    cJSON_AddNumberToObject(json, "files",
				    (double)inside->counted.n_files) &&
	    cJSON_AddNumberToObject(json, "bytes",
				    (double)inside->counted.n_bytes) &&
	    cJSON_AddBoolToObject(json, "isComplete", inside->is_complete)) {
		*ret = json;
		return 0;
	}
	cJSON_Delete(json);
	return err_set(err, -ENOMEM, "no memory");
}

/* --- looking ------------------------------------------------------------------------ */

static int get(struct api_admin *admin, const struct admin_target *target,
	       struct object **ret, struct err *err)
{
	int r = admin->cluster->ops->get(admin->cluster, target->kind,
					 target->namespace, target->name, ret,
					 err);

	return r > 0 ? err_set(err, -ENOENT, "%s \"%s\" not found",
			       object_kind_info(target->kind)->plural,
			       target->name)
		     : r;
}

/* *ret_name is "" for a claim without volume. */
static int find_volume(struct api_admin *admin,
		       const struct admin_target *target, char **ret_name,
		       struct err *err)
{
	_cleanup_(object_unref) struct object *object = NULL;
	_cleanup_(claim_fini) struct claim claim = { 0 };
	int r = get(admin, target, &object, err);

	if (r == 0)
		r = claim_decode(object, &claim, err);
	if (r < 0)
		return r;
	*ret_name = strdup(claim.volume_name);
	return *ret_name ? 0 : err_set(err, -ENOMEM, "no memory");
}

static int look(struct api_admin *admin, const char *name, struct fate *fate,
		struct err *err)
{
	const struct admin_target target = { .kind = KIND_PERSISTENT_VOLUME,
					     .namespace = "",
					     .name = name };
	_cleanup_(object_unref) struct object *object = NULL;
	struct share_volume volume;
	int r = get(admin, &target, &object, err);

	if (r == 0)
		r = persistent_volume_decode(object, &fate->pv, err);
	if (r == 0)
		r = volume_place_of_volume(&fate->pv, &fate->place, err);
	if (r < 0)
		return r;
	volume = volume_place_borrow(&fate->place);
	return share_survey_inside(&volume, clock_ns() + COUNT_S * NS_PER_S,
				   &fate->inside, err);
}

int admin_fate(struct api_admin_call *call, const cJSON *in, cJSON **ret,
	       struct err *err)
{
	_cleanup_(fate_fini) struct fate fate = { 0 };
	_cleanup_(free) char *name = NULL;
	struct admin_target target;
	int r = admin_target(in, &target, err);

	if (r < 0)
		return r;
	fate.kind = target.kind;
	if (target.kind == KIND_CLAIM)
		r = find_volume(call->admin, &target, &name, err);
	else if (target.kind != KIND_PERSISTENT_VOLUME)
		r = err_set(err, -EINVAL,
			    "kind: only claims and volumes have a directory");
	/* The empty answer: nothing is on any share. */
	if (r < 0 || (name && !*name))
		return r;
	r = look(call->admin, name ? name : target.name, &fate, err);
	return r < 0 ? r : answer(&fate, ret, err);
}
