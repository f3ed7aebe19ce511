/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Errors of written data that came after the answer to write(2), and who has been
 * told of them: every open file is, once by fsync(2) and by each close(2) until
 * then. What nobody was told of, the next one who opens the file is.
 *
 * fh is an open file's (handle.h), nodeid its node. It is all in the node table's
 * memory. Every function accepts a stale node id. Threads: any.
 */

#include <stdint.h>

struct inode_table;

/* status is -errno. */
void write_error_add(struct inode_table *table, uint64_t nodeid, int status);

/* For who opens the file now: handle_make()'s seen. */
uint16_t write_error_sample(struct inode_table *table, uint64_t nodeid);

enum write_error_told {
	WRITE_ERROR_NOT_TOLD,
	/* fh still has to be: it may be a child that closes what it inherited. */
	WRITE_ERROR_TOLD_BY_CLOSE,
	WRITE_ERROR_TOLD_BY_FSYNC,
};

/* The -errno that fh has to be told of, and is from now on; 0 = none. */
int write_error_get(struct inode_table *table, uint64_t nodeid, uint64_t fh,
		    enum write_error_told told);

/* fh is not open any more. */
void write_error_end(struct inode_table *table, uint64_t nodeid, uint64_t fh);
