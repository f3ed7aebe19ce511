/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the API server itself puts into objects before they are validated and
 * stored: identity at creation, defaults, the initial status, and the parts that
 * an update must not touch. All functions change JSON in place; they are pure but
 * for the clock and the random numbers of a new identity.
 */

#include "object.h"

/*
 * A new object's metadata: name from generateName, namespace, uid,
 * creationTimestamp, the kind's finalizers; everything that only the server may
 * set is dropped. -EINVAL when the object has no usable metadata.
 */
int admit_identity(struct cJSON *json, enum object_kind kind, struct err *err);

/* Defaults of absent fields; default_class ("" = none) is for claims. */
int admit_defaults(struct cJSON *json, enum object_kind kind,
		   const char *default_class);

/* The status of an object that was just created, whatever the client sent. */
int admit_initial_status(struct cJSON *json, enum object_kind kind);

/* An update of everything but status: what the client may not change is old's. */
int admit_update(struct cJSON *json, const struct object *old);

/* An update of nothing but status: old's JSON with new's status; NULL = no memory. */
struct cJSON *admit_status(const struct object *old, const struct object *new);

/* Old's JSON as it is while it waits for its finalizers; NULL = no memory. */
struct cJSON *admit_deletion(const struct object *old);

/*
 * The newest class that is annotated as the default (name ascending among equals);
 * "" = none. *ret is malloc'ed.
 */
int admit_default_class(const struct object_list *classes, char **ret);
