/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Unknown fields are found by walking the object beside the tables. Fields whose
 * value has no table (maps, and what the tables call any) are not looked into; a
 * value of the wrong type is validation's to refuse.
 *
 * The recursion is bounded by the tables: no type contains itself.
 */

#include "api_schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "cleanup.h"

#define UNKNOWN_MAX  16u
#define PATH_MAX_LEN 512u

struct finder {
	FILE *out;
	char path[PATH_MAX_LEN];
	size_t len;
	unsigned int n;
};

const struct api_schema_type *api_schema_of(enum object_kind kind)
{
	const char *name = object_kind_info(kind)->name;
	size_t i = 0;

	while (strcmp(api_schema_types[i].name, name) != 0)
		i++;
	return &api_schema_types[i];
}

const struct api_schema_field *api_schema_find(
	const struct api_schema_type *type, const char *name)
{
	for (size_t i = 0; i < type->n_fields; i++) {
		if (strcmp(type->fields[i].name, name) == 0)
			return &type->fields[i];
	}
	return NULL;
}

const struct api_schema_field *api_schema_merged_list(const char *name)
{
	for (size_t i = 0; i < api_schema_n_types; i++) {
		const struct api_schema_field *field =
			api_schema_find(&api_schema_types[i], name);

		if (field && field->is_merged)
			return field;
	}
	return NULL;
}

const struct api_schema_type *api_schema_inner(
	const struct api_schema_field *field)
{
	return field->base == API_SCHEMA_TYPE ? &api_schema_types[field->type]
					      : NULL;
}

/* Returns the length to go back to. A path that is too long is cut. */
static size_t push(struct finder *finder, const char *text)
{
	size_t before = finder->len;

	(void)snprintf(finder->path + before, PATH_MAX_LEN - before, "%s",
		       text);
	finder->len = strlen(finder->path);
	return before;
}

static void pop(struct finder *finder, size_t len)
{
	finder->len = len;
	finder->path[len] = '\0';
}

static void report(struct finder *finder)
{
	if (finder->n++ < UNKNOWN_MAX)
		fprintf(finder->out, "%sunknown field \"%s\"",
			finder->n > 1 ? ", " : "", finder->path);
}

static void look_into(struct finder *finder, const struct api_schema_type *type,
		      const cJSON *json);

static void look_into_list(struct finder *finder,
			   const struct api_schema_type *type,
			   const cJSON *list)
{
	const cJSON *item;
	unsigned int i = 0;

	cJSON_ArrayForEach (item, list) {
		char index[16];
		size_t before;

		(void)snprintf(index, sizeof(index), "[%u]", i++);
		before = push(finder, index);
		if (cJSON_IsObject(item))
			look_into(finder, type, item);
		pop(finder, before);
	}
}

static void look_at(struct finder *finder, const struct api_schema_field *field,
		    const cJSON *value)
{
	const struct api_schema_type *type =
		field ? api_schema_inner(field) : NULL;

	if (!field)
		report(finder);
	else if (type && cJSON_IsObject(value))
		look_into(finder, type, value);
	else if (type && cJSON_IsArray(value))
		look_into_list(finder, type, value);
}

static void look_into(struct finder *finder, const struct api_schema_type *type,
		      const cJSON *json)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, json) {
		size_t before = push(finder, finder->len ? "." : "");

		(void)push(finder, item->string);
		look_at(finder, api_schema_find(type, item->string), item);
		pop(finder, before);
	}
}

char *api_schema_unknown(const struct object *object)
{
	_cleanup_(free) char *text = NULL;
	size_t len;
	struct finder finder = { .out = open_memstream(&text, &len) };

	if (!finder.out)
		return NULL;
	look_into(&finder, api_schema_of(object->kind), object->json);
	return fclose(finder.out) == 0 ? TAKE_PTR(text) : NULL;
}
