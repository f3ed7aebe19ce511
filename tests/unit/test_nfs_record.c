/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include <criterion/criterion.h>

#include "nfs_record.h"
#include "nfs_rpc.h"

static struct buffer_pool *pool;
static struct nfs_record record;

static void set_up(void)
{
	cr_assert_eq(buffer_pool_new(&pool, NULL), 0);
	nfs_record_init(&record, pool);
}

static void tear_down(void)
{
	nfs_record_fini(&record);
	buffer_pool_free(pool);
}

TestSuite(nfs_record, .init = set_up, .fini = tear_down);

static void assert_sane_record(void)
{
	cr_assert_leq(record.start, record.len);
	if (!record.buffer)
		cr_assert_eq(record.len, 0);
	else
		cr_assert_leq(record.len, record.buffer->size);
}

static size_t put_mark(uint8_t *at, uint32_t len, uint32_t flag)
{
	struct xdr_writer w = xdr_writer_over(at, NFS_RPC_MARK_SIZE);

	xdr_put_u32(&w, len | flag);
	return NFS_RPC_MARK_SIZE;
}

/* Gives at most len bytes; returns how many were taken. */
static size_t feed(const uint8_t *data, size_t len)
{
	uint8_t *space;
	size_t space_len;

	cr_assert_eq(nfs_record_space(&record, &space, &space_len), 0);
	cr_assert_gt(space_len, 0);
	if (len > space_len)
		len = space_len;
	memcpy(space, data, len);
	nfs_record_filled(&record, len);
	assert_sane_record();
	return len;
}

static void expect(const char *content)
{
	uint8_t *data;
	uint32_t len;

	cr_assert_eq(nfs_record_next(&record, &data, &len), 1);
	cr_assert_eq(len, strlen(content));
	cr_assert_arr_eq(data, content, len);
	assert_sane_record();
}

static void expect_none(void)
{
	uint8_t *data;
	uint32_t len;

	cr_assert_eq(nfs_record_next(&record, &data, &len), 0);
	assert_sane_record();
}

Test(nfs_record, many_records_come_in_one_piece)
{
	uint8_t wire[64];
	size_t len = 0;

	for (int i = 0; i < 3; i++) {
		len += put_mark(wire + len, 5, NFS_RPC_LAST_FRAGMENT);
		memcpy(wire + len, "hello", 5);
		len += 5;
	}
	cr_assert_eq(feed(wire, len), len);
	for (int i = 0; i < 3; i++)
		expect("hello");
	expect_none();
	cr_assert_null(record.buffer, "an idle connection holds no buffer");
}

Test(nfs_record, a_record_may_come_byte_by_byte)
{
	uint8_t wire[64];
	size_t len = put_mark(wire, 5, NFS_RPC_LAST_FRAGMENT);

	memcpy(wire + len, "hello", 5);
	len += 5;
	for (size_t i = 0; i < len; i++) {
		expect_none();
		feed(wire + i, 1);
	}
	expect("hello");
	expect_none();
}

/* Writes text as two fragments; returns the length. */
static size_t put_split(uint8_t *wire, const char *text, size_t first)
{
	size_t rest = strlen(text) - first;
	size_t len = put_mark(wire, (uint32_t)first, 0);

	memcpy(wire + len, text, first);
	len += first;
	len += put_mark(wire + len, (uint32_t)rest, NFS_RPC_LAST_FRAGMENT);
	memcpy(wire + len, text + first, rest);
	return len + rest;
}

Test(nfs_record, fragments_are_put_together_wherever_they_are_split)
{
	static const char text[] = "the quick brown fox";

	for (size_t first = 0; first <= strlen(text); first++) {
		uint8_t wire[64];
		size_t len = put_split(wire, text, first);

		for (size_t piece = 1; piece <= len; piece++) {
			for (size_t at = 0; at < len; at += piece) {
				expect_none();
				feed(wire + at,
				     len - at < piece ? len - at : piece);
			}
			expect(text);
			expect_none();
		}
	}
}

