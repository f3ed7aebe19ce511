/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The directories that mounts of ours are made at. Nothing here ever looks at what
 * is mounted (mount.h).
 */

#include "err.h"

enum mountpoint_flags {
	/* Nobody shares the mount: its connection may be aborted. */
	MOUNTPOINT_MAY_ABORT = 1u << 0,
};

/*
 * Unmounts what an earlier publication or a former run of the daemon left at path.
 * Only our own type of mount is: -EBUSY for a stranger's.
 */
int mountpoint_clear(const char *path, enum mountpoint_flags flags,
		     struct err *err);

/* Clears it and makes the directory if it is missing; its parent is not. */
int mountpoint_make(const char *path, enum mountpoint_flags flags,
		    struct err *err);

/* Clears it and removes the directory if it is there. */
int mountpoint_remove(const char *path, struct err *err);
