/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a NodeStageVolume request says about the volume: volume_context and mount
 * flags become a volume_spec. Keys that the cluster adds for the driver's
 * information (csi.storage.k8s.io/..., storage.kubernetes.io/...) are told from
 * the volume's own attributes here.
 */

#include "class_parameters.h"
#include "node.h"

struct node_spec {
	/* Borrows from the members below and from the request. */
	struct volume_spec volume;
	struct class_parameters parameters;
	char *claim;
	char *inline_dir; /* NULL = it is no inline volume */
};

/*
 * A fact of inline volumes (node_inline.h), whose directory has the name of their id and
 * is where no subDir can be.
 */
#define NODE_INLINE_KEY "claimfs.io/inline"

/* The request outlives *ret. -EINVAL with a sentence. */
int node_spec_parse(const struct node_stage_args *args, struct node_spec *ret,
		    struct err *err);
void node_spec_fini(struct node_spec *spec);

/*
 * Applies mount flags, the volume's `mountOptions` first. Publishing uses it, too,
 * for `ro` and `noatime`.
 */
int node_spec_mount_options(const struct labels *context,
			    const struct node_capability *capability,
			    struct mount_options *ret, struct err *err);

/* A value of csi.storage.k8s.io/<key>; "" when it is absent. */
const char *node_context_get(const struct labels *context, const char *key);

/*
 * What must be the same when a request is repeated, as one text: mode, flags, mount
 * group and the volume's attributes. NULL when out of memory.
 */
char *node_fingerprint(const struct node_capability *capability,
		       const struct labels *context, bool is_read_only);

DEFINE_FINI(struct node_spec, node_spec_fini)
