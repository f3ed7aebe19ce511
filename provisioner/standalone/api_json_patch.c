/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Debian's libcjson-dev comes without cJSON_Utils.h, so the standard is written
 * down here, RFC 6902 with the pointers of RFC 6901.
 *
 * An operation finds the parent of what it is about and works on that: an object
 * and a member's name, or an array and an index ("-" is behind the last). "copy"
 * and "move" are an "add" of what is at "from".
 */

#include "api_json_patch.h"

#include <stdbool.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "json_field.h"
#include "parse.h"

#define OPERATIONS_MAX 10000
#define PATH_DEPTH_MAX 128    /* else a patch could dig without end */
#define COPIED_MAX     100000 /* nodes; "copy" of "" to "/x" doubles the whole */

struct place {
	cJSON *parent; /* NULL = the root itself */
	char *name;    /* unescaped last token */
};

static void place_fini(struct place *place)
{
	free(place->name);
}

DEFINE_FINI(struct place, place_fini)

static int cannot(const char *what, const char *path, struct err *err)
{
	return err_set(err, -EBADMSG, "%s \"%s\"", what, path);
}

/* RFC 6901 4: "~1" is "/", then "~0" is "~". */
static char *unescape(const char *token, size_t len)
{
	char *text = malloc(len + 1);
	char *to = text;

	for (size_t i = 0; text && i < len; i++) {
		if (token[i] == '~' && i + 1 < len &&
		    (token[i + 1] == '0' || token[i + 1] == '1'))
			*to++ = token[++i] == '0' ? '~' : '/';
		else
			*to++ = token[i];
	}
	if (text)
		*to = '\0';
	return text;
}

/* RFC 6901 4: no leading zeros. */
static bool parse_index(const char *name, uint32_t max, uint32_t *ret)
{
	if (name[0] == '0' && name[1])
		return false;
	return parse_u32(name, 0, max, ret) == 0;
}

static cJSON *child(cJSON *parent, const char *name)
{
	uint32_t i;

	if (cJSON_IsObject(parent))
		return cJSON_GetObjectItemCaseSensitive(parent, name);
	if (cJSON_IsArray(parent) && parse_index(name, INT32_MAX, &i))
		return cJSON_GetArrayItem(parent, (int)i);
	return NULL;
}

static int find_place(cJSON *root, const char *path, struct place *ret,
		      struct err *err)
{
	cJSON *at = root;
	int depth = 0;

	*ret = (struct place){ 0 };
	if (!*path)
		return 0;
	if (*path != '/')
		return err_set(err, -EINVAL, "path \"%s\" doesn't begin with /",
			       path);
	for (const char *token = path + 1;;) {
		size_t len = strcspn(token, "/");

		if (depth++ == PATH_DEPTH_MAX)
			return cannot("too deep a path:", path, err);
		free(ret->name);
		ret->name = unescape(token, len);
		if (!ret->name)
			return err_set(err, -ENOMEM,
				       "apply a patch: out of memory");
		if (!token[len])
			break;
		at = child(at, ret->name);
		token += len + 1;
	}
	if (!cJSON_IsObject(at) && !cJSON_IsArray(at))
		return cannot("there is no parent of", path, err);
	ret->parent = at;
	return 0;
}

static cJSON *find(cJSON *root, const struct place *place)
{
	return place->parent ? child(place->parent, place->name) : root;
}

static bool insert(struct place *place, cJSON *value)
{
	cJSON *parent = place->parent;
	int n = cJSON_GetArraySize(parent);
	uint32_t i;

	if (cJSON_IsObject(parent)) {
		cJSON_DeleteItemFromObjectCaseSensitive(parent, place->name);
		return cJSON_AddItemToObject(parent, place->name, value);
	}
	if (strcmp(place->name, "-") == 0)
		return cJSON_AddItemToArray(parent, value);
	if (!parse_index(place->name, (uint32_t)n, &i))
		return false;
	/*
	 * Some cJSON (1.7.17, Debian's 1.7.15) look at the wrong item's prev to find
	 * a broken list, and refuse all but index 0; prev is overwritten anyway.
	 */
	value->prev = value;
	/* cJSON appends when the index is the length. */
	return cJSON_InsertItemInArray(parent, (int)i, value);
}

static int add(cJSON **root, const char *path, cJSON *take_value,
	       struct err *err)
{
	_cleanup_(place_fini) struct place place = { 0 };
	int r;

	if (!take_value)
		return err_set(err, -ENOMEM, "apply a patch: out of memory");
	r = find_place(*root, path, &place, err);
	if (r == 0 && !place.parent) {
		cJSON_Delete(*root);
		*root = take_value;
		return 0;
	}
	if (r == 0 && !insert(&place, take_value))
		r = cannot("nothing can be added at", path, err);
	if (r < 0)
		cJSON_Delete(take_value);
	return r;
}

