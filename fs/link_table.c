/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A slot is found by a digest of what the connection is for: the server, the options
 * that tell clients of it apart, the shard, and the number among the shard's own. A
 * process with as many shards finds all of them; one that was started with fewer leaves
 * some, which are used for others only when there are no free ones.
 *
 * The key is written last and cleared first. Slots are few, and looked for when a
 * volume comes.
 */

#include "link_table.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "arena.h"
#include "nfs3.h"

struct link_slot {
	_Atomic uint64_t key; /* 0 = free */
	struct nfs3_origin origin;
};

_Static_assert(LINKS_MAX * sizeof(struct link_slot) <= ARENA_LINKS_SIZE,
	       "all slots are in the arena's head");

struct link_table {
	struct arena *arena;	 /* borrowed */
	struct link_slot *slots; /* in it */
	pthread_mutex_t lock;	 /* of is_used, and of keys that change */
	bool is_used[LINKS_MAX]; /* by this process */
};

int link_table_new(struct link_table **ret, struct arena *arena)
{
	struct link_table *table = calloc(1, sizeof(*table));

	if (!table)
		return -ENOMEM;
	table->arena = arena;
	table->slots = arena_links(arena);
	(void)pthread_mutex_init(&table->lock, NULL);
	*ret = table;
	return 0;
}

struct link_table *link_table_free(struct link_table *table)
{
	if (!table)
		return NULL;
	(void)pthread_mutex_destroy(&table->lock);
	free(table);
	return NULL;
}

/* FNV-1a */
static void mix(uint64_t *hash, const void *data, size_t len)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < len; i++)
		*hash = (*hash ^ bytes[i]) * 1099511628211ull;
}

static uint64_t make_key(const struct nfs3_options *options, unsigned int shard,
			 unsigned int lane)
{
	const uint32_t words[] = { options->timeo_ms,
				   options->retrans,
				   options->is_soft,
				   options->null_proc,
				   shard,
				   lane };
	uint64_t hash = 14695981039346656037ull;

	mix(&hash, &options->addr, options->addr_len);
	mix(&hash, words, sizeof(words));
	return hash ? hash : 1;
}

/* That of key; else a free one; else one that a former process left. */
static uint32_t find_locked(const struct link_table *table, uint64_t key)
{
	uint32_t free = LINKS_MAX;
	uint32_t left = LINKS_MAX;

	for (uint32_t i = 0; i < LINKS_MAX; i++) {
		uint64_t own = atomic_load(&table->slots[i].key);

		if (own == key)
			return i;
		if (own == 0 && free == LINKS_MAX)
			free = i;
		if (own != 0 && !table->is_used[i])
			left = i;
	}
	return free < LINKS_MAX ? free : left;
}

static void clear(struct link_slot *slot)
{
	atomic_store(&slot->key, 0);
	atomic_store(&slot->origin.port, 0);
	atomic_store(&slot->origin.xid, 0);
}

static struct nfs3_origin *take_locked(struct link_table *table, uint64_t key)
{
	uint32_t i = find_locked(table, key);
	struct link_slot *slot;

	if (i == LINKS_MAX || table->is_used[i])
		return NULL;
	slot = &table->slots[i];
	table->is_used[i] = true;
	if (atomic_load(&slot->key) != key) {
		clear(slot);
		atomic_store(&slot->key, key);
	}
	return &slot->origin;
}

struct nfs3_origin *link_table_take(struct link_table *table,
				    const struct nfs3_options *options,
				    unsigned int shard, unsigned int lane)
{
	struct nfs3_origin *origin;

	if (!table)
		return NULL;
	pthread_mutex_lock(&table->lock);
	origin = take_locked(table, make_key(options, shard, lane));
	pthread_mutex_unlock(&table->lock);
	return origin;
}

void link_table_put(struct link_table *table, struct nfs3_origin *origin)
{
	struct link_slot *slot;

	if (!origin)
		return;
	slot = container_of(origin, struct link_slot, origin);
	pthread_mutex_lock(&table->lock);
	table->is_used[slot - table->slots] = false;
	if (!arena_is_closed(table->arena))
		clear(slot);
	pthread_mutex_unlock(&table->lock);
}
