/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "clock.h"
#include "file_state.h"
#include "inode.h"

#define NOBODY 77 /* a node id that is not alive */

static const struct nfs_attr first = {
	.mode = 0100644, .size = 10, .mtime = { 100, 1 }, .ctime = { 100, 2 }
};
static const struct nfs_attr second = {
	.mode = 0100644, .size = 20, .mtime = { 101, 1 }, .ctime = { 101, 2 }
};

static struct inode_table *make_table(void)
{
	struct nfs_fh root = { .len = 4 };
	struct inode_table *table = NULL;

	cr_assert_eq(inode_table_new(&table, &root, 2, 0), 0);
	return table;
}

static uint64_t make_file(struct inode_table *table)
{
	struct nfs_fh fh = { .len = 8 };
	uint64_t node;

	cr_assert_eq(inode_lookup(table, &fh, 42, &node), 0);
	return node;
}

static struct nfs_wcc make_wcc(const struct nfs_attr *before,
			       const struct nfs_attr *after)
{
	return (struct nfs_wcc){ .has_before = true,
				 .has_after = true,
				 .size_before = before->size,
				 .mtime_before = before->mtime,
				 .ctime_before = before->ctime,
				 .after = *after };
}

Test(file_state, pages_are_kept_only_if_the_file_is_as_it_was)
{
	_cleanup_(inode_table_free) struct inode_table *table = make_table();
	uint64_t node = make_file(table);
	struct nfs_attr other = first;

	cr_assert_not(file_validate(table, node, &first), "first open");
	cr_assert(file_validate(table, node, &first));
	other.ctime.tv_nsec++;
	cr_assert_not(file_validate(table, node, &other));
	cr_assert(file_validate(table, node, &other));
	file_forget_known(table, node);
	cr_assert_not(file_validate(table, node, &other));
	cr_assert_not(file_validate(table, NOBODY, &first));
}

Test(file_state, own_changes_move_the_known_state_along)
{
	_cleanup_(inode_table_free) struct inode_table *table = make_table();
	uint64_t node = make_file(table);
	struct nfs_wcc wcc = make_wcc(&first, &second);

	(void)file_validate(table, node, &first);
	file_changed(table, node, &wcc);
	cr_assert(file_validate(table, node, &second));
}

Test(file_state, a_change_on_top_of_a_foreign_one_does_not)
{
	_cleanup_(inode_table_free) struct inode_table *table = make_table();
	uint64_t node = make_file(table);
	struct nfs_attr foreign = first;
	struct nfs_wcc wcc;

	foreign.size = 11;
	(void)file_validate(table, node, &first);
	wcc = make_wcc(&foreign, &second);
	file_changed(table, node, &wcc);
	cr_assert_not(file_validate(table, node, &second));
	wcc = make_wcc(&second, &first);
	wcc.has_before = false;
	file_changed(table, node, &wcc);
	cr_assert_not(file_validate(table, node, &first));
}

Test(file_state, foreign_changes_in_place_are_seen_until_pages_are_dropped)
{
	_cleanup_(inode_table_free) struct inode_table *table = make_table();
	uint64_t node = make_file(table);
	struct nfs_attr other = first;

	other.mtime.tv_sec++;
	file_told(table, node, &first, clock_ns());
	file_opened(table, node);
	cr_assert_not(file_is_changed(table, node, &other), "no pages yet");
	(void)file_validate(table, node, &first);
	cr_assert_not(file_is_changed(table, node, &first));
	cr_assert(file_is_changed(table, node, &other));
	cr_assert(file_is_changed(table, node, &other));
	file_dropped(table, node, &other);
	cr_assert_not(file_is_changed(table, node, &other));
	cr_assert(file_validate(table, node, &other));
}

Test(file_state, a_size_that_is_new_to_the_kernel_drops_pages_by_itself)
{
	_cleanup_(inode_table_free) struct inode_table *table = make_table();
	uint64_t node = make_file(table);

	file_opened(table, node);
	file_told(table, node, &first, clock_ns());
	(void)file_validate(table, node, &first);
	cr_assert_not(file_is_changed(table, node, &second));
	file_extended(table, node, second.size - 1);
	cr_assert_not(file_is_changed(table, node, &second));
	file_extended(table, node, second.size);
	file_extended(table, node, 1);
	cr_assert(file_is_changed(table, node, &second));
	cr_assert_not(file_validate(table, node, &second),
		      "an open drops them in any case");
}

