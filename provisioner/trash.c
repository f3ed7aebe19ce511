/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Numbers of files and bytes are what a count found when the directory came into the
 * trash. A tenant who still had it mounted may have changed it since, so more can be
 * removed than was counted: what is said of the rest is an estimate.
 */

#include "trash.h"

#include <inttypes.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "json_field.h"
#include "timestamp.h"

/* A larger PersistentVolume is in the record only. */
#define NOTE_OBJECT_MAX 40000

int trash_new(const struct volume_place *place, const struct object *pv,
	      int64_t now_s, struct store_trash *ret)
{
	_cleanup_(store_trash_fini) struct store_trash trash = {
		.volume = strdup(place->name),
		.object = pv ? cJSON_PrintUnformatted(pv->json) : NULL,
		.state = TRASH_KEPT,
		.trashed_s = now_s,
		.expires_s = now_s + (int64_t)place->trash_ttl_s,
	};

	if (!trash.volume || (pv && !trash.object) ||
	    volume_place_to_detail(place, &trash.detail) < 0)
		return -ENOMEM;
	*ret = trash;
	trash = (struct store_trash){ 0 };
	return 0;
}

int64_t trash_seconds_left(const struct store_trash *trash,
			   const struct trash_speed *speed)
{
	uint64_t left = 0;

	if (!trash->is_counted || !speed->files_per_s)
		return -1;
	if (trash->n_files > trash->n_files_removed)
		left = trash->n_files - trash->n_files_removed;
	return (int64_t)(left / speed->files_per_s);
}

/* --- words ----------------------------------------------------------------------- */

void trash_write_size(FILE *out, uint64_t bytes)
{
	static const char *const units[] = { "B",   "KiB", "MiB",
					     "GiB", "TiB", "PiB" };
	double size = (double)bytes;
	size_t i = 0;

	for (; size >= 1024 && i + 1 < ARRAY_SIZE(units); i++)
		size /= 1024;
	(void)fprintf(out, i == 0 ? "%.0f %s" : "%.1f %s", size, units[i]);
}

static void write_progress(FILE *out, const struct store_trash *trash,
			   const struct trash_speed *speed)
{
	int64_t left_s = trash_seconds_left(trash, speed);
	char left[AGE_MAX];

	(void)fprintf(out, "%" PRIu64, trash->n_files_removed);
	if (trash->is_counted)
		(void)fprintf(out, " of %" PRIu64, trash->n_files);
	(void)fputs(" files, ", out);
	trash_write_size(out, trash->n_bytes_removed);
	if (trash->is_counted) {
		(void)fputs(" of ", out);
		trash_write_size(out, trash->n_bytes);
	}
	(void)fputs(" removed", out);
	if (speed->files_per_s)
		(void)fprintf(out, ", %" PRIu64 " files/s", speed->files_per_s);
	if (left_s >= 0) {
		age_format(left_s, left);
		(void)fprintf(out, ", %s left", left);
	}
}

char *trash_progress(const struct store_trash *trash,
		     const struct trash_speed *speed)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	write_progress(out, trash, speed);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

/* --- JSON ------------------------------------------------------------------------- */

static bool add_time(cJSON *json, const char *key, int64_t unix_s)
{
	char text[TIMESTAMP_MAX];

	timestamp_format(unix_s, text);
	return cJSON_AddStringToObject(json, key, text);
}

static bool add_number(cJSON *json, const char *key, uint64_t value)
{
	return cJSON_AddNumberToObject(json, key, (double)value);
}

static bool add_state(cJSON *json, const struct store_trash *trash)
{
	if (!cJSON_AddStringToObject(json, "state",
				     trash_state_names[trash->state]) ||
	    !add_time(json, "trashedTime", trash->trashed_s) ||
	    !add_time(json, "expiryTime", trash->expires_s))
		return false;
	if (trash->is_counted && (!add_number(json, "files", trash->n_files) ||
				  !add_number(json, "bytes", trash->n_bytes)))
		return false;
	return add_number(json, "filesRemoved", trash->n_files_removed) &&
	       add_number(json, "bytesRemoved", trash->n_bytes_removed);
}

static bool add_speed(cJSON *json, const struct store_trash *trash,
		      const struct trash_speed *speed)
{
	int64_t left_s = trash_seconds_left(trash, speed);

	return add_number(json, "filesPerSecond", speed->files_per_s) &&
	       (left_s < 0 ||
		add_number(json, "secondsLeft", (uint64_t)left_s));
}

char *trash_note(const struct store_trash *trash,
		 const struct trash_speed *speed)
{
	cJSON *json = cJSON_CreateObject();
	char *text = NULL;

	if (add_state(json, trash) &&
	    (!speed || add_speed(json, trash, speed)) &&
	    (!trash->object || strlen(trash->object) > NOTE_OBJECT_MAX ||
	     cJSON_AddRawToObject(json, "object", trash->object)))
		text = cJSON_PrintUnformatted(json);
	cJSON_Delete(json);
	return text;
}

/* Where it was, from its detail. */
static bool add_place(cJSON *json, const struct store_trash *trash)
{
	static const struct {
		const char *key, *name;
	} fields[] = {
		{ "server", "server" },
		{ "share", "share" },
		{ "path", "directory" },
		{ "claimNamespace", "claimNamespace" },
		{ "claimName", "claim" },
		{ "class", "class" },
	};
	cJSON *detail = cJSON_Parse(trash->detail);
	bool ok = detail;

	for (size_t i = 0; ok && i < ARRAY_SIZE(fields); i++) {
		const char *text = cJSON_GetStringValue(
			cJSON_GetObjectItem(detail, fields[i].key));

		ok = cJSON_AddStringToObject(json, fields[i].name,
					     text ? text : "");
	}
	cJSON_Delete(detail);
	return ok;
}

struct cJSON *trash_to_json(const struct store_trash *trash,
			    const struct trash_speed *speed)
{
	cJSON *json = cJSON_CreateObject();
	int64_t left_s = trash_seconds_left(trash, speed);

	if (cJSON_AddStringToObject(json, "volume", trash->volume) &&
	    add_place(json, trash) && add_state(json, trash) &&
	    add_number(json, "filesPerSecond", speed->files_per_s) &&
	    (left_s < 0 || add_number(json, "secondsLeft", (uint64_t)left_s)) &&
	    (!trash->error ||
	     cJSON_AddStringToObject(json, "error", trash->error)))
		return json;
	cJSON_Delete(json);
	return NULL;
}