/* Detaches what is at path; the root can't be. */
static int detach(cJSON *root, const char *path, cJSON **ret, struct err *err)
{
	_cleanup_(place_fini) struct place place = { 0 };
	cJSON *item;
	int r = find_place(root, path, &place, err);

	if (r < 0)
		return r;
	item = find(root, &place);
	if (!item || !place.parent)
		return cannot("there is nothing to remove at", path, err);
	*ret = cJSON_DetachItemViaPointer(place.parent, item);
	return 0;
}

static int look_up(cJSON *root, const char *path, cJSON **ret, struct err *err)
{
	_cleanup_(place_fini) struct place place = { 0 };
	int r = find_place(root, path, &place, err);

	if (r < 0)
		return r;
	*ret = find(root, &place);
	if (!*ret)
		return cannot("there is nothing at", path, err);
	return 0;
}

struct operation {
	const char *path;
	const char *from;   /* "" = absent */
	const cJSON *value; /* NULL = absent */
	size_t *n_copied;   /* of the whole patch */
};

static int op_add(cJSON **root, const struct operation *op, struct err *err)
{
	if (!op->value)
		return err_set(err, -EINVAL, "an \"add\" has no value");
	return add(root, op->path, cJSON_Duplicate(op->value, true), err);
}

static int op_remove(cJSON **root, const struct operation *op, struct err *err)
{
	cJSON *item;
	int r = detach(*root, op->path, &item, err);

	if (r < 0)
		return r;
	cJSON_Delete(item);
	return 0;
}

static int op_replace(cJSON **root, const struct operation *op, struct err *err)
{
	cJSON *item;
	int r;

	if (!*op->path)
		return op_add(root, op, err);
	r = look_up(*root, op->path, &item, err);
	if (r < 0)
		return r;
	r = op_remove(root, op, err);
	return r < 0 ? r : op_add(root, op, err);
}

static int op_move(cJSON **root, const struct operation *op, struct err *err)
{
	cJSON *item;
	int r = detach(*root, op->from, &item, err);

	return r < 0 ? r : add(root, op->path, item, err);
}

static size_t count_nodes(const cJSON *json)
{
	size_t n = 1;
	const cJSON *item;

	cJSON_ArrayForEach (item, json)
		n += count_nodes(item);
	return n;
}

static int op_copy(cJSON **root, const struct operation *op, struct err *err)
{
	cJSON *item;
	int r = look_up(*root, op->from, &item, err);

	if (r < 0)
		return r;
	*op->n_copied += count_nodes(item);
	if (*op->n_copied > COPIED_MAX)
		return err_set(err, -EINVAL,
			       "the patch copies more than %d values",
			       COPIED_MAX);
	return add(root, op->path, cJSON_Duplicate(item, true), err);
}

static int op_test(cJSON **root, const struct operation *op, struct err *err)
{
	cJSON *item;
	int r = look_up(*root, op->path, &item, err);

	if (r < 0)
		return r;
	if (!json_is_equal(item, op->value))
		return cannot("the test failed at", op->path, err);
	return 0;
}

static const struct {
	const char *name;
	int (*fn)(cJSON **root, const struct operation *op, struct err *err);
} operations[] = {
	{ "add", op_add },   { "remove", op_remove }, { "replace", op_replace },
	{ "move", op_move }, { "copy", op_copy },     { "test", op_test },
};

static const char *text_of(const cJSON *json, const char *name)
{
	return cJSON_GetStringValue(
		cJSON_GetObjectItemCaseSensitive(json, name));
}

static int apply_one(cJSON **root, const cJSON *json, size_t *n_copied,
		     struct err *err)
{
	const char *name = text_of(json, "op");
	const char *from = text_of(json, "from");
	struct operation op = {
		.path = text_of(json, "path"),
		.from = from ? from : "",
		.value = cJSON_GetObjectItemCaseSensitive(json, "value"),
		.n_copied = n_copied,
	};

	if (!name || !op.path)
		return err_set(err, -EINVAL,
			       "an operation of the patch has no op or path");
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
		if (strcmp(operations[i].name, name) == 0)
			return operations[i].fn(root, &op, err);
	}
	return err_set(err, -EINVAL, "unexpected kind of operation: \"%s\"",
		       name);
}

int api_json_patch_apply(struct cJSON **target, const struct cJSON *patch,
			 struct err *err)
{
	const cJSON *item;
	size_t n_copied = 0;

	if (!cJSON_IsArray(patch))
		return err_set(err, -EINVAL, "the patch is not a JSON array");
	if (cJSON_GetArraySize(patch) > OPERATIONS_MAX)
		return err_set(err, -EINVAL,
			       "the patch has more than %d operations",
			       OPERATIONS_MAX);
	cJSON_ArrayForEach (item, patch) {
		int r = apply_one(target, item, &n_copied, err);

		if (r < 0)
			return r;
	}
	return 0;
}
