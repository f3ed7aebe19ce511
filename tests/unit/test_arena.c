/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <criterion/criterion.h>

#include "arena.h"
#include "buffer.h"

static struct arena *arena;

static void set_up(void)
{
	cr_assert_eq(arena_new(&arena), 0);
}

static void tear_down(void)
{
	arena_free(arena);
}

/* The process died; another one attaches the file. */
static void die(void)
{
	int fd = dup(arena_fd(arena));

	arena_free(arena);
	cr_assert_eq(arena_attach(&arena, fd), 0);
}

static blkcnt_t blocks(void)
{
	struct stat st;

	cr_assert_eq(fstat(arena_fd(arena), &st), 0);
	return st.st_blocks;
}

TestSuite(arena, .init = set_up, .fini = tear_down);

Test(arena, pieces_do_not_overlap)
{
	uint8_t *small = arena_get(arena, BUFFER_SMALL_SIZE);
	uint8_t *large = arena_get(arena, BUFFER_LARGE_SIZE);
	uint8_t *other = arena_get(arena, BUFFER_SMALL_SIZE);

	memset(small, 1, BUFFER_SMALL_SIZE);
	memset(large, 2, BUFFER_LARGE_SIZE);
	memset(other, 3, BUFFER_SMALL_SIZE);
	cr_assert_eq(small[BUFFER_SMALL_SIZE - 1], 1);
	cr_assert_eq(large[BUFFER_LARGE_SIZE - 1], 2);
	cr_assert_eq(other[0], 3);
}

Test(arena, what_is_put_back_costs_nothing)
{
	uint8_t *piece = arena_get(arena, BUFFER_LARGE_SIZE);
	blkcnt_t before = blocks();

	memset(piece, 1, BUFFER_LARGE_SIZE);
	cr_assert_gt(blocks(), before);
	arena_put(arena, piece);
	cr_assert_eq(blocks(), before);
	cr_assert_eq(arena_get(arena, BUFFER_LARGE_SIZE), piece);
}

Test(arena, what_is_claimed_is_there_for_the_next_process)
{
	uint8_t *piece = arena_get(arena, BUFFER_SMALL_SIZE);
	uint64_t offset = arena_offset(arena, piece + 100);
	uint8_t *again;
	uint32_t size;

	memcpy(piece + 100, "data", 4);
	die();
	cr_assert(arena_claim(arena, offset, 4, &again, &size));
	cr_assert_eq(size, BUFFER_SMALL_SIZE);
	arena_settle(arena);
	cr_assert_arr_eq(again + 100, "data", 4);
	cr_assert_neq(arena_get(arena, BUFFER_SMALL_SIZE), again);
}

Test(arena, what_is_not_claimed_is_free_once_it_is_settled)
{
	uint64_t offset =
		arena_offset(arena, arena_get(arena, BUFFER_SMALL_SIZE));
	uint8_t *piece;

	die();
	/* Whoever gets one before that gets a new one. */
	piece = arena_get(arena, BUFFER_SMALL_SIZE);
	cr_assert_neq(arena_offset(arena, piece), offset);
	arena_settle(arena);
	piece = arena_get(arena, BUFFER_SMALL_SIZE);
	cr_assert_eq(arena_offset(arena, piece), offset);
}

Test(arena, what_was_left_is_there_until_it_is_settled)
{
	uint8_t *piece = arena_get(arena, BUFFER_SMALL_SIZE);
	uint64_t offset = arena_offset(arena, piece);
	const uint8_t *found;
	uint32_t size;

	piece[0] = 7;
	die();
	found = arena_find_left(arena, offset, 1);
	cr_assert_not_null(found);
	cr_assert(arena_claim(arena, offset, 1, &piece, &size));
	arena_put(arena, piece);
	cr_assert_neq(arena_get(arena, BUFFER_SMALL_SIZE), piece);
	cr_assert_eq(found[0], 7);
	arena_settle(arena);
	cr_assert_null(arena_find_left(arena, offset, 1));
	cr_assert_eq(arena_get(arena, BUFFER_SMALL_SIZE), piece);
}

Test(arena, nothing_is_claimed_that_was_never_used)
{
	uint8_t *used = arena_get(arena, BUFFER_SMALL_SIZE);
	uint64_t offset = arena_offset(arena, used);
	uint8_t *piece;
	uint32_t size;

	die();
	cr_assert_not(arena_claim(arena, 0, 1, &piece, &size));
	cr_assert_not(arena_claim(arena, offset + BUFFER_SMALL_SIZE, 1, &piece,
				  &size));
	cr_assert_not(arena_claim(arena, UINT64_MAX, 1, &piece, &size));
	cr_assert_not(arena_claim(arena, offset + 10, BUFFER_SMALL_SIZE - 9,
				  &piece, &size));
	cr_assert(arena_claim(arena, offset + 10, BUFFER_SMALL_SIZE - 10,
			      &piece, &size));
}

Test(arena, a_closed_one_keeps_what_is_put_back)
{
	uint8_t *piece = arena_get(arena, BUFFER_SMALL_SIZE);

	piece[0] = 7;
	arena_close(arena);
	arena_put(arena, piece);
	cr_assert_eq(piece[0], 7);
}

Test(arena, another_file_is_refused)
{
	struct arena *other = NULL;

	cr_assert_eq(arena_attach(&other, memfd_create("x", MFD_CLOEXEC)),
		     -EBADMSG);
	cr_assert_null(other);
}
