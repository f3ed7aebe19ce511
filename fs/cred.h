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

/* Of a thread with more than these, /proc's first ones count. */
#define CRED_GROUPS_MAX 256

struct cred_entry {
	pid_t pid; /* 0 = empty */
	uint64_t read_ns;
	uint32_t uid;
	uint32_t gid;
	uint32_t n_groups;
	uint32_t groups[CRED_GROUPS_MAX];
};

struct cred_cache {
	struct cred_entry entries[CRED_CACHE_SIZE];
};

/*
 * The credentials of thread pid with that uid and gid, at clock_ns() now. pid 0
 * (invisible, or the kernel itself) and uid 0 have no supplementary groups. Of more
 * than NFS_GIDS_MAX the lowest are there; then cred_prefer() is of use.
 */
void cred_get(struct cred_cache *cache, pid_t pid, uint32_t uid, uint32_t gid,
	      uint64_t now, struct nfs_cred *ret);

/*
 * A full *cred of thread pid, by cred_get(), is for an object of that group: if the
 * thread is in it, it is made sure that cred has it, in the place of its last one.
 */
void cred_prefer(const struct cred_cache *cache, pid_t pid, uint32_t group,
		 struct nfs_cred *cred);

bool cred_equal(const struct nfs_cred *a, const struct nfs_cred *b);

/* Whether the thread has been sent SIGKILL, and waits for something yet. */
bool cred_is_killed(pid_t pid);

/* Whether SIGKILL is in the line "SigPnd:" of such a file; exposed for tests. */
bool cred_parse_killed(const char *status);

/*
 * The groups of a "Groups:" line of /proc/<pid>/status, which may end anywhere: how
 * many there are in ret. Exposed for tests.
 */
uint32_t cred_parse_groups(const char *status, uint32_t ret[CRED_GROUPS_MAX]);
