/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * mount(2), umount2(2) and /proc/self/mountinfo. Nothing here ever stats a mount
 * point: a dead FUSE mount or a dead server must not hang the caller.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"

#define MOUNT_FSTYPE "fuse.claimfs"

struct mount_entry {
	char *target;
	char *fstype;
	char *source;
	char *options;	/* per-mount options, e.g. "ro,nosuid,nodev" */
	uint32_t major; /* of the device */
	uint32_t minor;
};

void mount_entry_fini(struct mount_entry *entry);
DEFINE_FINI(struct mount_entry, mount_entry_fini)

/*
 * The topmost mount at exactly target; 1 found (*ret filled), 0 not a mount point,
 * -errno.
 */
int mount_find(const char *target, struct mount_entry *ret);

/*
 * Whether the process sees the FUSE file system of that device at least once, but
 * for its mount at `except`, and always read-only. False when it can't be told.
 */
bool mount_is_read_only_for(pid_t pid, uint32_t minor, const char *except);

/* The kernel keeps no access times of FUSE files: those two are only shown. */
enum mount_flags {
	MOUNT_RO = 1u << 0,
	MOUNT_NOATIME = 1u << 1,
	MOUNT_NODIRATIME = 1u << 2,
	MOUNT_UNCHECKED = 1u << 3, /* the kernel leaves permissions to us */
};

/*
 * Mounts /dev/fuse fd at target as MOUNT_FSTYPE, nosuid,nodev, allow_other,
 * default_permissions unless MOUNT_UNCHECKED; source is what df shows
 * ("server:/share/dir"). MOUNT_RO is for every bind of it, too.
 */
int mount_fuse(int fuse_fd, const char *source, const char *target,
	       enum mount_flags flags, struct err *err);

/* Binds source at target (created by the caller), nosuid,nodev always. */
int mount_bind(const char *source, const char *target, enum mount_flags flags,
	       struct err *err);

/*
 * Has the kernel look path up, below a mount of this very process, and waits for it. A
 * process of its own does it: a thread that waits for an answer of its own process can't
 * be killed, nor can the mount end then.
 */
void mount_look_up(const char *path);

/*
 * Unmounts everything at target: plainly, else lazily; with abort_minor != 0 the
 * FUSE connection of that device is aborted first when the plain way says EBUSY,
 * which frees tasks that wait for a dead server. 0 too when nothing was mounted.
 */
int mount_remove(const char *target, uint32_t abort_minor, struct err *err);

/*
 * How many of its own requests the kernel of that FUSE device sends at a time: pages that
 * it writes back, and reads through the page cache. Does not wait.
 */
int mount_set_background(uint32_t dev_minor, unsigned int n);
