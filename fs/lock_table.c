/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Owners are in lists by the hash of their file. An owner's ranges are an array
 * in order, without overlaps, and two that touch are of different kinds: setting a
 * range cuts what it covers out of the array and puts itself in, joined with its
 * neighbours of the same kind. That is POSIX's splitting, joining, up- and
 * downgrading at once. An array, because programs hold few ranges.
 *
 * svids start at random in the upper half of what is positive: servers that tell
 * owners apart by address and svid alone (Linux) must not take ours for those of
 * this host's kernel, which count from 0, nor for those of the process before us.
 */

#include "lock_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define N_BUCKETS    256
#define SVID_MIN     0x40000000u
#define SVID_MASK    0x3fffffffu
#define ROOM_AT_ONCE 8
/* A set adds itself and splits at most one other. */
#define SET_ADDS 2

LIST_HEAD(lock_owners, lock_owner);

struct lock_table {
	struct lock_owners buckets[N_BUCKETS];
	uint32_t next_svid; /* below SVID_MASK */
	size_t n_owners;
	size_t n_ranges;
};

int lock_table_new(struct lock_table **ret)
{
	struct lock_table *table = calloc(1, sizeof(*table));

	if (!table)
		return -ENOMEM;
	(void)!getrandom(&table->next_svid, sizeof(table->next_svid), 0);
	*ret = table;
	return 0;
}

struct lock_table *lock_table_free(struct lock_table *table)
{
	struct lock_owner *owner;

	if (!table)
		return NULL;
	while ((owner = lock_table_next(table, NULL)))
		lock_table_remove(table, owner);
	free(table);
	return NULL;
}

size_t lock_table_n_owners(const struct lock_table *table)
{
	return table->n_owners;
}

size_t lock_table_n_ranges(const struct lock_table *table)
{
	return table->n_ranges;
}

/* --- owners --------------------------------------------------------------------- */

static size_t bucket_of(uint64_t node)
{
	return (node ^ node >> 8 ^ node >> 32) % N_BUCKETS;
}

struct lock_owner *lock_table_find(const struct lock_table *table,
				   uint64_t node, uint64_t id)
{
	struct lock_owner *owner;

	LIST_FOREACH (owner, &table->buckets[bucket_of(node)], entry) {
		if (owner->node == node && owner->id == id)
			return owner;
	}
	return NULL;
}

struct lock_owner *lock_table_find_handle(const struct lock_table *table,
					  uint64_t node, uint64_t handle)
{
	struct lock_owner *owner;

	LIST_FOREACH (owner, &table->buckets[bucket_of(node)], entry) {
		if (owner->node == node && owner->handle == handle)
			return owner;
	}
	return NULL;
}

struct lock_owner *lock_table_find_svid(const struct lock_table *table,
					uint64_t node, uint32_t svid)
{
	struct lock_owner *owner;

	LIST_FOREACH (owner, &table->buckets[bucket_of(node)], entry) {
		if (owner->node == node && owner->svid == svid)
			return owner;
	}
	return NULL;
}

struct lock_owner *lock_table_next(const struct lock_table *table,
				   const struct lock_owner *owner)
{
	size_t bucket = owner ? bucket_of(owner->node) + 1 : 0;
	struct lock_owner *next = owner ? LIST_NEXT(owner, entry) : NULL;

	while (!next && bucket < N_BUCKETS)
		next = LIST_FIRST(&table->buckets[bucket++]);
	return next;
}

int lock_table_add(struct lock_table *table, struct lock_owner **ret,
		   uint64_t node, uint64_t id)
{
	struct lock_owner *owner;

	if (table->n_owners >= LOCK_OWNERS_MAX)
		return -ENOLCK;
	owner = calloc(1, sizeof(*owner));
	if (!owner)
		return -ENOMEM;
	owner->node = node;
	owner->id = id;
	owner->svid = SVID_MIN | (table->next_svid++ & SVID_MASK);
	TAILQ_INIT(&owner->jobs);
	LIST_INSERT_HEAD(&table->buckets[bucket_of(node)], owner, entry);
	table->n_owners++;
	*ret = owner;
	return 0;
}

void lock_table_remove(struct lock_table *table, struct lock_owner *owner)
{
	LIST_REMOVE(owner, entry);
	table->n_owners--;
	table->n_ranges -= owner->n_ranges;
	free(owner->ranges);
	free(owner);
}

