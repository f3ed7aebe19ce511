/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Makes directories of new volumes, several at a time, so that neither the way to a
 * server nor one that is slow holds up the reconciler. A claim has at most one being
 * made; what becomes of it is for the reconciler, who asks for it when he is told.
 *
 * Calling sequence: maker_add(), then maker_begin() when what was written down about
 * it is on the disk, or maker_drop() when that failed; maker_take().
 *
 * Threads: the reconciler's, except where it says otherwise.
 */

#include <sys/queue.h>

#include "object.h"
#include "volume_place.h"

struct making {
	struct volume_place place;
	char *provisioner; /* the class's */
	char *record;	   /* for the descriptor */
	char *copy; /* the whole copy that it begins as; NULL = nothing */
	struct object *volume; /* what to store once there is a directory */
	int64_t intent;
	bool is_first; /* no earlier try may have done something */
	int r;	       /* how it ended: as share_ops.make, or an error */
	struct err err;
	bool is_done;
	TAILQ_ENTRY(making) link;
};

struct making *making_free(struct making *making);

struct maker;

struct maker_options {
	/* On one of the maker's threads. */
	int (*make)(void *userdata, const struct making *making,
		    struct err *err);
	/* As above, with a lock held: it must only queue. */
	void (*done)(void *userdata, const char *claim_namespace,
		     const char *claim_name);
	void *userdata;
};

enum maker_outcome {
	MAKER_BUSY = 1, /* it is being made */
	MAKER_DONE = 2,
	MAKER_FULL = 3, /* there are too many already */
};

int maker_new(struct maker **ret, const struct maker_options *options);
/* What is not begun is forgotten, what is begun is waited for. */
struct maker *maker_free(struct maker *maker);
int maker_start(struct maker *maker, struct err *err);

/* 0, or MAKER_FULL; consumed in any case. */
int maker_add(struct maker *maker, struct making *take_making);
void maker_begin(struct maker *maker);
void maker_drop(struct maker *maker);
/* 0: nothing is or was made for this claim; MAKER_DONE: *ret is the caller's. */
int maker_take(struct maker *maker, const char *claim_namespace,
	       const char *claim_name, struct making **ret);

DEFINE_CLEANUP(struct making *, making_free)
DEFINE_CLEANUP(struct maker *, maker_free)
