/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include <criterion/criterion.h>

#include "kept.h"
#include "kept_budget.h"

static const struct nfs_fh fh = { .len = 4, .data = "abcd" };

static struct kept_budget budget;

struct store {
	struct buffer_pool *pool;
	struct kept *kept;
	struct kept_file *file;
	struct kept_memory *memory;
};

static struct store make_store(void)
{
	struct store store = { 0 };

	cr_assert_eq(buffer_pool_new(&store.pool, NULL), 0);
	cr_assert_eq(kept_new(&store.kept, NULL, &budget), 0);
	store.file = kept_get(store.kept, 7, &fh);
	return store;
}

/* Nothing may be left over: the pool and the store assert it. */
static void free_store(struct store *store)
{
	kept_memory_put(store->memory, store->pool);
	if (store->file)
		cr_assert(kept_put(store->kept, store->file));
	kept_free(store->kept);
	buffer_pool_free(store->pool);
	cr_assert_eq(kept_budget_bytes(&budget), 0);
}

static void add(struct store *store, uint64_t offset, const char *text,
		uint64_t verf)
{
	struct kept_extent *extent = kept_extent_copy(
		&store->memory, store->pool, text, (uint32_t)strlen(text));

	extent->offset = offset;
	extent->verf = verf;
	kept_add(store->kept, store->file, extent, 1);
}

static void assert_extent(const struct kept_extent *extent, uint64_t offset,
			  const char *text)
{
	cr_assert_not_null(extent);
	cr_assert_eq(extent->offset, offset);
	cr_assert_eq(extent->len, strlen(text));
	cr_assert_arr_eq(extent->data, text, strlen(text));
}

Test(kept, a_commit_covers_what_was_answered_before_it)
{
	struct store store = make_store();

	add(&store, 0, "old", 1);
	add(&store, 100, "new", 1);
	cr_assert_not(kept_cover(store.kept, store.file, 1, 1, store.pool));
	assert_extent(TAILQ_FIRST(&store.file->extents), 100, "new");
	cr_assert_eq(kept_bytes(store.kept), 3);
	cr_assert_not(kept_cover(store.kept, store.file, 2, 1, store.pool));
	cr_assert_eq(kept_bytes(store.kept), 0);
	free_store(&store);
}

Test(kept, another_verifier_leaves_what_is_lost_and_all_behind_it)
{
	struct store store = make_store();

	add(&store, 0, "safe", 2);
	add(&store, 100, "lost", 1);
	add(&store, 200, "newer", 2);
	cr_assert(kept_cover(store.kept, store.file, 3, 2, store.pool));
	assert_extent(TAILQ_FIRST(&store.file->extents), 100, "lost");
	assert_extent(TAILQ_LAST(&store.file->extents, kept_extents), 200,
		      "newer");
	kept_drop(store.kept, store.file, store.pool);
	free_store(&store);
}

Test(kept, pieces_with_different_verifiers_count_as_lost)
{
	struct store store = make_store();

	add(&store, 0, "x", 1);
	TAILQ_FIRST(&store.file->extents)->is_broken = true;
	cr_assert(kept_cover(store.kept, store.file, 1, 1, store.pool));
	kept_drop(store.kept, store.file, store.pool);
	free_store(&store);
}

Test(kept, a_sequential_writer_keeps_one_extent)
{
	struct store store = make_store();

	add(&store, 10, "abc", 1);
	add(&store, 13, "def", 1);
	assert_extent(TAILQ_FIRST(&store.file->extents), 10, "abcdef");
	add(&store, 16, "ghi", 2); /* another verifier */
	assert_extent(TAILQ_FIRST(&store.file->extents), 10, "abcdef");
	cr_assert_eq(kept_bytes(store.kept), 9);
	/* Merged extents have the number of the last. */
	cr_assert(kept_cover(store.kept, store.file, 1, 1, store.pool) ==
		  false);
	assert_extent(TAILQ_FIRST(&store.file->extents), 10, "abcdef");
	kept_drop(store.kept, store.file, store.pool);
	free_store(&store);
}

Test(kept, overlapping_extents_stay_in_the_order_of_their_answers)
{
	struct store store = make_store();

	add(&store, 0, "aaaa", 1);
	add(&store, 2, "bb", 1);
	assert_extent(TAILQ_FIRST(&store.file->extents), 0, "aaaa");
	assert_extent(TAILQ_LAST(&store.file->extents, kept_extents), 2, "bb");
	kept_drop(store.kept, store.file, store.pool);
	free_store(&store);
}

Test(kept, nothing_beyond_the_end_outlives_a_truncation)
{
	struct store store = make_store();

	add(&store, 0, "inside", 1);
	add(&store, 98, "across", 1);
	add(&store, 200, "beyond", 1);
	kept_truncate(store.kept, store.file, 100, store.pool);
	assert_extent(TAILQ_FIRST(&store.file->extents), 0, "inside");
	assert_extent(TAILQ_LAST(&store.file->extents, kept_extents), 98, "ac");
	kept_drop(store.kept, store.file, store.pool);
	cr_assert_eq(kept_bytes(store.kept), 0);
	free_store(&store);
}

Test(kept, a_large_payload_stays_in_its_buffer)
{
	struct store store = make_store();
	struct buffer *buffer = buffer_get(store.pool, BUFFER_LARGE_SIZE);
	struct kept_extent *extent;

	buffer_move_out(store.pool, buffer);
	extent = kept_extent_adopt(buffer, buffer->data + 80, 1u << 20);
	cr_assert_eq(extent->data, buffer->data + 80);
	kept_add(store.kept, store.file, extent, 1);
	cr_assert_eq(kept_bytes(store.kept), BUFFER_LARGE_SIZE);
	kept_drop(store.kept, store.file, store.pool);
	cr_assert(buffer_pool_has_kept(store.pool), "the pool has it again");
	free_store(&store);
}

Test(kept, other_volumes_have_less_room_for_what_one_keeps)
{
	struct store store = make_store();
	struct store other = make_store();

	kept_reserve(store.kept, 400u << 20);
	kept_reserve(other.kept, 60u << 20);
	cr_assert_not(kept_has_room(store.kept));
	cr_assert_not(kept_has_room(other.kept), "less than 64 MiB are left");
	kept_unreserve(store.kept, 400u << 20);
	cr_assert(kept_has_room(store.kept));
	cr_assert(kept_has_room(other.kept));
	kept_unreserve(other.kept, 60u << 20);
	free_store(&store);
	free_store(&other);
}

Test(kept, a_file_stays_while_there_is_something_to_say_of_it)
{
	struct store store = make_store();

	store.file->n_writing = 1;
	cr_assert_not(kept_put(store.kept, store.file));
	store.file->n_writing = 0;
	cr_assert_eq(kept_get(store.kept, 7, &fh), store.file);
	cr_assert_eq(kept_next(store.kept, NULL), store.file);
	cr_assert_null(kept_next(store.kept, store.file));
	cr_assert(kept_put(store.kept, store.file));
	cr_assert_null(kept_find(store.kept, 7));
	store.file = NULL;
	free_store(&store);
}
