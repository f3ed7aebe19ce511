/* SPDX-License-Identifier: Apache-2.0 */

/*
 * JSON to YAML as `kubectl get -o yaml` prints it: block style, keys sorted,
 * strings quoted only where they would be read as something else.
 */

#include <stdbool.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <yaml.h>

#include "manifest.h"
#include "manifest_internal.h"

static bool write_json(yaml_emitter_t *emitter, const cJSON *json);

static bool is_read_as_string(const char *text)
{
	cJSON *node = manifest_plain_scalar(text);
	bool is_string = cJSON_IsString(node);

	cJSON_Delete(node);
	return is_string;
}

/* Dates are strings to us and times to other readers of YAML 1.1. */
static bool is_like_date(const char *text)
{
	return strspn(text, "0123456789") == 4 && text[4] == '-';
}

static yaml_scalar_style_t style_of(const char *text)
{
	if (strchr(text, '\n'))
		return YAML_LITERAL_SCALAR_STYLE;
	if (!is_read_as_string(text) || is_like_date(text) ||
	    strcmp(text, "<<") == 0)
		return YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	return YAML_ANY_SCALAR_STYLE;
}

static bool write_scalar(yaml_emitter_t *emitter, const char *text,
			 yaml_scalar_style_t style)
{
	yaml_event_t event;

	return yaml_scalar_event_initialize(&event, NULL, NULL,
					    (const yaml_char_t *)text,
					    (int)strlen(text), 1, 1, style) &&
	       yaml_emitter_emit(emitter, &event);
}

static bool write_plain_json(yaml_emitter_t *emitter, const cJSON *json)
{
	char *text = cJSON_PrintUnformatted(json);
	bool is_ok =
		text && write_scalar(emitter, text, YAML_PLAIN_SCALAR_STYLE);

	cJSON_free(text);
	return is_ok;
}

static bool write_sequence(yaml_emitter_t *emitter, const cJSON *array)
{
	yaml_event_t event;
	const cJSON *item;

	if (!yaml_sequence_start_event_initialize(
		    &event, NULL, NULL, 1,
		    array->child ? YAML_BLOCK_SEQUENCE_STYLE
				 : YAML_FLOW_SEQUENCE_STYLE) ||
	    !yaml_emitter_emit(emitter, &event))
		return false;
	cJSON_ArrayForEach (item, array) {
		if (!write_json(emitter, item))
			return false;
	}
	return yaml_sequence_end_event_initialize(&event) &&
	       yaml_emitter_emit(emitter, &event);
}

static int by_key(const void *a, const void *b)
{
	const cJSON *const *x = a;
	const cJSON *const *y = b;

	return strcmp((*x)->string, (*y)->string);
}

static bool write_members(yaml_emitter_t *emitter, const cJSON *object)
{
	size_t n = (size_t)cJSON_GetArraySize(object), i = 0;
	_cleanup_(free) const cJSON **members = calloc(n + 1, sizeof(*members));
	const cJSON *item;

	if (!members)
		return false;
	cJSON_ArrayForEach (item, object)
		members[i++] = item;
	qsort(members, n, sizeof(*members), by_key);
	for (i = 0; i < n; i++) {
		const char *key = members[i]->string;

		if (!write_scalar(emitter, key, style_of(key)) ||
		    !write_json(emitter, members[i]))
			return false;
	}
	return true;
}

static bool write_mapping(yaml_emitter_t *emitter, const cJSON *object)
{
	yaml_event_t event;

	return yaml_mapping_start_event_initialize(
		       &event, NULL, NULL, 1,
		       object->child ? YAML_BLOCK_MAPPING_STYLE
				     : YAML_FLOW_MAPPING_STYLE) &&
	       yaml_emitter_emit(emitter, &event) &&
	       write_members(emitter, object) &&
	       yaml_mapping_end_event_initialize(&event) &&
	       yaml_emitter_emit(emitter, &event);
}

static bool write_json(yaml_emitter_t *emitter, const cJSON *json)
{
	if (cJSON_IsObject(json))
		return write_mapping(emitter, json);
	if (cJSON_IsArray(json))
		return write_sequence(emitter, json);
	if (cJSON_IsString(json))
		return write_scalar(emitter, json->valuestring,
				    style_of(json->valuestring));
	return write_plain_json(emitter, json);
}

static bool write_document(yaml_emitter_t *emitter, const cJSON *json)
{
	yaml_event_t event;

	return yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING) &&
	       yaml_emitter_emit(emitter, &event) &&
	       yaml_document_start_event_initialize(&event, NULL, NULL, NULL,
						    1) &&
	       yaml_emitter_emit(emitter, &event) &&
	       write_json(emitter, json) &&
	       yaml_document_end_event_initialize(&event, 1) &&
	       yaml_emitter_emit(emitter, &event) &&
	       yaml_stream_end_event_initialize(&event) &&
	       yaml_emitter_emit(emitter, &event);
}

char *manifest_to_yaml(const struct cJSON *json)
{
	_cleanup_(free) char *text = NULL;
	yaml_emitter_t emitter;
	size_t len = 0;
	bool is_ok;
	FILE *out;

	out = open_memstream(&text, &len);
	if (!out)
		return NULL;
	is_ok = yaml_emitter_initialize(&emitter);
	if (is_ok) {
		yaml_emitter_set_output_file(&emitter, out);
		yaml_emitter_set_unicode(&emitter, 1);
		yaml_emitter_set_width(&emitter, -1);
		is_ok = write_document(&emitter, json);
		yaml_emitter_delete(&emitter);
	}
	/* The text is complete only after the stream is closed. */
	return fclose(out) == 0 && is_ok ? TAKE_PTR(text) : NULL;
}
