/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Copies directories in the background: for snapshots, and for volumes that begin as a copy
 * of a volume or a snapshot. Each copy is a row of the record (store_copy.h), so a restart
 * goes on where the last process ended. Whoever adds or changes a row calls copier_wake().
 *
 * A copy that failed is tried again, after longer and longer times. If it failed for want of
 * room or of rights, what was copied is removed until then.
 *
 * Threads: it has its own, of which two make copies. Any thread may call the functions.
 */

#include "freezer.h"
#include "share.h"
#include "store_snapshot.h"
#include "turns.h"

struct copier;

struct copier_options {
	struct store *store;	       /* borrowed */
	const struct share_ops *share; /* borrowed */
	const struct freezer
		*freezer; /* borrowed; NULL = no volume can be frozen */
	/* Called when a copy became whole, failed, or is gone; on one of its threads. */
	void (*changed)(void *userdata, const struct store_copy *copy);
	void *userdata;
};

int copier_new(struct copier **ret, const struct copier_options *options,
	       struct err *err);
int copier_start(struct copier *copier, struct err *err);
/* Waits for its threads, which begin no further calls to a server and await the answers. */
void copier_stop(struct copier *copier);
struct copier *copier_free(struct copier *copier);

/* The functions below accept NULL and then do nothing. */

/* Says that there are new or changed rows. */
void copier_wake(struct copier *copier);
/* Ends the work on this copy soon; then its row is read again. */
void copier_interrupt(struct copier *copier, const char *name);
/* How fast this copy goes at present. */
struct turns_speed copier_look(struct copier *copier, const char *name);
/* Blocks until the copy is whole, stopped or failed, at most until clock_ns() is that. */
void copier_wait(struct copier *copier, const char *name, uint64_t deadline_ns);
/* Blocks until a deleted snapshot is gone from its share, with the same limit. */
void copier_wait_dropped(struct copier *copier, const char *snapshot,
			 uint64_t deadline_ns);
/* Blocks until no thread works on the copy, with the same limit. */
void copier_wait_idle(struct copier *copier, const char *name,
		      uint64_t deadline_ns);

DEFINE_CLEANUP(struct copier *, copier_free)
