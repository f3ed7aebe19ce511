/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Lists of which `limit` left something, until their clients come back with
 * `continue`: each as it was at its revision. Threads: any.
 *
 * Limits: 32 lists, 24 MiB, 5 minutes each; the oldest goes first. A list that is
 * gone is Expired for its client, as it is in Kubernetes after a compaction.
 */

#include <stdint.h>

#include "json_index.h"
#include "text_list.h"

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
void api_continue_after(struct api_continue *to,
			const struct json_index *object);
/* Whether an object comes after `after` in the order of lists. */
bool api_continue_precedes(const struct api_continue *from,
			   const struct json_index *object);

int api_pages_new(struct api_pages **ret, struct err *err);
struct api_pages *api_pages_free(struct api_pages *pages);

/*
 * Keeps a list (a reference of its own); *ret_list names it from then on. -ENOSPC
 * for one that is too large to be kept.
 */
int api_pages_keep(struct api_pages *pages, struct text_list *list,
		   uint64_t *ret_list);
/* A part of a list. */
struct api_list_part {
	struct text_list *list;
	size_t from;
	size_t n;
};
/*
 * The page of at most n objects that token->at tells, with a reference for the
 * caller; what comes after it is the rest of the list. A list whose last page was
 * taken is not kept any longer. -ENOENT: it is gone.
 */
int api_pages_take(struct api_pages *pages, const struct api_continue *token,
		   size_t n, struct api_list_part *ret);

DEFINE_CLEANUP(struct api_pages *, api_pages_free)
