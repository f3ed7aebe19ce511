/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The reconciler's view of the API: one table of operations, two implementations,
 * standalone/ (our own API and record) and kube/ (a real API server).
 *
 * Outcomes other than success are enum cluster_outcome (positive); a negative
 * errno means that the API itself could not be asked.
 *
 * Threads: the reconciler's and the pod workers' threads.
 */

#include "object.h"

enum cluster_outcome {
	CLUSTER_NOT_FOUND = 1,
	CLUSTER_EXISTS = 2,
	CLUSTER_CONFLICT = 3,
	CLUSTER_INVALID = 4,   /* refused; err has the sentence */
	CLUSTER_FORBIDDEN = 5, /* valid, and refused all the same; as above */
};

enum cluster_event_type {
	CLUSTER_EVENT_NORMAL,
	CLUSTER_EVENT_WARNING,
};

struct cluster_event {
	const struct object *about;
	enum cluster_event_type type;
	const char *reason; /* CamelCase, Kubernetes' where it has one */
	const char *message;
	const char *
		component; /* "persistentvolume-controller", driver name, ... */
};

struct cluster;

typedef void (*cluster_name_fn)(void *userdata, const char *namespace,
				const char *name);

struct cluster_ops {
	int (*get)(struct cluster *cluster, enum object_kind kind,
		   const char *namespace, const char *name, struct object **ret,
		   struct err *err);
	/*
	 * As get, which may be a moment behind: of the API itself, for who is about
	 * to do what can't be undone.
	 */
	int (*get_live)(struct cluster *cluster, enum object_kind kind,
			const char *namespace, const char *name,
			struct object **ret, struct err *err);
	int (*list)(struct cluster *cluster, enum object_kind kind,
		    const char *namespace, struct object_list *ret,
		    struct err *err);
	/* As store_list_volumes_for(). */
	int (*list_volumes_for)(struct cluster *cluster, const char *namespace,
				const char *claim, const char *volume,
				struct object_list *ret, struct err *err);
	/* As store_each_name(). */
	int (*each_name)(struct cluster *cluster, enum object_kind kind,
			 const char *phase, cluster_name_fn fn, void *userdata,
			 struct err *err);
	int (*create)(struct cluster *cluster, const struct object *object,
		      struct object **ret, struct err *err);
	/* metadata and spec; resourceVersion in the object must be current. */
	int (*update)(struct cluster *cluster, const struct object *object,
		      struct object **ret, struct err *err);
	/* status only. */
	int (*update_status)(struct cluster *cluster,
			     const struct object *object, struct object **ret,
			     struct err *err);
	int (*delete)(struct cluster *cluster, enum object_kind kind,
		      const char *namespace, const char *name, const char *uid,
		      struct err *err);
	/* Repeats of one event raise its count. Best effort: failures are logged. */
	void (*event)(struct cluster *cluster,
		      const struct cluster_event *event);
};

/* First member of every implementation's object. */
struct cluster {
	const struct cluster_ops *ops;
};
