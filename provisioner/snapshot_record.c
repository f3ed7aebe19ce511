/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Numbers of 64 bits are texts: JSON's have 53. The place is checked by
 * volume_place_from_detail(); whoever found the snapshot knows better where it lies.
 */

#include "snapshot_record.h"

#include <inttypes.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "json_field.h"
#include "parse.h"
#include "volume_place.h"

static bool add_u64(cJSON *json, const char *key, uint64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRIu64, value);
	return cJSON_AddStringToObject(json, key, text);
}

char *snapshot_record_text(const struct store_snapshot *snapshot)
{
	cJSON *json = cJSON_CreateObject();
	char *text = NULL;

	if (cJSON_AddStringToObject(json, "id", snapshot->id) &&
	    cJSON_AddStringToObject(json, "namespace", snapshot->namespace) &&
	    cJSON_AddStringToObject(json, "name", snapshot->name) &&
	    cJSON_AddStringToObject(json, "volume", snapshot->volume) &&
	    cJSON_AddStringToObject(json, "handle", snapshot->handle) &&
	    cJSON_AddRawToObject(json, "place", snapshot->detail) &&
	    add_u64(json, "createdNs", (uint64_t)snapshot->created_ns) &&
	    add_u64(json, "capacity", snapshot->capacity) &&
	    add_u64(json, "files", snapshot->n_files) &&
	    add_u64(json, "bytes", snapshot->n_bytes))
		text = cJSON_PrintUnformatted(json);
	cJSON_Delete(json);
	return text;
}

static int read_u64(const cJSON *json, const char *key, uint64_t *ret,
		    struct err *err)
{
	const char *text;
	int r = json_string(json, key, "0", &text, err);

	if (r < 0)
		return r;
	return parse_u64(text, 0, INT64_MAX, ret) < 0
		       ? err_set(err, -EINVAL,
				 "%s: Invalid value: \"%s\": must be a number",
				 key, text)
		       : 0;
}

static int read_texts(const cJSON *json, struct store_snapshot *snapshot,
		      struct err *err)
{
	const struct {
		const char *key;
		char **value;
	} fields[] = {
		{ "id", &snapshot->id },
		{ "namespace", &snapshot->namespace },
		{ "name", &snapshot->name },
		{ "volume", &snapshot->volume },
		{ "handle", &snapshot->handle },
	};
	int r = 0;

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(fields); i++)
		r = json_string_dup(json, fields[i].key, "", fields[i].value,
				    err);
	return r;
}

static int read_place(const cJSON *json, struct store_snapshot *snapshot,
		      struct err *err)
{
	_cleanup_(volume_place_fini) struct volume_place place = { 0 };
	const cJSON *detail = json_at(json, "place");

	snapshot->detail = detail ? cJSON_PrintUnformatted(detail) : NULL;
	if (!snapshot->detail)
		return err_set(err, -EINVAL, "place: Required value");
	return volume_place_from_detail(snapshot->detail, &place, err);
}

static int read_numbers(const cJSON *json, struct store_snapshot *snapshot,
			struct err *err)
{
	uint64_t created_ns = 0;
	int r = read_u64(json, "createdNs", &created_ns, err);

	if (r >= 0)
		r = read_u64(json, "capacity", &snapshot->capacity, err);
	if (r >= 0)
		r = read_u64(json, "files", &snapshot->n_files, err);
	if (r >= 0)
		r = read_u64(json, "bytes", &snapshot->n_bytes, err);
	snapshot->created_ns = (int64_t)created_ns;
	return r;
}

int snapshot_record_read(const cJSON *record, const char *id,
			 struct store_snapshot *ret, struct err *err)
{
	_cleanup_(store_snapshot_fini) struct store_snapshot snapshot = {
		.state = SNAPSHOT_READY
	};
	int r = read_texts(record, &snapshot, err);

	if (r >= 0)
		r = read_numbers(record, &snapshot, err);
	if (r >= 0)
		r = read_place(record, &snapshot, err);
	if (r < 0)
		return r;
	if (strcmp(snapshot.id, id) != 0 || !*snapshot.name ||
	    !*snapshot.volume)
		return err_set(err, -EINVAL,
			       "its record is about another snapshot");
	*ret = snapshot;
	snapshot = (struct store_snapshot){ 0 };
	return 0;
}
