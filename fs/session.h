/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One FUSE connection: the /dev/fuse descriptor, libfuse's session object on it
 * (the memfd way of facts: libfuse answers FUSE_INIT into a memfd, we patch and
 * send the answer), and a watch on every shard.
 *
 * fuse_req_userdata() of every request is the session. owner is the volume for a
 * view and the struct meta for the node's control tree.
 */

#include "err.h"

struct fuse_lowlevel_ops;
struct session;
struct shard;
struct shards;
struct volume;

struct session_options {
	const struct fuse_lowlevel_ops *ops;
	const char *source;	    /* shown by df and mountinfo */
	const char *mountpoint;	    /* absolute, exists */
	void *owner;		    /* borrowed */
	unsigned int readahead_kib; /* 0 = the kernel's default */
};

/* Mounts, answers FUSE_INIT, and lets the shards serve. At most 5 s. */
int session_new(struct session **ret, struct shards *shards,
		const struct session_options *options, struct err *err);

/* Unmounts (mount_remove), takes the watches away, waits for running requests. */
struct session *session_free(struct session *session);

void *session_owner(const struct session *session);
unsigned int session_dev_minor(const struct session *session);

DEFINE_CLEANUP(struct session *, session_free)
