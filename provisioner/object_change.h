/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Read, change, write back: how every step alters an object of the API. A write
 * that lost against somebody else's is done again from a fresh reading.
 *
 * Threads: any.
 */

#include "cluster.h"

struct cJSON;

struct object_target {
	enum object_kind kind;
	const char *namespace;
	const char *name;
	const char *uid; /* another one of that name is CLUSTER_NOT_FOUND */
};

enum change_outcome {
	CHANGE_NONE = 1, /* it is already so: nothing is written */
	/* Not what the change was meant for any more: CLUSTER_NOT_FOUND. */
	CHANGE_OUTDATED = 2,
};

/* Edits a private copy: 0, enum change_outcome or -ENOMEM. */
typedef int (*change_fn)(struct cJSON *json, const void *userdata);

/* 0 (also for CHANGE_NONE), enum cluster_outcome, or -errno. */
int object_change(struct cluster *cluster, const struct object_target *target,
		  change_fn change, const void *userdata, struct err *err);
/* The same for what is in status. */
int object_change_status(struct cluster *cluster,
			 const struct object_target *target, change_fn change,
			 const void *userdata, struct err *err);

/* --- for change functions: 0, CHANGE_NONE or -ENOMEM ----------------------------- */

/* The object member of that name, made if it is not there; NULL = no memory. */
struct cJSON *change_member(struct cJSON *json, const char *key);
int change_string(struct cJSON *json, const char *key, const char *value);
int change_annotation(struct cJSON *json, const char *key, const char *value);
/* Of two changes: CHANGE_NONE if neither changed anything; -ENOMEM. */
int change_both(int a, int b);
int change_add_finalizer(struct cJSON *json, const void *name);
int change_remove_finalizer(struct cJSON *json, const void *name);
