/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which nodes have a volume, for published_node_ids: those of the record's attachments,
 * which pods and ControllerPublishVolume make. Any thread.
 */

#include "store_attachment.h"

struct csi_published {
	struct attachment_list list; /* ordered by volume and node */
};

/*
 * Reads the attachments of one volume, by its PersistentVolume's name; NULL = of all. *ret
 * is for csi_published_fini(). 0 or -errno.
 */
int csi_published_read(struct csi_published *ret, struct store *store,
		       const char *volume, struct err *err);
void csi_published_fini(struct csi_published *published);

/*
 * The nodes of a volume, each once and sorted. *ret is for free() and NULL if there are
 * none; its strings are borrowed from *published. 0 or -ENOMEM.
 */
int csi_published_nodes(const struct csi_published *published,
			const char *volume, char ***ret, size_t *ret_n);

DEFINE_FINI(struct csi_published, csi_published_fini)
