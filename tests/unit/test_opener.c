/* SPDX-License-Identifier: Apache-2.0 */

#include <criterion/criterion.h>

#include "inode.h"
#include "inode_layout.h"
#include "opener.h"

static struct inode_table *table_new(void)
{
	const struct nfs_fh root = { .len = 1 };
	struct inode_table *table;

	cr_assert_eq(inode_table_new(&table, &root, 1, 16), 0);
	return table;
}

Test(opener, equal_credentials_share_an_entry)
{
	_cleanup_(inode_table_free) struct inode_table *table = table_new();
	struct nfs_cred alice = {
		.uid = 1, .gid = 2, .n_gids = 1, .gids = { 5 }
	};
	struct nfs_cred poorer = { .uid = 1, .gid = 2 };
	struct nfs_cred found;
	uint32_t a, b, c;

	cr_assert_eq(opener_hold(table, &alice, &a), 0);
	cr_assert_eq(opener_hold(table, &poorer, &b), 0);
	/* What lies beyond n_gids does not count. */
	alice.gids[1] = 99;
	cr_assert_eq(opener_hold(table, &alice, &c), 0);
	cr_assert_eq(a, c);
	cr_assert_neq(a, b);
	opener_get(table, a, &found);
	cr_assert(found.uid == 1 && found.gid == 2 && found.n_gids == 1 &&
		  found.gids[0] == 5);
}

Test(opener, an_entry_is_used_again_when_nobody_holds_it)
{
	_cleanup_(inode_table_free) struct inode_table *table = table_new();
	const struct nfs_cred alice = { .uid = 1 };
	const struct nfs_cred bob = { .uid = 2 };
	struct nfs_cred found;
	uint32_t a, b;

	cr_assert_eq(opener_hold(table, &alice, &a), 0);
	cr_assert_eq(opener_hold(table, &alice, &a), 0);
	opener_let_go(table, a);
	cr_assert_eq(opener_hold(table, &bob, &b), 0);
	cr_assert_neq(a, b);
	opener_let_go(table, a);
	opener_let_go(table, b);
	cr_assert_eq(opener_hold(table, &bob, &b), 0);
	cr_assert_eq(a, b);
	opener_get(table, b, &found);
	cr_assert_eq(found.uid, 2);
}

Test(opener, there_is_a_limit)
{
	_cleanup_(inode_table_free) struct inode_table *table = table_new();
	struct nfs_cred cred = { 0 };
	uint32_t opener;

	for (cred.uid = 0; cred.uid < OPENERS_MAX; cred.uid++)
		cr_assert_eq(opener_hold(table, &cred, &opener), 0);
	cr_assert_eq(opener_hold(table, &cred, &opener), -ENFILE);
	opener_let_go(table, 7);
	cr_assert_eq(opener_hold(table, &cred, &opener), 0);
	cr_assert_eq(opener, 7);
}
