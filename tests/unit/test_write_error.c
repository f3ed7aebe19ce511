/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "handle.h"
#include "inode.h"
#include "inode_layout.h"
#include "write_error.h"

#define NOBODY 77 /* a node id that is not alive */

static struct inode_table *table;
static uint64_t node;
static uint32_t n_opened;

static void make_table(void)
{
	struct nfs_fh root = { .len = 4 };
	struct nfs_fh fh = { .len = 8 };

	cr_assert_eq(inode_table_new(&table, &root, 2, 0), 0);
	cr_assert_eq(inode_lookup(table, &fh, 42, &node), 0);
}

static void free_table(void)
{
	table = inode_table_free(table);
}

TestSuite(write_error, .init = make_table, .fini = free_table);

static uint64_t open_file(void)
{
	return handle_make(3, O_RDWR, write_error_sample(table, node),
			   ++n_opened);
}

static int look(uint64_t fh)
{
	return write_error_get(table, node, fh, WRITE_ERROR_NOT_TOLD);
}

static int by_close(uint64_t fh)
{
	return write_error_get(table, node, fh, WRITE_ERROR_TOLD_BY_CLOSE);
}

static int by_fsync(uint64_t fh)
{
	return write_error_get(table, node, fh, WRITE_ERROR_TOLD_BY_FSYNC);
}

Test(write_error, a_handle_says_what_it_was_made_of)
{
	const uint64_t fh =
		handle_make(OPENERS_MAX - 1, O_RDONLY, 0xfedc, 0xfffffffe);

	cr_assert_eq(handle_opener(fh), OPENERS_MAX - 1);
	cr_assert(handle_reads_only(fh));
	cr_assert_eq(handle_seen(fh), 0xfedc);
	cr_assert_eq(handle_number(fh), 0xfffffffe);
	cr_assert_not(handle_reads_only(handle_make(1, O_WRONLY, 0, 1)));
}

Test(write_error, every_open_file_is_told_once_by_fsync)
{
	const uint64_t a = open_file(), b = open_file();

	cr_assert_eq(by_fsync(a), 0);
	write_error_add(table, node, -EIO);
	cr_assert_eq(look(a), -EIO);
	cr_assert_eq(by_fsync(a), -EIO);
	cr_assert_eq(by_fsync(a), 0);
	cr_assert_eq(by_fsync(b), -EIO);
	cr_assert_eq(by_fsync(b), 0);
	cr_assert_eq(look(a), 0);
}

Test(write_error, close_takes_nothing_away_from_who_has_it_open)
{
	const uint64_t a = open_file(), b = open_file();

	write_error_add(table, node, -EIO);
	cr_assert_eq(by_close(a), -EIO, "a child's");
	cr_assert_eq(by_close(a), -EIO);
	cr_assert_eq(by_fsync(a), -EIO);
	cr_assert_eq(by_close(a), 0);
	cr_assert_eq(by_close(b), -EIO);
}

Test(write_error, who_opens_later_is_told_if_nobody_was)
{
	uint64_t fh;

	write_error_add(table, node, -EIO);
	fh = open_file();
	cr_assert_eq(look(fh), -EIO);
	cr_assert_eq(by_close(fh), -EIO);
	cr_assert_eq(look(open_file()), 0);
}

Test(write_error, of_two_errors_the_later_is_told_unless_it_is_only_a_full_disk)
{
	static const struct {
		int first, second, told;
	} rows[] = {
		{ -EIO, -EREMOTEIO, -EREMOTEIO }, { -EIO, -ENOSPC, -EIO },
		{ -ENOSPC, -EIO, -EIO },	  { -ENOSPC, -EDQUOT, -EDQUOT },
		{ -ESTALE, -EFBIG, -ESTALE },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const uint64_t none = open_file(), first = open_file();
		uint64_t both;

		write_error_add(table, node, rows[i].first);
		both = open_file();
		cr_assert_eq(by_fsync(first), rows[i].first);
		write_error_add(table, node, rows[i].second);
		cr_assert_eq(by_fsync(first), rows[i].second, "row %zu", i);
		cr_assert_eq(by_fsync(none), rows[i].told, "row %zu", i);
		cr_assert_eq(by_fsync(none), 0);
		cr_assert_eq(by_fsync(both), rows[i].told, "row %zu", i);
	}
}

