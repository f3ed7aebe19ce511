/* SPDX-License-Identifier: Apache-2.0 */

#include <pthread.h>
#include <string.h>

#include <criterion/criterion.h>

#include "inode.h"
#include "inode_layout.h"

static struct nfs_fh make_fh(uint64_t number)
{
	struct nfs_fh fh = { .len = 32 };

	memcpy(fh.data, "handle", 6);
	memcpy(fh.data + 8, &number, sizeof(number));
	return fh;
}

static struct inode_table *make_table(uint32_t max)
{
	struct nfs_fh root = make_fh(0);
	struct inode_table *table = NULL;

	cr_assert_eq(inode_table_new(&table, &root, 2, max), 0);
	return table;
}

static uint64_t lookup(struct inode_table *table, uint64_t number)
{
	struct nfs_fh fh = make_fh(number);
	uint64_t node;

	cr_assert_eq(inode_lookup(table, &fh, 1000 + number, &node), 0);
	return node;
}

Test(inode, the_root_is_node_1_and_is_never_forgotten)
{
	_cleanup_(inode_table_free) struct inode_table *table = make_table(0);
	struct nfs_fh fh;

	cr_assert_eq(lookup(table, 0), INODE_ROOT);
	inode_forget(table, INODE_ROOT, 100);
	cr_assert_eq(inode_get(table, INODE_ROOT, &fh), 0);
	cr_assert_eq(inode_fileid(table, INODE_ROOT), 2);
	cr_assert_eq(inode_table_count(table), 1);
}

Test(inode, the_same_handle_gives_the_same_node)
{
	_cleanup_(inode_table_free) struct inode_table *table = make_table(0);
	uint64_t a = lookup(table, 1);
	struct nfs_fh fh, expected = make_fh(1);

	cr_assert_eq(lookup(table, 1), a);
	cr_assert_neq(lookup(table, 2), a);
	cr_assert_eq(inode_get(table, a, &fh), 0);
	cr_assert_eq(fh.len, expected.len);
	cr_assert_eq(memcmp(fh.data, expected.data, fh.len), 0);
	cr_assert_eq(inode_fileid(table, a), 1001);
}

Test(inode, handles_of_different_length_are_different)
{
	_cleanup_(inode_table_free) struct inode_table *table = make_table(0);
	struct nfs_fh longer = make_fh(1);
	uint64_t a = lookup(table, 1);
	uint64_t b;

	longer.len = 40;
	cr_assert_eq(inode_lookup(table, &longer, 5, &b), 0);
	cr_assert_neq(a, b);
}

Test(inode, forgetting_to_zero_frees_the_slot_and_makes_the_id_stale)
{
	_cleanup_(inode_table_free) struct inode_table *table = make_table(0);
	uint64_t a = lookup(table, 1);
	struct nfs_fh fh;
	uint64_t b;

	(void)lookup(table, 1);
	inode_forget(table, a, 1);
	cr_assert_eq(inode_get(table, a, &fh), 0, "one lookup is left");
	inode_forget(table, a, 1);
	cr_assert_eq(inode_get(table, a, &fh), -ESTALE);
	b = lookup(table, 2);
	cr_assert_eq((uint32_t)a, (uint32_t)b, "the slot is used again");
	cr_assert_neq(a, b);
	cr_assert_eq(inode_get(table, a, &fh), -ESTALE);
	inode_forget(table, a, 1);
	cr_assert_eq(inode_get(table, b, &fh), 0,
		     "a stale forget does not touch the new node");
}

Test(inode, ids_that_never_existed_are_stale)
{
	_cleanup_(inode_table_free) struct inode_table *table = make_table(0);
	const uint64_t ids[] = {
		0, 2, 1ull << 32 | 1, 1ull << 63 | 1, UINT32_MAX, UINT64_MAX
	};
	struct nfs_fh fh;

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		cr_assert_eq(inode_get(table, ids[i], &fh), -ESTALE, "%zu", i);
}

Test(inode, a_held_node_survives_the_kernels_forget)
{
	_cleanup_(inode_table_free) struct inode_table *table = make_table(0);
	uint64_t a = lookup(table, 1);
	struct nfs_fh fh;

	cr_assert_eq(inode_hold(table, a), 0);
	inode_forget(table, a, 1);
	cr_assert_eq(inode_get(table, a, &fh), 0);
	inode_forget(table, a, 1);
	cr_assert_eq(inode_hold(table, a), -ESTALE);
}

Test(inode, find_takes_no_lookup)
{
	_cleanup_(inode_table_free) struct inode_table *table = make_table(0);
	struct nfs_fh fh = make_fh(1);
	uint64_t a = lookup(table, 1);

	cr_assert_eq(inode_find(table, &fh), a);
	inode_forget(table, a, 1);
	cr_assert_eq(inode_find(table, &fh), 0);
}

