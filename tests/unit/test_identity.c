/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>
#include <sys/stat.h>

#include <criterion/criterion.h>

#include "identity.h"

static struct nfs_cred cred_of(uint32_t uid, uint32_t gid, uint32_t group)
{
	return (struct nfs_cred){
		.uid = uid, .gid = gid, .n_gids = 1, .gids = { group }
	};
}

Test(identity, without_parameters_callers_are_themselves)
{
	const struct identity identity = { .uid = 7, .gid = 8 };
	struct nfs_cred cred = cred_of(0, 0, 5);

	identity_map(&identity, &cred);
	cr_expect_eq(cred.uid, 0);
	cr_expect_eq(cred.gid, 0);
	cr_expect_eq(cred.n_gids, 1);
	cr_expect_eq(cred.gids[0], 5);
	cr_expect_eq(identity_mode(&identity, S_IFDIR | 0700), S_IFDIR | 0700);
}

Test(identity, all_makes_everybody_the_same_user_without_groups)
{
	const struct identity identity = { .squash = SQUASH_ALL,
					   .uid = 7,
					   .gid = 8 };
	static const uint32_t uids[] = { 0, 7, 1000 };

	for (size_t i = 0; i < ARRAY_SIZE(uids); i++) {
		struct nfs_cred cred = cred_of(uids[i], 3, 5);

		identity_map(&identity, &cred);
		cr_expect_eq(cred.uid, 7);
		cr_expect_eq(cred.gid, 8);
		cr_expect_eq(cred.n_gids, 0);
	}
}

Test(identity, root_maps_uid_0_and_gid_0_and_nothing_else)
{
	const struct identity identity = { .squash = SQUASH_ROOT,
					   .uid = 7,
					   .gid = 8 };
	struct nfs_cred root = cred_of(0, 3, 5);
	struct nfs_cred user = cred_of(1000, 1000, 5);
	struct nfs_cred wheel = cred_of(1000, 0, 0);

	identity_map(&identity, &root);
	cr_expect(root.uid == 7 && root.gid == 8 && root.n_gids == 0);
	identity_map(&identity, &user);
	cr_expect(user.uid == 1000 && user.gid == 1000 && user.gids[0] == 5);
	identity_map(&identity, &wheel);
	cr_expect(wheel.uid == 1000 && wheel.gid == 8 && wheel.gids[0] == 8);
}

Test(identity, the_mount_group_is_primary_and_the_caller_s_own_supplementary)
{
	const struct identity identity = { .mount_group = 3000 + 1 };
	struct nfs_cred plain = cred_of(1000, 1000, 5);
	struct nfs_cred member = cred_of(1000, 1000, 3000);
	struct nfs_cred own = cred_of(1000, 3000, 5);

	identity_map(&identity, &plain);
	cr_expect(plain.gid == 3000 && plain.n_gids == 2);
	cr_expect(plain.gids[0] == 1000 && plain.gids[1] == 5);
	identity_map(&identity, &member);
	cr_expect(member.gid == 3000 && member.n_gids == 1);
	cr_expect_eq(member.gids[0], 1000);
	identity_map(&identity, &own);
	cr_expect(own.gid == 3000 && own.n_gids == 1 && own.gids[0] == 5);
}

Test(identity, of_16_groups_the_last_makes_room_for_the_mount_group)
{
	const struct identity identity = { .mount_group = 3000 + 1 };
	struct nfs_cred cred = { .uid = 1, .gid = 99, .n_gids = NFS_GIDS_MAX };

	for (uint32_t i = 0; i < NFS_GIDS_MAX; i++)
		cred.gids[i] = 100 + i;
	identity_map(&identity, &cred);
	cr_expect_eq(cred.gid, 3000);
	cr_expect_eq(cred.n_gids, NFS_GIDS_MAX);
	cr_expect_eq(cred.gids[0], 99);
	cr_expect_eq(cred.gids[1], 100);
	cr_expect_eq(cred.gids[15], 114);
}

Test(identity, a_squashed_caller_has_the_mount_group_as_well)
{
	const struct identity identity = { .squash = SQUASH_ALL,
					   .uid = 7,
					   .gid = 8,
					   .mount_group = 3000 + 1 };
	struct nfs_cred cred = cred_of(0, 0, 5);

	identity_map(&identity, &cred);
	cr_expect(cred.uid == 7 && cred.gid == 3000);
	cr_expect(cred.n_gids == 1 && cred.gids[0] == 8);
}

Test(identity, the_mount_group_may_read_and_write_new_entries)
{
	const struct identity identity = { .mount_group = 0 + 1 };

	cr_expect_eq(identity_mode(&identity, S_IFREG | 0600), S_IFREG | 0660);
	cr_expect_eq(identity_mode(&identity, 0444), 0464);
	cr_expect_eq(identity_mode(&identity, S_IFDIR | 0700), S_IFDIR | 02770);
}

Test(identity, a_mount_group_is_a_number)
{
	static const char *const bad[] = { "staff", "-1",  "4294967295",
					   " 1",    "1,2", "0x10" };
	uint64_t group;

	cr_expect_eq(identity_parse_group("", &group, NULL), 0);
	cr_expect_eq(group, 0);
	cr_expect_eq(identity_parse_group(NULL, &group, NULL), 0);
	cr_expect_eq(group, 0);
	cr_expect_eq(identity_parse_group("0", &group, NULL), 0);
	cr_expect_eq(group, 1);
	cr_expect_eq(identity_parse_group("4294967294", &group, NULL), 0);
	cr_expect_eq(group, 4294967295);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_(err_fini) struct err err = ERR_INIT;

		cr_expect_eq(identity_parse_group(bad[i], &group, &err),
			     -EINVAL, "%s", bad[i]);
		cr_expect_not_null(strstr(err_text(&err), bad[i]));
		cr_expect_not_null(strstr(err_text(&err), "4294967294"));
	}
}
