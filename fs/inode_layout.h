/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The shared-memory file of a volume, as inode.c and file_state.c see it. The file
 * outlives the process that maps it (whoever holds its descriptor may map it
 * again), so everything here is plain data without pointers:
 *
 *	0          struct table_header: identity, saved FUSE_INIT
 *	4 KiB      reserved, zero: records of requests under way and the XIDs they
 *	           used, which a take-over needs (60 KiB; pages never touched cost
 *	           nothing)
 *	64 KiB     struct opener_slot[OPENERS_MAX]
 *	160 KiB    struct inode_slot[header->n_slots]
 *
 * A change of any struct here is a new TABLE_VERSION.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "nfs_call.h"

#define TABLE_MAGIC	     0x6d61746c636c6300ull
#define TABLE_VERSION	     6
#define TABLE_OPENERS_OFFSET (64u << 10)
#define TABLE_SLOTS_OFFSET   (160u << 10)
#define TABLE_INIT_MAX	     1024
#define OPENERS_MAX	     1024u

struct inode_table;

struct table_header {
	uint64_t magic;
	uint32_t version;
	uint32_t slot_size;
	_Atomic uint32_t n_slots; /* that the file has room for */
	uint32_t init_len;	  /* of init_request; 0 = none yet */
	uint32_t n_openers;	  /* that were ever used */
	uint8_t init_request[TABLE_INIT_MAX]; /* the kernel's, raw */
};

/* Credentials of open files (opener.c). */
struct opener_slot {
	uint32_t n_held; /* 0 = free */
	struct nfs_cred cred;
};

_Static_assert(TABLE_OPENERS_OFFSET +
			       OPENERS_MAX * sizeof(struct opener_slot) <=
		       TABLE_SLOTS_OFFSET,
	       "the openers end before the slots begin");

struct slot_time {
	int64_t s;
	uint32_t ns;
	uint32_t reserved;
};

/* struct nfs_attr without what the node and the volume say. */
struct slot_attr {
	uint32_t mode;
	uint32_t nlink;
	uint32_t uid;
	uint32_t gid;
	uint32_t rdev_major;
	uint32_t rdev_minor;
	uint64_t size;
	uint64_t used;
	int64_t atime_s;
	int64_t mtime_s;
	int64_t ctime_s;
	uint32_t atime_ns;
	uint32_t mtime_ns;
	uint32_t ctime_ns;
	uint32_t is_new; /* the kernel has not been told */
};

enum slot_flags {
	SLOT_HAS_KNOWN = 1u << 0, /* known_* hold a validated state */
	SLOT_APPENDING = 1u << 1, /* an append is under way */
};

/* One node that the kernel knows. is_valid is written last, and cleared first. */
struct inode_slot {
	_Atomic uint32_t is_valid;
	_Atomic uint32_t
		generation; /* below 2^31; rises when the slot is freed */
	_Atomic uint64_t n_lookup; /* references the kernel (or we) hold */
	uint64_t fileid;
	uint32_t fh_len;
	uint32_t n_opens; /* state lock, as all that follows fh */
	uint8_t fh[NFS_FH_MAX];

	uint32_t flags;	     /* enum slot_flags */
	uint32_t n_removals; /* under way; opens wait */
	uint64_t cookieverf; /* directories: the server's last one */
	struct slot_time known_mtime;
	struct slot_time known_ctime;
	uint64_t known_size;
	uint64_t silly_dir;  /* node of the directory; 0 = not renamed aside */
	uint32_t silly_name; /* the number in its name */
	uint32_t silly_opener; /* who removed the name */
	uint32_t group;	       /* in attributes that were told last */
	uint32_t told; /* digest of the attributes the kernel has; 0 = none */
	uint64_t kernel_size;	 /* that the kernel believes the file to have */
	uint64_t told_ns;	 /* when the kernel was told; clock_ns() */
	uint64_t changed_ns;	 /* when it was first told the same */
	uint64_t attr_ns;	 /* when the server said attr; 0 = not known */
	uint64_t changed_own_ns; /* when the last change of our own ended */
	struct slot_attr attr;	 /* attr_cache.c's */
};

_Static_assert(sizeof(struct inode_slot) == 296,
	       "a changed slot is a new TABLE_VERSION");

/* The slot of a node; NULL when the node id is stale. Lock-free. */
struct inode_slot *inode_table_slot(struct inode_table *table, uint64_t nodeid);

/* Guards the state of a node; never held together with another lock. */
pthread_mutex_t *inode_table_state_lock(struct inode_table *table,
					uint64_t nodeid);

struct table_header *inode_table_header(struct inode_table *table);
