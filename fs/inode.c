/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The node table. Slots are in the memory file; how to find the slot of a handle
 * is rebuilt from them by each process:
 *
 *	stripes[hash of handle]  lock, buckets -> first slot of a chain
 *	slot->next               of the chain, or of the free list
 *
 * Invariants:
 *  1. A slot is in exactly one chain (is_valid) or in the free list or beyond
 *     header->n_used, which changes under alloc_lock.
 *  2. n_lookup and is_valid of a slot change only under the lock of the stripe
 *     of its handle; they are atomics because readers don't take it.
 *  3. A slot's generation changes only when the slot is freed.
 *  4. A mapping never moves (inode_map.c), and that of a slot is there before
 *     header->n_used counts it.
 *
 * Locks: a stripe's lock, then alloc_lock. State locks are alone.
 */

#include "inode.h"

#include <string.h>

#include "inode_layout.h"
#include "inode_table.h"

#define FIRST_BUCKETS	16u
#define GENERATION_MASK 0x7fffffffu

/* --- ids, hashes -------------------------------------------------------- */

static uint64_t make_nodeid(uint32_t generation, uint32_t slot)
{
	return (uint64_t)generation << 32 | (slot + 1);
}

static uint32_t nodeid_slot(uint64_t nodeid)
{
	return (uint32_t)nodeid - 1;
}

/* Handles are the server's; they only have to spread, not to resist anybody. */
static uint64_t hash_fh(const struct nfs_fh *fh)
{
	uint64_t hash = 0x9e3779b97f4a7c15ull ^ fh->len;

	for (uint32_t i = 0; i < fh->len; i += 8) {
		uint64_t word = 0;
		uint32_t n = fh->len - i < 8 ? fh->len - i : 8;

		memcpy(&word, fh->data + i, n);
		hash = (hash ^ word) * 0xff51afd7ed558ccdull;
		hash ^= hash >> 32;
	}
	return hash;
}

static struct stripe *stripe_of(struct inode_table *table, uint64_t hash)
{
	return &table->stripes[hash % INODE_STRIPES];
}

static uint32_t *bucket_of(struct stripe *stripe, uint64_t hash)
{
	return &stripe->buckets[hash / INODE_STRIPES & (stripe->n_buckets - 1)];
}

static void slot_fh(const struct inode_slot *slot, struct nfs_fh *ret)
{
	ret->len = slot->fh_len;
	memcpy(ret->data, slot->fh, sizeof(ret->data));
}

uint64_t inode_slot_hash(const struct inode_slot *slot)
{
	struct nfs_fh fh;

	slot_fh(slot, &fh);
	return hash_fh(&fh);
}

/* --- chains (under the stripe's lock) ------------------------------------ */

static int stripe_grow_locked(struct inode_table *table, struct stripe *stripe)
{
	uint32_t n = stripe->n_buckets ? stripe->n_buckets * 2 : FIRST_BUCKETS;
	struct stripe grown = { .n_buckets = n };

	grown.buckets = malloc(n * sizeof(*grown.buckets));
	if (!grown.buckets)
		return -ENOMEM;
	memset(grown.buckets, 0xff, n * sizeof(*grown.buckets));
	for (uint32_t i = 0; i < stripe->n_buckets; i++) {
		uint32_t slot = stripe->buckets[i];

		while (slot != INODE_NO_SLOT) {
			uint32_t next = inode_slot_at(table, slot)->next;
			uint64_t hash =
				inode_slot_hash(inode_slot_at(table, slot));
			uint32_t *bucket = bucket_of(&grown, hash);

			inode_slot_at(table, slot)->next = *bucket;
			*bucket = slot;
			slot = next;
		}
	}
	free(stripe->buckets);
	stripe->buckets = grown.buckets;
	stripe->n_buckets = n;
	return 0;
}

int inode_chain_insert_locked(struct inode_table *table, uint64_t hash,
			      uint32_t slot)
{
	struct stripe *stripe = stripe_of(table, hash);
	uint32_t *bucket;

	/* A longer chain is better than a failure: only the first must succeed. */
	if (stripe->n_slots >= stripe->n_buckets &&
	    stripe_grow_locked(table, stripe) < 0 && !stripe->n_buckets)
		return -ENOMEM;
	bucket = bucket_of(stripe, hash);
	inode_slot_at(table, slot)->next = *bucket;
	*bucket = slot;
	stripe->n_slots++;
	return 0;
}

static void chain_remove_locked(struct inode_table *table, uint64_t hash,
				uint32_t slot)
{
	struct stripe *stripe = stripe_of(table, hash);
	uint32_t *link = bucket_of(stripe, hash);

	while (*link != slot)
		link = &inode_slot_at(table, *link)->next;
	*link = inode_slot_at(table, slot)->next;
	stripe->n_slots--;
}

