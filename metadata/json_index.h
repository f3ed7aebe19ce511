/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Looking into JSON text where it lies. An index tells where each value of a text
 * begins and ends; nothing is copied, and one index serves one text after another.
 * It is for texts that were checked when they were stored: what is read wrong of
 * another one stays within it.
 *
 * Threads: an index belongs to one.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleanup.h"

struct json_token {
	uint32_t at;   /* of the value's first character in the text */
	uint32_t len;  /* with the quotes of a string */
	uint32_t next; /* the token behind it and all that is in it */
};

/* { 0 } is an empty one. */
struct json_index {
	const char *text; /* borrowed */
	struct json_token *tokens;
	size_t n;
	size_t n_allocated;
};

/* text: ends with a NUL, stays the caller's, and must outlive what is asked. -EINVAL. */
int json_index_read(struct json_index *index, const char *text);
void json_index_fini(struct json_index *index);

/* As json_at(): NULL when absent or null. */
const struct json_token *json_index_at(const struct json_index *index,
				       const char *path);
/* The member of an object, whose name may have dots; object may be NULL. */
const struct json_token *json_index_member(const struct json_index *index,
					   const struct json_token *object,
					   const char *name);
/* The elements of an array one by one; after NULL = the first one. NULL = no more. */
const struct json_token *json_index_next(const struct json_index *index,
					 const struct json_token *array,
					 const struct json_token *after);

const char *json_index_text(const struct json_index *index,
			    const struct json_token *token);
/* What stands between the quotes of a string, escapes and all; "" for anything else. */
const char *json_index_string(const struct json_index *index,
			      const struct json_token *token, size_t *ret_len);
/* Whether it is this string, or (being none) wanted is "". */
bool json_index_is(const struct json_index *index,
		   const struct json_token *token, const char *wanted);
/* A string as it is meant, to be freed; "" for anything else; NULL = no memory. */
char *json_index_dup(const struct json_index *index,
		     const struct json_token *token);
/* A string that is known to have no escapes (a name, a time), as far as it fits. */
void json_index_copy(const struct json_index *index,
		     const struct json_token *token, char *ret, size_t size);

DEFINE_FINI(struct json_index, json_index_fini)
