/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The node table's object, for inode.c and inode_map.c. */

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "inode_layout.h"

#define INODE_STRIPES	  64u
#define INODE_STATE_LOCKS 64u
#define INODE_GROW_SLOTS  1024u /* by which the file grows */
#define INODE_NO_SLOT	  UINT32_MAX

struct stripe {
	pthread_mutex_t lock;
	uint32_t *buckets;  /* first slot of each chain, or INODE_NO_SLOT */
	uint32_t n_buckets; /* a power of two; 0 = none yet */
	uint32_t n_slots;
};

struct inode_table {
	int fd;
	uint32_t max;
	struct table_header *header; /* the mapping */
	struct inode_slot *slots;    /* these two are in the mapping */
	struct opener_slot *openers;
	pthread_mutex_t opener_lock; /* of n_held and header->n_openers */
	struct told_slot *told;	     /* in the mapping, too */
	pthread_mutex_t told_lock;   /* see write_error.c */
	size_t map_len;
	struct stripe stripes[INODE_STRIPES];
	pthread_mutex_t alloc_lock;
	uint32_t free_slot; /* alloc_lock: first of the free list */
	_Atomic uint32_t n_nodes;
	_Atomic uint64_t unnamed_ns; /* when a name was last changed */
	_Atomic uint64_t renamed_ns; /* and when by a rename */
	pthread_mutex_t state_locks[INODE_STATE_LOCKS];
};

uint64_t inode_slot_hash(const struct inode_slot *slot);
/* -ENOMEM only for the first slot of a stripe. Under the stripe's lock. */
int inode_chain_insert_locked(struct inode_table *table, uint64_t hash,
			      uint32_t slot);
/* Into the free list. */
void inode_slot_give_back(struct inode_table *table, uint32_t slot);
