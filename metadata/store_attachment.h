/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Who has a volume: a row per volume and pod, made before anything is mounted and
 * removed after everything is unmounted. For a volume that may be on one node, or
 * in one pod, the row is a lease. Threads and errors as in store.h.
 */

#include "store.h"

struct attachment {
	char *volume; /* PV's name */
	char *node;
	char *pod_namespace;
	char *pod;
	char *pod_uid;
};

struct attachment_list {
	struct attachment *items;
	size_t n;
};

enum attachment_scope {
	ATTACHMENT_ANYWHERE,
	ATTACHMENT_ONE_NODE,
	ATTACHMENT_ONE_POD,
};

/*
 * What is attached already may be attached again. STORE_CONFLICT: another one has
 * it, *ret_holder (attachment_fini()).
 */
int store_attach(struct store *store, const struct attachment *attachment,
		 enum attachment_scope scope, struct attachment *ret_holder,
		 struct err *err);
/* The same, but STORE_FULL where the node has n_max other volumes already. */
int store_attach_within(struct store *store,
			const struct attachment *attachment,
			enum attachment_scope scope, uint64_t n_max,
			struct attachment *ret_holder, struct err *err);
/* volume NULL = all that the pod has; 0 also when there is nothing. */
int store_detach(struct store *store, const char *pod_uid, const char *volume,
		 struct err *err);
/* volume NULL = of all volumes; oldest first. */
int store_attachment_list(struct store *store, const char *volume,
			  struct attachment_list *ret, struct err *err);

void attachment_fini(struct attachment *attachment);
void attachment_list_fini(struct attachment_list *list);

DEFINE_FINI(struct attachment, attachment_fini)
DEFINE_FINI(struct attachment_list, attachment_list_fini)