Test(file_state, pages_of_a_closed_file_are_the_next_open_s_business)
{
	_cleanup_(inode_table_free) struct inode_table *table = make_table();
	uint64_t node = make_file(table);
	struct nfs_attr other = first;
	struct file_silly silly;

	other.ctime.tv_sec++;
	file_told(table, node, &first, clock_ns());
	file_opened(table, node);
	(void)file_validate(table, node, &first);
	cr_assert(file_is_changed(table, node, &other));
	file_closed(table, node, &silly);
	cr_assert_not(file_is_changed(table, node, &other));
	file_opened(table, node);
	cr_assert_not(file_validate(table, node, &other));
}

Test(file_state, remembers_what_the_kernel_was_told)
{
	_cleanup_(inode_table_free) struct inode_table *table = make_table();
	uint64_t node = make_file(table);

	cr_assert_not(file_is_told(table, node, &first));
	file_told(table, node, &first, clock_ns());
	cr_assert(file_is_told(table, node, &first));
	cr_assert_not(file_is_told(table, node, &second));
}

Test(file_state, a_state_ages_until_it_changes)
{
	_cleanup_(inode_table_free) struct inode_table *table = make_table();
	uint64_t node = make_file(table);
	struct file_told told = file_get_told(table, node);

	cr_assert_eq(told.at_ns, 0, "nothing was told yet");
	cr_assert_eq(file_told(table, node, &first, clock_ns()), 0);
	cr_assert_gt(file_told(table, node, &first, clock_ns()), 0);
	told = file_get_told(table, node);
	cr_assert_gt(told.at_ns, 0);
	cr_assert_gt(told.age_ns, 0);
	cr_assert_eq(file_told(table, node, &second, clock_ns()), 0);
	cr_assert_eq(file_get_told(table, node).age_ns, 0);
	cr_assert_gt(file_get_told(table, node).at_ns, told.at_ns);
	cr_assert_eq(file_told(table, node + 1, &first, clock_ns()), 0,
		     "a stale node");
	cr_assert_eq(file_get_told(table, node + 1).at_ns, 0);
}

Test(file_state, pages_are_known_by_the_state_that_was_told)
{
	_cleanup_(inode_table_free) struct inode_table *table = make_table();
	uint64_t node = make_file(table);

	(void)file_told(table, node, &first, clock_ns());
	cr_assert_not(file_get_told(table, node).is_known, "never opened");
	(void)file_validate(table, node, &first);
	cr_assert(file_get_told(table, node).is_known);
	(void)file_told(table, node, &second, clock_ns());
	cr_assert_not(file_get_told(table, node).is_known);
	(void)file_validate(table, node, &second);
	cr_assert(file_get_told(table, node).is_known);
	file_forget_known(table, node);
	cr_assert_not(file_get_told(table, node).is_known);
}

Test(file_state, a_name_set_aside_is_handed_out_at_the_last_close)
{
	_cleanup_(inode_table_free) struct inode_table *table = make_table();
	uint64_t node = make_file(table);
	struct file_silly silly = {
		.dir = 1, .number = 7, .opener = 3, .entry = 9
	};
	struct file_silly got;

	cr_assert_not(file_set_silly(table, node, &silly), "not open");
	file_opened(table, node);
	cr_assert(file_try_open(table, node));
	cr_assert(file_set_silly(table, node, &silly));
	cr_assert_not(file_set_silly(table, node, &silly), "only one");
	cr_assert(file_get_silly(table, node, &got));
	cr_assert_eq(got.number, 7);
	file_closed(table, node, &got);
	cr_assert_eq(got.dir, 0);
	file_closed(table, node, &got);
	cr_assert_eq(got.dir, 1);
	cr_assert_eq(got.number, 7);
	cr_assert_eq(got.opener, 3);
	cr_assert_eq(got.entry, 9);
	cr_assert_not(file_get_silly(table, node, &got));
	cr_assert_not(file_try_open(table, node), "it is being removed");
	file_removal_end(table, node);
	cr_assert(file_try_open(table, node));
}

