/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The fields of the API's objects, as tables that are made from api_schema.txt.
 * Immutable. Threads: any.
 */

#include <stdbool.h>
#include <stddef.h>

#include "object.h"

enum api_schema_shape {
	API_SCHEMA_ONE,
	API_SCHEMA_LIST,
	API_SCHEMA_MAP, /* names of any kind to values of this one */
};

enum api_schema_base {
	API_SCHEMA_STRING,
	API_SCHEMA_INTEGER,
	API_SCHEMA_BOOLEAN,
	API_SCHEMA_NUMBER,
	API_SCHEMA_QUANTITY,
	API_SCHEMA_TIME,
	API_SCHEMA_ANY,	 /* whatever is in it is right */
	API_SCHEMA_TYPE, /* an object with fields of its own */
	API_SCHEMA_BASE_N,
};

struct api_schema_field {
	const char *name;
	const char *text; /* what it is, for people */
	enum api_schema_shape shape;
	enum api_schema_base base;
	size_t type; /* with API_SCHEMA_TYPE: its place in api_schema_types */
	bool is_required;
	bool is_merged;	       /* a list that a strategic merge patch merges */
	const char *merge_key; /* NULL = a set of strings */
};

struct api_schema_type {
	const char *name;
	const char *api_version; /* NULL = not a kind */
	const char *text;
	const struct api_schema_field *fields;
	size_t n_fields;
};

extern const struct api_schema_type api_schema_types[];
extern const size_t api_schema_n_types;

const struct api_schema_type *api_schema_of(enum object_kind kind);
/* NULL = the type has no such field. */
const struct api_schema_field *api_schema_find(
	const struct api_schema_type *type, const char *name);
/* A list of this name that a strategic merge patch merges; NULL = there is none. */
const struct api_schema_field *api_schema_merged_list(const char *name);
/* The type of a field's value, or of its items; NULL = it has no fields. */
const struct api_schema_type *api_schema_inner(
	const struct api_schema_field *field);

/*
 * What of an object is not in its kind's table, as the real API server has it:
 * `unknown field "spec.x", unknown field "spec.y[0].z"`. "" if there is nothing; of
 * many only the first are named. malloc'ed, NULL = no memory.
 */
char *api_schema_unknown(const struct object *object);
