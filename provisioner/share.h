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
 *	<share>/.claimfs/copies/<name>/		a copy that is being made: nobody's yet
 *	<share>/.claimfs/snapshots/<id>/	a whole one, with its descriptor
 *
 * Every operation connects, works and disconnects, or keeps the connection in a pool; it may block for a few times
 * SHARE_NFS_TIMEOUT_MS, a walk for as long as it is let. Repeating one that was
 * interrupted finishes it. Errors are sentences that name server, share and
 * directory.
 *
 * Threads: any. Of two operations on one volume that write its descriptors, or on one
 * path, the second waits for the first (share_hold.h).
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
	/* make: the whole copy of this name becomes the directory; NULL = a new one. */
	const char *copy;
};

/* Whose a directory is that is SHARE_TAKEN, as its descriptor says. */
struct share_owner {
	char *volume;
	char *claim_namespace; /* "" = nobody's */
	char *claim_name;
	char *phase; /* "" = Bound, or about to be */
};

/* What a copy is made from. Borrowed, for the length of a call. */
struct share_source {
	const struct share_volume
		*volume;      /* its server, share, ports and path */
	const char *snapshot; /* an id on that share; NULL = the directory */
};

/* Of this call: what was whole before is not counted. */
struct share_copy_progress {
	uint64_t n_entries; /* names, directories too */
	uint64_t n_bytes;   /* of content */
};

/* Asked again and again, at least every second; false = stop. Must not block. */
typedef bool (*share_copy_fn)(void *userdata,
			      const struct share_copy_progress *progress);

/* Borrowed, for the length of a call. */
struct share_snapshot {
	const char *id;
	const char *record; /* JSON, kept in its descriptor; NULL = none */
};

struct cJSON;

struct share_snapshot_found {
	const char *id;
	const struct cJSON *record; /* NULL = none, or it can't be read */
	bool is_whole;		    /* else it lacks what was kept */
};

/* Non-zero ends the look and is returned by it. */
typedef int (*share_snapshot_fn)(void *userdata,
				 const struct share_snapshot_found *found,
				 struct err *err);

struct share_copy_found {
	const char *name; /* below .claimfs/copies */
	const char *copy; /* that it is what is there, or left, of */
	bool is_dropped;  /* left: somebody began to remove it */
};

/* As share_snapshot_fn. */
typedef int (*share_copy_found_fn)(void *userdata,
				   const struct share_copy_found *found,
				   struct err *err);

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
	int (*make)(const struct share_volume *volume,
		    struct share_owner *ret_owner, struct err *err);
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
	int (*restore)(const struct share_volume *volume,
		       struct share_owner *ret_owner, struct err *err);
	/* Removes the trash's descriptor, the last that tells of what was there. */
	int (*drop)(const struct share_volume *volume, struct err *err);
	/*
	 * Makes .claimfs/copies/<name> on the target's share what the source is: 0 when
	 * it is whole and stable, also if it was before; SHARE_MORE. Begun again, it
	 * goes on where it was, and what the source has no longer goes. target: server,
	 * share, ports and pool. name: 1 to 200 of letters, digits, '-' and '.', no '.'
	 * first. May block for a minute.
	 */
	int (*copy)(const struct share_volume *target, const char *name,
		    const struct share_source *source, share_copy_fn go_on,
		    void *userdata, struct err *err);
	/*
	 * A whole copy becomes a snapshot, with a descriptor, in one rename; 0 also when it
	 * is one already. The id is such a name as a copy's.
	 */
	int (*keep_snapshot)(const struct share_volume *where, const char *copy,
			     const struct share_snapshot *snapshot,
			     struct err *err);
	/*
	 * Removes what is left of a copy: after its volume was made, or all of it; 0
	 * also when there is none; SHARE_MORE. By its name as each_copy tells it, one
	 * that is dropped already, and no more.
	 */
	int (*drop_copy)(const struct share_volume *where, const char *name,
			 share_tree_fn go_on, void *userdata, struct err *err);
	/*
	 * Nobody takes it for a snapshot any more, nor what is there of its copy;
	 * drop_copy removes both. As long as that has not ended for a former one of
	 * that name it is done first: go_on, SHARE_MORE.
	 */
	int (*drop_snapshot)(const struct share_volume *where, const char *id,
			     share_tree_fn go_on, void *userdata,
			     struct err *err);
	/* Every snapshot on the share. SHARE_UNREACHED. */
	int (*each_snapshot)(const struct share_volume *where,
			     share_snapshot_fn fn, void *userdata,
			     struct err *err);
	/* All there is of copies. SHARE_UNREACHED. */
	int (*each_copy)(const struct share_volume *where,
			 share_copy_found_fn fn, void *userdata,
			 struct err *err);
};

const struct share_ops *share_ops_nfs(void);

void share_owner_fini(struct share_owner *owner);

DEFINE_FINI(struct share_owner, share_owner_fini)

/* --- what it consists of ------------------------------------------------------- */

int share_make(const struct share_volume *volume, struct share_owner *ret_owner,
	       struct err *err);
int share_reclaim(const struct share_volume *volume, enum on_delete how,
		  struct err *err);
int share_scrub(const struct share_volume *volume, uint64_t deadline_ns,
		struct err *err);
int share_permit(const struct share_volume *volume, struct err *err);
int share_describe(const struct share_volume *volume, struct err *err);
int share_forget(const struct share_volume *volume, const char *name,
		 struct err *err);
int share_copy(const struct share_volume *target, const char *name,
	       const struct share_source *source, share_copy_fn go_on,
	       void *userdata, struct err *err);
int share_keep_snapshot(const struct share_volume *where, const char *copy,
			const struct share_snapshot *snapshot, struct err *err);
int share_drop_copy(const struct share_volume *where, const char *name,
		    share_tree_fn go_on, void *userdata, struct err *err);
int share_drop_snapshot(const struct share_volume *where, const char *id,
			share_tree_fn go_on, void *userdata, struct err *err);
int share_each_snapshot(const struct share_volume *where, share_snapshot_fn fn,
			void *userdata, struct err *err);
int share_each_copy(const struct share_volume *where, share_copy_found_fn fn,
		    void *userdata, struct err *err);
