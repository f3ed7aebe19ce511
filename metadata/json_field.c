/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One function per type, so that "absent", "null" and "of another type" are told
 * apart in one place and in the same words. Kubernetes treats null as absent.
 */

#include "json_field.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "quantity.h"

int json_no_memory(struct err *err)
{
	err_set(err, -ENOMEM, "read JSON: out of memory");
	return -ENOMEM;
}

static unsigned int line_of(const char *text, const char *at)
{
	unsigned int line = 1;

	for (; text < at; text++)
		line += *text == '\n';
	return line;
}

static bool is_blank(const char *text, const char *end)
{
	while (text < end && strchr(" \t\r\n", *text) && *text)
		text++;
	return text == end;
}

int json_parse(const char *text, size_t len, struct cJSON **ret,
	       struct err *err)
{
	const char *end = NULL;
	cJSON *json = cJSON_ParseWithLengthOpts(text, len, &end, false);

	if (!json)
		return err_set(err, -EINVAL, "JSON syntax error in line %u",
			       end ? line_of(text, end) : 1);
	if (!is_blank(end, text + len)) {
		cJSON_Delete(json);
		return err_set(err, -EINVAL,
			       "text after the end of the JSON in line %u",
			       line_of(text, end));
	}
	*ret = json;
	return 0;
}

unsigned int json_depth(const struct cJSON *json)
{
	unsigned int deepest = 0;
	const cJSON *item;

	cJSON_ArrayForEach (item, json) {
		unsigned int depth = json_depth(item);

		if (depth > deepest)
			deepest = depth;
	}
	return deepest + 1;
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int check_own_keys(const cJSON *object, struct err *err)
{
	size_t n = (size_t)cJSON_GetArraySize(object), i = 0;
	_cleanup_(free) const char **keys = calloc(n + 1, sizeof(*keys));
	const cJSON *item;

	if (!keys)
		return json_no_memory(err);
	cJSON_ArrayForEach (item, object)
		keys[i++] = item->string;
	qsort(keys, n, sizeof(*keys), compare_keys);
	for (i = 1; i < n; i++)
		if (strcmp(keys[i - 1], keys[i]) == 0)
			return err_set(err, -EINVAL, "duplicate field \"%s\"",
				       keys[i]);
	return 0;
}

int json_check_keys(const struct cJSON *json, struct err *err)
{
	const cJSON *item;
	int r = cJSON_IsObject(json) ? check_own_keys(json, err) : 0;

	cJSON_ArrayForEach (item, json)
		if (r == 0 && item->child)
			r = json_check_keys(item, err);
	return r;
}

static const cJSON *member(const cJSON *json, const char *name, size_t len)
{
	const cJSON *item;

	if (!cJSON_IsObject(json))
		return NULL;
	cJSON_ArrayForEach (item, json) {
		if (strncmp(item->string, name, len) == 0 && !item->string[len])
			return item;
	}
	return NULL;
}

const struct cJSON *json_at(const struct cJSON *json, const char *path)
{
	while (json) {
		size_t len = strcspn(path, ".");

		json = member(json, path, len);
		if (!path[len])
			break;
		path += len + 1;
	}
	return cJSON_IsNull(json) ? NULL : json;
}

static bool has_keys_of(const cJSON *object, const cJSON *keys)
{
	const cJSON *at = object->child;
	const cJSON *item;

	cJSON_ArrayForEach (item, keys) {
		/* Nearly always in the same order: look there first. */
		if (!at || strcmp(at->string, item->string) != 0)
			at = member(object, item->string, strlen(item->string));
		if (!at)
			return false;
		at = at->next;
	}
	return true;
}

static bool has_values_of(const cJSON *object, const cJSON *values)
{
	const cJSON *at = object->child;
	const cJSON *item;

	cJSON_ArrayForEach (item, values) {
		if (!at || strcmp(at->string, item->string) != 0)
			at = member(object, item->string, strlen(item->string));
		if (!at || !json_is_equal(at, item))
			return false;
		at = at->next;
	}
	return true;
}

static bool is_equal_array(const cJSON *a, const cJSON *b)
{
	a = a->child;
	b = b->child;
	for (; a && b; a = a->next, b = b->next) {
		if (!json_is_equal(a, b))
			return false;
	}
	return !a && !b;
}

bool json_is_equal(const struct cJSON *a, const struct cJSON *b)
{
	if (!a || !b)
		return a == b;
	if (cJSON_IsObject(a) && cJSON_IsObject(b))
		return has_keys_of(a, b) && has_values_of(b, a);
	if (cJSON_IsArray(a) && cJSON_IsArray(b))
		return is_equal_array(a, b);
	return cJSON_Compare(a, b, true);
}

int json_invalid(const struct cJSON *value, const char *path, const char *why,
		 struct err *err)
{
	char *text = cJSON_PrintUnformatted(value);

	err_set(err, -EINVAL, "%s: Invalid value: %s: %s", path,
		text ? text : "?", why);
	cJSON_free(text);
	return -EINVAL;
}

int json_string(const struct cJSON *json, const char *path,
		const char *fallback, const char **ret, struct err *err)
{
	const cJSON *item = json_at(json, path);

	if (item && !cJSON_IsString(item))
		return json_invalid(item, path, "must be a string", err);
	*ret = item ? item->valuestring : fallback;
	return 0;
}

int json_bool(const struct cJSON *json, const char *path, bool fallback,
	      bool *ret, struct err *err)
{
	const cJSON *item = json_at(json, path);

	if (item && !cJSON_IsBool(item))
		return json_invalid(item, path, "must be true or false", err);
	*ret = item ? cJSON_IsTrue(item) : fallback;
	return 0;
}

int json_quantity(const struct cJSON *json, const char *path, uint64_t fallback,
		  uint64_t *ret, struct err *err)
{
	const cJSON *item = json_at(json, path);
	char *number = NULL;
	const char *text;
	int r;

	if (!item) {
		*ret = fallback;
		return 0;
	}
	if (!cJSON_IsString(item) && !cJSON_IsNumber(item))
		return json_invalid(item, path, "must be a quantity", err);
	if (cJSON_IsNumber(item))
		number = cJSON_PrintUnformatted(item);
	text = number ? number : item->valuestring;
	r = text ? quantity_parse(text, ret, err) : json_no_memory(err);
	if (r < 0)
		err_wrap(err, "%s: Invalid value: \"%s\"", path,
			 text ? text : "");
	cJSON_free(number);
	return r;
}

int json_array(const struct cJSON *json, const char *path,
	       const struct cJSON **ret, struct err *err)
{
	const cJSON *item = json_at(json, path);

	if (item && !cJSON_IsArray(item))
		return json_invalid(item, path, "must be a list", err);
	*ret = item;
	return 0;
}

int json_object(const struct cJSON *json, const char *path,
		const struct cJSON **ret, struct err *err)
{
	const cJSON *item = json_at(json, path);

	if (item && !cJSON_IsObject(item))
		return json_invalid(item, path, "must be an object", err);
	*ret = item;
	return 0;
}

int json_string_dup(const struct cJSON *json, const char *path,
		    const char *fallback, char **ret, struct err *err)
{
	const char *text;
	char *copy;
	int r;

	r = json_string(json, path, fallback, &text, err);
	if (r < 0)
		return r;
	copy = strdup(text);
	if (!copy)
		return json_no_memory(err);
	*ret = copy;
	return 0;
}

void json_strings_free(char **strings, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(strings[i]);
	free(strings);
}

static int dup_strings(const cJSON *array, const char *path, char **strings,
		       size_t *n, struct err *err)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, array) {
		if (!cJSON_IsString(item))
			return json_invalid(item, path,
					    "must be a list of strings", err);
		strings[*n] = strdup(item->valuestring);
		if (!strings[*n])
			return json_no_memory(err);
		(*n)++;
	}
	return 0;
}

