/* SPDX-License-Identifier: Apache-2.0 */

/*
 * YAML to JSON by libyaml's events, one recursive function per kind of node. The
 * depth is bounded by DEPTH_MAX, the size by NODES_MAX: every node that is made
 * counts, copies for anchors and aliases included, so that an alias of aliases
 * ends before it has eaten the memory.
 *
 * An anchor is known once its node is complete; one that contains itself is
 * therefore an unknown anchor. The line of a mapping is kept in its cJSON node's
 * valueint, which cJSON does not use for objects: the items of a List are
 * reported with it.
 */

#include "manifest.h"

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <yaml.h>

#include "manifest_internal.h"

#define FILE_MAX  (3u << 20)
#define DEPTH_MAX 64
#define NODES_MAX 100000

struct anchor {
	char *name;
	cJSON *node; /* a copy: the node itself may be merged away */
};

struct reader {
	yaml_parser_t parser;
	yaml_event_t event; /* the current one */
	const char *name;   /* borrowed */
	struct anchor *anchors;
	size_t n_anchors;
	size_t n_nodes;
	unsigned int depth;
};

DEFINE_CLEANUP(cJSON *, cJSON_Delete)

static unsigned int line_of(const struct reader *reader)
{
	return (unsigned int)reader->event.start_mark.line + 1;
}

static int no_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "read a manifest: out of memory");
}

static int bad(const struct reader *reader, struct err *err, const char *fmt,
	       ...) __attribute__((format(printf, 3, 4)));

static int bad(const struct reader *reader, struct err *err, const char *fmt,
	       ...)
{
	char what[256];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	return err_set(err, -EINVAL, "%s:%u: %s", reader->name, line_of(reader),
		       what);
}

static int syntax_error(const struct reader *reader, struct err *err)
{
	const yaml_parser_t *parser = &reader->parser;

	if (parser->error == YAML_MEMORY_ERROR)
		return no_memory(err);
	return err_set(err, -EINVAL, "%s:%zu: %s%s%s", reader->name,
		       parser->problem_mark.line + 1,
		       parser->problem ? parser->problem : "syntax error",
		       parser->context ? " " : "",
		       parser->context ? parser->context : "");
}

static int next(struct reader *reader, struct err *err)
{
	yaml_event_delete(&reader->event);
	if (!yaml_parser_parse(&reader->parser, &reader->event))
		return syntax_error(reader, err);
	return 0;
}

static int count(struct reader *reader, size_t n, struct err *err)
{
	reader->n_nodes += n;
	if (reader->n_nodes > NODES_MAX)
		return bad(reader, err,
			   "more than %d nodes (aliases are counted out)",
			   NODES_MAX);
	return 0;
}

static size_t size_of(const cJSON *node)
{
	const cJSON *item;
	size_t n = 1;

	cJSON_ArrayForEach (item, node)
		n += size_of(item);
	return n;
}

static int copy(struct reader *reader, const cJSON *node, cJSON **ret,
		struct err *err)
{
	cJSON *duplicate;
	int r = count(reader, size_of(node), err);

	if (r < 0)
		return r;
	duplicate = cJSON_Duplicate(node, true);
	if (!duplicate)
		return no_memory(err);
	*ret = duplicate;
	return 0;
}

static int add_anchor(struct reader *reader, char **take_name,
		      const cJSON *node, struct err *err)
{
	struct anchor *anchors;
	int r;

	anchors = reallocarray(reader->anchors, reader->n_anchors + 1,
			       sizeof(*anchors));
	if (!anchors)
		return no_memory(err);
	reader->anchors = anchors;
	r = copy(reader, node, &anchors[reader->n_anchors].node, err);
	if (r < 0)
		return r;
	anchors[reader->n_anchors++].name = TAKE_PTR(*take_name);
	return 0;
}

static void drop_anchors(struct reader *reader)
{
	for (size_t i = 0; i < reader->n_anchors; i++) {
		free(reader->anchors[i].name);
		cJSON_Delete(reader->anchors[i].node);
	}
	free(reader->anchors);
	reader->anchors = NULL;
	reader->n_anchors = 0;
}

static int read_alias(struct reader *reader, cJSON **ret, struct err *err)
{
	const char *name = (const char *)reader->event.data.alias.anchor;

	/* From the end: a name may be given anew. */
	for (size_t i = reader->n_anchors; i-- > 0;) {
		if (strcmp(reader->anchors[i].name, name) == 0)
			return copy(reader, reader->anchors[i].node, ret, err);
	}
	return bad(reader, err, "unknown anchor \"%s\"", name);
}

static bool is_tag(const yaml_char_t *tag, const char *const *tags)
{
	for (; *tags; tags++) {
		if (strcmp((const char *)tag, *tags) == 0)
			return true;
	}
	return false;
}

