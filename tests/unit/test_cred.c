/* SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "clock.h"
#include "cred.h"

Test(cred, groups_come_from_the_status_file)
{
	uint32_t groups[CRED_GROUPS_MAX];

	cr_assert_eq(cred_parse_groups("Name:\tx\nGid:\t1\t1\n"
				       "Groups:\t10 20 30 \nX:\t9\n",
				       groups),
		     3);
	cr_assert_eq(groups[0], 10);
	cr_assert_eq(groups[2], 30);
}

Test(cred, a_status_file_that_was_cut_makes_no_new_group)
{
	uint32_t groups[CRED_GROUPS_MAX];

	cr_assert_eq(cred_parse_groups("x\nGroups:\t10 20 3", groups), 2);
}

Test(cred, groups_have_a_limit)
{
	_cleanup_(free) char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	uint32_t groups[CRED_GROUPS_MAX];

	(void)fprintf(out, "x\nGroups:\t");
	for (int i = 0; i < CRED_GROUPS_MAX + 10; i++)
		(void)fprintf(out, "%d ", i);
	cr_assert_eq(fclose(out), 0);
	cr_assert_eq(cred_parse_groups(text, groups), CRED_GROUPS_MAX);
	cr_assert_eq(groups[CRED_GROUPS_MAX - 1], CRED_GROUPS_MAX - 1);
}

Test(cred, odd_status_files_mean_no_groups)
{
	static const char *const texts[] = { "", "Groups:", "\nGroups:\n",
					     "\nGroups:\tx\n",
					     "\nGroups:\t99999999999\n" };
	uint32_t groups[CRED_GROUPS_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		cr_assert_eq(cred_parse_groups(texts[i], groups), 0, "row %zu",
			     i);
}

/* A thread 4711 of group 1 and, besides, of 1 to 40. */
static struct cred_cache *cache_with_many(struct nfs_cred *ret)
{
	static struct cred_cache cache;
	struct cred_entry *entry = &cache.entries[4711 % CRED_CACHE_SIZE];
	uint64_t now = clock_ns();

	*entry = (struct cred_entry){
		.pid = 4711, .read_ns = now, .uid = 5, .gid = 1, .n_groups = 40
	};
	for (uint32_t i = 0; i < 40; i++)
		entry->groups[i] = i + 1;
	cred_get(&cache, 4711, 5, 1, now, ret);
	return &cache;
}

Test(cred, no_more_groups_than_the_wire_carries_and_not_the_primary_one)
{
	struct nfs_cred cred;

	(void)cache_with_many(&cred);
	cr_assert_eq(cred.n_gids, NFS_GIDS_MAX);
	cr_assert_eq(cred.gids[0], 2);
	cr_assert_eq(cred.gids[15], 17);
}

Test(cred, the_object_s_group_is_among_those_that_are_sent)
{
	struct nfs_cred cred;
	const struct cred_cache *cache = cache_with_many(&cred);

	cred_prefer(cache, 4711, 33, &cred);
	cr_assert_eq(cred.n_gids, NFS_GIDS_MAX);
	cr_assert_eq(cred.gids[0], 33);
	cr_assert_eq(cred.gids[1], 2);
	cr_assert_eq(cred.gids[15], 16);
	cred_prefer(cache, 4711, 34, &cred);
	cr_assert_eq(cred.gids[0], 34);
	cr_assert_eq(cred.gids[1], 33, "both directories of a rename");
	cred_prefer(cache, 4711, 33, &cred);
	cr_assert_eq(cred.gids[0], 33);
	cr_assert_eq(cred.gids[1], 34);
	cr_assert_eq(cred.gids[2], 2, "none twice");
}

Test(cred, nobody_gets_a_group_that_he_is_not_in)
{
	struct nfs_cred cred, before;
	const struct cred_cache *cache = cache_with_many(&cred);

	before = cred;
	cred_prefer(cache, 4711, 41, &cred);
	cred_prefer(cache, 4711, 1, &cred); /* the primary one */
	cred_prefer(cache, 4711 + CRED_CACHE_SIZE, 33, &cred);
	cr_assert_arr_eq(&cred, &before, sizeof(cred));
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
	entry->n_groups = 1; /* what only the cache knows */
	entry->groups[0] = 4711;
	cred_get(&cache, getpid(), 1000, 1001, now + 10, &cred);
	cr_assert_eq(cred.gids[0], 4711);
	cred_get(&cache, getpid(), 1000, 1001, now + 2 * NS_PER_S, &cred);
	cr_assert(cred.n_gids != 1 || cred.gids[0] != 4711, "read again");
	entry->n_groups = 1;
	entry->groups[0] = 4711;
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
