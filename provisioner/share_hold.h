/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What one thread at a time may do something about. Taken in the order of the kinds, at
 * most one of each. Threads: any; the one that took it releases it.
 */

#include <sys/queue.h>

enum share_hold_kind {
	/* A volume's descriptors, by its name. */
	SHARE_HOLD_VOLUME,
	/* What becomes of a directory at the top of any share, by its name. */
	SHARE_HOLD_TOP,
	/*
	 * Who has which directory, by the server's name: held from asking whether
	 * somebody has one until it is taken, or was taken away.
	 */
	SHARE_HOLD_PLACES,
};

/* Begins as zeros: nothing is held. Not to be moved while something is. */
struct share_hold {
	enum share_hold_kind kind;
	const char *name; /* borrowed, up to a '/'; NULL = nothing */
	LIST_ENTRY(share_hold) link;
};

/* Waits until nobody holds that. Of a path its first name counts. */
void share_hold_take(struct share_hold *hold, enum share_hold_kind kind,
		     const char *name);
/* Nothing if nothing is held. */
void share_hold_release(struct share_hold *hold);
