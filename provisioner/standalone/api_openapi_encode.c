/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Old and new kubectl read /openapi/v2 as protobuf and nothing else: as gnostic's
 * openapi.v2.Document (openapiv2/OpenAPIv2.proto), which has a message for each kind of
 * JSON object of a document. The tables below are those messages, as far as our
 * document has them: which member becomes which field. Members beginning with x- are
 * what gnostic calls vendor extensions: names with values in YAML, which JSON is.
 *
 * gnostic wraps much: a "type" becomes TypeItem { value }, a parameter becomes
 * ParametersItem { Parameter { NonBodyParameter { QueryParameterSubSchema } } }. A row's
 * wraps are the field numbers on the way.
 */

#include <errno.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "api_openapi.h"

#define WRAPS_MAX 4

enum member_kind {
	MEMBER_STRING, /* or a list of them: repeated */
	MEMBER_OBJECT, /* or a list of them: repeated */
	MEMBER_MAP,    /* an object with names of any kind */
};

struct message;

struct member {
	const char *name;
	unsigned int number;
	enum member_kind kind;
	unsigned int wraps[WRAPS_MAX]; /* ends with 0 */
	unsigned int entries;	       /* of a map: number of its Named... */
	const struct message *message;
};

struct message {
	unsigned int extensions; /* their number; 0 = has none */
	const struct member *members;
	size_t n;
};

struct bytes {
	char *data;
	size_t len;
};

static void bytes_fini(struct bytes *bytes)
{
	free(bytes->data);
}

DEFINE_FINI(struct bytes, bytes_fini)

static const struct message schema_message;

static const struct member schema_members[] = {
	{ .name = "$ref", .number = 1 },
	{ .name = "format", .number = 2 },
	{ .name = "description", .number = 4 },
	{ .name = "required", .number = 19 },
	{ .name = "additionalProperties",
	  .number = 21,
	  .kind = MEMBER_OBJECT,
	  .wraps = { 1 },
	  .message = &schema_message },
	{ .name = "type", .number = 22, .wraps = { 1 } },
	{ .name = "items",
	  .number = 23,
	  .kind = MEMBER_OBJECT,
	  .wraps = { 1 },
	  .message = &schema_message },
	{ .name = "properties",
	  .number = 25,
	  .kind = MEMBER_MAP,
	  .entries = 1,
	  .message = &schema_message },
};

static const struct message schema_message = { 31, schema_members,
					       ARRAY_SIZE(schema_members) };

static const struct member query_members[] = {
	{ .name = "in", .number = 2 },
	{ .name = "name", .number = 4 },
	{ .name = "type", .number = 6 },
};

static const struct message query_message = { 0, query_members,
					      ARRAY_SIZE(query_members) };

static const struct member response_members[] = {
	{ .name = "description", .number = 1 },
};

static const struct message response_message = { 0, response_members,
						 ARRAY_SIZE(response_members) };

static const struct member operation_members[] = {
	{ .name = "operationId", .number = 5 },
	{ .name = "consumes", .number = 7 },
	{ .name = "parameters",
	  .number = 8,
	  .kind = MEMBER_OBJECT,
	  .wraps = { 1, 2, 3 },
	  .message = &query_message },
	{ .name = "responses",
	  .number = 9,
	  .kind = MEMBER_MAP,
	  .entries = 1,
	  .wraps = { 1 },
	  .message = &response_message },
};

static const struct message operation_message = {
	13, operation_members, ARRAY_SIZE(operation_members)
};

#define METHOD(name_, number_)                                               \
	{                                                                    \
		.name = (name_), .number = (number_), .kind = MEMBER_OBJECT, \
		.message = &operation_message                                \
	}

static const struct member path_members[] = {
	METHOD("get", 2),    METHOD("put", 3),	 METHOD("post", 4),
	METHOD("delete", 5), METHOD("patch", 8),
};

static const struct message path_message = { 10, path_members,
					     ARRAY_SIZE(path_members) };

static const struct member info_members[] = {
	{ .name = "title", .number = 1 },
	{ .name = "version", .number = 2 },
};

static const struct message info_message = { 0, info_members,
					     ARRAY_SIZE(info_members) };

static const struct member document_members[] = {
	{ .name = "swagger", .number = 1 },
	{ .name = "info",
	  .number = 2,
	  .kind = MEMBER_OBJECT,
	  .message = &info_message },
	{ .name = "paths",
	  .number = 8,
	  .kind = MEMBER_MAP,
	  .entries = 2,
	  .message = &path_message },
	{ .name = "definitions",
	  .number = 9,
	  .kind = MEMBER_MAP,
	  .entries = 1,
	  .message = &schema_message },
};

static const struct message document_message = { 16, document_members,
						 ARRAY_SIZE(document_members) };

static void put_varint(FILE *out, uint64_t value)
{
	for (; value > 0x7f; value >>= 7)
		(void)fputc((int)(value & 0x7f) | 0x80, out);
	(void)fputc((int)value, out);
}

