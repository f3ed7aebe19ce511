/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include <criterion/criterion.h>

#include "arena.h"
#include "inode.h"
#include "inode_layout.h"
#include "kept_budget.h"
#include "kept_journal.h"

#define NODE 7

static const struct nfs_fh fh = { .len = 4, .data = "abcd" };

static struct arena *arena;
static struct inode_table *table;
static struct buffer_pool *pool;
static struct kept *kept;
static struct kept_budget budget;
static struct kept_memory *memory;
static struct kept_file *file;
static bool is_wanted = true; /* what comes back */

static void open_store(void)
{
	struct kept_journal *journal;

	cr_assert_eq(buffer_pool_new(&pool, arena), 0);
	cr_assert_eq(kept_journal_new(&journal, table, arena), 0);
	cr_assert_eq(kept_new(&kept, journal, &budget), 0);
	file = kept_get(kept, NODE, &fh);
}

static void close_store(void)
{
	kept_memory_put(TAKE_PTR(memory), pool);
	kept_drop(kept, file, pool);
	cr_assert(kept_put(kept, file));
	kept_free(kept);
	buffer_pool_free(pool);
}

static void set_up(void)
{
	cr_assert_eq(arena_new(&arena), 0);
	cr_assert_eq(inode_table_new(&table, &fh, 2, 0), 0);
	open_store();
}

static void tear_down(void)
{
	close_store();
	inode_table_free(table);
	arena_free(arena);
}

static void take_back(void *userdata, uint64_t nodeid,
		      struct kept_extent *take_extent)
{
	cr_assert_eq(nodeid, NODE);
	if (!is_wanted) {
		kept_journal_erase(kept_get_journal(kept), take_extent);
		kept_extent_free(take_extent, NULL);
		return;
	}
	kept_add(kept, file, take_extent, 1);
}

/* What is kept now is what the next process finds. */
static void leave(void)
{
	kept_journal_close(kept_get_journal(kept));
	arena_close(arena);
}

static void die(void)
{
	int arena_file = dup(arena_fd(arena));
	int table_file = dup(inode_table_fd(table));

	leave();
	tear_down();
	cr_assert_eq(arena_attach(&arena, arena_file), 0);
	cr_assert_eq(inode_table_attach(&table, table_file, 0), 0);
	open_store();
	cr_assert_eq(
		kept_journal_restore(kept_get_journal(kept), take_back, NULL),
		0);
	arena_settle(arena);
}

static struct kept_extent *extent(uint64_t offset, const char *text)
{
	struct kept_extent *made =
		kept_extent_copy(&memory, pool, text, (uint32_t)strlen(text));

	made->offset = offset;
	made->verf = 1;
	made->cred.uid = 1000;
	return made;
}

static void add(uint64_t offset, const char *text)
{
	kept_add(kept, file, extent(offset, text), 1);
}

static struct kept_extent *assert_next(struct kept_extent *at, uint64_t offset,
				       const char *text, bool is_broken)
{
	at = at ? TAILQ_NEXT(at, entry) : TAILQ_FIRST(&file->extents);
	cr_assert_not_null(at, "\"%s\" is missing", text);
	cr_assert_eq(at->offset, offset);
	cr_assert_eq(at->len, strlen(text));
	cr_assert_arr_eq(at->data, text, strlen(text));
	cr_assert_eq(at->is_broken, is_broken);
	cr_assert_eq(at->cred.uid, 1000);
	return at;
}

TestSuite(kept_journal, .init = set_up, .fini = tear_down);

Test(kept_journal, what_was_answered_comes_back_in_its_order)
{
	struct kept_extent *at;

	add(100, "first");
	add(50, "second");
	add(100, "third");
	die();
	at = assert_next(NULL, 100, "first", false);
	cr_assert_eq(at->verf, 1);
	at = assert_next(at, 50, "second", false);
	at = assert_next(at, 100, "third", false);
	cr_assert_null(TAILQ_NEXT(at, entry));
}

Test(kept_journal, a_run_that_grew_comes_back_whole)
{
	add(0, "abc");
	add(3, "def");
	die();
	(void)assert_next(NULL, 0, "abcdef", false);
}

Test(kept_journal, what_was_committed_does_not_come_back)
{
	add(0, "old");
	add(100, "new");
	cr_assert_not(kept_cover(kept, file, 1, 1, pool));
	die();
	(void)assert_next(NULL, 100, "new", false);
}

Test(kept_journal, what_was_truncated_comes_back_cut)
{
	add(0, "abcdef");
	add(100, "beyond");
	kept_truncate(kept, file, 3, pool);
	die();
	cr_assert_null(TAILQ_NEXT(assert_next(NULL, 0, "abc", false), entry));
}

Test(kept_journal, what_was_not_sent_comes_last_and_is_to_be_written)
{
	struct kept_extent *unsent = extent(0, "unsent");
	struct kept_extent *at;

	kept_journal_record(kept_get_journal(kept), NODE, unsent);
	add(100, "answered");
	leave();
	kept_extent_free(unsent, pool);
	die();
	at = assert_next(NULL, 100, "answered", false);
	(void)assert_next(at, 0, "unsent", true);
}

Test(kept_journal, data_comes_back_after_a_second_death)
{
	add(0, "data");
	die();
	die();
	cr_assert_null(TAILQ_NEXT(assert_next(NULL, 0, "data", false), entry));
}

Test(kept_journal, data_that_nobody_wants_back_goes)
{
	add(0, "one");
	add(100, "in the same buffer");
	add(200, "and a third");
	is_wanted = false;
	die();
	cr_assert(TAILQ_EMPTY(&file->extents));
	is_wanted = true;
	die();
	cr_assert(TAILQ_EMPTY(&file->extents));
}

Test(kept_journal, new_data_does_not_land_in_what_was_left)
{
	add(0, "data");
	die();
	for (int i = 0; i < 100; i++)
		add(1000 + (uint64_t)i * 10, "x");
	(void)assert_next(NULL, 0, "data", false);
}
