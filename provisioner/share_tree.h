/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Removal of a directory with everything below it, by handle. Other files of the
 * share are safe whatever happens in the directory meanwhile.
 */

#include "share_nfs.h"

/* SHARE_TREE_MORE: the deadline (clock_ns()) came first; call again to go on. */
enum share_tree_outcome {
	SHARE_TREE_MORE = 1,
};

/* Removes `name` in parent; 0 also when it is not there any more. */
int share_tree_remove(struct share_nfs *nfs, const struct share_fh *parent,
		      const char *name, uint64_t deadline_ns);
