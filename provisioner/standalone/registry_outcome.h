/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Outcomes of the registry with the sentences that the real API server has for
 * them. Each function fills err and returns what the registry returns.
 */

#include "cluster.h"

int outcome_not_found(enum object_kind kind, const char *name, struct err *err);
int outcome_conflict(const struct object *object, const char *why,
		     struct err *err);
/* A conflict of resourceVersions. */
int outcome_modified(const struct object *object, struct err *err);
/*
 * Puts `<Kind> "<name>" is invalid: ` before the sentence of a validation that failed
 * with r; any other r is forwarded.
 */
int outcome_invalid(const struct object *object, int r, struct err *err);
/* Valid, but an admission plugin refuses it. */
int outcome_forbidden(const struct object *object, const char *why,
		      struct err *err);
/* Translates enum store_outcome; 0 and -errno are forwarded. */
int outcome_of_store(const struct object *object, int r, struct err *err);
