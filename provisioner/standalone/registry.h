/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The rules of the API between a client's request and the record, as Kubernetes'
 * API server has them: validation, defaults, uid and creationTimestamp, optimistic
 * locking, finalizers (added at creation: kubernetes.io/pvc-protection and
 * kubernetes.io/pv-protection), graceful deletion (deletionTimestamp while
 * finalizers remain, removal when the last one goes), status as a subresource.
 *
 * Both the HTTP API and the reconciler (registry_cluster()) go through here.
 *
 * Threads: any.
 */

#include "cluster.h"
#include "object.h"
#include "store.h"

struct registry;
struct watch_hub;

struct registry_options {
	struct store *store;	    /* borrowed */
	struct watch_hub *hub;	    /* borrowed; may be NULL */
	const char *const *drivers; /* driver names that are ours; borrowed */
	size_t n_drivers;
};

int registry_new(struct registry **ret, const struct registry_options *options,
		 struct err *err);
struct registry *registry_free(struct registry *registry);

/*
 * Outcomes of all calls: 0, enum cluster_outcome, or -errno; err has the sentence
 * that the real API server would answer with. *ret may be NULL where the caller
 * does not want the object. Calls that may remove an object (update, delete) open a
 * transaction, so they can't be made inside one.
 */
int registry_get(struct registry *registry, enum object_kind kind,
		 const char *namespace, const char *name, struct object **ret,
		 struct err *err);
int registry_list(struct registry *registry, enum object_kind kind,
		  const char *namespace, struct object_list *ret,
		  struct err *err);
/* As store_list_texts(). */
int registry_list_texts(struct registry *registry, enum object_kind kind,
			const char *namespace, store_text_fn fn, void *userdata,
			struct text_list **ret, struct err *err);
/* What registry_create() and registry_update() would do, with nothing stored. */
int registry_try_create(struct registry *registry, const struct object *object,
			struct object **ret, struct err *err);
int registry_try_update(struct registry *registry, const struct object *object,
			struct object **ret, struct err *err);

/* metadata.generateName is honoured; uid, creationTimestamp, status are set here. */
int registry_create(struct registry *registry, const struct object *object,
		    struct object **ret, struct err *err);
/* Everything but status; an object whose last finalizer went is removed. */
int registry_update(struct registry *registry, const struct object *object,
		    struct object **ret, struct err *err);
int registry_update_status(struct registry *registry,
			   const struct object *object, struct object **ret,
			   struct err *err);
/* uid NULL = any. *ret: the object as it is now, or as it was last if it is gone. */
int registry_delete(struct registry *registry, enum object_kind kind,
		    const char *namespace, const char *name, const char *uid,
		    struct object **ret, struct err *err);
/* The same for this version of an object only: CLUSTER_CONFLICT for a later one. */
int registry_delete_version(struct registry *registry, struct object *object,
			    const char *uid, struct object **ret,
			    struct err *err);

/* The reconciler's table of operations on this registry; borrowed. */
struct cluster *registry_cluster(struct registry *registry);

DEFINE_CLEANUP(struct registry *, registry_free)
