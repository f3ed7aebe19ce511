/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Backing directories of volumes on an NFS share, and the descriptors that prove
 * which directory belongs to which volume:
 *
 *	<share>/<path>			the volume's directory
 *	<share>/.claimfs/volumes/<pv>.json	its descriptor
 *	<share>/.claimfs/trash/<pv>	what is being removed
 *
 * Every operation connects, works and disconnects; it may block for a few times
 * SHARE_NFS_TIMEOUT_MS. Repeating one that was interrupted finishes it. Errors
 * are sentences that name server, share and directory.
 *
 * Threads: any; two operations on one volume must not run at the same time.
 */

#include "model.h"

/* Borrowed strings, for the length of a call. */
struct share_volume {
	const char *server;
	const char *share;
	uint32_t port;
	uint32_t mountport;
	const char *name; /* the PV's */
	const char *path; /* below the share; checked by subdir_check() */
	const char *claim_namespace;
	const char *claim_name;
	const char *claim_uid;
	const char *class_name;
	uint64_t capacity;
	uint32_t permissions; /* 0 = as made */
	bool has_owner;	      /* of a new directory; else who makes it */
	uint32_t uid, gid;
};

enum share_outcome {
	SHARE_MORE = 1,	 /* not finished within the time: call again */
	SHARE_TAKEN = 2, /* the directory is another volume's: *ret_owner */
	SHARE_KEPT = 3, /* it was there before the volume and therefore stays */
	SHARE_UNREACHED = 4, /* nothing was done; err has code and sentence */
	/* What is there has no descriptor of the volume and stays; err as above. */
	SHARE_FOREIGN = 5,
};

/*
 * The seam for tests: share_ops_nfs() is the real one. make: a directory that
 * exists and is nobody's is adopted: it gets a descriptor, and is never removed.
 */
struct share_ops {
	int (*make)(const struct share_volume *volume, char **ret_owner,
		    struct err *err);
	/*
	 * 0 also when there is nothing left; deadline by clock_ns(). The
	 * descriptor stays, so that this can be repeated until forget().
	 */
	int (*reclaim)(const struct share_volume *volume, enum on_delete how,
		       uint64_t deadline_ns, struct err *err);
	/* For a volume that is gone: removes its descriptor only. */
	int (*forget)(const struct share_volume *volume, const char *name,
		      struct err *err);
};

const struct share_ops *share_ops_nfs(void);
