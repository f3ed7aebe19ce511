/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Merge and strategic merge are one recursion: they differ only where both sides
 * have a list, and in the directives that a strategic patch may carry.
 *
 * Strategic merge needs to know which lists are sets or maps; api_schema.txt says it of
 * the kinds that are served. The name of a field is enough: among them it is
 * unambiguous. All other lists are replaced, as the real server
 * does for those that are marked atomic.
 *
 * A patch that comes from a client may be any JSON; depth is limited by the parser
 * (CJSON_NESTING_LIMIT), so the recursion is bounded.
 */

#include "api_patch.h"

#include <stdbool.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "api_json_patch.h"
#include "api_schema.h"
#include "json_field.h"

static const struct {
	const char *content_type;
	enum api_patch_type type;
} types[] = {
	{ "application/merge-patch+json", API_PATCH_MERGE },
	{ "application/strategic-merge-patch+json", API_PATCH_STRATEGIC },
	{ "application/json-patch+json", API_PATCH_JSON },
};

int api_patch_type_parse(const char *content_type, enum api_patch_type *ret)
{
	size_t len = strcspn(content_type, "; ");

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (strlen(types[i].content_type) == len &&
		    strncmp(types[i].content_type, content_type, len) == 0) {
			*ret = types[i].type;
			return 0;
		}
	}
	return -ENOENT;
}

static int merge(cJSON *target, const cJSON *patch, enum api_patch_type type);

static int no_memory(void)
{
	return -ENOMEM;
}

static int put(cJSON *object, const char *name, cJSON *take_value)
{
	if (!take_value)
		return no_memory();
	cJSON_DeleteItemFromObjectCaseSensitive(object, name);
	if (!cJSON_AddItemToObject(object, name, take_value)) {
		cJSON_Delete(take_value);
		return no_memory();
	}
	return 0;
}

static bool has_directive(const cJSON *patch, const char *value)
{
	const char *directive = cJSON_GetStringValue(
		cJSON_GetObjectItemCaseSensitive(patch, "$patch"));

	return directive && strcmp(directive, value) == 0;
}

/* The element of a list that an element of the patch is about; NULL = none. */
static cJSON *find_element(cJSON *list, const cJSON *wanted, const char *key)
{
	const cJSON *value =
		key ? cJSON_GetObjectItemCaseSensitive(wanted, key) : wanted;
	cJSON *item;

	cJSON_ArrayForEach (item, list) {
		const cJSON *mine =
			key ? cJSON_GetObjectItemCaseSensitive(item, key)
			    : item;

		if (json_is_equal(mine, value))
			return item;
	}
	return NULL;
}

static int merge_element(cJSON *list, const cJSON *patch, const char *key)
{
	cJSON *item = find_element(list, patch, key);
	cJSON *copy;

	if (key && has_directive(patch, "delete")) {
		if (item)
			cJSON_Delete(cJSON_DetachItemViaPointer(list, item));
		return 0;
	}
	if (item)
		return key ? merge(item, patch, API_PATCH_STRATEGIC) : 0;
	copy = cJSON_Duplicate(patch, true);
	if (!copy || !cJSON_AddItemToArray(list, copy))
		return no_memory();
	return 0;
}

static int merge_list(cJSON *list, const cJSON *patch, const char *key)
{
	const cJSON *item;
	int r;

	cJSON_ArrayForEach (item, patch) {
		if (has_directive(item, "replace"))
			continue;
		r = merge_element(list, item, key);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool replaces_list(const cJSON *patch)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, patch) {
		if (has_directive(item, "replace"))
			return true;
	}
	return false;
}

/* "$deleteFromPrimitiveList/finalizers": ["a"] */
static void delete_from_list(cJSON *target, const char *field,
			     const cJSON *values)
{
	cJSON *list = cJSON_GetObjectItemCaseSensitive(target, field);
	const cJSON *value;

	cJSON_ArrayForEach (value, values) {
		cJSON *item = find_element(list, value, NULL);

		if (item)
			cJSON_Delete(cJSON_DetachItemViaPointer(list, item));
	}
}

