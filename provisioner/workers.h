/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What plans do on shares for claims and volumes, many at a time, so that neither the
 * way to a server nor one that is slow holds up the reconciler. Nothing else is done
 * about a claim or volume meanwhile; what becomes of it is for the reconciler, who asks
 * when he is told.
 *
 * Calling sequence: workers_add(), then workers_begin() when what was written down about
 * it is on the disk, or workers_drop() when that failed; workers_take(), work->finish().
 *
 * Threads: the reconciler's, except where it says otherwise.
 */

#include <sys/queue.h>

#include "object.h"

struct applier;

/* A part of something larger, which free() frees. */
struct work {
	/* Whom it is done for; borrowed from what this is a part of. */
	enum object_kind kind;
	const char *namespace;
	const char *name;
	/* On one of the threads, where every change is on the disk. */
	int (*run)(struct work *work, const struct applier *applier,
		   struct err *err);
	/*
	 * With what it is done for as it is now (NULL = gone, or not asked for); as
	 * claim_apply(), and 0: a plan is to be made.
	 */
	int (*finish)(struct work *take_work, const struct applier *applier,
		      const struct object *object, struct err *err);
	void (*free)(struct work *work);

	int r; /* how it ended, from run() */
	struct err err;
	bool is_done;
	TAILQ_ENTRY(work) link;
};

struct work *work_free(struct work *work);

struct workers;

struct workers_options {
	const struct applier *applier; /* borrowed; for run() */
	/* On one of the threads with a lock held: it must only queue. */
	void (*done)(void *userdata, enum object_kind kind,
		     const char *namespace, const char *name);
	void *userdata;
};

enum workers_outcome {
	WORKERS_BUSY = 1, /* something is being done for it */
	WORKERS_DONE = 2,
	WORKERS_FULL = 3, /* there is too much already */
};

int workers_new(struct workers **ret, const struct workers_options *options);
/* What is not begun is forgotten, what is begun is waited for. */
struct workers *workers_free(struct workers *workers);
int workers_start(struct workers *workers, struct err *err);

/* 0, or WORKERS_FULL; consumed in any case. */
int workers_add(struct workers *workers, struct work *take_work);
void workers_begin(struct workers *workers);
void workers_drop(struct workers *workers);
/* 0: nothing is or was done for it; WORKERS_DONE: *ret is the caller's. */
int workers_take(struct workers *workers, enum object_kind kind,
		 const char *namespace, const char *name, struct work **ret);
/* Something is done for it, or was and is to be taken. NULL: nothing. */
bool workers_have(struct workers *workers, enum object_kind kind,
		  const char *namespace, const char *name);

DEFINE_CLEANUP(struct work *, work_free)
DEFINE_CLEANUP(struct workers *, workers_free)
