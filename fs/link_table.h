/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which source port each connection to a server has, and which XIDs, in the arena: the
 * next process makes its connections from the same ports. They belong to the process
 * and not to a volume, since volumes share them.
 *
 * Threads: any.
 */

#include <stdint.h>

#include "cleanup.h"

#define LINKS_MAX 1024u

struct arena;
struct link_table;
struct nfs3_options;
struct nfs3_origin;

/* arena is borrowed. What a former process left is kept. */
int link_table_new(struct link_table **ret, struct arena *arena);
struct link_table *link_table_free(struct link_table *table);

/*
 * The origin of this shard's connection to that server; lane tells several apart. One
 * user at a time. NULL when all are taken, or table is.
 */
struct nfs3_origin *link_table_take(struct link_table *table,
				    const struct nfs3_options *options,
				    unsigned int shard, unsigned int lane);
/* The connection has ended, for good unless the arena is closed. NULL: nothing. */
void link_table_put(struct link_table *table, struct nfs3_origin *origin);

DEFINE_CLEANUP(struct link_table *, link_table_free)
