/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Tells the scheduler how much room the classes of a driver have: a CSIStorageCapacity
 * for each, with what FSSTAT says of its share. Without one, pods whose claims wait for
 * their first consumer are put on no node.
 *
 * A server that does not answer keeps the last number: it says nothing of the room that
 * there is, and the claim waits for it on any node. The object goes with its class.
 *
 * Only for who leads.
 */

#include "kube_api.h"
#include "store.h"

struct kube_capacity;

struct kube_capacity_options {
	struct kube_api *api; /* these are borrowed */
	struct store *store;
	const char *driver;    /* copied, as is the other one */
	const char *namespace; /* where the objects are */
};

/* A thread of its own begins at once. */
int kube_capacity_start(struct kube_capacity **ret,
			const struct kube_capacity_options *options,
			struct err *err);
/* A server that is being asked is not waited for. */
struct kube_capacity *kube_capacity_free(struct kube_capacity *self);

DEFINE_CLEANUP(struct kube_capacity *, kube_capacity_free)