int json_strings(const struct cJSON *json, const char *path, char ***ret,
		 size_t *ret_n, struct err *err)
{
	const cJSON *array;
	char **strings;
	size_t n = 0;
	int r;

	r = json_array(json, path, &array, err);
	if (r < 0)
		return r;
	strings =
		calloc((size_t)cJSON_GetArraySize(array) + 1, sizeof(*strings));
	if (!strings)
		return json_no_memory(err);
	r = dup_strings(array, path, strings, &n, err);
	if (r < 0) {
		json_strings_free(strings, n);
		return r;
	}
	*ret = strings;
	*ret_n = n;
	return 0;
}

static int dup_labels(const cJSON *object, const char *path,
		      struct labels *labels, struct err *err)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, object) {
		struct label *label = &labels->items[labels->n];

		if (!cJSON_IsString(item)) {
			(void)json_invalid(item, item->string,
					   "must be a string", err);
			err_wrap(err, "%s", path);
			return -EINVAL;
		}
		labels->n++;
		label->key = strdup(item->string);
		label->value = strdup(item->valuestring);
		if (!label->key || !label->value)
			return json_no_memory(err);
	}
	return 0;
}

int json_labels(const struct cJSON *json, const char *path, struct labels *ret,
		struct err *err)
{
	struct labels labels = { 0 };
	const cJSON *object;
	int r;

	r = json_object(json, path, &object, err);
	if (r < 0)
		return r;
	labels.items = calloc((size_t)cJSON_GetArraySize(object) + 1,
			      sizeof(*labels.items));
	if (!labels.items)
		return json_no_memory(err);
	r = dup_labels(object, path, &labels, err);
	if (r < 0) {
		labels_fini(&labels);
		return r;
	}
	*ret = labels;
	return 0;
}
