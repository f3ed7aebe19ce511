/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which lock owner holds which ranges of which file: what this node believes the
 * server's lock manager to have granted it. Memory only: nothing is asked here.
 *
 * An owner is what the kernel calls one (a process for fcntl(2), an open file for
 * flock(2) and OFD locks) on one file; to the server it is a number, svid.
 *
 * Threads: one at a time, which is its user's business.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "nfs_call.h"

/* Of a volume; beyond is -ENOLCK. */
#define LOCK_OWNERS_MAX 4096
#define LOCK_RANGES_MAX 16384

#define LOCK_TO_END UINT64_MAX

enum lock_kind {
	LOCK_NONE,
	LOCK_SHARED,
	LOCK_EXCLUSIVE,
};

struct lock_range {
	uint64_t first;
	uint64_t last; /* the last byte itself, or LOCK_TO_END */
	enum lock_kind kind;
};

struct lock_job;
TAILQ_HEAD(lock_jobs, lock_job);

struct lock_owner {
	uint64_t node;
	uint64_t id; /* the kernel's */
	uint32_t svid;
	struct lock_range *ranges; /* in order, never touching in one kind */
	size_t n_ranges;
	size_t max_ranges;

	/* locks.c's own; zero in a new owner. */
	struct nfs_fh fh;
	struct nfs_cred cred;
	uint64_t
		handle; /* the open file that the last lock was taken through */
	uint32_t pid;
	uint32_t slot;	    /* in the journal */
	bool may_hold_more; /* the server may have granted what we don't know */
	bool is_calling;
	unsigned int n_jobs;
	struct lock_jobs jobs; /* whose turn it is, in order; initialised */
	LIST_ENTRY(lock_owner) entry; /* lock_table's */
};

struct lock_table;

int lock_table_new(struct lock_table **ret);
struct lock_table *lock_table_free(struct lock_table *table);

size_t lock_table_n_owners(const struct lock_table *table);
size_t lock_table_n_ranges(const struct lock_table *table);

/* NULL when there is none. */
struct lock_owner *lock_table_find(const struct lock_table *table,
				   uint64_t node, uint64_t id);
struct lock_owner *lock_table_find_handle(const struct lock_table *table,
					  uint64_t node, uint64_t handle);
struct lock_owner *lock_table_find_svid(const struct lock_table *table,
					uint64_t node, uint32_t svid);
/* The one after owner, NULL = the first; in no order. */
struct lock_owner *lock_table_next(const struct lock_table *table,
				   const struct lock_owner *owner);

/* A new owner with a svid of its own. -ENOLCK: too many; -ENOMEM. */
int lock_table_add(struct lock_table *table, struct lock_owner **ret,
		   uint64_t node, uint64_t id);
/* Frees it, whatever it holds. */
void lock_table_remove(struct lock_table *table, struct lock_owner *owner);

/* No more ranges may be taken. */
bool lock_table_is_full(const struct lock_table *table);
/* So that the next lock_owner_set() has memory. -ENOMEM. */
int lock_owner_make_room(struct lock_owner *owner);
/* From now on the range is held as its kind says; LOCK_NONE gives it back. */
void lock_owner_set(struct lock_table *table, struct lock_owner *owner,
		    const struct lock_range *range);
/*
 * How the first bytes of first to last are held: a range that begins at first,
 * of kind LOCK_NONE if they are not.
 */
struct lock_range lock_owner_look(const struct lock_owner *owner,
				  uint64_t first, uint64_t last);
/* Whether anything of first to last is held. */
bool lock_owner_holds_any(const struct lock_owner *owner, uint64_t first,
			  uint64_t last);

DEFINE_CLEANUP(struct lock_table *, lock_table_free)
