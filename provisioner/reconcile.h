/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The reconciler: one thread that makes the world what claims ask for. It is told
 * which objects changed, looks at each as it is now, plans and applies.
 *
 * Threads: reconciler_change() may be called by any, with the store's lock held.
 */

#include "cluster.h"
#include "remover.h"
#include "share.h"
#include "store_copy.h"

struct reconciler;

struct reconciler_options {
	struct cluster *cluster;       /* borrowed */
	struct store *store;	       /* borrowed; for intents and copies */
	const struct share_ops *share; /* borrowed */
	struct remover *remover;       /* borrowed; may be NULL */
	struct copier *copier;	       /* the same */
	const char *const *drivers;    /* provisioners that we are; borrowed */
	size_t n_drivers;
	bool is_binder; /* false: the cluster's own controllers bind claims */
	unsigned int resync_s; /* everything is looked at this often; 0 = 180 */
};

int reconciler_new(struct reconciler **ret,
		   const struct reconciler_options *options, struct err *err);
/*
 * Whoever may call reconciler_change() must have been stopped: its callback can't be
 * taken away.
 */
struct reconciler *reconciler_free(struct reconciler *reconciler);

struct reconciler_state {
	uint64_t n_done;   /* keys that were looked at */
	uint64_t n_failed; /* those of them that will be tried again */
};

/* Any thread. */
void reconciler_get_state(const struct reconciler *reconciler,
			  struct reconciler_state *ret);

/* Starts the thread with a look at everything. */
int reconciler_start(struct reconciler *reconciler, struct err *err);
/* Ends the thread after the key that it is working on; idempotent. */
void reconciler_stop(struct reconciler *reconciler);

/* A volume is to be looked at; userdata is the reconciler. */
void reconciler_look_at(void *userdata, const char *volume);

/* What a copy is for, and what it is of, are to be looked at. */
void reconciler_look_at_copy(struct reconciler *reconciler,
			     const struct store_copy *copy);

/* A store_change_fn: only queues. userdata is the reconciler. */
void reconciler_change(void *userdata, enum store_change change,
		       struct object *object);

DEFINE_CLEANUP(struct reconciler *, reconciler_free)
