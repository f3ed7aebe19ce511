/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "arena.h"
#include "buffer.h"

static struct buffer_pool *pool;

static void set_up(void)
{
	cr_assert_eq(buffer_pool_new(&pool, NULL), 0);
}

static void tear_down(void)
{
	buffer_pool_free(pool);
}

TestSuite(buffer, .init = set_up, .fini = tear_down);

Test(buffer, has_the_smaller_size_that_is_enough)
{
	static const uint32_t sizes[][2] = {
		{ 1, BUFFER_SMALL_SIZE },
		{ BUFFER_SMALL_SIZE, BUFFER_SMALL_SIZE },
		{ BUFFER_SMALL_SIZE + 1, BUFFER_LARGE_SIZE },
		{ BUFFER_LARGE_SIZE, BUFFER_LARGE_SIZE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct buffer *buffer = buffer_get(pool, sizes[i][0]);

		cr_assert(buffer);
		cr_assert_eq(buffer->size, sizes[i][1]);
		cr_assert_eq((uintptr_t)buffer->data % 4096, 0);
		buffer->data[buffer->size - 1] = 1;
		buffer_put(pool, buffer);
	}
}

Test(buffer, that_was_put_last_is_given_first)
{
	struct buffer *a = buffer_get(pool, BUFFER_LARGE_SIZE);
	struct buffer *b = buffer_get(pool, BUFFER_LARGE_SIZE);

	buffer_put(pool, b);
	buffer_put(pool, a);
	cr_assert_eq(buffer_get(pool, BUFFER_LARGE_SIZE), a);
	cr_assert_eq(buffer_get(pool, BUFFER_LARGE_SIZE), b);
	buffer_put(pool, a);
	buffer_put(pool, b);
}

Test(buffer, pools_take_back_more_than_they_keep)
{
	struct buffer *buffers[200];

	for (size_t i = 0; i < ARRAY_SIZE(buffers); i++)
		cr_assert(buffers[i] = buffer_get(pool, 1));
	for (size_t i = 0; i < ARRAY_SIZE(buffers); i++)
		buffer_put(pool, buffers[i]);
	buffer_pool_trim(pool);
	buffer_put(pool, buffer_get(pool, 1));
	buffer_put(pool, NULL);
}

Test(buffer, what_is_kept_goes_when_nobody_needs_it)
{
	struct buffer *a = buffer_get(pool, BUFFER_LARGE_SIZE);

	cr_assert_not(buffer_pool_has_kept(pool));
	buffer_put(pool, buffer_get(pool, BUFFER_LARGE_SIZE));
	buffer_put(pool, a);
	buffer_pool_trim(pool);
	buffer_put(pool, buffer_get(pool, BUFFER_LARGE_SIZE));
	buffer_pool_trim(pool);
	cr_assert(buffer_pool_has_kept(pool), "one of the two was needed");
	buffer_pool_trim(pool);
	cr_assert_not(buffer_pool_has_kept(pool));
}

/* A request of a process that ends would overwrite what the next one is to write. */
Test(buffer, that_was_put_after_the_arena_was_closed_is_given_no_more)
{
	struct buffer_pool *own;
	struct arena *arena;
	struct buffer *buffer;
	const uint8_t *left;

	cr_assert_eq(arena_new(&arena), 0);
	cr_assert_eq(buffer_pool_new(&own, arena), 0);
	buffer = buffer_get(own, 1);
	left = buffer->data;
	arena_close(arena);
	buffer_put(own, buffer);
	buffer = buffer_get(own, 1);
	cr_expect_neq(buffer->data, left);
	buffer_put(own, buffer);
	buffer_pool_free(own);
	arena_free(arena);
}