Test(write_error, what_nobody_was_told_of_does_not_hide_what_was_worse)
{
	const uint64_t fh = open_file();

	write_error_add(table, node, -EIO);
	write_error_add(table, node, -ENOSPC);
	cr_assert_eq(by_fsync(fh), -EIO);
	cr_assert_eq(by_fsync(fh), 0);
	write_error_add(table, node, -ENOSPC);
	cr_assert_eq(by_fsync(fh), -ENOSPC, "the EIO is long told");
}

Test(write_error, numbers_may_wrap_around)
{
	const uint64_t fh = open_file();

	for (uint32_t i = 0; i < 70000; i++) {
		write_error_add(table, node, i % 2 ? -EIO : -ENOSPC);
		cr_assert_eq(by_fsync(fh), i % 2 ? -EIO : -ENOSPC, "%u", i);
		cr_assert_eq(by_fsync(fh), 0);
	}
}

Test(write_error, more_open_files_than_can_be_noted_are_told_again)
{
	uint64_t fhs[TOLD_MAX + 1];

	for (size_t i = 0; i <= TOLD_MAX; i++)
		fhs[i] = open_file();
	write_error_add(table, node, -EIO);
	for (size_t i = 0; i <= TOLD_MAX; i++)
		cr_assert_eq(by_fsync(fhs[i]), -EIO);
	cr_assert_eq(look(fhs[0]), -EIO, "its note had to go");
	cr_assert_eq(look(fhs[1]), 0);
	cr_assert_eq(look(fhs[TOLD_MAX]), 0);
}

Test(write_error, who_closed_leaves_room)
{
	const uint64_t first = open_file();

	write_error_add(table, node, -EIO);
	cr_assert_eq(by_fsync(first), -EIO);
	for (size_t i = 0; i < TOLD_MAX; i++) {
		const uint64_t fh = open_file();

		write_error_add(table, node, -EIO);
		cr_assert_eq(by_fsync(fh), -EIO);
		write_error_end(table, node, fh);
	}
	cr_assert_eq(by_fsync(first), -EIO, "the later ones");
	cr_assert_eq(by_fsync(first), 0);
}

Test(write_error, other_files_have_none)
{
	struct nfs_fh fh = { .len = 12 };
	uint64_t other;

	cr_assert_eq(inode_lookup(table, &fh, 43, &other), 0);
	write_error_add(table, node, -EIO);
	write_error_add(table, NOBODY, -EIO);
	cr_assert_eq(write_error_sample(table, NOBODY), 0);
	cr_assert_eq(write_error_get(table, other, handle_make(1, 0, 0, 1),
				     WRITE_ERROR_TOLD_BY_FSYNC),
		     0);
	inode_forget(table, node, 1);
	cr_assert_eq(look(open_file()), 0);
	write_error_end(table, node, 1);
	cr_assert_eq(
		inode_lookup(table, &(struct nfs_fh){ .len = 8 }, 42, &node),
		0);
	cr_assert_eq(look(open_file()), 0, "its slot begins anew");
}

Test(write_error, the_next_process_knows_who_was_told)
{
	const uint64_t told = open_file(), untold = open_file();
	int fd;

	write_error_add(table, node, -EIO);
	cr_assert_eq(by_fsync(told), -EIO);
	fd = dup(inode_table_fd(table));
	free_table();
	cr_assert_eq(inode_table_attach(&table, fd, 0), 0);
	cr_assert_eq(look(told), 0);
	cr_assert_eq(look(untold), -EIO);
}
