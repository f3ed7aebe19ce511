/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * With whose credentials files are open: a descriptor keeps the rights, groups
 * included, that it was opened with, whoever uses it later. Equal credentials of
 * a volume share an entry, which is in the node table's memory file. Threads: any.
 */

#include "nfs_call.h"

struct inode_table;

/* *ret is an entry of those credentials, counted once more. -ENFILE: no room. */
int opener_hold(struct inode_table *table, const struct nfs_cred *cred,
		uint32_t *ret);

/* Of an entry that is held. */
void opener_get(struct inode_table *table, uint32_t opener,
		struct nfs_cred *ret);

void opener_let_go(struct inode_table *table, uint32_t opener);
