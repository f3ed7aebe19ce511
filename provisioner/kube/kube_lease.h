/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Leader election by a Lease (coordination.k8s.io/v1), by the rules of client-go, so
 * that the two understand each other. Who has not renewed for renew_ms stops
 * being leader, which is before anybody else may take the Lease over (lease_ms).
 * No clock but our own is compared with anything.
 *
 * The callbacks run on the lease's thread, which has to renew: they must not block.
 * `lost` is told in time even while a request hangs; after it the lease tries to
 * become leader again.
 */

#include "kube_api.h"

struct kube_lease;

struct kube_lease_options {
	const char *namespace; /* all strings are copied */
	const char *name;
	const char *identity; /* NULL = HOSTNAME_UUID */
	void (*acquired)(void *userdata);
	void (*lost)(void *userdata);
	/* May be NULL: another one than us is leader now. */
	void (*other)(void *userdata, const char *identity);
	void *userdata;
	unsigned int lease_ms; /* 0 = 15 s; whole seconds */
	unsigned int renew_ms; /* 0 = 10 s */
	unsigned int retry_ms; /* 0 = 2 s */
};

/* api is borrowed until kube_lease_free(). */
int kube_lease_start(struct kube_lease **ret, struct kube_api *api,
		     const struct kube_lease_options *options, struct err *err);
/*
 * Ends it; if it was leader, `lost` is told first and then the Lease is given up, so
 * that the next one need not wait. All that a leader does must have ended before.
 */
struct kube_lease *kube_lease_free(struct kube_lease *lease);

/*
 * Whether we are leader at this moment, by the clock: also false in a process that
 * was stopped for longer than renew_ms and goes on before the thread has told so.
 * Any thread; cheap: to be asked before each write that another leader would not
 * stand.
 */
bool kube_lease_is_held(struct kube_lease *lease);

DEFINE_CLEANUP(struct kube_lease *, kube_lease_free)
