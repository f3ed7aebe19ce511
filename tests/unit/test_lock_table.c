/* SPDX-License-Identifier: Apache-2.0 */

/* Ranges are compared with a model that knows each byte. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "lock_table.h"

#define BYTES 24

static struct lock_table *table;
static struct lock_owner *owner;

static void setup(void)
{
	cr_assert_eq(lock_table_new(&table), 0);
	cr_assert_eq(lock_table_add(table, &owner, 7, 1), 0);
}

static void teardown(void)
{
	lock_table_free(table);
}

TestSuite(lock_table, .init = setup, .fini = teardown);

static void set(uint64_t first, uint64_t last, enum lock_kind kind)
{
	struct lock_range range = { first, last, kind };

	cr_assert_eq(lock_owner_make_room(owner), 0);
	lock_owner_set(table, owner, &range);
}

static void assert_range(size_t i, uint64_t first, uint64_t last,
			 enum lock_kind kind)
{
	cr_assert_lt(i, owner->n_ranges);
	cr_assert_eq(owner->ranges[i].first, first);
	cr_assert_eq(owner->ranges[i].last, last);
	cr_assert_eq(owner->ranges[i].kind, kind);
}

Test(lock_table, unlocking_the_middle_splits_a_range)
{
	set(0, LOCK_TO_END, LOCK_EXCLUSIVE);
	set(10, 19, LOCK_NONE);
	cr_assert_eq(owner->n_ranges, 2);
	assert_range(0, 0, 9, LOCK_EXCLUSIVE);
	assert_range(1, 20, LOCK_TO_END, LOCK_EXCLUSIVE);
}

Test(lock_table, what_touches_is_joined)
{
	set(0, 9, LOCK_SHARED);
	set(20, 29, LOCK_SHARED);
	set(10, 19, LOCK_SHARED);
	cr_assert_eq(owner->n_ranges, 1);
	assert_range(0, 0, 29, LOCK_SHARED);
}

Test(lock_table, a_part_can_be_upgraded_and_downgraded)
{
	set(0, 29, LOCK_SHARED);
	set(10, 19, LOCK_EXCLUSIVE);
	cr_assert_eq(owner->n_ranges, 3);
	assert_range(0, 0, 9, LOCK_SHARED);
	assert_range(1, 10, 19, LOCK_EXCLUSIVE);
	assert_range(2, 20, 29, LOCK_SHARED);
	set(10, 19, LOCK_SHARED);
	cr_assert_eq(owner->n_ranges, 1);
	assert_range(0, 0, 29, LOCK_SHARED);
}

static void model_set(enum lock_kind *model, uint64_t first, uint64_t last,
		      enum lock_kind kind)
{
	for (uint64_t i = first; i <= last && i < BYTES; i++)
		model[i] = kind;
}

static void assert_is_as(const enum lock_kind *model)
{
	for (uint64_t i = 0; i < BYTES; i++) {
		struct lock_range range = lock_owner_look(owner, i, i);

		cr_assert_eq(range.kind, model[i], "byte %lu", i);
		cr_assert_eq(lock_owner_holds_any(owner, i, i),
			     model[i] != LOCK_NONE);
	}
	for (size_t i = 1; i < owner->n_ranges; i++) {
		const struct lock_range *range = owner->ranges + i;

		cr_assert_lt(range[-1].last, range->first);
		cr_assert(range[-1].last + 1 < range->first ||
				  range[-1].kind != range->kind,
			  "two ranges that are one");
	}
}

Test(lock_table, any_sequence_ends_as_a_model_of_bytes_does)
{
	enum lock_kind model[BYTES] = { LOCK_NONE };
	unsigned int seed = 1;

	for (int i = 0; i < 20000; i++) {
		uint64_t first = (uint64_t)rand_r(&seed) % BYTES;
		uint64_t last = first + (uint64_t)rand_r(&seed) % 8;
		enum lock_kind kind = (enum lock_kind)(rand_r(&seed) % 3);

		if (last >= BYTES)
			last = LOCK_TO_END;
		set(first, last, kind);
		model_set(model, first, last, kind);
		assert_is_as(model);
		cr_assert_eq(lock_table_n_ranges(table), owner->n_ranges);
	}
}

Test(lock_table, a_look_tells_where_the_next_piece_begins)
{
	struct lock_range range;

	set(10, 19, LOCK_EXCLUSIVE);
	range = lock_owner_look(owner, 0, LOCK_TO_END);
	cr_assert_eq(range.kind, LOCK_NONE);
	cr_assert_eq(range.last, 9);
	range = lock_owner_look(owner, 10, LOCK_TO_END);
	cr_assert_eq(range.kind, LOCK_EXCLUSIVE);
	cr_assert_eq(range.last, 19);
	range = lock_owner_look(owner, 20, LOCK_TO_END);
	cr_assert_eq(range.kind, LOCK_NONE);
	cr_assert_eq(range.last, LOCK_TO_END);
}

Test(lock_table, owners_are_found_by_id_handle_and_svid)
{
	struct lock_owner *other;

	owner->handle = 5;
	cr_assert_eq(lock_table_add(table, &other, 7, 2), 0);
	cr_assert_neq(other->svid, owner->svid);
	cr_assert_eq(lock_table_find(table, 7, 2), other);
	cr_assert_null(lock_table_find(table, 8, 2));
	cr_assert_eq(lock_table_find_handle(table, 7, 5), owner);
	cr_assert_eq(lock_table_find_svid(table, 7, other->svid), other);
	lock_table_remove(table, other);
	cr_assert_null(lock_table_find(table, 7, 2));
}

Test(lock_table, a_walk_meets_every_owner)
{
	struct lock_owner *one;
	size_t n = 0;

	for (uint64_t i = 0; i < 1000; i++)
		cr_assert_eq(lock_table_add(table, &one, i, 9), 0);
	one = NULL;
	while ((one = lock_table_next(table, one)))
		n++;
	cr_assert_eq(n, 1001);
}

Test(lock_table, svids_are_positive_and_far_from_the_kernels)
{
	cr_assert_geq(owner->svid, 0x40000000);
	cr_assert_leq(owner->svid, INT32_MAX);
}

Test(lock_table, owners_and_ranges_have_a_limit)
{
	struct lock_owner *one;
	uint64_t i;

	for (i = 1; i < LOCK_OWNERS_MAX; i++)
		cr_assert_eq(lock_table_add(table, &one, i, 3), 0);
	cr_assert_eq(lock_table_add(table, &one, i, 3), -ENOLCK);
	for (i = 0; !lock_table_is_full(table); i++)
		set(i * 2, i * 2, LOCK_SHARED);
	cr_assert_gt(i, LOCK_RANGES_MAX - 4);
	cr_assert_leq(lock_table_n_ranges(table), LOCK_RANGES_MAX);
}