/* A length-delimited field: wire type 2. */
static void put_field(FILE *out, unsigned int number, const char *data,
		      size_t len)
{
	put_varint(out, (uint64_t)number << 3 | 2);
	put_varint(out, len);
	(void)fwrite(data, 1, len, out);
}

static FILE *open_bytes(struct bytes *bytes)
{
	return open_memstream(&bytes->data, &bytes->len);
}

static int put_wrapped(FILE *out, unsigned int number,
		       const unsigned int *wraps, const struct bytes *value)
{
	_cleanup_(bytes_fini) struct bytes inner = { 0 };
	FILE *in;
	int r;

	if (!*wraps) {
		put_field(out, number, value->data, value->len);
		return 0;
	}
	in = open_bytes(&inner);
	if (!in)
		return -ENOMEM;
	r = put_wrapped(in, *wraps, wraps + 1, value);
	if (fclose(in) != 0 || r < 0)
		return -ENOMEM;
	put_field(out, number, inner.data, inner.len);
	return 0;
}

static int encode(const struct message *message, const cJSON *json,
		  struct bytes *ret);

static int put_value(FILE *out, unsigned int number,
		     const struct member *member, const cJSON *json)
{
	_cleanup_(bytes_fini) struct bytes value = { 0 };

	if (member->kind == MEMBER_STRING) {
		const struct bytes text = { json->valuestring,
					    strlen(json->valuestring) };

		return put_wrapped(out, number, member->wraps, &text);
	}
	if (encode(member->message, json, &value) < 0)
		return -ENOMEM;
	return put_wrapped(out, number, member->wraps, &value);
}

/* Named... { name = 1, value = 2 } */
static int put_entry(FILE *out, const struct member *member, const cJSON *json)
{
	_cleanup_(bytes_fini) struct bytes entry = { 0 };
	FILE *in = open_bytes(&entry);
	int r;

	if (!in)
		return -ENOMEM;
	put_field(in, 1, json->string, strlen(json->string));
	r = put_value(in, 2, member, json);
	if (fclose(in) != 0 || r < 0)
		return -ENOMEM;
	put_field(out, member->entries, entry.data, entry.len);
	return 0;
}

static int put_map(FILE *out, const struct member *member, const cJSON *json)
{
	_cleanup_(bytes_fini) struct bytes map = { 0 };
	FILE *in = open_bytes(&map);
	const cJSON *item;
	int r = 0;

	if (!in)
		return -ENOMEM;
	cJSON_ArrayForEach (item, json) {
		if (r == 0)
			r = put_entry(in, member, item);
	}
	if (fclose(in) != 0 || r < 0)
		return -ENOMEM;
	put_field(out, member->number, map.data, map.len);
	return 0;
}

static int put_member(FILE *out, const struct member *member, const cJSON *json)
{
	const cJSON *item;
	int r = 0;

	if (member->kind == MEMBER_MAP)
		return put_map(out, member, json);
	if (!cJSON_IsArray(json))
		return put_value(out, member->number, member, json);
	cJSON_ArrayForEach (item, json) {
		if (r == 0)
			r = put_value(out, member->number, member, item);
	}
	return r;
}

/* NamedAny { name = 1, value = 2: Any { yaml = 2 } } */
static int put_extension(FILE *out, unsigned int number, const cJSON *json)
{
	static const unsigned int any[] = { 2, 0 };
	_cleanup_(free) char *text = cJSON_PrintUnformatted(json);
	_cleanup_(bytes_fini) struct bytes named = { 0 };
	FILE *in = text ? open_bytes(&named) : NULL;
	int r;

	if (!in)
		return -ENOMEM;
	put_field(in, 1, json->string, strlen(json->string));
	r = put_wrapped(in, 2, any, &(struct bytes){ text, strlen(text) });
	if (fclose(in) != 0 || r < 0)
		return -ENOMEM;
	put_field(out, number, named.data, named.len);
	return 0;
}

/* What a message has no field for is left out. */
static int put_any(FILE *out, const struct message *message, const cJSON *json)
{
	if (strncmp(json->string, "x-", 2) == 0 && message->extensions)
		return put_extension(out, message->extensions, json);
	for (size_t i = 0; i < message->n; i++) {
		if (strcmp(message->members[i].name, json->string) == 0)
			return put_member(out, &message->members[i], json);
	}
	return 0;
}

static int encode(const struct message *message, const cJSON *json,
		  struct bytes *ret)
{
	FILE *out = open_bytes(ret);
	const cJSON *item;
	int r = 0;

	if (!out)
		return -ENOMEM;
	cJSON_ArrayForEach (item, json) {
		if (r == 0)
			r = put_any(out, message, item);
	}
	return fclose(out) != 0 || r < 0 ? -ENOMEM : 0;
}

int api_openapi_encode(const struct cJSON *json, char **ret, size_t *ret_len)
{
	_cleanup_(bytes_fini) struct bytes bytes = { 0 };

	if (encode(&document_message, json, &bytes) < 0)
		return -ENOMEM;
	*ret = TAKE_PTR(bytes.data);
	*ret_len = bytes.len;
	return 0;
}
