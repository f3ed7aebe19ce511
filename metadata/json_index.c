/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Tokens stand in the order of the text, a container before what is in it, a
 * member's name before its value; `next` skips what is inside. That takes 12 bytes
 * a value in one array that is used again, where a tree takes two allocations.
 *
 * Names are compared as they are written, since no name that is asked for has
 * anything in it that would be escaped.
 */

#include "json_index.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#define LEVELS_MAX \
	1000 /* cJSON's own limit, so that whatever is stored is read */

static const char *skip_blanks(const char *p)
{
	while (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')
		p++;
	return p;
}

/* All read_*(): behind what was read; NULL = it is no JSON, or too deep. */
static const char *read_value(struct json_index *index, const char *p,
			      unsigned int level);

static const char *read_string(const char *p)
{
	for (p++; *p != '"'; p++) {
		if (*p == '\\')
			p++;
		if (!*p)
			return NULL;
	}
	return p + 1;
}

static const char *read_scalar(const char *p)
{
	const char *end = p + strcspn(p, ",:]} \t\r\n");

	return end > p ? end : NULL;
}

static const char *read_member(struct json_index *index, const char *p,
			       unsigned int level)
{
	if (*p != '"')
		return NULL;
	p = read_value(index, p, level);
	if (!p)
		return NULL;
	p = skip_blanks(p);
	return *p == ':' ? read_value(index, skip_blanks(p + 1), level) : NULL;
}

static const char *read_container(struct json_index *index, const char *p,
				  unsigned int level)
{
	char end = *p == '{' ? '}' : ']';

	p = skip_blanks(p + 1);
	if (*p == end)
		return p + 1;
	for (;;) {
		p = end == '}' ? read_member(index, p, level)
			       : read_value(index, p, level);
		if (!p)
			return NULL;
		p = skip_blanks(p);
		if (*p == end)
			return p + 1;
		if (*p != ',')
			return NULL;
		p = skip_blanks(p + 1);
	}
}

static bool grow(struct json_index *index)
{
	size_t n = index->n_allocated ? index->n_allocated * 2 : 256;
	struct json_token *grown;

	if (index->n < index->n_allocated)
		return true;
	grown = reallocarray(index->tokens, n, sizeof(*grown));
	if (!grown)
		return false;
	index->tokens = grown;
	index->n_allocated = n;
	return true;
}

static const char *read_value(struct json_index *index, const char *p,
			      unsigned int level)
{
	size_t mine = index->n;
	const char *end;

	if (level == LEVELS_MAX || !grow(index))
		return NULL;
	index->n++;
	if (*p == '{' || *p == '[')
		end = read_container(index, p, level + 1);
	else
		end = *p == '"' ? read_string(p) : read_scalar(p);
	if (end)
		index->tokens[mine] = (struct json_token){
			.at = (uint32_t)(p - index->text),
			.len = (uint32_t)(end - p),
			.next = (uint32_t)index->n,
		};
	return end;
}

int json_index_read(struct json_index *index, const char *text)
{
	const char *end;

	index->text = text;
	index->n = 0;
	end = read_value(index, skip_blanks(text), 0);
	if (end && !*skip_blanks(end))
		return 0;
	index->n = 0;
	return -EINVAL;
}

void json_index_fini(struct json_index *index)
{
	free(index->tokens);
	*index = (struct json_index){ 0 };
}

const char *json_index_text(const struct json_index *index,
			    const struct json_token *token)
{
	return index->text + token->at;
}

/* Of what is in a container; NULL = nothing comes behind token i - 1. */
static const struct json_token *within(const struct json_index *index,
				       const struct json_token *container,
				       size_t i)
{
	return i < container->next ? &index->tokens[i] : NULL;
}

static size_t number(const struct json_index *index,
		     const struct json_token *token)
{
	return (size_t)(token - index->tokens);
}

static const struct json_token *member(const struct json_index *index,
				       const struct json_token *object,
				       const char *name, size_t len)
{
	const struct json_token *key;

	if (*json_index_text(index, object) != '{')
		return NULL;
	key = within(index, object, number(index, object) + 1);
	while (key) {
		const struct json_token *value = key + 1;

		if (key->len == len + 2 &&
		    memcmp(index->text + key->at + 1, name, len) == 0)
			return value;
		key = within(index, object, value->next);
	}
	return NULL;
}

static const struct json_token *unless_null(const struct json_index *index,
					    const struct json_token *token)
{
	return token && *json_index_text(index, token) == 'n' ? NULL : token;
}

const struct json_token *json_index_at(const struct json_index *index,
				       const char *path)
{
	const struct json_token *at = index->n ? index->tokens : NULL;

	while (at) {
		size_t len = strcspn(path, ".");

		at = member(index, at, path, len);
		if (!path[len])
			break;
		path += len + 1;
	}
	return unless_null(index, at);
}

const struct json_token *json_index_member(const struct json_index *index,
					   const struct json_token *object,
					   const char *name)
{
	if (!object)
		return NULL;
	return unless_null(index, member(index, object, name, strlen(name)));
}

const struct json_token *json_index_next(const struct json_index *index,
					 const struct json_token *array,
					 const struct json_token *after)
{
	if (!array || *json_index_text(index, array) != '[')
		return NULL;
	return within(index, array,
		      after ? after->next : number(index, array) + 1);
}

const char *json_index_string(const struct json_index *index,
			      const struct json_token *token, size_t *ret_len)
{
	*ret_len = 0;
	if (!token || *json_index_text(index, token) != '"')
		return "";
	*ret_len = token->len - 2;
	return json_index_text(index, token) + 1;
}

static bool is_escaped(const struct json_index *index,
		       const struct json_token *token, const char *wanted)
{
	cJSON *json = cJSON_ParseWithLength(json_index_text(index, token),
					    token->len);
	const char *text = cJSON_GetStringValue(json);
	bool is = text && strcmp(text, wanted) == 0;

	cJSON_Delete(json);
	return is;
}

bool json_index_is(const struct json_index *index,
		   const struct json_token *token, const char *wanted)
{
	size_t len;
	const char *text = json_index_string(index, token, &len);

	if (memchr(text, '\\', len))
		return is_escaped(index, token, wanted);
	return strlen(wanted) == len && memcmp(text, wanted, len) == 0;
}

void json_index_copy(const struct json_index *index,
		     const struct json_token *token, char *ret, size_t size)
{
	size_t len;
	const char *text = json_index_string(index, token, &len);

	(void)snprintf(ret, size, "%.*s", (int)len, text);
}

char *json_index_dup(const struct json_index *index,
		     const struct json_token *token)
{
	cJSON *json = token ? cJSON_ParseWithLength(
				      json_index_text(index, token), token->len)
			    : NULL;
	char *copy = strdup(cJSON_IsString(json) ? json->valuestring : "");

	cJSON_Delete(json);
	return copy;
}
