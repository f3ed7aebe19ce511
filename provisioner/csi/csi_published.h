/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* On which nodes volumes are, by the record's attachments. Any thread. */

#include "store_attachment.h"

struct csi_published {
	struct attachment_list list; /* ordered by volume and node */
};

/* volume NULL = of all. */
int csi_published_read(struct csi_published *ret, struct store *store,
		       const char *volume, struct err *err);
void csi_published_fini(struct csi_published *published);

/*
 * The nodes of a volume, each once, in *ret (for free()), whose texts are borrowed;
 * *ret is NULL where there are none. -ENOMEM.
 */
int csi_published_nodes(const struct csi_published *published,
			const char *volume, char ***ret, size_t *ret_n);

DEFINE_FINI(struct csi_published, csi_published_fini)
