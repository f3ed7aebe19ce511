/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The texts of many objects, one behind the other in one piece of memory: what a
 * list is until it is sent. A list that more than one knows does not change any
 * more.
 *
 * Threads: references from any.
 */

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

struct text_list {
	atomic_uint n_refs;	   /* text_list_ref() and _unref() only */
	uint64_t resource_version; /* of the whole state when it was read */
	size_t n;
	size_t *ends; /* of each text in bytes, behind its NUL */
	char *bytes;
	size_t n_bytes;
	size_t n_allocated; /* of bytes */
};

struct text_list *text_list_new(void); /* NULL = no memory */
int text_list_add(struct text_list *list, const char *text, size_t len);
const char *text_list_at(const struct text_list *list, size_t i);

struct text_list *text_list_ref(struct text_list *list);
struct text_list *text_list_unref(struct text_list *list);

DEFINE_CLEANUP(struct text_list *, text_list_unref)
