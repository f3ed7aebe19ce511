/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Events (events.k8s.io/v1) for people who look at an object. Repeats of one become
 * a series with a count. Best effort: nothing waits for the API server, what does
 * not fit into the queue is dropped and counted.
 *
 * Limits: 512 waiting, 1,024 series remembered, each for six minutes after its last
 * repeat, 10 different notes per object and reason (then they are combined), a burst
 * of 25 per object and one each five minutes after that; a note has 1,024 bytes.
 */

#include "cluster.h"
#include "kube_api.h"

struct kube_events;

struct kube_events_state {
	uint64_t n_sent;
	uint64_t n_dropped; /* queue full, too many of an object, refused */
};

/* instance: who reports, e.g. the pod's name. api is borrowed. */
int kube_events_new(struct kube_events **ret, struct kube_api *api,
		    const char *instance, struct err *err);
/* Gives what waits a second to go. */
struct kube_events *kube_events_free(struct kube_events *events);

/* Any thread; never blocks. Copies what it needs. */
void kube_events_add(struct kube_events *events,
		     const struct cluster_event *event);
void kube_events_get_state(struct kube_events *events,
			   struct kube_events_state *ret);

DEFINE_CLEANUP(struct kube_events *, kube_events_free)
