/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A volume on this node: the directory of a claim on a server, served through one
 * FUSE mount at mountpoint (CSI's staging path). Pods get bind mounts of it
 * (mount.h), which is why all pods of a node share one page cache.
 *
 * Life: volume_start() looks the directory up on the server, mounts, and is
 * served by every shard from then on; volume_stop() unmounts (lazily if it must)
 * and frees. Both block for at most the deadlines named below and never longer,
 * whatever the server does.
 *
 * Threads: start, stop and the readers below belong to control threads.
 */

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "identity.h"
#include "model.h"
#include "mount_options.h"
#include "nfs_call.h"

struct inode_table;
struct meta;
struct shards;
struct trace;
struct view;
struct volume;
struct volume_stats;

/* Everything is copied by volume_start(). */
struct volume_spec {
	const char *handle; /* CSI volume id, opaque */
	const char *pv; /* PersistentVolume's name; the handle where unknown */
	const char *claim;  /* "namespace/name"; NULL = unknown */
	const char *server; /* host or address */
	const char *share;  /* exported path */
	const char *subdir; /* below share, validated; "" = the share itself */
	const char *mountpoint; /* absolute, exists */
	enum access_mode access_mode;
	uint64_t capacity; /* bytes, at the start; 0 = unknown */
	const char *class; /* these three: NULL = unknown */
	const char *reclaim_policy;
	const char *node; /* its name, and where it may keep files: */
	const char *state_dir;
	bool never_resends;	  /* FUSE_NOTIFY_RESEND is not to be used */
	const char *access_modes; /* of the PV, "ReadWriteMany,ReadOnlyMany" */
	struct mount_options options;
	struct identity identity;
};

/* Nobody may write through any mount of it. */
static inline bool volume_spec_is_read_only(const struct volume_spec *spec)
{
	return spec->options.is_ro || spec->access_mode == ACCESS_ROX;
}

/*
 * Errors: -ENOENT the directory or share does not exist, -EACCES the server
 * refuses, -ETIMEDOUT/-ECONNREFUSED/-EHOSTUNREACH no server, -EINVAL bad spec.
 * At most 20 s.
 */
int volume_start(struct volume **ret, struct shards *shards, struct meta *meta,
		 const struct volume_spec *spec, struct err *err);

/* Unmounts and frees; at most 5 s. Always succeeds. */
struct volume *volume_stop(struct volume *volume);

/* What a volume is to whoever serves it next; borrowed. */
struct volume_state {
	int fuse_fd;  /* of /dev/fuse */
	int table_fd; /* the node table's memory file */
	int data_fd;  /* the arena's */
	uint32_t dev_minor;
};

void volume_get_state(const struct volume *volume, struct volume_state *ret);

/*
 * Serves on where another process stopped, without asking the server. take_table is
 * that of state->table_fd, and consumed. -ENODEV when the mount is gone, -EOPNOTSUPP.
 */
int volume_resume(struct volume **ret, struct shards *shards,
		  const struct volume_spec *spec,
		  const struct volume_state *state,
		  struct inode_table *take_table, struct err *err);

/* Frees it and leaves the mount to whoever serves it next; at most 5 s. */
struct volume *volume_hand_over(struct volume *volume);

const struct volume_spec *volume_get_spec(const struct volume *volume);
/* Bytes; 0 = unknown. Any thread. */
uint64_t volume_get_capacity(const struct volume *volume);
void volume_set_capacity(struct volume *volume, uint64_t capacity);
/* From now on; struct identity has the form. */
void volume_set_mount_group(struct volume *volume, uint64_t group);
/* What the operations see of it; for fs/op*.c. */
struct view *volume_view(struct volume *volume);
struct volume_stats *volume_get_stats(struct volume *volume);
/* Borrowed; who wants it for longer takes a share. */
struct trace *volume_get_trace(struct volume *volume);
/* Minor number of the mount's device, for /sys/fs/fuse/connections and the bdi. */
uint32_t volume_get_dev_minor(const struct volume *volume);

struct volume_health {
	enum nfs_health health; /* the worst of the shards' connections */
	uint64_t since_ns;	/* clock_ns() of the last change */
	const char *reason;	/* constant; "" when OK */
};

void volume_get_health(struct volume *volume, struct volume_health *ret);

/* Bytes and inodes as statfs of the volume says; last known, never blocks. */
struct volume_usage {
	uint64_t total_bytes, avail_bytes, used_bytes;
	uint64_t total_files, avail_files, used_files;
	bool is_known; /* false until the server answered once */
};

/* Asks the server and waits at most timeout_ms, then gives what is last known. */
void volume_get_usage(struct volume *volume, unsigned int timeout_ms,
		      struct volume_usage *ret);

/* Ranges that are locked by this node; 0 without `lock`. */
uint64_t volume_get_n_locks(const struct volume *volume);

/* Bytes that the server has not committed yet. */
uint64_t volume_get_uncommitted(const struct volume *volume);

/*
 * The volume stands still for a time, and goes on, as freeze.h has it. end_freezing is for
 * ever: control threads that are about to freeze it return.
 */
int volume_freeze(struct volume *volume, const char *token, uint32_t seconds,
		  struct err *err);
bool volume_thaw(struct volume *volume, const char *token);
void volume_end_freezing(struct volume *volume);
/* clock_ns() since when it stands still; 0 = it does not. Any thread. */
uint64_t volume_frozen_since(const struct volume *volume);

/* Tells the kernel to forget cached data and names of the volume. */
void volume_drop_caches(struct volume *volume);

DEFINE_CLEANUP(struct volume *, volume_stop)
DEFINE_CLEANUP(struct volume *, volume_hand_over)
