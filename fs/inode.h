/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The node table of a volume: FUSE node ids to NFS file handles and back, in a
 * memory file that can outlive the process (inode_layout.h).
 *
 * A node id is generation << 32 | slot + 1, so a recycled slot never answers for
 * the node that was there before: an old id is -ESTALE. Bit 63 is never set; it
 * belongs to the virtual files of `.meta`. The root is node 1 and is never freed.
 *
 * A node lives while its lookup count is above zero. The count rises before the
 * reply that tells the kernel of the node and falls with FORGET; a crash between
 * the two leaves it too high, never too low.
 *
 * Threads: any, at any time.
 */

#include <stdint.h>

#include "err.h"
#include "nfs_call.h"

#define INODE_ROOT 1ull
/* Nodes that the kernel may know at once, per volume: 1.2 GiB of slots. */
#define INODE_MAX (4095u << 10)

struct inode_table;

/* An empty table with its root. max = 0 means INODE_MAX. */
int inode_table_new(struct inode_table **ret, const struct nfs_fh *root,
		    uint64_t root_fileid, uint32_t max);

/*
 * Maps a table that exists and rebuilds what is not in the file. take_fd is
 * consumed. -EBADMSG when it is not a table of this version.
 */
int inode_table_attach(struct inode_table **ret, int take_fd, uint32_t max);

/* That of the table in a file (borrowed), which may be another; -EBADMSG. */
int inode_table_read_version(int fd, uint32_t *ret);

struct inode_table *inode_table_free(struct inode_table *table);

/* A number that no other table has, whatever process maps it. */
uint64_t inode_table_epoch(const struct inode_table *table);

/* The memory file; borrowed. */
int inode_table_fd(const struct inode_table *table);
/* Nodes in use, the root included. */
uint32_t inode_table_count(struct inode_table *table);

/*
 * The node of a handle, made if need be, with one more lookup. -ENFILE when the
 * table is full, -ENOMEM.
 */
int inode_lookup(struct inode_table *table, const struct nfs_fh *fh,
		 uint64_t fileid, uint64_t *ret_nodeid);

/* Takes n lookups back; ids that are stale are ignored. */
void inode_forget(struct inode_table *table, uint64_t nodeid, uint64_t n);

/* How many there are; 0 for an id that is not alive. */
uint64_t inode_n_lookup(struct inode_table *table, uint64_t nodeid);

/* One more lookup on a node that the caller knows to be alive. -ESTALE. */
int inode_hold(struct inode_table *table, uint64_t nodeid);

/* The node of a handle if the kernel knows it, else 0; no lookup is taken. */
uint64_t inode_find(struct inode_table *table, const struct nfs_fh *fh);

/* -ESTALE for an id that is not alive. */
int inode_get(struct inode_table *table, uint64_t nodeid, struct nfs_fh *ret);
/* 0 for an id that is not alive. */
uint64_t inode_fileid(struct inode_table *table, uint64_t nodeid);

/* The group that owned it when attributes were told last; 0 when not known. */
uint32_t inode_group(struct inode_table *table, uint64_t nodeid);

/*
 * The next node that is alive, from *cursor on (0 = the first); 0 at the end.
 * Nodes may come and go meanwhile.
 */
uint64_t inode_next(struct inode_table *table, uint64_t *cursor);

DEFINE_CLEANUP(struct inode_table *, inode_table_free)
