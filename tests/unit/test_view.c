/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include <criterion/criterion.h>

#include "inode.h"
#include "inode_layout.h"
#include "meta.h"
#include "view.h"

#define SOME_DIR 5

Test(view, decides_which_names_exist_and_which_may_change)
{
	static const struct {
		bool is_share_root;
		uint64_t dir;
		const char *name;
		int lookup;
		int change;
		bool is_hidden;
	} table[] = {
		{ true, INODE_ROOT, "file", 0, 0, false },
		{ true, INODE_ROOT, ".claimfs", -ENOENT, -EPERM, true },
		{ false, INODE_ROOT, ".claimfs", 0, 0, false },
		{ true, SOME_DIR, ".claimfs", 0, 0, false },
		{ false, INODE_ROOT, ".meta", 0, -EPERM, true },
		{ false, SOME_DIR, ".meta", 0, 0, false },
		{ false, INODE_ROOT, ".", -EINVAL, -EINVAL, false },
		{ false, INODE_ROOT, "..", -EINVAL, -EINVAL, false },
		{ false, SOME_DIR, "..", -EINVAL, -EINVAL, false },
		{ false, SOME_DIR, "a/b", -EINVAL, -EINVAL, false },
		{ false, SOME_DIR, "", -EINVAL, -EINVAL, false },
		{ false, SOME_DIR, "...", 0, 0, false },
		{ false, META_VIEW_ROOT, "x", 0, -EPERM, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const struct view view = { .is_share_root =
						   table[i].is_share_root };

		cr_assert_eq(
			view_check_name(&view, table[i].dir, table[i].name),
			table[i].lookup, "row %zu", i);
		cr_assert_eq(
			view_check_change(&view, table[i].dir, table[i].name),
			table[i].change, "row %zu", i);
		cr_assert_eq(view_is_hidden(&view, table[i].dir, table[i].name),
			     table[i].is_hidden, "row %zu", i);
	}
}

Test(view, names_are_as_long_as_Linux_allows)
{
	const struct view view = { 0 };
	char name[NFS_NAME_MAX + 2];

	memset(name, 'x', sizeof(name));
	name[NFS_NAME_MAX] = '\0';
	cr_assert_eq(view_check_name(&view, SOME_DIR, name), 0);
	name[NFS_NAME_MAX] = 'x';
	name[NFS_NAME_MAX + 1] = '\0';
	cr_assert_eq(view_check_name(&view, SOME_DIR, name), -ENAMETOOLONG);
	cr_assert_eq(view_check_change(&view, SOME_DIR, name), -ENAMETOOLONG);
}

Test(view, remembers_what_statfs_said_last)
{
	static const struct nfs_fh root = { .len = 1 };
	static struct view view;
	struct statvfs st = { .f_blocks = 7 };

	view_init(&view);
	cr_assert_eq(inode_table_new(&view.inodes, &root, 2, 0), 0);
	cr_assert_not(view_get_statvfs(&view, &st));
	st.f_blocks = 7;
	view_set_statvfs(&view, &st);
	st.f_blocks = 0;
	cr_assert(view_get_statvfs(&view, &st));
	cr_assert_eq(st.f_blocks, 7);
	view.inodes = inode_table_free(view.inodes);
	view_fini(&view);
}