/* "$retainKeys": ["a"]: of the target, only these stay. */
static void retain_keys(cJSON *target, const cJSON *keys)
{
	cJSON *item = target->child;

	while (item) {
		cJSON *next = item->next;
		cJSON name = { .type = cJSON_String | cJSON_IsReference,
			       .valuestring = item->string };

		if (!find_element((cJSON *)keys, &name, NULL))
			cJSON_Delete(cJSON_DetachItemViaPointer(target, item));
		item = next;
	}
}

/* $setElementOrder/... only sorts, and nothing here depends on the order. */
static void obey_directive(cJSON *target, const cJSON *directive)
{
	static const char delete_prefix[] = "$deleteFromPrimitiveList/";

	if (strncmp(directive->string, delete_prefix,
		    sizeof(delete_prefix) - 1) == 0)
		delete_from_list(target,
				 directive->string + sizeof(delete_prefix) - 1,
				 directive);
	else if (strcmp(directive->string, "$retainKeys") == 0)
		retain_keys(target, directive);
}

/* Merges into a member that is made if it is missing, so that nulls are dropped. */
static int merge_object(cJSON *target, const cJSON *patch,
			enum api_patch_type type)
{
	cJSON *member = cJSON_GetObjectItemCaseSensitive(target, patch->string);

	if (type == API_PATCH_STRATEGIC && has_directive(patch, "delete")) {
		cJSON_DeleteItemFromObjectCaseSensitive(target, patch->string);
		return 0;
	}
	if (!cJSON_IsObject(member) ||
	    (type == API_PATCH_STRATEGIC && has_directive(patch, "replace"))) {
		cJSON_DeleteItemFromObjectCaseSensitive(target, patch->string);
		member = cJSON_AddObjectToObject(target, patch->string);
	}
	return member ? merge(member, patch, type) : no_memory();
}

static int merge_member(cJSON *target, const cJSON *patch,
			enum api_patch_type type)
{
	cJSON *member = cJSON_GetObjectItemCaseSensitive(target, patch->string);
	const struct api_schema_field *list =
		api_schema_merged_list(patch->string);

	if (cJSON_IsNull(patch)) {
		cJSON_DeleteItemFromObjectCaseSensitive(target, patch->string);
		return 0;
	}
	if (cJSON_IsObject(patch))
		return merge_object(target, patch, type);
	if (type != API_PATCH_STRATEGIC || !list || !cJSON_IsArray(patch))
		return put(target, patch->string, cJSON_Duplicate(patch, true));
	if (!cJSON_IsArray(member) || replaces_list(patch)) {
		cJSON_DeleteItemFromObjectCaseSensitive(target, patch->string);
		member = cJSON_AddArrayToObject(target, patch->string);
		if (!member)
			return no_memory();
	}
	return merge_list(member, patch, list->merge_key);
}

static int merge(cJSON *target, const cJSON *patch, enum api_patch_type type)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, patch) {
		int r = 0;

		if (type == API_PATCH_STRATEGIC && item->string[0] == '$')
			obey_directive(target, item);
		else
			r = merge_member(target, item, type);
		if (r < 0)
			return r;
	}
	return 0;
}

int api_patch_apply(struct cJSON **target, enum api_patch_type type,
		    const struct cJSON *patch, struct err *err)
{
	int r;

	if (type == API_PATCH_JSON)
		return api_json_patch_apply(target, patch, err);
	/* RFC 7386 lets any value replace the root; an API object must stay one. */
	if (!cJSON_IsObject(patch) || !cJSON_IsObject(*target))
		return err_set(err, -EINVAL, "the patch is not a JSON object");
	r = merge(*target, patch, type);
	if (r < 0)
		return err_set(err, r, "apply a patch: out of memory");
	return 0;
}
