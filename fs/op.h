/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A FUSE request on its way: op_begin() when libfuse hands it over, op_call() for
 * each NFS call that it needs, one op_finish_*() to answer and free it. These are
 * the only callers of libfuse's reply functions, so latency, errors, tracing and
 * lookup counts are looked after in one place.
 *
 * Ownership: an op lives from op_begin() to op_finish_*() and is not touched
 * afterwards. Threads: those of its shard; see op.c for the one exception.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <fuse_lowlevel.h>

#include "clock.h"
#include "file_state.h"
#include "lock_table.h"
#include "loop.h"
#include "nfs_call.h"
#include "shard.h"
#include "stats.h"
#include "view.h"

struct attr_cached;
struct kept_extent;
struct kept_memory;
struct lane;
struct op;
struct parking;

typedef void (*op_fn)(struct op *op);

struct op_io { /* READ and WRITE, in pieces of what the server takes */
	uint64_t offset; /* of the next piece */
	uint32_t len;	 /* asked for */
	uint32_t done;
	uint64_t kernel_offset; /* of a write, as the kernel sees it */
	enum nfs_stable stable;
	bool is_append;
	bool is_behind; /* to be answered early, if it may be (behind.h) */
	bool has_begun; /* commits_begin_write() */
};

struct op_readdir {
	size_t size; /* bytes of the FUSE reply */
	uint64_t cookie;
	bool is_plus;
	bool is_retry; /* the cookie was refused once */
};

enum lock_verb {
	LOCK_TEST,
	LOCK_TAKE,
	LOCK_GIVE,
	LOCK_CLOSE, /* gives all of an owner's back, or of an open file's */
	LOCK_UNDO,  /* from here on not of ops: see lock_job.c */
	LOCK_RECLAIM,
};

struct op_lock {
	enum lock_verb verb;
	/* TEST: becomes one that is in the way, of kind LOCK_NONE if none is. */
	struct lock_range range;
	uint64_t owner;	 /* the kernel's; 0 = CLOSE by handle */
	uint64_t handle; /* of the open file */
	uint32_t pid;	 /* of the caller; TEST: of the holder, 0 = elsewhere */
	bool waits;
	int status; /* of the sync before it */
	op_fn then;
	struct lock_job *job; /* that the op waits for; parking's lock */
};

struct op_create {
	uint32_t mode;
	bool is_exclusive; /* the server's verifier */
	bool has_verifier; /* the atime that is set */
	bool is_alone;	   /* nobody else makes the name */
	bool is_replay;	   /* the name was there when the call was sent again */
};

struct op_unlink {
	op_fn then;		 /* the name is there, to be removed */
	op_fn aside;		 /* the name was set aside */
	uint64_t dir;		 /* of the name that goes */
	uint64_t target;	 /* the file behind it; 0 = unknown */
	const char *name;	 /* into op->name or op->name2 */
	bool is_replaced;	 /* by a rename; there may be no such name */
	struct file_silly silly; /* the new name, and in letters */
	char silly_name[FILE_SILLY_NAME_SIZE];
};

struct op {
	struct nfs_call call; /* cred stays set over all calls */
	op_fn done;	      /* of the call that is under way */
	int give_up_status;   /* 0, or what a cancelled call is taken for */
	bool is_submitted;    /* a call is under way */
	bool is_dropping;     /* pages, before the answer */
	bool has_seen;	      /* the kernel's pages are older than seen */
	bool is_misplaced;    /* they have what was written in another place */
	bool has_handle;      /* SETATTR: through an open file */
	bool has_opener;      /* fi.fh, counted for this op (opens.h) */
	bool is_removing;     /* opens of unlink.target wait for the end */
	bool is_inside;	      /* it has passed the gate (gate.h) */
	bool is_held;	  /* it waits there, and the lane does not count it */
	int close_status; /* the answer after a name set aside is gone */

	fuse_req_t req; /* NULL once answered */
	struct fuse_ctx ctx;
	struct nfs_client *client; /* of the call that is under way */
	struct view *view; /* NULL: of a virtual file, which is not counted */
	struct lane *lane;
	enum op_kind kind;
	uint32_t intent;  /* INTENT_NONE for what may be executed twice */
	bool is_replay;	  /* a former process may have executed it */
	bool has_settled; /* and has */
	bool has_before;  /* before is what it noted */
	uint64_t before;
	uint64_t
		sent_before; /* as what it sent a change (nfs_sent.h); 0 = not */
	uint64_t start_ns;
	uint64_t n_bytes;      /* lane_charge() */
	uint64_t n_bytes_held; /* of them, those that the lane does not count */
	uint32_t request; /* the log's slot; REQUEST_NONE when there is none */
	struct kept_memory
		*request_memory; /* where it is, unless in the slot */

