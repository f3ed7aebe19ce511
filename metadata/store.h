/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The record: one SQLite database with a table per kind (class, volume, claim,
 * pod, event), a view of the bindings, intents, and the revision that every write raises and
 * stamps as metadata.resourceVersion. An object's row holds its JSON; the columns
 * that people and queries want (phase, class, claim, ...) are generated from it, so
 * that there is one truth.
 *
 * Threads: any thread may call. A lock makes calls exclusive; it is recursive
 * between store_begin() and store_commit() of one thread. A call that writes returns
 * when it is on the disk, with all others that came meanwhile.
 *
 * Errors: negative errno with a sentence (disk full, not our database), or a
 * positive outcome that the direct caller handles.
 */

#include "object.h"
#include "text_list.h"

struct store;

enum store_outcome {
	STORE_NOT_FOUND = 1,
	STORE_EXISTS = 2,
	STORE_CONFLICT = 3, /* resourceVersion or uid is not the expected one */
	STORE_FULL = 4,	    /* there are as many as may be */
};

/*
 * Opens or creates the database and runs the schema steps that are missing.
 * -EBUSY when another process has it open (the lock is held until store_close()),
 * -EINVAL for a database that is not ours or is newer than this program.
 */
int store_open(struct store **ret, const char *path, struct err *err);
struct store *store_close(struct store *store);

/*
 * Several calls as one transaction, which does not nest (-EALREADY). Changes are
 * announced after the commit. Positive outcomes inside it leave it usable; after a
 * negative one only store_rollback() helps, and store_commit() fails.
 */
int store_begin(struct store *store, struct err *err);
int store_commit(struct store *store, struct err *err);
/* Idempotent; without an open transaction nothing happens. */
void store_rollback(struct store *store);

/*
 * From now on the calling thread does not wait for its single writes to be on the
 * disk: store_flush() does. Until then they are announced to nobody, and seen by
 * nobody else. At most one thread of a store may defer.
 */
void store_defer(struct store *store);
/*
 * Whether the calling thread's single writes are on the disk when they return; they
 * are, unless it says that it does not care. Then a crash of the machine may forget the
 * last of them: never one before a write of somebody who does, nor half of one.
 */
void store_skip_sync(struct store *store, bool skips);
/*
 * Negative: nothing of what was written since the last one may be relied on, and what
 * was written in between was refused.
 */
int store_flush(struct store *store, struct err *err);

int store_get(struct store *store, enum object_kind kind, const char *namespace,
	      const char *name, struct object **ret, struct err *err);
/* namespace NULL = all; ordered by namespace and name. */
int store_list(struct store *store, enum object_kind kind,
	       const char *namespace, struct object_list *ret, struct err *err);

/*
 * The same as texts. fn says of each whether it is wanted: 1, 0, or negative to end
 * with that; it is called with the lock held. NULL = all are.
 */
typedef int (*store_text_fn)(void *userdata, const char *text);
int store_list_texts(struct store *store, enum object_kind kind,
		     const char *namespace, store_text_fn fn, void *userdata,
		     struct text_list **ret, struct err *err);

/*
 * The volumes that a claim may get: those that name no claim, those that name this
 * one, and the one of this name ("" = none); ordered by name.
 */
int store_list_volumes_for(struct store *store, const char *namespace,
			   const char *claim, const char *volume,
			   struct object_list *ret, struct err *err);

/* A cluster's VolumeAttachments of a volume, in any state; ordered by name. */
int store_list_attachments_of(struct store *store, const char *volume,
			      struct object_list *ret, struct err *err);

/*
 * Tells the names of all claims or volumes, or of those in a phase, or of the volumes
 * that VolumeAttachments name, in any order; with the lock held: fn must only queue.
 */
typedef void (*store_name_fn)(void *userdata, const char *namespace,
			      const char *name);
int store_each_name(struct store *store, enum object_kind kind,
		    const char *phase, store_name_fn fn, void *userdata,
		    struct err *err);

/*
 * Stores a new object: the revision is stamped as resourceVersion; everything else
 * in metadata (uid, creationTimestamp) is the caller's. ret may be NULL. A new event
 * removes those that are older than an hour or more than 2,000.
 */
int store_create(struct store *store, const struct object *object,
		 struct object **ret, struct err *err);
/*
 * Replaces it; expected is the resourceVersion it must have (0 = any). The uid must
 * not change (STORE_CONFLICT). An update that changes nothing raises no revision.
 */
int store_update(struct store *store, const struct object *object,
		 uint64_t expected, struct object **ret, struct err *err);
/* Removes the row; uid NULL = any. */
int store_remove(struct store *store, enum object_kind kind,
		 const char *namespace, const char *name, const char *uid,
		 struct err *err);

uint64_t store_revision(struct store *store);

enum store_change {
	STORE_ADDED,
	STORE_MODIFIED,
	STORE_DELETED, /* object has the resourceVersion of the removal */
};

/*
 * Called after each commit, once per change, in the order of the revisions, with
 * the lock held: it must only queue. One listener.
 */
typedef void (*store_change_fn)(void *userdata, enum store_change change,
				struct object *object);
void store_set_listener(struct store *store, store_change_fn fn,
			void *userdata);

/*
 * Intents: what is about to be done outside the database. Opened (in the same
 * transaction as what it belongs to) before the side effect, closed after it; open
 * ones are finished or undone at the next start.
 */
struct store_intent {
	int64_t id;
	char *step;   /* claim_step_name() */
	char *volume; /* PV's name */
	char *detail; /* JSON: what is needed to repeat the step */
};

struct store_intent_list {
	struct store_intent *items;
	size_t n;
};

int store_intent_open(struct store *store, const char *step, const char *volume,
		      const char *detail, int64_t *ret_id, struct err *err);
/*
 * outcome: "done" or one sentence about the failure. STORE_NOT_FOUND when no such
 * intent is open. The last 1,000 are kept for those who look.
 */
int store_intent_close(struct store *store, int64_t id, const char *outcome,
		       struct err *err);
int store_intent_list_open(struct store *store, struct store_intent_list *ret,
			   struct err *err);
/* Those for one claim, by its name: also for a former one of this name. */
int store_intent_list_claim(struct store *store, const char *namespace,
			    const char *claim, struct store_intent_list *ret,
			    struct err *err);
/* An open one about a volume, of this step and detail; NULL = of any. */
int store_intent_find(struct store *store, const char *volume, const char *step,
		      const char *detail, int64_t *ret_id, struct err *err);
void store_intent_list_fini(struct store_intent_list *list);

DEFINE_CLEANUP(struct store *, store_close)
DEFINE_FINI(struct store_intent_list, store_intent_list_fini)