Test(file_state, nobody_opens_what_is_being_removed)
{
	_cleanup_(inode_table_free) struct inode_table *table = make_table();
	uint64_t node = make_file(table);
	struct file_silly got;

	cr_assert(file_removal_begin(table, node));
	cr_assert(file_removal_begin(table, node));
	cr_assert_not(file_try_open(table, node));
	file_removal_end(table, node);
	cr_assert_not(file_try_open(table, node), "one is left");
	file_removal_end(table, node);
	cr_assert(file_try_open(table, node));
	cr_assert_not(file_removal_begin(table, node), "it is open");
	file_closed(table, node, &got);
	file_closed(table, node, &got);
	cr_assert(file_removal_begin(table, node));
	cr_assert(file_removal_begin(table, NOBODY), "the kernel has no such");
	cr_assert(file_try_open(table, NOBODY));
}

Test(file_state, who_sets_a_file_aside_counts_as_an_open_of_it)
{
	_cleanup_(inode_table_free) struct inode_table *table = make_table();
	uint64_t node = make_file(table);
	struct file_silly silly = {
		.dir = 1, .number = 7, .opener = 3, .entry = 9
	};
	struct file_silly got;

	file_opened(table, node);
	cr_assert_not(file_removal_begin(table, node));
	file_closed(table, node, &got);
	cr_assert(file_set_silly(table, node, &silly));
	file_closed(table, node, &got);
	cr_assert_eq(got.dir, 1);
}

Test(file_state, a_name_set_aside_can_be_taken_back)
{
	_cleanup_(inode_table_free) struct inode_table *table = make_table();
	uint64_t node = make_file(table);
	struct file_silly silly = { .dir = 1, .number = 7 };
	struct file_silly got;

	cr_assert_not(file_take_silly(table, node, &got));
	file_opened(table, node);
	cr_assert(file_set_silly(table, node, &silly));
	cr_assert(file_take_silly(table, node, &got));
	cr_assert_eq(got.number, 7);
	cr_assert_not(file_take_silly(table, node, &got));
	file_closed(table, node, &got);
	cr_assert_eq(got.dir, 0);
}

Test(file_state, names_set_aside_begin_like_those_of_Linux)
{
	_cleanup_(inode_table_free) struct inode_table *table = make_table();
	uint64_t node = make_file(table);
	char name[FILE_SILLY_NAME_SIZE];

	file_silly_name(table, node, 0xab, name);
	cr_assert_eq(strncmp(name, ".nfs000000000000002a", 20), 0, "%s", name);
	cr_assert_str_eq(name + 28, "000000ab");
	cr_assert(file_is_silly_name(name));
	name[20] = '/';
	cr_assert_not(file_is_silly_name(name));
}

Test(file_state, no_number_of_a_name_comes_twice)
{
	_cleanup_(inode_table_free) struct inode_table *table = make_table();
	_cleanup_(inode_table_free) struct inode_table *next = NULL;

	cr_assert_eq(file_silly_number(table), 0);
	cr_assert_eq(inode_table_attach(&next, dup(inode_table_fd(table)), 0),
		     0);
	cr_assert_eq(file_silly_number(next), 1);
	cr_assert_eq(file_silly_number(table), 2);
}

Test(file_state, appends_to_a_file_take_turns)
{
	_cleanup_(inode_table_free) struct inode_table *table = make_table();
	uint64_t node = make_file(table);

	cr_assert(file_append_begin(table, node));
	cr_assert_not(file_append_begin(table, node));
	file_append_end(table, node);
	cr_assert(file_append_begin(table, node));
}

Test(file_state, nothing_of_a_file_outlives_its_node)
{
	_cleanup_(inode_table_free) struct inode_table *table = make_table();
	uint64_t node = make_file(table);

	(void)file_validate(table, node, &first);
	file_set_cookieverf(table, node, 9);
	inode_forget(table, node, 1);
	node = make_file(table);
	cr_assert_not(file_validate(table, node, &first));
	cr_assert_eq(file_cookieverf(table, node), 0);
}
