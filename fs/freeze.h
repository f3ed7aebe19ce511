/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A volume that stands still on this node: what write(2) had returned for before is on
 * the server, and nothing of this node changes anything there until it thaws. So a
 * copy that is made meanwhile is one that a crash could have left; reads go on. It is for
 * a limited time, whatever becomes of whoever asked for it.
 *
 * Threads: begin, end and stop belong to control threads; the rest to any.
 */

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

#define FREEZE_MAX_S	 600
#define FREEZE_DEFAULT_S 60
#define FREEZE_TOKEN_MAX 128

struct freeze;
struct shards;
struct view;

/* For view->freeze; name is the volume's, for the log. All are borrowed. */
int freeze_new(struct freeze **ret, struct view *view, struct shards *shards,
	       const char *name);
/* It ends, and there is no other one. Before the volume does. NULL is accepted. */
void freeze_stop(struct freeze *freeze);
struct freeze *freeze_free(struct freeze *freeze);

struct freeze_wish {
	const char *token;
	uint32_t seconds;	/* at most FREEZE_MAX_S */
	const char *mountpoint; /* of the volume */
	uint32_t dev_minor;	/* of what is mounted there */
};

/*
 * Returns when the volume stands still, for seconds from about then; waits as long at
 * most. The token is the caller's word for it: with the same one a second time there is
 * nothing to do, or a call that still waits is ended and this one begins. -EBUSY: it is another's; -ETIMEDOUT: not all could be written;
 * -ECANCELED: freeze_end() or freeze_stop().
 */
int freeze_begin(struct freeze *freeze, const struct freeze_wish *wish,
		 struct err *err);

/*
 * The volume goes on, unless it is another's. True when it stood still from the end of
 * freeze_begin() until now.
 */
bool freeze_end(struct freeze *freeze, const char *token);

/* clock_ns() since when; 0 = it does not stand still. NULL is accepted. */
uint64_t freeze_since(const struct freeze *freeze);

/* Every OPENDIR has a number of its own, and RELEASEDIR tells it. NULL is accepted. */
uint64_t freeze_number_dir(struct freeze *freeze);
void freeze_dir_closed(struct freeze *freeze, uint64_t number);

DEFINE_CLEANUP(struct freeze *, freeze_free)
