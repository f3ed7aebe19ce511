/* SPDX-License-Identifier: Apache-2.0 */

#include <criterion/criterion.h>

#include "inode.h"
#include "opener.h"
#include "ops.h"

static struct view view;
static uint64_t node;

/* A file that is set aside, and known to its kernel by two lookups. */
static void set_up(void)
{
	const struct nfs_fh root = { .len = 4 };
	const struct nfs_fh fh = { .len = 8 };
	const struct nfs_cred cred = { .uid = 1 };
	struct file_silly silly = { .dir = INODE_ROOT };

	view_init(&view);
	cr_assert_eq(inode_table_new(&view.inodes, &root, 2, 0), 0);
	cr_assert_eq(inode_lookup(view.inodes, &fh, 42, &node), 0);
	cr_assert_eq(inode_hold(view.inodes, node), 0);
	cr_assert_eq(inode_hold(view.inodes, INODE_ROOT), 0);
	cr_assert_eq(opener_hold(view.inodes, &cred, &silly.opener), 0);
	file_opened(view.inodes, node);
	cr_assert(file_set_silly(view.inodes, node, &silly));
	view.n_silly = 1;
}

static void tear_down(void)
{
	view_fini(&view);
}

TestSuite(ops_silly, .init = set_up, .fini = tear_down);

Test(ops_silly, what_the_kernel_has_forgotten_is_not_open_whatever_is_counted)
{
	struct file_silly silly;

	ops_silly_forget(&view, node, 1);
	cr_assert(file_get_silly(view.inodes, node, &silly), "one is left");
	ops_silly_forget(&view, node, 2);
	cr_assert_not(file_get_silly(view.inodes, node, &silly));
	cr_assert_eq(view.n_silly, 0);
	cr_assert_eq(inode_n_lookup(view.inodes, INODE_ROOT), 1);
}

Test(ops_silly, a_node_that_is_not_alive_is_nobodys)
{
	struct file_silly silly;

	ops_silly_forget(&view, 77, 1);
	cr_assert(file_get_silly(view.inodes, node, &silly));
}
