/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Who makes a request: uid and gid come with it, the supplementary groups are
 * read from /proc and remembered for a second. A cache belongs to one shard.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "nfs_call.h"

#define CRED_CACHE_SIZE 256

struct cred_entry {
	pid_t pid; /* 0 = empty */
	uint64_t read_ns;
	struct nfs_cred cred;
};

struct cred_cache {
	struct cred_entry entries[CRED_CACHE_SIZE];
};

/*
 * The credentials of thread pid with that uid and gid, at clock_ns() now. pid 0
 * (invisible, or the kernel itself) and uid 0 have no supplementary groups.
 */
void cred_get(struct cred_cache *cache, pid_t pid, uint32_t uid, uint32_t gid,
	      uint64_t now, struct nfs_cred *ret);

/* Whether the thread has been sent SIGKILL, and waits for something yet. */
bool cred_is_killed(pid_t pid);

/* Whether SIGKILL is in the line "SigPnd:" of such a file; exposed for tests. */
bool cred_parse_killed(const char *status);

/* The groups of a "Groups:" line of /proc/<pid>/status; exposed for tests. */
void cred_parse_groups(const char *status, struct nfs_cred *cred);
