/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a volume knows about the files that its node has open: the state that the
 * kernel's cached pages belong to (close-to-open), open counts, and names that were
 * set aside because their file was still open. It lives in the node table's slots.
 *
 * Every function accepts a stale node id and then answers as for a file that
 * nobody has opened. Threads: any, at any time.
 */

#include <stdbool.h>
#include <stdint.h>

#include "nfs_call.h"

struct inode_table;

/* --- close-to-open (RFC 1813 4.11 leaves it to clients; nfs(5) names it) --- */

/*
 * At open: remembers attr as the state that pages read from now on belong to.
 * True when pages that the kernel already has belong to the same state.
 */
bool file_validate(struct inode_table *table, uint64_t nodeid,
		   const struct nfs_attr *attr);

/*
 * On attributes seen at another time: true when the file is open, was validated
 * before, and somebody else has changed it in place, that is at the size that the
 * kernel believes. Then the kernel has to be told to drop its pages, and
 * file_dropped() follows. Otherwise it must not be told, because a notification
 * makes it ignore attributes that are on their way: at another size it drops its
 * pages itself (and would read to the old end), and those of a file that nobody
 * has open are dropped by the next open (which it would refuse by an old mode).
 */
bool file_is_changed(struct inode_table *table, uint64_t nodeid,
		     const struct nfs_attr *attr);

/* Whatever pages the kernel has are of the state attr or newer. */
void file_dropped(struct inode_table *table, uint64_t nodeid,
		  const struct nfs_attr *attr);

/*
 * What the kernel is told of a file's or directory's attributes, and whether that
 * is still true: it believes what it has until the time-out. Telling returns the
 * age: for how many ns the object has been seen in this state, 0 the first time.
 * at_ns: when the server said so.
 */
uint64_t file_told(struct inode_table *table, uint64_t nodeid,
		   const struct nfs_attr *attr, uint64_t at_ns);
bool file_is_told(struct inode_table *table, uint64_t nodeid,
		  const struct nfs_attr *attr);

/* When that was, and of what age; {0} when nothing was told. */
struct file_told {
	uint64_t at_ns;
	uint64_t age_ns;
	bool is_known; /* the kernel's pages are of the state that it was told */
};

struct file_told file_get_told(struct inode_table *table, uint64_t nodeid);

/* A write was answered that the kernel takes to end at that offset. */
void file_extended(struct inode_table *table, uint64_t nodeid, uint64_t end);

/* The next open drops the kernel's pages. */
void file_forget_known(struct inode_table *table, uint64_t nodeid);

/*
 * After a change of our own in a volume that has no other node: the state moves
 * along, unless a reply was overtaken by a later one.
 */
void file_advanced(struct inode_table *table, uint64_t nodeid,
		   const struct nfs_attr *attr);

/*
 * After a change of our own: when it began in the state that we know, the state
 * moves along, and the cached pages stay valid.
 */
void file_changed(struct inode_table *table, uint64_t nodeid,
		  const struct nfs_wcc *wcc);

/* --- opens, and names set aside --------------------------------------------- */

/* A name of an open file that was renamed aside instead of removed. */
struct file_silly {
	uint64_t
		dir; /* node of its directory, held for this record; 0 = none */
	uint32_t number; /* in its name */
	uint32_t opener; /* on whose behalf; held for this record */
	uint32_t entry;	 /* in silly_journal.h's journal */
};

void file_opened(struct inode_table *table, uint64_t nodeid);
/* The same, unless a removal is under way: then it is not counted. */
bool file_try_open(struct inode_table *table, uint64_t nodeid);
/*
 * At the last close *ret tells what to remove then, and that removal has begun;
 * otherwise ret->dir is 0.
 */
void file_closed(struct inode_table *table, uint64_t nodeid,
		 struct file_silly *ret);

/*
 * The file's last name goes: nobody opens it until file_removal_end(). False when
 * it is open, and may only be set aside: then the caller counts as an open, so that
 * what was set aside is not removed before he is done.
 */
bool file_removal_begin(struct inode_table *table, uint64_t nodeid);
void file_removal_end(struct inode_table *table, uint64_t nodeid);

/* False when the file has a name set aside already, or is not open (any more). */
bool file_set_silly(struct inode_table *table, uint64_t nodeid,
		    const struct file_silly *silly);
/* These two are false when it has none. take: then it has none any more. */
bool file_get_silly(struct inode_table *table, uint64_t nodeid,
		    struct file_silly *ret);
bool file_take_silly(struct inode_table *table, uint64_t nodeid,
		     struct file_silly *ret);
uint32_t file_n_opens(struct inode_table *table, uint64_t nodeid);

/*
 * ".nfs" and 16 digits of file id, as Linux has them, 8 of the mount, which other
 * nodes' names must not meet, and 8 of the number.
 */
#define FILE_SILLY_NAME_SIZE 37
void file_silly_name(struct inode_table *table, uint64_t nodeid,
		     uint32_t number, char ret[FILE_SILLY_NAME_SIZE]);
/* Whether it has that form. */
bool file_is_silly_name(const char name[FILE_SILLY_NAME_SIZE]);
/* A number that no other name of this mount has. */
uint32_t file_silly_number(struct inode_table *table);

/* --- appends, directories ---------------------------------------------------- */

/* One append per file at a time: false when one is under way already. */
bool file_append_begin(struct inode_table *table, uint64_t nodeid);
void file_append_end(struct inode_table *table, uint64_t nodeid);

uint64_t file_cookieverf(struct inode_table *table, uint64_t nodeid);
void file_set_cookieverf(struct inode_table *table, uint64_t nodeid,
			 uint64_t cookieverf);
