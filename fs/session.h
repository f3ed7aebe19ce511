/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One FUSE connection: the /dev/fuse descriptor, libfuse's session object on it
 * (libfuse answers FUSE_INIT into a memfd, we patch and send the answer), and a
 * lane (lane.h) on every shard.
 *
 * fuse_req_userdata() of every request is the session. owner is the volume for a
 * view and the struct meta for the node's control tree.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "err.h"
#include "mount.h"

struct fuse_lowlevel_ops;
struct fuse_session;
struct lane;
struct request_log;
struct session;
struct shards;

struct session_options {
	const struct fuse_lowlevel_ops *ops;
	const char *source;	    /* shown by df and mountinfo */
	const char *mountpoint;	    /* absolute, exists */
	void *owner;		    /* borrowed */
	unsigned int readahead_kib; /* 0 = the kernel's default */
	uint32_t max_io; /* bytes of the largest READ and WRITE; 0 = 1 MiB */
	enum mount_flags mount_flags;
	bool checks_data;   /* cached reads ask for the file's mtime first */
	bool is_write_back; /* the kernel keeps written pages back */
	bool has_locks; /* locks are asked for; else the kernel keeps them */
	/*
	 * Where requests are written down if the kernel can't be asked for them again
	 * (borrowed); NULL = nowhere.
	 */
	struct request_log *requests;
	bool never_resends; /* even if it can */
	/* A mount that a former process left; NULL = make one. */
	const struct session_resume *resume;
};

/* Borrowed: the descriptor is duplicated. */
struct session_resume {
	int fuse_fd;
	uint32_t dev_minor;
	const void *init_request; /* what the kernel once asked */
	size_t init_len;
};

/*
 * Mounts, answers FUSE_INIT, and lets the shards serve. At most 5 s. Resuming, what
 * the former process has not answered is executed again; -ENODEV when the mount is
 * gone, -EOPNOTSUPP when the kernel can't ask again and nothing was written down.
 */
int session_new(struct session **ret, struct shards *shards,
		const struct session_options *options, struct err *err);

/*
 * Unmounts (mount_remove), takes the watches away, waits for running requests and
 * cancels those that the server does not answer. Control threads only.
 */
struct session *session_free(struct session *session);

/*
 * Frees it and leaves the mount to the next process: requests get the time to be
 * answered, and those that are not will be asked again there. At most 2 s.
 */
struct session *session_hand_over(struct session *session);

/*
 * What an open file or directory owns in this process; first member of the owner's
 * struct. The kernel sends RELEASE when it likes: what it sends too late to be
 * read is let go with the session.
 */
struct session_handle {
	void (*free_fn)(struct session_handle *handle);
	uint64_t id;			  /* for fi->fh; no other process's */
	LIST_ENTRY(session_handle) entry; /* the session's */
};

/* Sets the id. -ENFILE when the session has too many. */
int session_hold(struct session *session, struct session_handle *take_handle);
/* NULL: a former process opened it. */
struct session_handle *session_find(struct session *session, uint64_t id);
/* At RELEASE: calls free_fn. */
void session_let_go(struct session *session, struct session_handle *handle);

void *session_owner(const struct session *session);
unsigned int session_dev_minor(const struct session *session);
struct fuse_session *session_fuse(const struct session *session);
/* The kernel's FUSE_INIT request, raw; borrowed. */
const void *session_init_request(const struct session *session,
				 size_t *ret_len);

/* For lane.c and op.c: the session on the shard of this thread. */
struct lane *session_lane(struct session *session, unsigned int shard);
int session_fd(const struct session *session);
/* The kernel may have n more requests of its own under way than usual, or no more. */
void session_add_background(struct session *session, unsigned int n);
void session_drop_background(struct session *session, unsigned int n);
/* A closing lane has no request left. Shard's thread. */
void session_lane_drained(struct session *session);

DEFINE_CLEANUP(struct session *, session_free)
