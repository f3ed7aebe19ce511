/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The node table's object, for inode.c and inode_map.c. */

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "inode_layout.h"

#define INODE_STRIPES	  32u
#define INODE_STATE_LOCKS 32u
#define INODE_NO_SLOT	  UINT32_MAX

/* Segments have room for 1, 2, 4 ... times the first one's slots. */
static inline uint32_t inode_segment_of(uint32_t slot)
{
	return 31u - (uint32_t)__builtin_clz(slot / INODE_SEGMENT_SLOTS + 1);
}

static inline uint32_t inode_segment_start(uint32_t segment)
{
	return ((1u << segment) - 1) * INODE_SEGMENT_SLOTS;
}

struct stripe {
	pthread_mutex_t lock;
	uint32_t *buckets;  /* first slot of each chain, or INODE_NO_SLOT */
	uint32_t n_buckets; /* a power of two; 0 = none yet */
	uint32_t n_slots;
};

struct inode_table {
	int fd;
	uint32_t max;
	struct table_header *header; /* all before the journal; as are */
	struct opener_slot *openers;
	pthread_mutex_t opener_lock; /* of n_held and header->n_openers */
	struct told_slot *told;
	pthread_mutex_t told_lock; /* see write_error.c */
	uint8_t *logs;		   /* the journal and the requests */
	/* alloc_lock to set; NULL = no slot of it is in use. */
	_Atomic(struct inode_slot *) segments[INODE_SEGMENTS];
	struct stripe stripes[INODE_STRIPES];
	pthread_mutex_t alloc_lock;
	uint32_t free_slot; /* alloc_lock: first of the free list */
	_Atomic uint32_t n_nodes;
	_Atomic uint64_t unnamed_ns; /* when a name was last changed */
	_Atomic uint64_t renamed_ns; /* and when by a rename */
	pthread_mutex_t state_locks[INODE_STATE_LOCKS];
};

/* One that is, or was, in use. */
static inline struct inode_slot *inode_slot_at(struct inode_table *table,
					       uint32_t slot)
{
	uint32_t segment = inode_segment_of(slot);
	struct inode_slot *slots = atomic_load_explicit(
		&table->segments[segment], memory_order_acquire);

	return &slots[slot - inode_segment_start(segment)];
}

/* So that the slot may be used. -errno. */
int inode_segment_map(struct inode_table *table, uint32_t segment);

uint64_t inode_slot_hash(const struct inode_slot *slot);
/* -ENOMEM only for the first slot of a stripe. Under the stripe's lock. */
int inode_chain_insert_locked(struct inode_table *table, uint64_t hash,
			      uint32_t slot);
/* Into the free list. */
void inode_slot_give_back(struct inode_table *table, uint32_t slot);