/* --- ranges --------------------------------------------------------------------- */

bool lock_table_is_full(const struct lock_table *table)
{
	return table->n_ranges + SET_ADDS > LOCK_RANGES_MAX;
}

int lock_owner_make_room(struct lock_owner *owner)
{
	size_t max = owner->n_ranges + ROOM_AT_ONCE;
	struct lock_range *ranges;

	if (owner->n_ranges + SET_ADDS <= owner->max_ranges)
		return 0;
	ranges = realloc(owner->ranges, max * sizeof(*ranges));
	if (!ranges)
		return -ENOMEM;
	owner->ranges = ranges;
	owner->max_ranges = max;
	return 0;
}

/* The first range that ends at or behind first. */
static size_t find_index(const struct lock_owner *owner, uint64_t first)
{
	size_t i = 0;

	while (i < owner->n_ranges && owner->ranges[i].last < first)
		i++;
	return i;
}

static bool touches(const struct lock_range *before,
		    const struct lock_range *after)
{
	return before->last != LOCK_TO_END && before->last + 1 == after->first;
}

/* Puts n ranges in the place of the n_old from index at on. */
static void replace(struct lock_owner *owner, size_t at, size_t n_old,
		    const struct lock_range *ranges, size_t n)
{
	struct lock_range *place = owner->ranges + at;

	memmove(place + n, place + n_old,
		(owner->n_ranges - at - n_old) * sizeof(*place));
	if (n > 0)
		memcpy(place, ranges, n * sizeof(*place));
	owner->n_ranges += n;
	owner->n_ranges -= n_old;
}

/* What is left of the old ranges besides range, with range between them. */
static size_t cut(const struct lock_owner *owner,
		  const struct lock_range *range, size_t begin, size_t end,
		  struct lock_range ret[3])
{
	const struct lock_range *first = owner->ranges + begin;
	const struct lock_range *last = owner->ranges + end - 1;
	size_t n = 0;

	if (end > begin && first->first < range->first) {
		ret[n] = *first;
		ret[n++].last = range->first - 1;
	}
	if (range->kind != LOCK_NONE)
		ret[n++] = *range;
	if (end > begin && last->last > range->last) {
		ret[n] = *last;
		ret[n++].first = range->last + 1;
	}
	return n;
}

static void join_at(struct lock_owner *owner, size_t i)
{
	struct lock_range *range = owner->ranges + i;

	if (i + 1 >= owner->n_ranges || range[0].kind != range[1].kind ||
	    !touches(&range[0], &range[1]))
		return;
	range->last = range[1].last;
	replace(owner, i + 1, 1, NULL, 0);
}

void lock_owner_set(struct lock_table *table, struct lock_owner *owner,
		    const struct lock_range *range)
{
	size_t begin = find_index(owner, range->first);
	size_t end = begin;
	struct lock_range pieces[3] = { 0 };
	size_t n;

	if (range->kind == LOCK_NONE && owner->n_ranges == 0)
		return;
	table->n_ranges -= owner->n_ranges;
	while (end < owner->n_ranges && owner->ranges[end].first <= range->last)
		end++;
	n = cut(owner, range, begin, end, pieces);
	replace(owner, begin, end - begin, pieces, n);
	/* From behind, so that the indices in front stay what they are. */
	for (size_t i = n + 1; i > 0; i--) {
		if (begin + i >= 2)
			join_at(owner, begin + i - 2);
	}
	table->n_ranges += owner->n_ranges;
}

struct lock_range lock_owner_look(const struct lock_owner *owner,
				  uint64_t first, uint64_t last)
{
	struct lock_range ret = { .first = first, .last = last };
	size_t i = find_index(owner, first);

	if (i == owner->n_ranges || owner->ranges[i].first > last)
		return ret;
	if (owner->ranges[i].first > first) {
		ret.last = owner->ranges[i].first - 1;
		return ret;
	}
	ret.kind = owner->ranges[i].kind;
	if (owner->ranges[i].last < last)
		ret.last = owner->ranges[i].last;
	return ret;
}

bool lock_owner_holds_any(const struct lock_owner *owner, uint64_t first,
			  uint64_t last)
{
	size_t i = find_index(owner, first);

	return i < owner->n_ranges && owner->ranges[i].first <= last;
}