static uint32_t chain_find_locked(struct inode_table *table, uint64_t hash,
				  const struct nfs_fh *fh)
{
	struct stripe *stripe = stripe_of(table, hash);
	uint32_t i;

	if (!stripe->n_buckets)
		return INODE_NO_SLOT;
	for (i = *bucket_of(stripe, hash); i != INODE_NO_SLOT;
	     i = inode_slot_at(table, i)->next) {
		const struct inode_slot *slot = inode_slot_at(table, i);

		if (slot->fh_len == fh->len &&
		    memcmp(slot->fh, fh->data, fh->len) == 0)
			break;
	}
	return i;
}

/* --- slots --------------------------------------------------------------- */

static int slot_take_locked(struct inode_table *table, uint32_t *ret)
{
	uint32_t n = atomic_load(&table->header->n_used);
	int r;

	if (table->free_slot != INODE_NO_SLOT) {
		*ret = table->free_slot;
		table->free_slot = inode_slot_at(table, *ret)->next;
		return 0;
	}
	if (n >= table->max)
		return -ENFILE;
	r = inode_segment_map(table, inode_segment_of(n));
	if (r < 0)
		return r;
	atomic_store(&table->header->n_used, n + 1);
	*ret = n;
	return 0;
}

static int slot_take(struct inode_table *table, uint32_t *ret)
{
	int r;

	pthread_mutex_lock(&table->alloc_lock);
	r = slot_take_locked(table, ret);
	pthread_mutex_unlock(&table->alloc_lock);
	return r;
}

void inode_slot_give_back(struct inode_table *table, uint32_t slot)
{
	pthread_mutex_lock(&table->alloc_lock);
	inode_slot_at(table, slot)->next = table->free_slot;
	table->free_slot = slot;
	pthread_mutex_unlock(&table->alloc_lock);
}

/* Everything but the generation, which tells this life of the slot from others. */
static void slot_fill(struct inode_slot *slot, const struct nfs_fh *fh,
		      uint64_t fileid)
{
	atomic_store(&slot->n_lookup, 1);
	slot->fileid = fileid;
	slot->fh_len = fh->len;
	memcpy(slot->fh, fh->data, fh->len);
	slot->n_opens = 0;
	slot->flags = 0;
	slot->n_removals = 0;
	slot->cookieverf = 0;
	slot->silly_dir = 0;
	slot->told = 0;
	slot->attr_ns = 0;
	slot->changed_own_ns = 0;
	slot->group = 0;
	slot->error = (struct slot_error){ 0 };
	atomic_store(&slot->is_valid, 1);
}

static int node_make_locked(struct inode_table *table, uint64_t hash,
			    const struct nfs_fh *fh, uint64_t fileid,
			    uint32_t *ret)
{
	uint32_t slot;
	int r = slot_take(table, &slot);

	if (r < 0)
		return r;
	r = inode_chain_insert_locked(table, hash, slot);
	if (r < 0) {
		inode_slot_give_back(table, slot);
		return r;
	}
	slot_fill(inode_slot_at(table, slot), fh, fileid);
	atomic_fetch_add(&table->n_nodes, 1);
	*ret = slot;
	return 0;
}

static void node_free_locked(struct inode_table *table, uint64_t hash,
			     uint32_t slot)
{
	struct inode_slot *s = inode_slot_at(table, slot);
	uint32_t generation = atomic_load(&s->generation);

	atomic_store(&s->is_valid, 0);
	atomic_store(&s->generation, (generation + 1) & GENERATION_MASK);
	chain_remove_locked(table, hash, slot);
	atomic_fetch_sub(&table->n_nodes, 1);
	inode_slot_give_back(table, slot);
}

struct inode_slot *inode_table_slot(struct inode_table *table, uint64_t nodeid)
{
	uint32_t slot = nodeid_slot(nodeid);
	struct inode_slot *s;

	if (slot >= atomic_load(&table->header->n_used))
		return NULL;
	s = inode_slot_at(table, slot);
	if (!atomic_load(&s->is_valid) ||
	    atomic_load(&s->generation) != (uint32_t)(nodeid >> 32))
		return NULL;
	return s;
}

static pthread_mutex_t *state_lock(struct inode_table *table, uint64_t nodeid)
{
	return &table->state_locks[nodeid_slot(nodeid) % INODE_STATE_LOCKS];
}

struct inode_slot *inode_slot_lock(struct inode_table *table, uint64_t nodeid)
{
	struct inode_slot *slot = inode_table_slot(table, nodeid);

