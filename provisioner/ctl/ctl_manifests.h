/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The objects in the files of -f: read and checked completely before anything is
 * done with the first one. Threads: one.
 */

#include "ctl.h"

struct ctl_document {
	struct object *object; /* metadata.namespace is settled */
	char *where;	       /* "FILE:LINE" */
};

struct ctl_manifests {
	struct ctl_document *documents;
	size_t n;
};

/* Errors are "FILE:LINE: what". */
int ctl_manifests_read(struct ctl_manifests *ret, const struct ctl_args *args,
		       struct err *err);
void ctl_manifests_fini(struct ctl_manifests *manifests);

DEFINE_FINI(struct ctl_manifests, ctl_manifests_fini)
