/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Carries out a plan, step by step. Each step may be repeated: applied twice it
 * changes nothing the second time, and what a crash interrupted is done by the
 * next plan.
 *
 * Threads: the reconciler's only, but for apply_share_make() and apply_share_forget().
 */

#include "batch.h"
#include "cluster.h"
#include "copier.h"
#include "plan.h"
#include "remover.h"
#include "server_health.h"
#include "share.h"
#include "store.h"

struct workers;

struct applier {
	struct cluster *cluster;       /* borrowed */
	struct store *store;	       /* borrowed; for intents */
	const struct share_ops *share; /* borrowed; asked by apply_share_*() */
	struct server_health *health;  /* borrowed */
	struct remover *remover;       /* borrowed; NULL = nobody's trash */
	struct copier *copier;	       /* borrowed; NULL = nobody's copies */
	uint64_t (*now)(void);	       /* clock_ns() */
	/* The claim is to be looked at (again). */
	void (*queue_claim)(void *userdata, const char *namespace,
			    const char *name);
	void *userdata;
	struct batch *batch; /* borrowed; NULL = every change is on the disk */
	struct workers *workers; /* borrowed; NULL on one of their threads */
	struct share_pool *pool; /* borrowed; NULL = no connection is kept */
};

/* What a plan was made for; borrowed. */
struct apply_subject {
	const struct object *object;	    /* the claim or the volume */
	const struct claim *claim;	    /* NULL for a volume */
	const struct persistent_volume *pv; /* NULL for a claim */
	const struct plan_world *world;
};

enum apply_outcome {
	APPLY_AGAIN = 1,  /* the world changed under the plan: make a new one */
	APPLY_LATER = 2,  /* there is too much to do at the moment */
	APPLY_HANDED = 3, /* to others, who queue it when it is done */
};

/* Stops at the first step that is not done. Negative: err has a sentence. */
int claim_apply(const struct applier *applier,
		const struct apply_subject *subject, const struct plan *plan,
		struct err *err);

/* Of use to the steps that have files of their own. */
void apply_event(const struct applier *applier, const struct object *about,
		 enum cluster_event_type type, const char *reason,
		 const char *component, const char *message);
/*
 * The operations of struct share_ops, without asking a server that is down. Only
 * make returns SHARE_UNREACHED, the others its errno; err must not be NULL.
 */
int apply_share_make(const struct applier *applier,
		     const struct share_volume *volume,
		     struct share_owner *ret_owner, struct err *err);
int apply_share_reclaim(const struct applier *applier,
			const struct share_volume *volume, enum on_delete how,
			struct err *err);
int apply_share_scrub(const struct applier *applier,
		      const struct share_volume *volume, struct err *err);
int apply_share_permit(const struct applier *applier,
		       const struct share_volume *volume, struct err *err);
int apply_share_describe(const struct applier *applier,
			 const struct share_volume *volume, struct err *err);
int apply_share_forget(const struct applier *applier,
		       const struct share_volume *volume, const char *name,
		       struct err *err);
/* The phase of the volume that the subject is. */
int apply_volume_phase(const struct applier *applier,
		       const struct apply_subject *subject, enum pv_phase phase,
		       struct err *err);
/* An outcome of struct cluster's as one of ours. */
int apply_outcome(int r);