	if (slot)
		pthread_mutex_lock(state_lock(table, nodeid));
	return slot;
}

void inode_slot_unlock(struct inode_table *table, uint64_t nodeid)
{
	pthread_mutex_unlock(state_lock(table, nodeid));
}

struct table_header *inode_table_header(struct inode_table *table)
{
	return table->header;
}

/* --- the interface -------------------------------------------------------- */

int inode_lookup(struct inode_table *table, const struct nfs_fh *fh,
		 uint64_t fileid, uint64_t *ret_nodeid)
{
	uint64_t hash = hash_fh(fh);
	struct stripe *stripe = stripe_of(table, hash);
	uint32_t slot;
	int r = 0;

	pthread_mutex_lock(&stripe->lock);
	slot = chain_find_locked(table, hash, fh);
	if (slot != INODE_NO_SLOT)
		atomic_fetch_add(&inode_slot_at(table, slot)->n_lookup, 1);
	else
		r = node_make_locked(table, hash, fh, fileid, &slot);
	if (r == 0)
		*ret_nodeid = make_nodeid(
			atomic_load(&inode_slot_at(table, slot)->generation),
			slot);
	pthread_mutex_unlock(&stripe->lock);
	return r;
}

void inode_forget(struct inode_table *table, uint64_t nodeid, uint64_t n)
{
	struct inode_slot *slot = inode_table_slot(table, nodeid);
	uint64_t hash, count;
	struct stripe *stripe;

	if (!slot)
		return;
	hash = inode_slot_hash(slot);
	stripe = stripe_of(table, hash);
	pthread_mutex_lock(&stripe->lock);
	count = atomic_load(&slot->n_lookup);
	count -= n < count ? n : count;
	if (count == 0 && nodeid == INODE_ROOT)
		count = 1;
	atomic_store(&slot->n_lookup, count);
	if (count == 0)
		node_free_locked(table, hash, nodeid_slot(nodeid));
	pthread_mutex_unlock(&stripe->lock);
}

uint64_t inode_n_lookup(struct inode_table *table, uint64_t nodeid)
{
	const struct inode_slot *slot = inode_table_slot(table, nodeid);

	return slot ? atomic_load(&slot->n_lookup) : 0;
}

int inode_hold(struct inode_table *table, uint64_t nodeid)
{
	struct inode_slot *slot = inode_table_slot(table, nodeid);
	struct stripe *stripe;

	if (!slot)
		return -ESTALE;
	stripe = stripe_of(table, inode_slot_hash(slot));
	pthread_mutex_lock(&stripe->lock);
	atomic_fetch_add(&slot->n_lookup, 1);
	pthread_mutex_unlock(&stripe->lock);
	return 0;
}

uint64_t inode_find(struct inode_table *table, const struct nfs_fh *fh)
{
	uint64_t hash = hash_fh(fh);
	struct stripe *stripe = stripe_of(table, hash);
	uint64_t nodeid = 0;
	uint32_t slot;

	pthread_mutex_lock(&stripe->lock);
	slot = chain_find_locked(table, hash, fh);
	if (slot != INODE_NO_SLOT)
		nodeid = make_nodeid(
			atomic_load(&inode_slot_at(table, slot)->generation),
			slot);
	pthread_mutex_unlock(&stripe->lock);
	return nodeid;
}

int inode_get(struct inode_table *table, uint64_t nodeid, struct nfs_fh *ret)
{
	const struct inode_slot *slot = inode_table_slot(table, nodeid);

	if (!slot)
		return -ESTALE;
	slot_fh(slot, ret);
	return 0;
}

uint64_t inode_fileid(struct inode_table *table, uint64_t nodeid)
{
	const struct inode_slot *slot = inode_table_slot(table, nodeid);

	return slot ? slot->fileid : 0;
}

uint32_t inode_group(struct inode_table *table, uint64_t nodeid)
{
	const struct inode_slot *slot = inode_table_slot(table, nodeid);

	return slot ? __atomic_load_n(&slot->group, __ATOMIC_RELAXED) : 0;
}

uint64_t inode_next(struct inode_table *table, uint64_t *cursor)
{
	uint32_t n = atomic_load(&table->header->n_used);

	while (*cursor < n) {
		uint32_t i = (uint32_t)(*cursor)++;
		const struct inode_slot *slot = inode_slot_at(table, i);

		if (atomic_load(&slot->is_valid))
			return make_nodeid(atomic_load(&slot->generation), i);
	}
	return 0;
}

int inode_table_fd(const struct inode_table *table)
{
	return table->fd;
}

uint32_t inode_table_count(struct inode_table *table)
{
	return atomic_load(&table->n_nodes);
}