Test(nfs_record, a_record_behind_fragments_is_not_disturbed)
{
	uint8_t wire[64];
	size_t len = put_split(wire, "fragments", 3);

	len += put_split(wire + len, "again", 2);
	feed(wire, len);
	expect("fragments");
	expect("again");
	expect_none();
}

Test(nfs_record, a_large_record_is_received_where_it_stays)
{
	static uint8_t wire[NFS_RPC_MARK_SIZE + NFS_IO_MAX];
	size_t len = sizeof(wire), at, n_feeds = 0;
	const uint8_t *place = NULL;
	uint8_t *data;
	uint32_t record_len;

	memset(wire, 0x5a, sizeof(wire));
	put_mark(wire, NFS_IO_MAX, NFS_RPC_LAST_FRAGMENT);
	for (at = 0; at < len; n_feeds++) {
		at += feed(wire + at, len - at);
		if (!place)
			place = record.buffer->data;
		if (at < len)
			expect_none();
		cr_assert_eq(record.buffer->data, place);
	}
	cr_assert_eq(n_feeds, 2, "the beginning, then exactly the rest");
	cr_assert_eq(nfs_record_next(&record, &data, &record_len), 1);
	cr_assert_eq(record_len, NFS_IO_MAX);
	expect_none();
}

Test(nfs_record, a_large_record_behind_a_small_one_is_whole)
{
	static uint8_t wire[2 * NFS_RPC_MARK_SIZE + 5 + NFS_IO_MAX];
	size_t len = put_mark(wire, 5, NFS_RPC_LAST_FRAGMENT), at;
	uint8_t *data;
	uint32_t record_len;

	memcpy(wire + len, "hello", 5);
	len += 5;
	len += put_mark(wire + len, NFS_IO_MAX, NFS_RPC_LAST_FRAGMENT);
	for (uint32_t i = 0; i < NFS_IO_MAX; i++)
		wire[len + i] = (uint8_t)(i * 7);
	at = feed(wire, sizeof(wire));
	expect("hello");
	expect_none();
	while (at < sizeof(wire)) {
		at += feed(wire + at, sizeof(wire) - at);
		if (at < sizeof(wire))
			expect_none();
	}
	cr_assert_eq(nfs_record_next(&record, &data, &record_len), 1);
	cr_assert_eq(memcmp(data, wire + len, NFS_IO_MAX), 0);
}

static void expect_malformed(void)
{
	uint8_t *data;
	uint32_t len;

	cr_assert_eq(nfs_record_next(&record, &data, &len), -EBADMSG);
}

Test(nfs_record, a_record_above_the_limit_is_malformed)
{
	uint8_t wire[8];

	put_mark(wire, NFS_RECORD_MAX + 1, NFS_RPC_LAST_FRAGMENT);
	feed(wire, 4);
	expect_malformed();
	nfs_record_fini(&record);
	put_mark(wire, 0x7fffffff, 0);
	feed(wire, 4);
	expect_malformed();
}

Test(nfs_record, fragments_that_add_up_to_more_are_malformed)
{
	static uint8_t wire[NFS_RECORD_MAX + 2 * NFS_RPC_MARK_SIZE];
	size_t at = 0, len = sizeof(wire);

	put_mark(wire, NFS_RECORD_MAX, 0);
	put_mark(wire + NFS_RPC_MARK_SIZE + NFS_RECORD_MAX, 1,
		 NFS_RPC_LAST_FRAGMENT);
	while (at < len) {
		at += feed(wire + at, len - at);
		if (at < len)
			expect_none();
	}
	expect_malformed();
}

Test(nfs_record, empty_fragments_without_end_are_malformed)
{
	static uint8_t wire[4096 * NFS_RPC_MARK_SIZE];

	feed(wire, sizeof(wire));
	expect_malformed();
}
