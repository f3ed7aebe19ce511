/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What `limit` left of lists, until their clients come back with `continue`: the rest
 * of each list as it was at its revision. Threads: any.
 *
 * Limits: 32 lists, 16 MiB, 5 minutes each; the oldest goes first. A list that is
 * gone is Expired for its client, as it is in Kubernetes after a compaction.
 */

#include <stdint.h>

#include "object.h"

struct api_pages;

/* Where the next page begins; as text it is the `continue` of a list. */
struct api_continue {
	uint64_t revision; /* 0 = of whatever there is when it comes */
	uint64_t list;	   /* which one of the lists that are kept */
	uint64_t at;	   /* index of the page's first object in it */
	char after[512];   /* NAMESPACE/NAME of the last object that was sent */
};

#define API_CONTINUE_MAX 640

void api_continue_print(const struct api_continue *from,
			char ret[API_CONTINUE_MAX]);
/* -EINVAL for a text that was not printed by the above. */
int api_continue_parse(const char *text, struct api_continue *ret);
/* Sets `after`. */
void api_continue_after(struct api_continue *to, const struct object *object);
/* Whether an object comes after `after` in the order of lists. */
bool api_continue_precedes(const struct api_continue *from,
			   const struct object *object);

int api_pages_new(struct api_pages **ret, struct err *err);
struct api_pages *api_pages_free(struct api_pages *pages);

/*
 * Keeps the objects of a list from index `from` on; *ret_list names it from then
 * on. -ENOSPC for a list that is too large to be kept.
 */
int api_pages_keep(struct api_pages *pages, const struct object_list *list,
		   size_t from, uint64_t *ret_list);
/*
 * The page of at most n objects that token->at tells, and how many come after it. Of
 * a list whose last page was taken nothing is kept. -ENOENT: it is gone.
 */
int api_pages_take(struct api_pages *pages, const struct api_continue *token,
		   size_t n, struct object_list *ret, size_t *ret_left);

DEFINE_CLEANUP(struct api_pages *, api_pages_free)
