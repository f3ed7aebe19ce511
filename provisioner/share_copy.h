/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Copies a directory and everything below it, with many NFS calls in flight. Its memory has
 * a fixed limit, however many files there are and however deep the directories.
 * Threads: one per job.
 */

#include "share.h"
#include "share_fault.h"
#include "share_nfs.h"

struct copy_job {
	struct share_nfs *from; /* borrowed, as is all else here */
	struct share_nfs *to;
	const struct share_fh *source; /* the directory to copy */
	const struct share_fh
		*place;	     /* where COPY_TREE and COPY_LINKS are made */
	share_copy_fn go_on; /* told of progress; false = stop */
	void *userdata;
};

/* Where a copy failed; for copy_fault_fini(). */
struct copy_fault {
	char *path;	   /* below the source; NULL = the directory itself */
	const char *what;  /* what was being done: a verb, as "read" */
	bool is_at_source; /* else at the target */
	enum share_step step;
};

/*
 * Copies, or goes on with what an earlier run left. 0: all is there and on stable storage.
 * SHARE_MORE: go_on said to stop. -errno: *fault says where. The connections can be used
 * again only after 0.
 */
int copy_run(const struct copy_job *job, struct copy_fault *fault);
void copy_fault_fini(struct copy_fault *fault);

DEFINE_FINI(struct copy_fault, copy_fault_fini)
