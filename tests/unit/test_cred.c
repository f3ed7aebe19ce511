/* SPDX-License-Identifier: Apache-2.0 */

#include <unistd.h>

#include <criterion/criterion.h>

#include "clock.h"
#include "cred.h"

Test(cred, groups_come_from_the_status_file_without_the_primary_one)
{
	struct nfs_cred cred = { .gid = 20 };

	cred_parse_groups("Name:\tx\nGid:\t1\t1\nGroups:\t10 20 30 \nX:\t9\n",
			  &cred);
	cr_assert_eq(cred.n_gids, 2);
	cr_assert_eq(cred.gids[0], 10);
	cr_assert_eq(cred.gids[1], 30);
}

Test(cred, no_more_groups_than_the_wire_carries)
{
	struct nfs_cred cred = { .gid = 1 };

	cred_parse_groups("x\nGroups:\t2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17"
			  " 18 19 20\n",
			  &cred);
	cr_assert_eq(cred.n_gids, NFS_GIDS_MAX);
	cr_assert_eq(cred.gids[0], 2);
	cr_assert_eq(cred.gids[15], 17);
}

Test(cred, odd_status_files_mean_no_groups)
{
	static const char *const texts[] = { "", "Groups:", "\nGroups:\n",
					     "\nGroups:\tx\n",
					     "\nGroups:\t99999999999\n" };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct nfs_cred cred = { .n_gids = 5 };

		cred_parse_groups(texts[i], &cred);
		cr_assert_eq(cred.n_gids, 0, "row %zu", i);
	}
}

Test(cred, root_and_invisible_threads_have_no_groups)
{
	static struct cred_cache cache;
	struct nfs_cred cred;

	cred_get(&cache, 0, 1000, 1001, clock_ns(), &cred);
	cr_assert_eq(cred.uid, 1000);
	cr_assert_eq(cred.gid, 1001);
	cr_assert_eq(cred.n_gids, 0);
	cred_get(&cache, getpid(), 0, 0, clock_ns(), &cred);
	cr_assert_eq(cred.uid, 0);
	cr_assert_eq(cred.n_gids, 0);
}

Test(cred, an_answer_is_remembered_for_a_second)
{
	static struct cred_cache cache;
	uint64_t now = clock_ns();
	struct cred_entry *entry =
		&cache.entries[(uint32_t)getpid() % CRED_CACHE_SIZE];
	struct nfs_cred cred;

	cred_get(&cache, getpid(), 1000, 1001, now, &cred);
	cr_assert_eq(entry->pid, getpid());
	entry->cred.n_gids = 1; /* what only the cache knows */
	entry->cred.gids[0] = 4711;
	cred_get(&cache, getpid(), 1000, 1001, now + 10, &cred);
	cr_assert_eq(cred.gids[0], 4711);
	cred_get(&cache, getpid(), 1000, 1001, now + 2 * NS_PER_S, &cred);
	cr_assert(cred.n_gids != 1 || cred.gids[0] != 4711, "read again");
	entry->cred.n_gids = 1;
	entry->cred.gids[0] = 4711;
	cred_get(&cache, getpid(), 1002, 1001, now + 2 * NS_PER_S, &cred);
	cr_assert(cred.n_gids != 1 || cred.gids[0] != 4711, "another user");
}

Test(cred, a_killed_thread_is_known_by_its_pending_signals)
{
	static const struct {
		const char *status;
		bool is_killed;
	} cases[] = {
		{ "x\nSigPnd:\t0000000000000100\nShdPnd:\t0\n", true },
		{ "x\nSigPnd:\tffffffffffffffff\n", true },
		{ "x\nSigPnd:\t0000000000000000\n", false },
		{ "x\nSigPnd:\t000000000000fe00\n", false },
		{ "x\nSigPnd:\t00000000000001", false },
		{ "x\nShdPnd:\t0000000000000100\n", false },
		{ "", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cr_expect_eq(cred_parse_killed(cases[i].status),
			     cases[i].is_killed, "row %zu", i);
	cr_assert_not(cred_is_killed(getpid()));
	cr_assert_not(cred_is_killed(0));
}
