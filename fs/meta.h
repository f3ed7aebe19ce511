/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The virtual control files: the hidden directory `.meta` at the root of every
 * view, and the node's own tree at <state-dir>/meta (design 3.6). Content is made
 * at open, from memory only: reading never waits for an NFS server.
 *
 * Inside a view, virtual nodes have META_NODE_BIT set in their node id; ops_*.c
 * hands such requests to meta_view_ops, a complete table of libfuse's low-level
 * operations. The node's tree is a FUSE session of its own.
 *
 * A pod's .meta never shows the server, the share, other volumes or other pods.
 */

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

#define META_NODE_BIT (1ull << 63)
#define META_DIR_NAME ".meta"

struct fuse_lowlevel_ops;
struct meta;
struct node;
struct shards;
struct volume;

static inline bool meta_is_node(uint64_t nodeid)
{
	return (nodeid & META_NODE_BIT) != 0;
}

/* Node id of the directory `.meta` itself. */
#define META_VIEW_ROOT (META_NODE_BIT | 1)

/*
 * For requests on meta_is_node() ids of a view's session, and for the lookup of
 * META_DIR_NAME in the root (called with parent = FUSE_ROOT_ID and that name).
 * fuse_req_userdata() of a view's session is the session; session_volume() gives
 * the volume.
 */
extern const struct fuse_lowlevel_ops meta_view_ops;

/*
 * Mounts the node's tree at <state_dir>/meta, whose directory is made. node is
 * borrowed and outlives it.
 */
int meta_new(struct meta **ret, struct node *node, struct shards *shards,
	     const char *state_dir, struct err *err);
struct meta *meta_free(struct meta *meta);

DEFINE_CLEANUP(struct meta *, meta_free)
