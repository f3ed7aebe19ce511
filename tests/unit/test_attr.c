/* SPDX-License-Identifier: Apache-2.0 */

#include <sys/sysmacros.h>

#include <criterion/criterion.h>
#include <fuse_lowlevel.h>

#include "attr.h"
#include "clock.h"

Test(attr, becomes_a_stat)
{
	const struct nfs_attr attr = { .mode = S_IFCHR | 0640,
				       .nlink = 2,
				       .uid = 3,
				       .gid = 4,
				       .size = 5ull << 40,
				       .used = 513,
				       .rdev_major = 8,
				       .rdev_minor = 300,
				       .fileid = 1ull << 60,
				       .atime = { 1, 2 },
				       .mtime = { 3, 4 },
				       .ctime = { 5, 6 } };
	struct stat st;

	attr_to_stat(&attr, &st);
	cr_assert_eq(st.st_mode, (mode_t)(S_IFCHR | 0640));
	cr_assert_eq(st.st_nlink, 2);
	cr_assert_eq(st.st_uid, 3);
	cr_assert_eq(st.st_gid, 4);
	cr_assert_eq(st.st_size, (off_t)(5ull << 40));
	cr_assert_eq(st.st_blocks, 2, "blocks of 512 bytes, rounded up");
	cr_assert_eq(st.st_rdev, makedev(8, 300));
	cr_assert_eq(st.st_ino, (ino_t)(1ull << 60));
	cr_assert_eq(st.st_mtim.tv_nsec, 4);
}

Test(attr, a_setattr_carries_only_what_was_asked)
{
	const struct stat st = { .st_mode = S_IFREG | 04755,
				 .st_uid = 1,
				 .st_gid = 2,
				 .st_size = 3,
				 .st_atim = { 4, 5 },
				 .st_mtim = { 6, 7 } };
	static const struct {
		int to_set;
		uint32_t mask;
	} table[] = {
		{ 0, 0 },
		{ FUSE_SET_ATTR_MODE, NFS_SET_MODE },
		{ FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID,
		  NFS_SET_UID | NFS_SET_GID },
		{ FUSE_SET_ATTR_SIZE, NFS_SET_SIZE },
		{ FUSE_SET_ATTR_ATIME, NFS_SET_ATIME },
		{ FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_ATIME_NOW,
		  NFS_SET_ATIME_NOW },
		{ FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW |
			  FUSE_SET_ATTR_ATIME,
		  NFS_SET_MTIME_NOW | NFS_SET_ATIME },
		{ FUSE_SET_ATTR_CTIME, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct nfs_set set;

		attr_from_setattr(&st, table[i].to_set, &set);
		cr_assert_eq(set.mask, table[i].mask, "row %zu", i);
		cr_assert_eq(set.mode, 04755u, "only permission bits");
		cr_assert_eq(set.mtime.tv_nsec, 7);
	}
}

static struct mount_options parse(const char *text)
{
	struct mount_options options = MOUNT_OPTIONS_INIT;

	cr_assert_eq(mount_options_parse(&options, text, NULL), 0);
	return options;
}

Test(attr, timeouts_follow_access_mode_and_options)
{
	static const struct {
		enum access_mode mode;
		const char *options;
		struct attr_timeouts expected; /* reg, dir, entry, negative */
	} table[] = {
		{ ACCESS_RWX, "hard", { { 1, 1 }, { 1, 1 }, { 1, 1 } } },
		{ ACCESS_ROX, "hard", { { 1, 1 }, { 1, 1 }, { 1, 1 } } },
		{ ACCESS_RWO,
		  "hard",
		  { { 30, 30 }, { 30, 30 }, { 30, 30 }, { 30, 30 } } },
		{ ACCESS_RWOP,
		  "hard",
		  { { 30, 30 }, { 30, 30 }, { 30, 30 }, { 30, 30 } } },
		{ ACCESS_RWX, "acregmin=7", { { 7, 60 }, { 1, 1 }, { 1, 1 } } },
		{ ACCESS_RWX,
		  "acdirmin=7",
		  { { 1, 1 }, { 7, 60 }, { 7, 60 } } },
		{ ACCESS_RWO,
		  "actimeo=7",
		  { { 7, 7 }, { 7, 7 }, { 7, 7 }, { 7, 7 } } },
		{ ACCESS_RWO, "noac", { { 0 } } },
		{ ACCESS_RWX, "actimeo=7,noac,lookupcache=all", { { 0 } } },
		{ ACCESS_RWX,
		  "lookupcache=all",
		  { { 1, 1 }, { 1, 1 }, { 1, 1 }, { 1, 1 } } },
		{ ACCESS_RWO,
		  "lookupcache=positive",
		  { { 30, 30 }, { 30, 30 }, { 30, 30 } } },
		{ ACCESS_RWO, "lookupcache=none", { { 30, 30 }, { 30, 30 } } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct mount_options options = parse(table[i].options);
		struct attr_timeouts found =
			attr_timeouts(table[i].mode, &options);

		cr_assert_arr_eq(&found, &table[i].expected, sizeof(found),
				 "row %zu", i);
	}
}

Test(attr, believes_as_long_as_the_object_was_unchanged_within_bounds)
{
	const struct attr_timeouts timeouts = { .reg = { 3, 60 },
						.dir = { 30, 30 } };
	static const struct {
		mode_t mode;
		uint64_t age_ns;
		double expected;
	} table[] = {
		{ S_IFREG, 0, 3 },
		{ S_IFREG, 2 * NS_PER_S, 3 },
		{ S_IFREG, 4500 * NS_PER_MS, 4.5 },
		{ S_IFLNK, 59 * NS_PER_S, 59 },
		{ S_IFREG, 3600 * NS_PER_S, 60 },
		{ S_IFDIR, 0, 30 },
		{ S_IFDIR, 3600 * NS_PER_S, 30 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		cr_assert_float_eq(
			attr_timeout(&timeouts, table[i].mode, table[i].age_ns),
			table[i].expected, 1e-9, "row %zu", i);
}

Test(attr, fsstat_becomes_a_statvfs)
{
	const struct nfs_result fsstat = { .fsstat = {
						   .total_bytes = 1ull << 40,
						   .free_bytes = 1ull << 30,
						   .avail_bytes = 1ull << 29,
						   .total_files = 10,
						   .free_files = 5,
						   .avail_files = 4 } };
	struct statvfs st;

	attr_to_statvfs(&fsstat, &st);
	cr_assert_eq(st.f_blocks * st.f_frsize, 1ull << 40);
	cr_assert_eq(st.f_bfree * st.f_frsize, 1ull << 30);
	cr_assert_eq(st.f_bavail * st.f_frsize, 1ull << 29);
	cr_assert_eq(st.f_files, 10);
	cr_assert_eq(st.f_ffree, 5);
	cr_assert_eq(st.f_favail, 4);
	cr_assert_eq(st.f_namemax, 255);
}
