/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Lets a volume stand still on all nodes that have it, for a copy that is of one moment:
 * what its writers had written is on the server, and nothing changes until it thaws.
 * Only for nodes that were named with a socket (--node NAME=SOCKET).
 *
 * Threads: any; one per node is started for the length of a call.
 */

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "store.h"

#define FREEZER_MAX_S 600 /* as claimfs.proto has it */

struct pods_node;

/* All borrowed. */
struct freezer {
	struct store *store; /* its attachments say who has a volume */
	const struct pods_node *nodes;
	size_t n_nodes;
};

/* Borrowed for the call. */
struct freezer_wish {
	const char *volume; /* PV's name */
	const char *handle;
	const char *token; /* nobody else's, of this freeze */
	uint32_t seconds;  /* after which nodes thaw by themselves */
};

struct frozen;

enum freezer_outcome {
	FREEZER_MOVED = 1,   /* it did not stand still all the time */
	FREEZER_STOPPED = 2, /* go_on() said so */
};

/* Asked again and again while nodes are waited for. */
typedef bool (*freezer_fn)(void *userdata);

/*
 * 0: it stands still everywhere, and *ret is for freezer_thaw(). FREEZER_STOPPED. -EBUSY
 * or what else a node said, who is named: it stands still nowhere then. At most twice
 * wish->seconds.
 */
int freezer_freeze(const struct freezer *freezer,
		   const struct freezer_wish *wish, freezer_fn go_on,
		   void *userdata, struct frozen **ret, struct err *err);

/*
 * It goes on. 0: it stood still until now on all nodes that have it. FREEZER_MOVED: not
 * on one of them, whom err names. NULL is accepted.
 */
int freezer_thaw(struct frozen *take_frozen, struct err *err);
