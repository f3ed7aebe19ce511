/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Makes copies of directories in the background: for snapshots, and for volumes that are
 * to begin as a volume or a snapshot is. What there is to do stands in the record
 * (store_copy.h), so a restart goes on where it was; who changes a row calls
 * copier_wake().
 *
 * A copy that fails is tried again, later and later. One that fails because there is no
 * room, or no right, leaves nothing behind until then.
 *
 * Threads: its own, two of which copy; its functions may be called by any.
 */

#include "freezer.h"
#include "share.h"
#include "store_snapshot.h"
#include "turns.h"

struct copier;

struct copier_options {
	struct store *store;	       /* borrowed */
	const struct share_ops *share; /* borrowed */
	const struct freezer *freezer; /* borrowed; NULL = none stands still */
	/* Something has become of a copy; on one of its threads. */
	void (*changed)(void *userdata, const struct store_copy *copy);
	void *userdata;
};

int copier_new(struct copier **ret, const struct copier_options *options,
	       struct err *err);
int copier_start(struct copier *copier, struct err *err);
/* Waits for its threads: a copy ends when what it has asked for is answered. */
void copier_stop(struct copier *copier);
struct copier *copier_free(struct copier *copier);

/* Of these NULL is nobody's and does nothing. */

/* Rows are new. */
void copier_wake(struct copier *copier);
/* What is being done to this copy is ended soon, and looked at again. */
void copier_interrupt(struct copier *copier, const char *name);
/* How fast it goes at present. */
struct turns_speed copier_look(struct copier *copier, const char *name);
/* Until it is whole, stopped, or has failed, or the deadline (clock_ns()). */
void copier_wait(struct copier *copier, const char *name, uint64_t deadline_ns);
/* Until the share has told that this snapshot, which is dropped, is none any more. */
void copier_wait_dropped(struct copier *copier, const char *snapshot,
			 uint64_t deadline_ns);
/* Until nothing is done to it. */
void copier_wait_idle(struct copier *copier, const char *name,
		      uint64_t deadline_ns);

DEFINE_CLEANUP(struct copier *, copier_free)
