/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Everything that is there only because a real cluster is: the connection to its API
 * server, the mirror of its objects, events, and the lease that says which of several
 * controllers acts.
 *
 *	start -> mirror complete -> leader -> options.lead() -> stop
 *
 * A process that is leader no more must not do anything any more, and ends itself at
 * once; its container is started again and waits for its turn.
 *
 * Threads: kube_mode_start() to kube_mode_free() are the main thread's.
 */

#include "cluster.h"
#include "kube_watch.h"
#include "store.h"

struct kube_mode;

struct kube_mode_options {
	struct store *store;	/* borrowed */
	const char *kubeconfig; /* NULL = $KUBECONFIG, or the pod's account */
	const char *namespace;	/* of the Lease; NULL = the configuration's */
	const char *driver;	/* its name is that of the Lease, too */
	bool elects;		/* false: there is never more than one of us */
	/* The work may begin. On a thread of its own; < 0 ends the process. */
	int (*lead)(void *userdata, struct err *err);
	void *userdata;
};

/* Reads the configuration. */
int kube_mode_new(struct kube_mode **ret,
		  const struct kube_mode_options *options, struct err *err);
struct cluster *kube_mode_cluster(struct kube_mode *mode);
/* Begins; an API server that is away is waited for. */
int kube_mode_start(struct kube_mode *mode, struct err *err);

struct kube_mode_state {
	bool is_in_sync; /* the record has all that the cluster has */
	bool is_leader;
	uint64_t n_events_sent;
	uint64_t n_events_dropped;
};

/* Any thread. */
void kube_mode_get_state(struct kube_mode *mode, struct kube_mode_state *ret);

/*
 * lead() is not called any more, and the record changes no more. What lead() began
 * must be stopped after that: it can still write to the cluster, for two seconds.
 */
void kube_mode_stop(struct kube_mode *mode);
/* Gives the lease up; nothing that was begun by lead() may run any more. */
struct kube_mode *kube_mode_free(struct kube_mode *mode);

DEFINE_CLEANUP(struct kube_mode *, kube_mode_free)