static int read_scalar(struct reader *reader, cJSON **ret, struct err *err)
{
	static const char *const strings[] = { "!", YAML_STR_TAG, NULL };
	static const char *const resolved[] = { YAML_NULL_TAG, YAML_BOOL_TAG,
						YAML_INT_TAG, YAML_FLOAT_TAG,
						NULL };
	const yaml_char_t *tag = reader->event.data.scalar.tag;
	const char *text = (const char *)reader->event.data.scalar.value;
	bool is_plain =
		reader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

	if (strlen(text) != reader->event.data.scalar.length)
		return bad(reader, err, "a NUL character in a string");
	if (tag && !is_tag(tag, strings) && !is_tag(tag, resolved))
		return bad(reader, err, "unsupported tag \"%s\"", tag);
	if (tag ? is_tag(tag, resolved) : is_plain)
		*ret = manifest_plain_scalar(text);
	else
		*ret = cJSON_CreateString(text);
	return *ret ? 0 : no_memory(err);
}

static int read_node(struct reader *reader, cJSON **ret, struct err *err);

static int read_sequence(struct reader *reader, cJSON **ret, struct err *err)
{
	_cleanup_(cJSON_Delete) cJSON *array = cJSON_CreateArray();
	int r;

	if (!array)
		return no_memory(err);
	for (;;) {
		cJSON *item = NULL;

		r = next(reader, err);
		if (r < 0)
			return r;
		if (reader->event.type == YAML_SEQUENCE_END_EVENT)
			break;
		r = read_node(reader, &item, err);
		if (r < 0)
			return r;
		(void)cJSON_AddItemToArray(array, item);
	}
	*ret = TAKE_PTR(array);
	return 0;
}

/* What the mapping itself says wins over what is merged into it. */
static int merge_one(struct reader *reader, cJSON *mapping, const cJSON *from,
		     struct err *err)
{
	const cJSON *item;

	if (!cJSON_IsObject(from))
		return bad(reader, err,
			   "\"<<\" takes a mapping or a list of mappings");
	cJSON_ArrayForEach (item, from) {
		cJSON *duplicate = NULL;
		int r;

		if (cJSON_GetObjectItemCaseSensitive(mapping, item->string))
			continue;
		r = copy(reader, item, &duplicate, err);
		if (r < 0)
			return r;
		if (!cJSON_AddItemToObject(mapping, item->string, duplicate)) {
			cJSON_Delete(duplicate);
			return no_memory(err);
		}
	}
	return 0;
}

static int merge(struct reader *reader, cJSON *mapping, const cJSON *from,
		 struct err *err)
{
	const cJSON *item;
	int r = 0;

	if (!cJSON_IsArray(from))
		return merge_one(reader, mapping, from, err);
	cJSON_ArrayForEach (item, from) {
		r = merge_one(reader, mapping, item, err);
		if (r < 0)
			break;
	}
	return r;
}

static int read_key(struct reader *reader, char **ret, bool *ret_is_merge,
		    struct err *err)
{
	const char *text;

	if (reader->event.type != YAML_SCALAR_EVENT)
		return bad(reader, err, "a key must be a plain value");
	text = (const char *)reader->event.data.scalar.value;
	if (strlen(text) != reader->event.data.scalar.length)
		return bad(reader, err, "a NUL character in a key");
	*ret_is_merge =
		strcmp(text, "<<") == 0 &&
		reader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	*ret = strdup(text);
	return *ret ? 0 : no_memory(err);
}

/* One key and its value; a merge is put aside until the end of the mapping. */
static int read_member(struct reader *reader, cJSON *mapping, cJSON *merges,
		       struct err *err)
{
	_cleanup_(free) char *key = NULL;
	cJSON *value = NULL;
	bool is_merge = false;
	int r;

	r = read_key(reader, &key, &is_merge, err);
	if (r < 0)
		return r;
	if (!is_merge && cJSON_GetObjectItemCaseSensitive(mapping, key))
		return bad(reader, err, "key \"%s\" is already set in the map",
			   key);
	r = next(reader, err);
	if (r < 0)
		return r;
	r = read_node(reader, &value, err);
	if (r < 0)
		return r;
	if (is_merge ? cJSON_AddItemToArray(merges, value)
		     : cJSON_AddItemToObject(mapping, key, value))
		return 0;
	cJSON_Delete(value);
	return no_memory(err);
}

static int read_mapping(struct reader *reader, cJSON **ret, struct err *err)
{
	_cleanup_(cJSON_Delete) cJSON *mapping = cJSON_CreateObject();
	_cleanup_(cJSON_Delete) cJSON *merges = cJSON_CreateArray();
	const cJSON *from;
	int r;

	if (!mapping || !merges)
		return no_memory(err);
	mapping->valueint = (int)line_of(reader);
	for (;;) {
		r = next(reader, err);
		if (r < 0)
			return r;
		if (reader->event.type == YAML_MAPPING_END_EVENT)
			break;
		r = read_member(reader, mapping, merges, err);
		if (r < 0)
			return r;
	}
	cJSON_ArrayForEach (from, merges) {
		r = merge(reader, mapping, from, err);
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(mapping);
	return 0;
}

static int read_by_type(struct reader *reader, cJSON **ret, struct err *err)
{
	switch (reader->event.type) {
	case YAML_ALIAS_EVENT:
		return read_alias(reader, ret, err);
	case YAML_SCALAR_EVENT:
		return read_scalar(reader, ret, err);
	case YAML_SEQUENCE_START_EVENT:
		return read_sequence(reader, ret, err);
	case YAML_MAPPING_START_EVENT:
		return read_mapping(reader, ret, err);
	default:
		return bad(reader, err, "syntax error");
	}
}

static const yaml_char_t *anchor_of(const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return event->data.scalar.anchor;
	case YAML_SEQUENCE_START_EVENT:
		return event->data.sequence_start.anchor;
	case YAML_MAPPING_START_EVENT:
		return event->data.mapping_start.anchor;
	default:
		return NULL;
	}
}

