/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What was whole when a copy went on is not counted a second time, nor is what was done
 * in the second before a crash: the numbers say how far it is, not what is there.
 */

#include "copy_json.h"

#include <cjson/cJSON.h>

#include "clock.h"
#include "timestamp.h"

static bool add_number(cJSON *json, const char *key, uint64_t value)
{
	return cJSON_AddNumberToObject(json, key, (double)value);
}

static bool add_speed(cJSON *json, const struct turns_speed *speed)
{
	return add_number(json, "filesPerSecond", speed->files_per_s) &&
	       add_number(json, "bytesPerSecond", speed->bytes_per_s);
}

static bool add_totals(cJSON *json, bool is_counted, uint64_t files,
		       uint64_t bytes)
{
	return !is_counted || (add_number(json, "totalFiles", files) &&
			       add_number(json, "totalBytes", bytes));
}

static bool add_error(cJSON *json, const char *error)
{
	return !error || cJSON_AddStringToObject(json, "error", error);
}

/* The claim that a place is of. */
static bool add_claim(cJSON *json, const char *detail)
{
	cJSON *place = cJSON_Parse(detail);
	const char *namespace = cJSON_GetStringValue(
		cJSON_GetObjectItem(place, "claimNamespace"));
	const char *name =
		cJSON_GetStringValue(cJSON_GetObjectItem(place, "claimName"));
	bool ok = cJSON_AddStringToObject(json, "claimNamespace",
					  namespace ? namespace : "") &&
		  cJSON_AddStringToObject(json, "claim", name ? name : "");

	cJSON_Delete(place);
	return ok;
}

struct cJSON *copy_to_json(const struct store_copy *copy,
			   const struct turns_speed *speed)
{
	cJSON *json = cJSON_CreateObject();

	if (cJSON_AddStringToObject(json, "name", copy->name) &&
	    cJSON_AddBoolToObject(json, "isSnapshot", copy->is_snapshot) &&
	    cJSON_AddStringToObject(json, "volume", copy->volume) &&
	    (!copy->snapshot ||
	     cJSON_AddStringToObject(json, "snapshot", copy->snapshot)) &&
	    add_claim(json, copy->target) &&
	    cJSON_AddStringToObject(json, "state",
				    copy_state_names[copy->state]) &&
	    add_number(json, "files", copy->n_files) &&
	    add_number(json, "bytes", copy->n_bytes) &&
	    add_totals(json, copy->is_counted, copy->n_total_files,
		       copy->n_total_bytes) &&
	    add_speed(json, speed) && add_error(json, copy->error))
		return json;
	cJSON_Delete(json);
	return NULL;
}

static bool add_created(cJSON *json, int64_t created_ns)
{
	char text[TIMESTAMP_MAX];

	timestamp_format(created_ns / (int64_t)NS_PER_S, text);
	return cJSON_AddStringToObject(json, "creationTime", text);
}

struct cJSON *snapshot_to_json(const struct store_snapshot *snapshot,
			       const struct turns_speed *speed)
{
	cJSON *json = cJSON_CreateObject();
	const char *state = snapshot->is_stopped
				    ? copy_state_names[COPY_STOPPED]
				    : snapshot_state_names[snapshot->state];

	if (cJSON_AddStringToObject(json, "id", snapshot->id) &&
	    cJSON_AddStringToObject(json, "namespace", snapshot->namespace) &&
	    cJSON_AddStringToObject(json, "name", snapshot->name) &&
	    cJSON_AddStringToObject(json, "volume", snapshot->volume) &&
	    cJSON_AddStringToObject(json, "volumeHandle", snapshot->handle) &&
	    add_claim(json, snapshot->detail) &&
	    cJSON_AddStringToObject(json, "state", state) &&
	    cJSON_AddBoolToObject(json, "readyToUse",
				  snapshot->state == SNAPSHOT_READY) &&
	    add_created(json, snapshot->created_ns) &&
	    add_number(json, "capacity", snapshot->capacity) &&
	    add_number(json, "files", snapshot->n_files) &&
	    add_number(json, "bytes", snapshot->n_bytes) &&
	    add_totals(json, snapshot->is_counted, snapshot->n_total_files,
		       snapshot->n_total_bytes) &&
	    add_speed(json, speed) && add_error(json, snapshot->error))
		return json;
	cJSON_Delete(json);
	return NULL;
}
