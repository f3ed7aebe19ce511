/* SPDX-License-Identifier: Apache-2.0 */

#include <linux/fuse.h>
#include <string.h>

#include <criterion/criterion.h>

#include "arena.h"
#include "buffer.h"
#include "inode.h"
#include "inode_layout.h"
#include "request_log.h"

#define SMALL 568
#define LARGE (200u << 10)

static struct inode_table *table;
static struct arena *arena;
static struct request_log *requests;
static uint8_t *received; /* where requests are read to */
static uint64_t
	answered;   /* unique of the one that the kernel does not wait for */
static int failure; /* of asking it */

static void start(void)
{
	cr_assert_eq(request_log_new(&requests, table, arena), 0);
	received = arena_get(arena, BUFFER_LARGE_SIZE);
}

static void set_up(void)
{
	const struct nfs_fh root = { .len = 4, .data = "root" };

	cr_assert_eq(inode_table_new(&table, &root, 2, 0), 0);
	cr_assert_eq(arena_new(&arena), 0);
	start();
}

static void tear_down(void)
{
	request_log_free(requests);
	inode_table_free(table);
	arena_free(arena);
}

/* The process died; another one maps both files. */
static void die(void)
{
	int table_fd = dup(inode_table_fd(table));
	int arena_file = dup(arena_fd(arena));

	tear_down();
	cr_assert_eq(inode_table_attach(&table, table_fd, 0), 0);
	cr_assert_eq(arena_attach(&arena, arena_file), 0);
	start();
}

static int is_pending(void *userdata, uint64_t unique)
{
	(void)userdata;
	return failure ? failure : unique != answered;
}

static uint32_t collect(void)
{
	cr_assert_eq(request_log_collect(requests, is_pending, NULL), 0);
	return request_log_n_left(requests);
}

/* As read(2) leaves it; every byte of the body is that of its unique. */
static void fill(uint8_t *data, uint64_t unique, uint32_t len)
{
	*(struct fuse_in_header *)data = (struct fuse_in_header){
		.len = len, .opcode = FUSE_WRITE, .unique = unique
	};
	memset(data + sizeof(struct fuse_in_header), (int)unique,
	       len - sizeof(struct fuse_in_header));
}

static uint32_t come(uint64_t unique, uint32_t len)
{
	uint32_t slot = request_log_take(requests);

	request_log_expect(requests, slot, received);
	fill(received, unique, len);
	request_log_came(requests, slot, received, len);
	return slot;
}

static void expect_left(uint32_t i, uint64_t unique, uint32_t len)
{
	const struct fuse_in_header *header = (const void *)received;
	uint32_t slot;

	cr_assert_eq(request_log_fetch(requests, i, received, BUFFER_LARGE_SIZE,
				       &slot),
		     len);
	cr_assert_eq(header->unique, unique);
	cr_assert_eq(header->len, len);
	for (uint32_t at = sizeof(*header); at < len; at++)
		cr_assert_eq(received[at], (uint8_t)unique);
}

TestSuite(request_log, .init = set_up, .fini = tear_down);

Test(request_log, has_requests_that_were_not_answered_oldest_first)
{
	(void)come(6, SMALL);
	(void)come(2, SMALL);
	(void)come(4, SMALL);
	die();
	cr_assert_eq(collect(), 3);
	expect_left(0, 2, SMALL);
	expect_left(1, 4, SMALL);
	expect_left(2, 6, SMALL);
}

Test(request_log, has_none_that_was_answered)
{
	uint32_t slot = come(2, SMALL);

	(void)come(4, SMALL);
	request_log_end(requests, slot);
	die();
	cr_assert_eq(collect(), 1);
	expect_left(0, 4, SMALL);
}

Test(request_log, has_none_that_the_kernel_does_not_wait_for)
{
	(void)come(2, SMALL);
	(void)come(4, SMALL);
	die();
	answered = 2;
	cr_assert_eq(collect(), 1);
	expect_left(0, 4, SMALL);
}

Test(request_log, is_not_collected_when_the_kernel_can_not_be_asked)
{
	(void)come(2, SMALL);
	die();
	failure = -ENODEV;
	cr_assert_eq(request_log_collect(requests, is_pending, NULL), -ENODEV);
}

Test(request_log, has_what_was_read_right_before_the_end)
{
	request_log_expect(requests, request_log_take(requests), received);
	fill(received, 2, LARGE);
	die();
	cr_assert_eq(collect(), 1);
	expect_left(0, 2, LARGE);
}

