/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The two tables of virtual files, a volume's for the pods and the node's for the
 * administrator, and the mount of the latter. Adding a file is a row here and a
 * meta_text_fn (meta_content.h).
 */

#include "meta.h"

#include <string.h>
#include <sys/stat.h>

#include "meta_content.h"
#include "meta_control.h"
#include "meta_ops.h"
#include "mountpoint.h"
#include "session.h"
#include "shard.h"

#define DIR_MODE     (S_IFDIR | 0555)
#define FILE_MODE    (S_IFREG | 0444)
#define CONTROL_MODE (S_IFREG | 0200)
/* Names of all users' files, and who works on them. */
#define SECRET_MODE (S_IFREG | 0400)

static const struct meta_row view_rows[] = {
	{ META_DIR_NAME, 0, DIR_MODE },
	{ "claim", 0, FILE_MODE, 0, meta_claim },
	{ "mode", 0, FILE_MODE, 0, meta_mode },
	{ "volume", 0, FILE_MODE, 0, meta_volume },
	{ "stats", 0, FILE_MODE, 0, meta_stats },
	{ "quota", 0, FILE_MODE, 0, meta_quota },
	{ "health", 0, FILE_MODE, 0, meta_health },
	{ "ops", 0, FILE_MODE, .is_trace = true },
};

/* Rows that others are below. */
enum node_row {
	NODE_ROOT,
	NODE_SERVERS,
	NODE_SERVER,
	NODE_VOLUMES,
	NODE_VOLUME,
};

#define SERVER_FILE(name, text)                                        \
	{                                                              \
		name, NODE_SERVER, FILE_MODE, META_OBJECT_SERVER, text \
	}
#define VOLUME_FILE(name, text)                                        \
	{                                                              \
		name, NODE_VOLUME, FILE_MODE, META_OBJECT_VOLUME, text \
	}

static const struct meta_row node_rows[] = {
	[NODE_ROOT] = { "", 0, DIR_MODE },
	[NODE_SERVERS] = { "servers", NODE_ROOT, DIR_MODE },
	[NODE_SERVER] = { NULL, NODE_SERVERS, DIR_MODE, META_OBJECT_SERVER },
	[NODE_VOLUMES] = { "volumes", NODE_ROOT, DIR_MODE },
	[NODE_VOLUME] = { NULL, NODE_VOLUMES, DIR_MODE, META_OBJECT_VOLUME },
	{ "version", NODE_ROOT, FILE_MODE, 0, meta_version },
	{ "metrics", NODE_ROOT, FILE_MODE, 0, meta_metrics },
	{ "registration", NODE_ROOT, FILE_MODE, 0, meta_registration },
	{ "control", NODE_ROOT, CONTROL_MODE },
	SERVER_FILE("state", meta_server_state),
	SERVER_FILE("stats", meta_server_stats),
	VOLUME_FILE("claim", meta_claim),
	VOLUME_FILE("mode", meta_mode),
	VOLUME_FILE("volume", meta_volume),
	VOLUME_FILE("stats", meta_stats),
	VOLUME_FILE("quota", meta_quota),
	VOLUME_FILE("health", meta_health),
	VOLUME_FILE("pods", meta_pods),
	VOLUME_FILE("server", meta_server),
	{ "ops", NODE_VOLUME, SECRET_MODE, META_OBJECT_VOLUME,
	  .is_trace = true },
};

struct meta {
	struct node *node;	 /* borrowed */
	struct session *session; /* NULL: no tree is mounted */
	struct control control;
	char *mountpoint;
};

struct meta_tree meta_tree_of(fuse_req_t req, uint64_t id)
{
	void *owner = session_owner(fuse_req_userdata(req));
	const struct meta *meta = owner;

	if (meta_is_node(id))
		return (struct meta_tree){ .rows = view_rows,
					   .n_rows = ARRAY_SIZE(view_rows),
					   .id_bits = META_NODE_BIT,
					   .volume = owner,
					   .reader = fuse_req_ctx(req)->pid };
	return (struct meta_tree){ .rows = node_rows,
				   .n_rows = ARRAY_SIZE(node_rows),
				   .node = meta->node };
}

void meta_control_write(struct meta *meta, fuse_req_t req, const char *text,
			size_t len)
{
	control_write(&meta->control, req, text, len);
}

static int tree_mount(struct meta *meta, struct shards *shards,
		      const char *state_dir, struct err *err)
{
	struct fuse_lowlevel_ops ops = meta_view_ops;
	struct session_options options = { .ops = &ops,
					   .source = "claimfs",
					   .owner = meta };
	int r;

	ops.lookup = meta_lookup;
	if (asprintf(&meta->mountpoint, "%s/meta", state_dir) < 0) {
		meta->mountpoint = NULL;
		return err_set_errno(err, -ENOMEM, "mount the control tree");
	}
	r = mountpoint_make(meta->mountpoint, MOUNTPOINT_MAY_ABORT, err);
	if (r < 0)
		return r;
	options.mountpoint = meta->mountpoint;
	return session_new(&meta->session, shards, &options, err);
}

int meta_new(struct meta **ret, struct node *node, struct shards *shards,
	     const char *state_dir, struct err *err)
{
	_cleanup_(meta_free) struct meta *meta = calloc(1, sizeof(*meta));
	int r;

	if (!meta)
		return err_set_errno(err, -ENOMEM, "mount the control tree");
	meta->node = node;
	control_init(&meta->control, node, shards_notify_loop(shards));
	r = tree_mount(meta, shards, state_dir, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(meta);
	return 0;
}

struct meta *meta_free(struct meta *meta)
{
	if (!meta)
		return NULL;
	/* A command may be about to answer a request of the session. */
	control_fini(&meta->control);
	(void)session_free(meta->session);
	free(meta->mountpoint);
	free(meta);
	return NULL;
}
