/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * FUSE operations on a virtual tree (meta_tree.h). meta_view_ops (meta.h) is the
 * table; the node's tree differs in its root only.
 */

#include <fuse_lowlevel.h>

#include "meta_tree.h"

/* The lookup of the node's tree, whose root is the session's. */
void meta_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);

/* The tree that a node id of the request's session belongs to. */
struct meta_tree meta_tree_of(fuse_req_t req, uint64_t id);

/*
 * Carries out one command of the file `control` and answers the request, now or
 * from another thread: as many bytes, or an errno. meta_control.c
 */
void meta_control_write(struct meta *meta, fuse_req_t req, const char *text,
			size_t len);