Test(request_log, has_nothing_of_a_read_that_brought_nothing)
{
	uint32_t slot = come(2, SMALL);

	request_log_end(requests, slot);
	request_log_expect(requests, request_log_take(requests), received);
	die();
	cr_assert_eq(collect(), 0);
}

Test(request_log, forgets_the_buffer_when_nothing_came)
{
	uint32_t slot = request_log_take(requests);

	request_log_expect(requests, slot, received);
	request_log_came_not(requests, slot);
	fill(received, 2, SMALL); /* another session's */
	die();
	cr_assert_eq(collect(), 0);
}

Test(request_log, has_nothing_that_nobody_answers)
{
	static const uint32_t opcodes[] = { FUSE_FORGET, FUSE_BATCH_FORGET,
					    FUSE_INTERRUPT };

	for (size_t i = 0; i < ARRAY_SIZE(opcodes); i++) {
		struct fuse_in_header *header = (void *)received;
		uint32_t slot = request_log_take(requests);

		request_log_expect(requests, slot, received);
		fill(received, 2, SMALL);
		header->opcode = opcodes[i];
		if (i > 0)
			request_log_came(requests, slot, received, SMALL);
		die();
		cr_assert_eq(collect(), 0);
	}
}

Test(request_log, has_a_large_one_where_it_was_moved)
{
	uint8_t *copy = arena_get(arena, BUFFER_LARGE_SIZE);
	uint32_t slot = come(2, LARGE);

	memcpy(copy, received, LARGE);
	request_log_move(requests, slot, copy);
	fill(received, 4, LARGE);
	die();
	cr_assert_eq(collect(), 1);
	expect_left(0, 2, LARGE);
}

Test(request_log, does_not_take_other_bytes_for_a_large_one)
{
	(void)come(2, LARGE);
	fill(received, 4, LARGE);
	die();
	cr_assert_eq(collect(), 0);
}

Test(request_log, survives_a_second_death_before_it_is_collected)
{
	(void)come(2, SMALL);
	(void)come(4, LARGE);
	die();
	die();
	cr_assert_eq(collect(), 2);
	expect_left(0, 2, SMALL);
	expect_left(1, 4, LARGE);
}

Test(request_log, survives_a_second_death_after_requests_were_fetched)
{
	uint8_t *copy;
	uint32_t slot;

	(void)come(2, SMALL);
	(void)come(4, LARGE);
	die();
	cr_assert_eq(collect(), 2);
	expect_left(0, 2, SMALL);
	cr_assert_eq(request_log_fetch(requests, 1, received, BUFFER_LARGE_SIZE,
				       &slot),
		     LARGE);
	copy = arena_get(arena, BUFFER_LARGE_SIZE);
	memcpy(copy, received, LARGE);
	request_log_move(requests, slot, copy);
	arena_settle(arena);
	memset(received, 0, LARGE);
	die();
	cr_assert_eq(collect(), 2);
	expect_left(0, 2, SMALL);
	expect_left(1, 4, LARGE);
}

Test(request_log, refuses_places_outside_of_the_memory)
{
	uint32_t slot = come(2, LARGE);

	atomic_store(&inode_table_requests(table)[slot].data, UINT64_MAX - 8);
	die();
	cr_assert_eq(collect(), 0);
}

Test(request_log, refuses_lengths_that_its_place_does_not_have)
{
	uint32_t slot = come(2, SMALL);
	struct request_slot *own = &inode_table_requests(table)[slot];
	struct fuse_in_header *header = (void *)own->bytes;

	header->len = own->len = REQUEST_INLINE_MAX + 1;
	die();
	cr_assert_eq(collect(), 0);
}

Test(request_log, has_a_share_of_slots_for_everybody)
{
	for (uint32_t i = 0; i < request_log_share(16) * 16; i++)
		cr_assert_neq(request_log_take(requests), REQUEST_NONE);
	cr_assert_eq(request_log_take(requests), REQUEST_NONE);
	request_log_end(requests, 4711);
	cr_assert_eq(request_log_take(requests), 4711);
}

Test(request_log, uses_old_slots_first)
{
	uint32_t slot = come(2, SMALL);

	request_log_end(requests, slot);
	die();
	cr_assert_eq(collect(), 0);
	cr_assert_eq(request_log_take(requests), slot);
}

Test(request_log, stays_on)
{
	cr_assert_not(request_log_is_on(requests));
	request_log_turn_on(requests);
	die();
	cr_assert(request_log_is_on(requests));
	cr_assert_not(request_log_is_on(NULL));
}
