/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A share's doctor: tries a share as a node and as the provisioner would, and says
 * of each thing whether it is well, and if not, what to change on the server.
 *
 * What it makes is in a directory .claimfs-doctor of the share and is removed
 * before it returns; what one that was killed has left there goes with the next.
 * Every call has share_nfs.h's time limit. Threads: blocks; one at a time.
 */

#include <signal.h>
#include <stdbool.h>

#include "share_nfs.h"

enum doctor_level {
	DOCTOR_OK,
	DOCTOR_WARN, /* works, but not all of it, or not well */
	DOCTOR_FAIL, /* a claim on this share can't be served */
};

struct doctor_finding {
	const char *check; /* "export" */
	enum doctor_level level;
	const char *text;   /* a sentence about what was found */
	const char *remedy; /* what to change; NULL = nothing */
};

typedef void (*doctor_finding_fn)(void *userdata,
				  const struct doctor_finding *finding);

struct doctor_options {
	struct share_nfs_options share;
	bool has_locks; /* volumes have the mount option `lock` */
	const volatile sig_atomic_t *stop; /* not 0: clean up and return */
};

/* The findings come as they are made. The number of failures, or -EINTR. */
int doctor_run(const struct doctor_options *options, doctor_finding_fn fn,
	       void *userdata);

/* "ok", "warn", "fail" */
const char *doctor_level_name(enum doctor_level level);