	uint64_t node;
	uint64_t node2;
	uint64_t counted; /* node that it counts as an open of; 0 = none */
	uint64_t found;	  /* file id of the entry that was answered; 0 = none */
	struct fuse_file_info fi;
	struct buffer *buffer; /* put back at the end */
	char *text;	       /* freed at the end */
	struct timer timer;    /* cancelled at the end */
	struct post post;
	struct nfs_attr seen;	    /* somebody else's change */
	struct kept_extent *extent; /* a WRITE's payload; freed at the end */
	op_fn resume;		 /* of a write or open that may have to wait */
	op_fn changed;		 /* of op_change(): the call's done */
	op_fn synced;		 /* of a sync */
	uint64_t sync_seq;	 /* that a sync waits for; 0 = none */
	struct parking *parking; /* where it waits (parking.h) */
	bool is_parked;		 /* parking's lock */
	union {
		struct op_io io;
		struct op_readdir readdir;
		struct op_unlink unlink;
		struct op_lock lock;
		struct op_create create;
		unsigned int n_tries; /* of an RMDIR */
		int access_mask;
		uint64_t n_ended; /* the lane's, when a bounded call began */
	};
	TAILQ_ENTRY(op) running; /* lane */
	TAILQ_ENTRY(op) waiting; /* parking */
	SLIST_ENTRY(op) free;
	char name[NFS_NAME_MAX + 1];
	char name2[NFS_NAME_MAX + 1];
};

/*
 * NULL when there is no memory; the request is answered then. The caller's
 * credentials are in op->call.cred.
 */
struct op *op_begin(fuse_req_t req, enum op_kind kind);
/* The same for a request on a virtual file that has to wait; it has no view. */
struct op *op_begin_virtual(fuse_req_t req);

/*
 * The same for what must not simply be executed twice. NULL too when a former
 * process has executed it and nothing is left to do but to answer.
 */
struct op *op_begin_change(fuse_req_t req, enum op_kind kind);

/* The rest of the same, for who finds out later that it is such a request. */
struct op *op_intend(struct op *op);

/* What a second execution will find in op->before. */
void op_note(struct op *op, uint64_t value);

/*
 * It is executed, with that outcome; nothing is left to do but to answer. False when
 * it was given up, so that the next process executes it.
 */
bool op_settle(struct op *op, int status);

/*
 * Credentials of whoever opened fi (an entry of opener.h) instead of the caller's.
 */
void op_use_opener(struct op *op, const struct fuse_file_info *fi);

/* The handle of a node; false when it is stale, and the op is finished then. */
bool op_resolve(struct op *op, uint64_t node, struct nfs_fh *ret);
/* The same into op->call.args.fh and op->node. */
bool op_target(struct op *op, uint64_t node);

/* Copies a name of the request that the view lets pass; false = finished. */
bool op_take_name(struct op *op, uint64_t dir, const char *name);
/* For names that are made, removed or renamed. */
bool op_take_change(struct op *op, uint64_t dir, const char *name);

/*
 * Submits op->call; done(op) runs with its status and res, from the loop. Whatever
 * changes something has passed the gate (gate.h).
 */
void op_call(struct op *op, enum nfs_proc proc, op_fn done);
/*
 * The same for an op's first change, which passes the gate with it: done(op) runs with
 * what ended the wait there, too.
 */
void op_change(struct op *op, enum nfs_proc proc, op_fn done);
/* True when the call failed: the op is finished with its status. */
bool op_failed(struct op *op);

/*
 * Makes the kernel forget the pages of op->node, before the answer; done(op)
 * follows, also when it did not come to it in time: the next open drops them then.
 */
void op_drop_pages(struct op *op, op_fn done);
/* It goes on at once, unless its pages are being dropped. */
void op_drop_give_up(struct op *op);

/* --- answers; each frees the op --------------------------------------------- */

/* status 0 = done, else -errno. */
void op_finish_err(struct op *op, int status);
void op_finish_entry(struct op *op, const struct nfs_fh *fh,
		     const struct nfs_attr *attr);
/* The name that was looked up in op->node is not there. */
void op_finish_absent(struct op *op);
/* As entry, and opens it: op->fi is answered. */
void op_finish_create(struct op *op, const struct nfs_fh *fh,
		      const struct nfs_attr *attr);
void op_finish_attr(struct op *op, const struct nfs_attr *attr);
/* What the kernel has anyway; it is not to be believed for longer because of this. */
void op_finish_same_attr(struct op *op, const struct nfs_attr *attr);
void op_finish_cached_attr(struct op *op, const struct attr_cached *cached);
void op_finish_open(struct op *op);
void op_finish_data(struct op *op, const void *data, size_t len);
void op_finish_written(struct op *op, size_t count);
void op_finish_readlink(struct op *op, const char *target);
void op_finish_statfs(struct op *op, const struct statvfs *st);
/* The lock in the way; F_UNLCK when there is none. */
void op_finish_lock(struct op *op, const struct flock *lock);

/* --- for op_answer.c, lane.c and shard.c ----------------------------------------- */

/*
 * The reply is written; result is what it said: bytes, 0, or -errno. Frees the op,
 * now or later.
 */
void op_end(struct op *op, int64_t result);
/* For whoever reads the volume's trace. */
void op_trace(const struct op *op, uint64_t latency_ns, int64_t result);

/*
 * Ends the wait for the server or for others with status, or that for the notifier;
 * nothing when there is none. May free the op.
 */
void op_give_up(struct op *op, int status);
void op_give_up_if_interrupted(struct op *op, uint64_t now);
void op_cache_fini(struct op_cache *cache);

/*
 * An entry of the directory op->node for the reply: one more lookup of its node.
 * For how long its attributes may be believed is what op_tell() returns.
 */
int op_make_entry(struct op *op, const struct nfs_fh *fh,
		  const struct nfs_attr *attr, struct fuse_entry_param *ret);

/* The kernel is about to be told attr; for how many seconds it may believe it. */
double op_tell(struct op *op, uint64_t node, const struct nfs_attr *attr);
