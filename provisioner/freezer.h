/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Freezes a volume, so that a copy of it is of one moment. Each node that has the volume
 * writes what its programs had written to the server, and then holds all further writes
 * back until the volume thaws. Possible for nodes that --node gave a socket
 * (NAME=SOCKET).
 *
 * Threads: any. A call asks all nodes at once and has a thread for each meanwhile.
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
	const char *volume; /* the PersistentVolume's name */
	const char *handle; /* what nodes call the volume: its volumeHandle */
	const char *
		token; /* unique; a node thaws only for the token that froze it */
	uint32_t
		seconds; /* after which nodes thaw on their own; FREEZER_MAX_S */
};

struct frozen;

enum freezer_outcome {
	FREEZER_MOVED = 1,   /* it may have been written to in between */
	FREEZER_STOPPED = 2, /* go_on() said so */
};

/* Called about twice a second while nodes are waited for; false ends the waiting. */
typedef bool (*freezer_fn)(void *userdata);

/*
 * Blocks for at most twice wish->seconds, and some seconds more if a node does not answer.
 * 0: the volume is frozen on all nodes that have it, and *ret is for freezer_thaw().
 * Otherwise it is frozen on none: FREEZER_STOPPED, or -errno (-EBUSY: a node can't be asked
 * or has not staged the volume yet) with a sentence that names the node.
 */
int freezer_freeze(const struct freezer *freezer,
		   const struct freezer_wish *wish, freezer_fn go_on,
		   void *userdata, struct frozen **ret, struct err *err);

/*
 * Thaws the volume on all nodes. 0: it was frozen until now on all nodes that have it.
 * FREEZER_MOVED: on one of them it was not, which err names. NULL is accepted.
 */
int freezer_thaw(struct frozen *take_frozen, struct err *err);
