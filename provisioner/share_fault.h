/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What keeps a share from being served, and what to change on its server: the
 * sentences of "claimctl doctor", of a claim's events and of quickstart are the
 * same.
 */

#include "err.h"

enum share_step {
	SHARE_STEP_RESOLVE,    /* the server's name */
	SHARE_STEP_CONNECT,    /* its NFS port */
	SHARE_STEP_VERSION,    /* NFS version 3 there */
	SHARE_STEP_PORTMAPPER, /* port 111 */
	SHARE_STEP_MOUNT_PORT, /* the MOUNT service */
	SHARE_STEP_MOUNT,      /* the share, by that service */
	SHARE_STEP_CHANGE,     /* anything on the share */
	SHARE_STEP_OWNER,      /* owner and group of a directory */
	SHARE_STEP_LOCK,       /* the lock manager, for `lock` */
};

/*
 * What to change so that the step goes, as one sentence, the caller's; NULL where
 * there is nothing to advise. r is how the step ended.
 */
char *share_fault_remedy(enum share_step step, int r, const char *share);

/* Appends the remedy to the sentence of *err, whose code is how the step ended. */
void share_fault_explain(struct err *err, enum share_step step,
			 const char *share);
