/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Reading fields of JSON that other people wrote. A path is member names joined
 * by dots ("spec.csi.driver"); a member whose own name has dots (an annotation)
 * can't be reached by a path, json_labels() reads those.
 *
 * Everywhere: a field that is absent or null is not an error, a field of the
 * wrong type is -EINVAL with `<path>: Invalid value: <value>: must be ...`. *ret is
 * written only on success. Results borrow from the JSON unless noted.
 */

#include "model.h"

struct cJSON;

/* -ENOMEM with its sentence, so that layers above may wrap it. */
int json_no_memory(struct err *err);

/* The whole text must be one JSON value; the sentence names the line. */
int json_parse(const char *text, size_t len, struct cJSON **ret,
	       struct err *err);

/* 1 for a plain value. */
unsigned int json_depth(const struct cJSON *json);

/*
 * -EINVAL for an object with two members of one name, at any depth: whoever adds
 * or removes one by name would find the other one later.
 */
int json_check_keys(const struct cJSON *json, struct err *err);

/*
 * Equal but for the order of members. To be used instead of cJSON_Compare(), which
 * compares every object twice and so takes 2^depth steps.
 */
bool json_is_equal(const struct cJSON *a, const struct cJSON *b);

/* NULL when absent or null. */
const struct cJSON *json_at(const struct cJSON *json, const char *path);

int json_string(const struct cJSON *json, const char *path,
		const char *fallback, const char **ret, struct err *err);
int json_bool(const struct cJSON *json, const char *path, bool fallback,
	      bool *ret, struct err *err);
/* A Quantity, as a string or a number; fallback when absent. */
int json_quantity(const struct cJSON *json, const char *path, uint64_t fallback,
		  uint64_t *ret, struct err *err);
/* Absent = *ret is NULL. */
int json_array(const struct cJSON *json, const char *path,
	       const struct cJSON **ret, struct err *err);
int json_object(const struct cJSON *json, const char *path,
		const struct cJSON **ret, struct err *err);

/* A copy of a string field. */
int json_string_dup(const struct cJSON *json, const char *path,
		    const char *fallback, char **ret, struct err *err);
/* A copy of an array of strings; freed by json_strings_free(). */
int json_strings(const struct cJSON *json, const char *path, char ***ret,
		 size_t *ret_n, struct err *err);
void json_strings_free(char **strings, size_t n);
/* A copy of an object of strings; freed by labels_fini(). */
int json_labels(const struct cJSON *json, const char *path, struct labels *ret,
		struct err *err);

/*
 * `<path>: Invalid value: <value as JSON>: <why>` in err, for values that have the
 * right type and are wrong nevertheless. Always -EINVAL.
 */
int json_invalid(const struct cJSON *value, const char *path, const char *why,
		 struct err *err);
