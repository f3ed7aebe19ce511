/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The volumes of this node and what is done with them: CSI's Node service without
 * the wire. Staging starts a volume (volume.h) at the staging path, publishing
 * binds it at a pod's target path; unpublishing and unstaging undo that, at most
 * 5 s after they were called even if the server is dead.
 *
 * Every verb is idempotent and checks its own arguments (empty ids, paths that are
 * not absolute, a second target that the access mode forbids, ...); csi_node.c only
 * refuses what can't be expressed here (no capability, a block volume). The answer
 * is a status and, unless it is RPC_OK, one sentence in *err.
 *
 * Threads: any control thread may call; verbs block. One verb at a time per
 * volume (a second one is answered RPC_ABORTED), different volumes in parallel.
 * node_for_each_volume() may be called from a shard's thread, too.
 *
 * All strings of arguments are borrowed for the call.
 */

#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "keeper_wire.h"
#include "model.h"
#include "rpc_status.h"
#include "volume.h"

struct keeper;
struct node;
struct node_left;
struct node_left_volume;
struct registration;
struct shards;
struct trace;

/* The longest path that is taken; CSI asks for 4 KiB at least. */
#define NODE_PATH_MAX 4096
/* CSI: identifiers have at most 128 bytes, unless something larger is allowed. */
#define NODE_ID_MAX 1024
/* Limits of what is kept in memory. */
#define NODE_VOLUMES_MAX 4096
#define NODE_TARGETS_MAX 1024 /* of one volume */

struct node_options {
	const char *name;      /* the node's, as NodeGetInfo says it */
	const char *driver;    /* CSI driver name */
	const char *state_dir; /* exists; meta is mounted at <state_dir>/meta */
	struct shards *shards; /* borrowed, outlives the node */
	struct keeper *keeper; /* the same; NULL = none */
	struct registration *registration; /* the same */
	unsigned int max_volumes; /* that may be staged; 0 = NODE_VOLUMES_MAX */
	const char *inline_classes; /* a file; NULL = no inline volumes */
	bool never_resends;	    /* FUSE_NOTIFY_RESEND is not to be used */
};

/* Everything in options is copied. */
int node_new(struct node **ret, const struct node_options *options,
	     struct err *err);
/* The control tree, once shards run: what the last process left there takes its time. */
int node_mount_meta(struct node *node, struct err *err);
/* Unmounts, lazily if it must, all that is published, staged, and the tree. */
struct node *node_free(struct node *node);

/*
 * Frees it and leaves what is staged and published to the next process, which the
 * keeper will give it to; the control tree is unmounted.
 */
struct node *node_hand_over(struct node *node);

/*
 * Whether we can read what a former process left of a volume. -EPROTONOSUPPORT when
 * that was another version of ours: nothing must be taken over then, so that one of
 * that version can serve on. What is damaged is for node_take_over() to find.
 */
int node_check_left(const struct keeper_fds *fds, struct err *err);

/*
 * A volume that a former process left, before any verb is called. False for one that
 * can't be served any more, which is logged and given up: its mount ends.
 */
bool node_take_over(struct node *node, struct node_left *left,
		    struct node_left_volume *volume);

/* Tells a new keeper of every volume. */
void node_keep_all(struct node *node);
/* Whether volumes would outlive this process. Any thread. */
bool node_has_keeper(const struct node *node);

const char *node_name(const struct node *node);
struct shards *node_shards(const struct node *node);
const char *node_driver(const struct node *node);
/* NULL = it is not this process that tells the kubelet. */
struct registration *node_registration(const struct node *node);
/* What the cluster may place here; more are served if they were left to us. */
unsigned int node_max_volumes(const struct node *node);

/* VolumeCapability.AccessMode.Mode with CSI's numbers. */
enum node_access_mode {
	NODE_MODE_UNKNOWN = 0,
	NODE_SINGLE_NODE_WRITER = 1,
	NODE_SINGLE_NODE_READER_ONLY = 2,
	NODE_MULTI_NODE_READER_ONLY = 3,
	NODE_MULTI_NODE_SINGLE_WRITER = 4,
	NODE_MULTI_NODE_MULTI_WRITER = 5,
	NODE_SINGLE_NODE_SINGLE_WRITER = 6,
	NODE_SINGLE_NODE_MULTI_WRITER = 7,
};

/* VolumeCapability of a file-system volume; fs_type is of no use to NFS. */
struct node_capability {
	enum node_access_mode access_mode;
	const char *const *mount_flags;
	size_t n_mount_flags;
	const char *mount_group; /* a group id; NULL and "" = none */
};

