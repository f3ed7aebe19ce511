/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A directory with everything below it, by handle: removed, emptied, or counted.
 * Other files of the share are safe whatever happens in the directory meanwhile. What
 * is remembered has a limit, however large, wide or deep the directory is.
 */

#include "share_nfs.h"

enum share_tree_task {
	SHARE_TREE_REMOVE,
	SHARE_TREE_EMPTY, /* all but the directory itself */
	SHARE_TREE_COUNT, /* not deeper than 64 directories, so maybe too little */
};

enum share_tree_outcome {
	SHARE_TREE_MORE = 1, /* told to stop; begin again to go on */
};

/* Of this call: names (directories too), and bytes of those with one name only. */
struct share_tree_progress {
	uint64_t n_files;
	uint64_t n_bytes;
};

/* Asked after each answer; false = stop. Must not block. */
typedef bool (*share_tree_fn)(void *userdata,
			      const struct share_tree_progress *progress);

/*
 * `name` in parent ("." is the parent itself); 0 also when it is not there (any more).
 * -EXDEV when another file system is mounted below it on the server. go_on may be
 * NULL. After SHARE_TREE_MORE and after an error the connection is of no more use.
 */
int share_tree_walk(struct share_nfs *nfs, const struct share_fh *parent,
		    const char *name, enum share_tree_task task,
		    share_tree_fn go_on, void *userdata);
