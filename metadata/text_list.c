/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Memory grows by doubling, which for what is large is the kernel's moving of pages
 * (mremap(2)); what was never written takes no memory, and all goes back to the
 * kernel at the end, however many texts there were.
 */

#include "text_list.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BYTES 4096

struct text_list *text_list_new(void)
{
	struct text_list *list = calloc(1, sizeof(*list));

	if (list)
		atomic_init(&list->n_refs, 1);
	return list;
}

static int make_room(struct text_list *list, size_t size)
{
	size_t n = list->n_allocated ? list->n_allocated : FIRST_BYTES;
	char *grown;

	while (n - list->n_bytes < size)
		n *= 2;
	if (n == list->n_allocated)
		return 0;
	grown = realloc(list->bytes, n);
	if (!grown)
		return -ENOMEM;
	list->bytes = grown;
	list->n_allocated = n;
	return 0;
}

int text_list_add(struct text_list *list, const char *text, size_t len)
{
	int r = make_room(list, len + 1);

	if (r < 0)
		return r;
	/* Room at the powers of two. */
	if ((list->n & (list->n - 1)) == 0) {
		size_t *ends = reallocarray(
			list->ends, list->n ? list->n * 2 : 1, sizeof(*ends));

		if (!ends)
			return -ENOMEM;
		list->ends = ends;
	}
	memcpy(list->bytes + list->n_bytes, text, len);
	list->bytes[list->n_bytes + len] = '\0';
	list->n_bytes += len + 1;
	list->ends[list->n++] = list->n_bytes;
	return 0;
}

const char *text_list_at(const struct text_list *list, size_t i)
{
	return list->bytes + (i ? list->ends[i - 1] : 0);
}

struct text_list *text_list_ref(struct text_list *list)
{
	(void)atomic_fetch_add_explicit(&list->n_refs, 1, memory_order_relaxed);
	return list;
}

struct text_list *text_list_unref(struct text_list *list)
{
	if (!list || atomic_fetch_sub_explicit(&list->n_refs, 1,
					       memory_order_acq_rel) > 1)
		return NULL;
	free(list->ends);
	free(list->bytes);
	free(list);
	return NULL;
}