struct node_stage_args {
	const char *volume_id;
	const char *staging_path; /* made if missing */
	struct node_capability capability;
	const struct labels *context; /* volume_context */
};

struct node_publish_args {
	const char *volume_id;
	const char *staging_path;
	const char *target_path; /* made; its parent is the caller's */
	struct node_capability capability;
	bool is_read_only;	      /* the pod's wish */
	const struct labels *context; /* volume_context with the pod's names */
};

/*
 * INVALID_ARGUMENT bad id, path, context or mount flag; NOT_FOUND the share or
 * directory does not exist; ALREADY_EXISTS staged with other arguments, or the path
 * is another volume's; PERMISSION_DENIED and UNAVAILABLE as the server answers, or
 * does not; ABORTED; RESOURCE_EXHAUSTED too many volumes; INTERNAL.
 */
enum rpc_status node_stage(struct node *node,
			   const struct node_stage_args *args, struct err *err);

/* OK too when it is not staged; FAILED_PRECONDITION while it is published. */
enum rpc_status node_unstage(struct node *node, const char *volume_id,
			     const char *staging_path, struct err *err);

/*
 * FAILED_PRECONDITION: not staged (there), a second target of a volume with a
 * single writer, or another mount group than that of a target; ALREADY_EXISTS:
 * published there with other arguments.
 */
enum rpc_status node_publish(struct node *node,
			     const struct node_publish_args *args,
			     struct err *err);

/* OK too when nothing is there; the target path is removed in any case. */
enum rpc_status node_unpublish(struct node *node, const char *volume_id,
			       const char *target_path, struct err *err);

/*
 * The volume has that many bytes from now on, unless it has more. path as below.
 * NOT_FOUND; ABORTED.
 */
enum rpc_status node_expand(struct node *node, const char *volume_id,
			    const char *path, uint64_t required,
			    uint64_t *ret_capacity, struct err *err);

/*
 * The volume stands still on this node for 1 to FREEZE_MAX_S seconds (freeze.h), and goes
 * on. NOT_FOUND: it is not staged here; ABORTED: it is being staged or unstaged, or is
 * frozen for somebody else; UNAVAILABLE: not all could be written.
 */
enum rpc_status node_freeze(struct node *node, const char *volume_id,
			    const char *token, uint32_t seconds,
			    struct err *err);
/* *ret: whether it stood still from the end of node_freeze() until now. */
enum rpc_status node_thaw(struct node *node, const char *volume_id,
			  const char *token, bool *ret, struct err *err);
/* When the node ends: nothing is frozen any more, and nobody waits for it. */
void node_end_freezing(struct node *node);

struct node_volume_stats {
	struct volume_usage usage;
	struct volume_health health;
};

/* path: the staging path or a target of the volume; otherwise NOT_FOUND. */
enum rpc_status node_volume_stats(struct node *node, const char *volume_id,
				  const char *path,
				  struct node_volume_stats *ret,
				  struct err *err);

/* Where a volume is published. */
struct node_target {
	char *path;
	char *pod_namespace; /* "" = the caller did not say */
	char *pod_name;
	char *pod_uid;
	char *fingerprint; /* of the request; node_spec.h */
	uint64_t
		mount_group; /* that it asked for; struct identity has the form */
	bool is_read_only;
};

/* A staged volume as a visitor sees it; all borrowed for the visit. */
struct node_volume {
	const char
		*name; /* unique on the node, fit for a file name: the PV's */
	struct volume *volume;
	const struct node_target *targets;
	size_t n_targets;
};

/* Runs under the node's lock: short, no I/O, no other node_*(). true stops. */
typedef bool (*node_visit_fn)(const struct node_volume *volume, void *userdata);

/* Every volume that is staged, in order of name; true if a visitor stopped it. */
bool node_for_each_volume(struct node *node, node_visit_fn fn, void *userdata);

/*
 * Makes the kernel forget what it has cached of the volume of that name. -ENOENT.
 * Never from a shard's thread: the kernel may ask the shards before it is done.
 */
int node_drop_caches(struct node *node, const char *name);

/* A share of the trace of the volume of that name. -ENOENT. Any thread. */
int node_get_trace(struct node *node, const char *name, struct trace **ret);

DEFINE_CLEANUP(struct node *, node_free)
DEFINE_CLEANUP(struct node *, node_hand_over)