/* The node that the current event begins; the event after it is not read. */
static int read_node(struct reader *reader, cJSON **ret, struct err *err)
{
	const yaml_char_t *anchor = anchor_of(&reader->event);
	_cleanup_(cJSON_Delete) cJSON *node = NULL;
	_cleanup_(free) char *name = NULL;
	int r;

	if (anchor) {
		name = strdup((const char *)anchor);
		if (!name)
			return no_memory(err);
	}
	if (reader->depth == DEPTH_MAX)
		return bad(reader, err, "nested deeper than %d levels",
			   DEPTH_MAX);
	r = count(reader, 1, err);
	if (r < 0)
		return r;
	reader->depth++;
	r = read_by_type(reader, &node, err);
	reader->depth--;
	if (r == 0 && name)
		r = add_anchor(reader, &name, node, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(node);
	return 0;
}

static int append(struct manifest *manifest, cJSON *take_json,
		  unsigned int line, struct err *err)
{
	struct manifest_document *documents;

	documents = reallocarray(manifest->documents, manifest->n + 1,
				 sizeof(*documents));
	if (!documents) {
		cJSON_Delete(take_json);
		return no_memory(err);
	}
	manifest->documents = documents;
	documents[manifest->n++] = (struct manifest_document){
		.json = take_json,
		.line = line,
	};
	return 0;
}

static bool is_list(const cJSON *json)
{
	const char *kind = cJSON_GetStringValue(
		cJSON_GetObjectItemCaseSensitive(json, "kind"));

	return kind && strcmp(kind, "List") == 0;
}

static int append_items(struct reader *reader, struct manifest *manifest,
			cJSON *list, struct err *err)
{
	cJSON *items = cJSON_GetObjectItemCaseSensitive(list, "items");
	cJSON *item;

	while ((item = cJSON_DetachItemFromArray(items, 0))) {
		unsigned int line = (unsigned int)item->valueint;
		int r;

		if (!cJSON_IsObject(item)) {
			cJSON_Delete(item);
			return bad(reader, err,
				   "items of a List must be mappings");
		}
		r = append(manifest, item, line, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_document(struct reader *reader, struct manifest *manifest,
			 struct err *err)
{
	_cleanup_(cJSON_Delete) cJSON *json = NULL;
	unsigned int line;
	int r;

	r = next(reader, err);
	if (r < 0)
		return r;
	line = line_of(reader);
	r = read_node(reader, &json, err);
	if (r < 0)
		return r;
	drop_anchors(reader);
	if (cJSON_IsNull(json))
		return 0;
	if (!cJSON_IsObject(json))
		return err_set(err, -EINVAL,
			       "%s:%u: the document must be a mapping",
			       reader->name, line);
	if (is_list(json))
		return append_items(reader, manifest, json, err);
	return append(manifest, TAKE_PTR(json), line, err);
}

static int read_stream(struct reader *reader, struct manifest *manifest,
		       struct err *err)
{
	int r;

	do {
		r = next(reader, err);
		if (r == 0 && reader->event.type == YAML_DOCUMENT_START_EVENT)
			r = read_document(reader, manifest, err);
	} while (r == 0 && reader->event.type != YAML_STREAM_END_EVENT);
	return r;
}

int manifest_parse(const char *name, const char *text, size_t len,
		   struct manifest *ret, struct err *err)
{
	_cleanup_(manifest_fini) struct manifest manifest = { 0 };
	struct reader reader = { .name = name };
	int r;

	if (len > FILE_MAX)
		return err_set(err, -EINVAL, "%s: larger than 3 MiB", name);
	if (!yaml_parser_initialize(&reader.parser))
		return no_memory(err);
	yaml_parser_set_input_string(&reader.parser,
				     (const unsigned char *)text, len);
	r = read_stream(&reader, &manifest, err);
	yaml_event_delete(&reader.event);
	yaml_parser_delete(&reader.parser);
	drop_anchors(&reader);
	if (r < 0)
		return r;
	*ret = manifest;
	manifest = (struct manifest){ 0 };
	return 0;
}

void manifest_fini(struct manifest *manifest)
{
	for (size_t i = 0; i < manifest->n; i++)
		cJSON_Delete(manifest->documents[i].json);
	free(manifest->documents);
	*manifest = (struct manifest){ 0 };
}
