/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Backing directories of volumes on an NFS share, and the descriptors that prove
 * which directory belongs to which volume:
 *
 *	<share>/<path>				the volume's directory
 *	<share>/.claimfs/volumes/<pv>.json	its descriptor
 *	<share>/.claimfs/trash/<pv>		the directory of a deleted volume
 *	<share>/.claimfs/trash/<pv>.json	what it was, and how far its removal is
 *
 * Every operation connects, works and disconnects, or keeps the connection in a pool; it may block for a few times
 * SHARE_NFS_TIMEOUT_MS, a walk for as long as it is let. Repeating one that was
 * interrupted finishes it. Errors are sentences that name server, share and
 * directory.
 *
 * Threads: any; two operations on one volume must not run at the same time.
 */

#include "model.h"
#include "share_tree.h"

struct share_pool;

/* Borrowed, for the length of a call. */
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
	const char
		*note; /* JSON for the descriptor in the trash; NULL = none */
	const char *record; /* kept in the descriptor; NULL = none */
	const char *phase;  /* the same; NULL = Bound, or about to be */
	uint64_t capacity;
	struct share_pool *pool; /* of connections; NULL = none is kept */
	bool is_shared;		 /* other volumes may have its directory */
	uint32_t permissions;	 /* 0 = as made */
	bool has_owner;		 /* of a new directory; else who makes it */
	uint32_t uid, gid;
};

enum share_outcome {
	SHARE_MORE = 1,	 /* a walk was told to stop */
	SHARE_TAKEN = 2, /* the directory is another volume's: *ret_owner */
	SHARE_KEPT = 3, /* it was there before the volume and therefore stays */
	SHARE_UNREACHED = 4, /* nothing was done; err has code and sentence */
	/* What is there has no descriptor of the volume and stays; err as above. */
	SHARE_FOREIGN = 5,
	SHARE_TRASHED = 6, /* it lies in the trash, with a descriptor there */
};

/* The seam for tests: share_ops_nfs() is the real one. */
struct share_ops {
	/*
	 * A directory that exists and is nobody's is adopted: it gets a descriptor,
	 * and is never removed.
	 */
	int (*make)(const struct share_volume *volume, char **ret_owner,
		    struct err *err);
	/*
	 * Out of its place, at once whatever its size: SHARE_TRASHED (also when it
	 * was there already), 0 for nothing left or archived, SHARE_KEPT. The
	 * descriptor stays, so that this can be repeated until forget(). With
	 * ON_DELETE_RETAIN it is only asked about.
	 */
	int (*reclaim)(const struct share_volume *volume, enum on_delete how,
		       struct err *err);
	/* Empties the directory; SHARE_MORE after the deadline (clock_ns()). */
	int (*scrub)(const struct share_volume *volume, uint64_t deadline_ns,
		     struct err *err);
	/* The directory gets the volume's permissions, and keeps its owner. */
	int (*permit)(const struct share_volume *volume, struct err *err);
	/* Writes the descriptor again, as the volume is now; 0 without one. */
	int (*describe)(const struct share_volume *volume, struct err *err);
	/* For a volume that is gone: removes its descriptor only. */
	int (*forget)(const struct share_volume *volume, const char *name,
		      struct err *err);
	/* Removes or counts what lies in the trash; 0 also when nothing does. */
	int (*walk)(const struct share_volume *volume,
		    enum share_tree_task task, share_tree_fn go_on,
		    void *userdata, struct err *err);
	/* Writes the trash's descriptor again, with volume->note. */
	int (*note)(const struct share_volume *volume, struct err *err);
	/* Out of the trash into its place, with a descriptor there; or SHARE_TAKEN. */
	int (*restore)(const struct share_volume *volume, char **ret_owner,
		       struct err *err);
	/* Removes the trash's descriptor, the last that tells of what was there. */
	int (*drop)(const struct share_volume *volume, struct err *err);
};

const struct share_ops *share_ops_nfs(void);

/* --- what it consists of ------------------------------------------------------- */

int share_make(const struct share_volume *volume, char **ret_owner,
	       struct err *err);
int share_reclaim(const struct share_volume *volume, enum on_delete how,
		  struct err *err);
int share_scrub(const struct share_volume *volume, uint64_t deadline_ns,
		struct err *err);
int share_permit(const struct share_volume *volume, struct err *err);
int share_describe(const struct share_volume *volume, struct err *err);
int share_forget(const struct share_volume *volume, const char *name,
		 struct err *err);
