/* SPDX-License-Identifier: Apache-2.0 */

/*
 * There may be ten thousand volumes and as many attachments. So the attachments are sorted
 * once, and those of each volume are found by binary search.
 */

#include "csi_published.h"

#include <string.h>

static int compare(const void *a, const void *b)
{
	const struct attachment *x = a, *y = b;
	int order = strcmp(x->volume, y->volume);

	return order ? order : strcmp(x->node, y->node);
}

int csi_published_read(struct csi_published *ret, struct store *store,
		       const char *volume, struct err *err)
{
	int r = store_attachment_list(store, volume, &ret->list, err);

	if (r == 0 && ret->list.n > 0)
		qsort(ret->list.items, ret->list.n, sizeof(*ret->list.items),
		      compare);
	return r;
}

void csi_published_fini(struct csi_published *published)
{
	attachment_list_fini(&published->list);
}

static size_t first_of(const struct attachment_list *list, const char *volume)
{
	size_t low = 0, high = list->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(list->items[middle].volume, volume) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int csi_published_nodes(const struct csi_published *published,
			const char *volume, char ***ret, size_t *ret_n)
{
	const struct attachment *items = published->list.items;
	size_t first = first_of(&published->list, volume);
	size_t end = first, n = 0;
	char **nodes;

	while (end < published->list.n &&
	       strcmp(items[end].volume, volume) == 0)
		end++;
	*ret = NULL;
	*ret_n = 0;
	if (end == first)
		return 0;
	nodes = calloc(end - first, sizeof(*nodes));
	if (!nodes)
		return -ENOMEM;
	for (size_t i = first; i < end; i++)
		if (n == 0 || strcmp(nodes[n - 1], items[i].node) != 0)
			nodes[n++] = items[i].node;
	*ret = nodes;
	*ret_n = n;
	return 0;
}
