/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The directories of inline volumes on a share: made before a volume is served, and
 * removed with all that is in them. They are in a
 * folder of the share's hidden one, which other volumes are kept out of.
 *
 * Threads: blocks, for control threads. No call takes longer than INLINE_CALL_MS.
 */

#include <stdatomic.h>
#include <stdint.h>

#include "err.h"

#define INLINE_FOLDER  ".claimfs/inline"
#define INLINE_CALL_MS 3000

struct inline_place {
	const char *server;
	const char *share;
	uint32_t port;	     /* 0 = 2049 */
	uint32_t mount_port; /* 0 = the portmapper knows */
	const char *name;    /* of the directory */
};

/* Whether the share can be reached at all: else there is nothing to undo. */
int inline_tree_check(const struct inline_place *place, struct err *err);

/* One that is there already is as good. mode: permission bits. */
int inline_tree_make(const struct inline_place *place, uint32_t mode,
		     struct err *err);

/*
 * 0 when there is none (any more). -EINTR as soon as *is_stopped; then, and after
 * any other error, the next call goes on with what is left.
 */
int inline_tree_remove(const struct inline_place *place,
		       const atomic_bool *is_stopped, struct err *err);
