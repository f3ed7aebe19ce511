/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The copy of a directory with everything below it, by handle, with many calls in
 * flight. What is remembered has a limit, however large, wide or deep the directory is.
 * Threads: one per job.
 */

#include "share.h"
#include "share_fault.h"
#include "share_nfs.h"

struct copy_job {
	struct share_nfs *from; /* borrowed, as is all else here */
	struct share_nfs *to;
	const struct share_fh *source; /* the directory */
	const struct share_fh
		*place; /* what will have COPY_TREE and COPY_LINKS */
	share_copy_fn go_on;
	void *userdata;
};

/* Where it failed. */
struct copy_fault {
	char *path;	   /* below the source; NULL = the directory itself */
	const char *what;  /* was being done to it */
	bool is_at_source; /* else on the target */
	enum share_step step;
};

/*
 * 0: all is there and stable. SHARE_MORE: it was told to stop. After that and after an
 * error the connections are of no more use.
 */
int copy_run(const struct copy_job *job, struct copy_fault *fault);
void copy_fault_fini(struct copy_fault *fault);

DEFINE_FINI(struct copy_fault, copy_fault_fini)
