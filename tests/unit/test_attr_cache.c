/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>
#include <sys/stat.h>

#include <criterion/criterion.h>

#include "attr_cache.h"
#include "clock.h"
#include "file_state.h"
#include "inode.h"

#define STALE 77 /* a node id that is not alive */

static const struct nfs_attr file = { .mode = 0100640,
				      .nlink = 1,
				      .uid = 5,
				      .gid = 6,
				      .size = 7,
				      .used = 4096,
				      .rdev_major = 8,
				      .rdev_minor = 9,
				      .fileid = 42,
				      .atime = { 1, 2 },
				      .mtime = { 3, 4 },
				      .ctime = { 5, 6 } };
static const struct nfs_attr dir = { .mode = 0040755, .nlink = 2, .size = 60 };
static const struct attr_timeouts timeouts = { .reg = { 3, 60 },
					       .dir = { 30, 60 } };

static struct inode_table *make_table(uint64_t *ret_node)
{
	struct nfs_fh root = { .len = 4 };
	struct nfs_fh fh = { .len = 8 };
	struct inode_table *table = NULL;

	cr_assert_eq(inode_table_new(&table, &root, 2, 0), 0);
	cr_assert_eq(inode_lookup(table, &fh, file.fileid, ret_node), 0);
	return table;
}

static bool is_cached(struct inode_table *table, uint64_t node, uint64_t now)
{
	struct attr_cached cached;

	return attr_cache_get(table, node, &timeouts, now, &cached);
}

Test(attr_cache, what_a_change_was_answered_with_is_known_unchanged)
{
	uint64_t node;
	_cleanup_(inode_table_free) struct inode_table *table =
		make_table(&node);
	struct attr_cached cached = { 0 };

	cr_assert_not(is_cached(table, node, clock_ns()), "nothing yet");
	attr_cache_changed(table, node, &file, clock_ns());
	cr_assert(attr_cache_get(table, node, &timeouts, clock_ns(), &cached));
	cr_assert_eq(memcmp(&cached.attr, &file, sizeof(file)), 0);
	attr_cache_changed(table, STALE, &file, clock_ns());
	cr_assert_not(is_cached(table, STALE, clock_ns()));
}

Test(attr_cache, a_reply_that_a_write_has_overtaken_does_not_shorten_a_file)
{
	uint64_t node;
	_cleanup_(inode_table_free) struct inode_table *table =
		make_table(&node);
	struct nfs_attr after = file;
	uint64_t sent = clock_ns() - 1;

	cr_assert_eq(attr_cache_size(table, node, 3, sent), 3);
	after.size = 100;
	attr_cache_changed(table, node, &after, clock_ns());
	cr_assert_eq(attr_cache_size(table, node, 3, sent), 100);
	cr_assert_eq(attr_cache_size(table, node, 300, sent), 300);
	cr_assert_eq(attr_cache_size(table, node, 3, clock_ns()), 3);
	/* What it is after it is not known. */
	file_extended(table, node, 50);
	attr_cache_changed(table, node, NULL, clock_ns());
	cr_assert_eq(attr_cache_size(table, node, 3, sent), 50);
	cr_assert_eq(attr_cache_size(table, STALE, 3, sent), 3);
}