Test(inode, finds_every_node_after_many_inserts_and_forgets)
{
	enum {
		N = 20000
	};
	static uint64_t nodes[N];
	_cleanup_(inode_table_free) struct inode_table *table = make_table(0);

	for (uint64_t i = 0; i < N; i++)
		nodes[i] = lookup(table, i + 1);
	for (uint64_t i = 0; i < N; i += 3)
		inode_forget(table, nodes[i], 1);
	for (uint64_t i = 0; i < N; i++) {
		struct nfs_fh fh = make_fh(i + 1);

		cr_assert_eq(inode_find(table, &fh), i % 3 ? nodes[i] : 0);
	}
	cr_assert_eq(inode_table_count(table), 1 + N - (N + 2) / 3);
}

Test(inode, walks_over_all_nodes)
{
	_cleanup_(inode_table_free) struct inode_table *table = make_table(0);
	uint64_t a = lookup(table, 1), b = lookup(table, 2);
	uint64_t cursor = 0;

	inode_forget(table, a, 1);
	cr_assert_eq(inode_next(table, &cursor), INODE_ROOT);
	cr_assert_eq(inode_next(table, &cursor), b);
	cr_assert_eq(inode_next(table, &cursor), 0);
}

Test(inode, a_full_table_says_so_and_takes_nodes_again_after_a_forget)
{
	_cleanup_(inode_table_free) struct inode_table *table = make_table(3);
	uint64_t a = lookup(table, 1);
	struct nfs_fh fh = make_fh(3);
	uint64_t node;

	(void)lookup(table, 2);
	cr_assert_eq(inode_lookup(table, &fh, 3, &node), -ENFILE);
	cr_assert_eq(lookup(table, 1), a, "known nodes are still found");
	inode_forget(table, a, 2);
	cr_assert_eq(inode_lookup(table, &fh, 3, &node), 0);
}

Test(inode, a_mapped_table_is_rebuilt_from_its_file)
{
	_cleanup_(inode_table_free) struct inode_table *table = make_table(0);
	_cleanup_(inode_table_free) struct inode_table *again = NULL;
	uint64_t nodes[3000];
	struct nfs_fh fh;

	for (uint64_t i = 0; i < ARRAY_SIZE(nodes); i++)
		nodes[i] = lookup(table, i + 1);
	inode_forget(table, nodes[7], 1);
	cr_assert_eq(inode_table_attach(&again, dup(inode_table_fd(table)), 0),
		     0);
	cr_assert_eq(inode_table_count(again), ARRAY_SIZE(nodes));
	for (uint64_t i = 0; i < ARRAY_SIZE(nodes); i++) {
		fh = make_fh(i + 1);
		cr_assert_eq(inode_find(again, &fh), i == 7 ? 0 : nodes[i]);
	}
	cr_assert_eq(inode_get(again, nodes[7], &fh), -ESTALE);
	cr_assert_neq(lookup(again, 9999), nodes[7],
		      "the generation of the freed slot was kept");
	cr_assert_eq(lookup(again, 0), INODE_ROOT);
}

Test(inode, a_file_that_is_no_table_is_refused)
{
	_cleanup_(inode_table_free) struct inode_table *table = make_table(0);
	_cleanup_(inode_table_free) struct inode_table *again = NULL;

	inode_table_header(table)->version++;
	cr_assert_eq(inode_table_attach(&again, dup(inode_table_fd(table)), 0),
		     -EBADMSG);
	inode_table_header(table)->version--;
	cr_assert_eq(ftruncate(inode_table_fd(table), 100), 0);
	cr_assert_eq(inode_table_attach(&again, dup(inode_table_fd(table)), 0),
		     -EBADMSG);
}

#define N_THREADS 4
#define N_ROUNDS  20000

static void *hammer(void *userdata)
{
	struct inode_table *table = userdata;
	unsigned int seed = (unsigned int)pthread_self();

	for (int i = 0; i < N_ROUNDS; i++) {
		uint64_t number = 1 + (uint64_t)rand_r(&seed) % 64;
		struct nfs_fh fh = make_fh(number), found;
		uint64_t node;

		if (inode_lookup(table, &fh, number, &node) < 0 ||
		    inode_get(table, node, &found) < 0 ||
		    memcmp(found.data, fh.data, fh.len) != 0)
			return table;
		inode_forget(table, node, 1);
	}
	return NULL;
}

Test(inode, threads_may_look_up_and_forget_the_same_nodes)
{
	_cleanup_(inode_table_free) struct inode_table *table = make_table(0);
	pthread_t threads[N_THREADS];
	void *failed;

	for (int i = 0; i < N_THREADS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, hammer, table),
			     0);
	for (int i = 0; i < N_THREADS; i++) {
		cr_assert_eq(pthread_join(threads[i], &failed), 0);
		cr_assert_null(failed);
	}
	cr_assert_eq(inode_table_count(table), 1, "only the root is left");
}
