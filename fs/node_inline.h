/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inline ephemeral volumes: a pod's own, with a directory that is made when the volume
 * is published and removed after it was unpublished. For node*.c only.
 */

#include "node_registry.h"

struct node_inline;

/* classes: the administrator's file; NULL = there are no new ones. Both are copied. */
int node_inline_new(struct node_inline **ret, const char *state_dir,
		    const char *classes, struct err *err);
struct node_inline *node_inline_free(struct node_inline *inline_volumes);

/* Of the pod's own making, says the cluster. */
bool node_inline_is_asked(const struct labels *context);
/* We made it. */
bool node_inline_is_known(const struct node *node, const char *volume_id);

/* As node_publish() and node_unpublish(), whose checks were made. */
enum rpc_status node_inline_publish(struct node *node,
				    const struct node_publish_args *args,
				    struct err *err);
enum rpc_status node_inline_unpublish(struct node *node, const char *volume_id,
				      const char *target_path, struct err *err);

DEFINE_CLEANUP(struct node_inline *, node_inline_free)