Test(attr_cache, it_lasts_from_the_reply_for_as_long_as_the_kind_allows)
{
	static const struct {
		const struct nfs_attr *attr;
		uint64_t age_s;
		double left_s; /* 0 = too old */
	} cases[] = {
		{ &file, 0, 3 },  { &file, 2, 1 }, { &file, 3, 0 },
		{ &file, 99, 0 }, { &dir, 29, 1 }, { &dir, 30, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t node;
		_cleanup_(inode_table_free) struct inode_table *table =
			make_table(&node);
		struct attr_cached cached = { 0 };
		uint64_t sent = clock_ns();
		bool is_known;

		attr_cache_seen(table, node, cases[i].attr, sent);
		is_known = attr_cache_get(table, node, &timeouts,
					  sent + cases[i].age_s * NS_PER_S,
					  &cached);
		cr_assert_eq(is_known, cases[i].left_s > 0, "case %zu", i);
		cr_assert(!is_known || cached.left_s == cases[i].left_s,
			  "case %zu: %f s left", i, cached.left_s);
		cr_assert(!is_known || cached.at_ns == sent);
	}
}

Test(attr_cache, without_timeouts_nothing_is_believed)
{
	const struct attr_timeouts noac = { 0 };
	uint64_t node;
	_cleanup_(inode_table_free) struct inode_table *table =
		make_table(&node);
	struct attr_cached cached;

	attr_cache_changed(table, node, &file, clock_ns());
	cr_assert_not(attr_cache_get(table, node, &noac, clock_ns(), &cached));
}

Test(attr_cache, what_the_kernel_was_told_is_dropped)
{
	uint64_t node;
	_cleanup_(inode_table_free) struct inode_table *table =
		make_table(&node);

	attr_cache_changed(table, node, &file, clock_ns());
	(void)file_told(table, node, &file, clock_ns());
	cr_assert_not(is_cached(table, node, clock_ns()));
}

Test(attr_cache, a_reply_from_before_a_change_is_not_taken)
{
	uint64_t node;
	_cleanup_(inode_table_free) struct inode_table *table =
		make_table(&node);
	uint64_t sent = clock_ns() - 1;
	struct attr_cached cached = { 0 };

	attr_cache_changed(table, node, &file, sent);
	attr_cache_seen(table, node, &dir, sent);
	cr_assert(attr_cache_get(table, node, &timeouts, clock_ns(), &cached));
	cr_assert_eq(cached.attr.mode, file.mode);
}

Test(attr_cache, of_changes_that_overlap_none_is_taken)
{
	uint64_t node;
	_cleanup_(inode_table_free) struct inode_table *table =
		make_table(&node);
	uint64_t sent = clock_ns() - 1;

	attr_cache_changed(table, node, &file, sent);
	attr_cache_changed(table, node, &file, sent);
	cr_assert_not(is_cached(table, node, clock_ns()));
	attr_cache_changed(table, node, &file, clock_ns());
	cr_assert(is_cached(table, node, clock_ns()));
}

Test(attr_cache, a_change_with_an_unknown_end_makes_it_unknown)
{
	uint64_t node;
	_cleanup_(inode_table_free) struct inode_table *table =
		make_table(&node);

	attr_cache_changed(table, node, &file, clock_ns());
	attr_cache_changed(table, node, NULL, clock_ns());
	cr_assert_not(is_cached(table, node, clock_ns()));
}

Test(attr_cache,
     files_are_unknown_after_any_name_went_and_directories_after_renames)
{
	uint64_t node;
	_cleanup_(inode_table_free) struct inode_table *table =
		make_table(&node);

	attr_cache_changed(table, node, &file, clock_ns());
	attr_cache_changed(table, INODE_ROOT, &dir, clock_ns());
	attr_cache_names_changed(table, false);
	cr_assert_not(is_cached(table, node, clock_ns()));
	cr_assert(is_cached(table, INODE_ROOT, clock_ns()));
	attr_cache_names_changed(table, true);
	cr_assert_not(is_cached(table, INODE_ROOT, clock_ns()));
}

Test(attr_cache, an_mtime_is_the_servers_until_a_change_may_have_moved_it)
{
	uint64_t node;
	_cleanup_(inode_table_free) struct inode_table *table =
		make_table(&node);
	const struct timespec other = { 3, 5 };
	struct nfs_attr linked = file;
	struct attr_cached same;
	uint64_t sent = clock_ns() - 1;

	cr_assert_not(attr_cache_has_mtime(table, node, &file.mtime, &same));
	attr_cache_told(table, node, &file, clock_ns());
	cr_assert_not(is_cached(table, node, clock_ns()), "the kernel has it");
	cr_assert(attr_cache_has_mtime(table, node, &file.mtime, &same));
	cr_assert_eq(memcmp(&same.attr, &file, sizeof(file)), 0);
	cr_assert_not(attr_cache_has_mtime(table, node, &other, &same));
	attr_cache_changed(table, node, NULL, clock_ns());
	cr_assert_not(attr_cache_has_mtime(table, node, &file.mtime, &same));
	attr_cache_told(table, node, &file, sent);
	cr_assert_not(attr_cache_has_mtime(table, node, &file.mtime, &same),
		      "told of a state before the change");
	linked.nlink = 2;
	attr_cache_told(table, node, &linked, clock_ns());
	cr_assert_not(attr_cache_has_mtime(table, node, &file.mtime, &same),
		      "links come and go without its node");
}

Test(attr_cache, an_owner_is_set_again_only_when_it_would_show)
{
	static const struct nfs_set same = { .mask = NFS_SET_UID | NFS_SET_GID,
					     .uid = 5,
					     .gid = 6 };
	static const struct nfs_set other = { .mask = NFS_SET_GID, .gid = 5 };
	uint64_t node;
	_cleanup_(inode_table_free) struct inode_table *table =
		make_table(&node);
	struct nfs_attr setuid = file;
	struct attr_cached cached;
	uint64_t now;

	attr_cache_told(table, node, &file, clock_ns());
	cr_assert_not(attr_cache_has_owner(table, node, &same, &timeouts,
					   clock_ns(), &cached),
		      "ctime would show it");
	attr_cache_changed(table, node, &file, clock_ns());
	(void)file_told(table, node, &file, clock_ns());
	now = clock_ns();
	cr_assert(attr_cache_has_owner(table, node, &same, &timeouts, now,
				       &cached));
	cr_assert_not(attr_cache_has_owner(table, node, &other, &timeouts, now,
					   &cached));
	cr_assert_not(attr_cache_has_owner(table, node, &same, &timeouts,
					   now + NS_PER_S, &cached));
	setuid.mode |= S_ISUID;
	attr_cache_changed(table, node, &setuid, clock_ns());
	cr_assert_not(attr_cache_has_owner(table, node, &same, &timeouts, now,
					   &cached),
		      "setting it takes the bit away");
}
