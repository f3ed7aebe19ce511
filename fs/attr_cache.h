/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Attributes that the server has told and the kernel does not have yet: mostly the
 * state after changes of our own, which NFSv3 answers them with (wcc data). They
 * live in the node table's slots, and answer a GETATTR until the kernel is told
 * (file_told()) or they are older than the volume lets attributes be.
 *
 * Every function accepts a stale node id. Threads: any, at any time.
 */

#include <stdbool.h>
#include <stdint.h>

#include "attr.h"

struct inode_table;

/* The server said attr in the reply to a call that was sent at sent_ns. */
void attr_cache_seen(struct inode_table *table, uint64_t nodeid,
		     const struct nfs_attr *attr, uint64_t sent_ns);

/* The same, and the kernel has been told. */
void attr_cache_told(struct inode_table *table, uint64_t nodeid,
		     const struct nfs_attr *attr, uint64_t sent_ns);

/*
 * The same in the reply to a call that changed the node; NULL when the state after
 * it is not known.
 */
void attr_cache_changed(struct inode_table *table, uint64_t nodeid,
			const struct nfs_attr *after, uint64_t sent_ns);

/*
 * A name was made, removed or renamed, and what it named has other attributes now,
 * whatever node that is. Only a rename does that to directories.
 */
void attr_cache_names_changed(struct inode_table *table, bool is_rename);

/*
 * Attributes that a GETATTR may be answered with, the time when the server said so,
 * and for how many seconds they may still be believed (more than 0).
 */
struct attr_cached {
	struct nfs_attr attr;
	uint64_t at_ns;
	double left_s;
};

bool attr_cache_get(struct inode_table *table, uint64_t nodeid,
		    const struct attr_timeouts *timeouts, uint64_t now_ns,
		    struct attr_cached *ret);

/*
 * How long a file is that the server said to have that size, in the reply to a call
 * sent at sent_ns: what we have written since is not in it.
 */
uint64_t attr_cache_size(struct inode_table *table, uint64_t nodeid,
			 uint64_t size, uint64_t sent_ns);

/*
 * True when a SETATTR that sets nothing but an owner would change nothing: he is the
 * owner, and the last change of our own is so new that even ctime would not tell.
 */
bool attr_cache_has_owner(struct inode_table *table, uint64_t nodeid,
			  const struct nfs_set *set,
			  const struct attr_timeouts *timeouts, uint64_t now_ns,
			  struct attr_cached *ret);

/*
 * True for a regular file with one link that had this mtime when the server last told.
 * Where no other node changes files it still has; ret is what was known, of any age,
 * with no time left.
 */
bool attr_cache_has_mtime(struct inode_table *table, uint64_t nodeid,
			  const struct timespec *mtime,
			  struct attr_cached *ret);
