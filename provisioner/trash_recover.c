/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The descriptor in the trash has the row and the PersistentVolume; where it lacks
 * the latter, the former claim's name is all that is left of the volume, and it can be
 * removed but not restored. What came into the trash a moment before the record was
 * lost has no descriptor there: it is kept as long as if it came now.
 *
 * A deadline that passed meanwhile is one: what has expired is removed as soon as the
 * row is there. One that was being removed goes on being removed, and one that was on
 * its way back is kept until somebody asks again.
 */

#include "trash_recover.h"

#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "class_parameters.h"
#include "json_field.h"
#include "model_decode.h"
#include "timestamp.h"
#include "trash.h"

static int left(struct err *err, const char *why)
{
	(void)err_set(err, -ENODATA, "%s", why);
	return TRASH_LEFT;
}

static int check_state(enum share_state state, struct err *err)
{
	switch (state) {
	case SHARE_READY:
		return 0;
	case SHARE_CREATING:
	case SHARE_GONE:
	case SHARE_REPLACED:
		return left(
			err,
			"what lies in the trash is not the one that was made for it");
	case SHARE_BROKEN:
		break;
	}
	return left(err, "it has no descriptor that can be read");
}

static int exists(struct store *store, const char *volume, struct err *err)
{
	_cleanup_(store_trash_fini) struct store_trash trash = { 0 };
	int r = store_trash_get(store, volume, &trash, err);

	return r == STORE_NOT_FOUND ? 0 : r < 0 ? r : TRASH_EXISTS;
}

/* --- where it was ------------------------------------------------------------------ */

/* *ret NULL: it is not known. */
static int read_volume(const struct share_found *found, struct object **ret,
		       struct err *err)
{
	const cJSON *json = json_at(found->note, "object");

	if (!json)
		json = json_at(found->record, "persistentVolume");
	if (!json)
		return 0;
	return object_new(ret, cJSON_Duplicate(json, /* recurse= */ true), err);
}

static int place_of_volume(const struct object *object,
			   struct volume_place *ret, struct err *err)
{
	_cleanup_(persistent_volume_fini) struct persistent_volume pv = { 0 };
	int r = persistent_volume_decode(object, &pv, err);

	return r < 0 ? r : volume_place_of_volume(&pv, ret, err);
}

static int place_of_descriptor(const struct share_volume *where,
			       const struct share_found *found,
			       struct volume_place *ret)
{
	*ret = (struct volume_place){
		.server = strdup(where->server),
		.share = strdup(where->share),
		.port = where->port,
		.mountport = where->mountport,
		.path = strdup(found->path),
		.name = strdup(found->volume),
		.claim_namespace = strdup(found->claim_namespace),
		.claim_name = strdup(found->claim_name),
		.claim_uid = strdup(found->claim_uid),
		.class_name = strdup(found->class_name),
		.capacity = found->capacity,
		.trash_ttl_s = CLASS_TRASH_TTL_S,
	};
	return ret->server && ret->share && ret->path && ret->name &&
			       ret->claim_namespace && ret->claim_name &&
			       ret->claim_uid && ret->class_name
		       ? 0
		       : -ENOMEM;
}

/* --- the row ------------------------------------------------------------------------ */

static void take_time(const cJSON *note, const char *key, int64_t *ret)
{
	const char *text = cJSON_GetStringValue(json_at(note, key));

	if (text)
		(void)timestamp_parse(text, ret);
}

static bool take_number(const cJSON *note, const char *key, uint64_t *ret)
{
	const cJSON *number = json_at(note, key);

	/* A larger one is no whole number in JSON, and none of ours. */
	if (!cJSON_IsNumber(number) || number->valuedouble < 0 ||
	    number->valuedouble > (double)(1ull << 53))
		return false;
	*ret = (uint64_t)number->valuedouble;
	return true;
}

static void take_note(const cJSON *note, struct store_trash *trash)
{
	const char *state = cJSON_GetStringValue(json_at(note, "state"));

	if (state && (strcmp(state, trash_state_names[TRASH_STOPPED]) == 0 ||
		      strcmp(state, trash_state_names[TRASH_RESTORING]) == 0))
		trash->state = TRASH_STOPPED;
	if (state && strcmp(state, trash_state_names[TRASH_REMOVING]) == 0)
		trash->state = TRASH_REMOVING;
	take_time(note, "trashedTime", &trash->trashed_s);
	take_time(note, "expiryTime", &trash->expires_s);
	trash->is_counted = take_number(note, "files", &trash->n_files) &&
			    take_number(note, "bytes", &trash->n_bytes);
	(void)take_number(note, "filesRemoved", &trash->n_files_removed);
	(void)take_number(note, "bytesRemoved", &trash->n_bytes_removed);
}

static int make_row(const struct share_volume *where,
		    const struct share_found *found, struct store_trash *ret,
		    struct err *err)
{
	_cleanup_(volume_place_fini) struct volume_place place = { 0 };
	_cleanup_(object_unref) struct object *object = NULL;
	int r = read_volume(found, &object, err);

	if (r == 0 && object)
		r = place_of_volume(object, &place, err);
	else if (r == 0)
		r = place_of_descriptor(where, found, &place);
	if (r == -ENOMEM)
		return err_set(err, r, "no memory");
	if (r < 0)
		return TRASH_LEFT;
	if (strcmp(place.name, found->volume) != 0 ||
	    strcmp(place.path, found->path) != 0)
		return left(err, "its record is about another volume");
	if (trash_new(&place, object, time(NULL), ret) < 0)
		return err_set(err, -ENOMEM, "no memory");
	take_note(found->note, ret);
	return 0;
}

int trash_recover(struct store *store, const struct share_volume *where,
		  const struct share_found *found,
		  enum trash_recover_flags flags, struct err *err)
{
	_cleanup_(store_trash_fini) struct store_trash trash = { 0 };
	int r = exists(store, found->volume, err);

	if (r == 0)
		r = check_state(found->state, err);
	if (r == 0)
		r = make_row(where, found, &trash, err);
	if (r != 0 || (flags & TRASH_RECOVER_DRY_RUN))
		return r;
	return store_trash_put(store, &trash, err);
}
