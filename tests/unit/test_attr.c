/* SPDX-License-Identifier: Apache-2.0 */

#include <sys/sysmacros.h>

#include <criterion/criterion.h>
#include <fuse_lowlevel.h>

#include "attr.h"

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

Test(attr, timeouts_follow_access_mode_and_options)
{
	static const struct {
		enum access_mode mode;
		bool has_actimeo, is_noac;
		double expected;
	} table[] = {
		{ ACCESS_RWX, false, false, 1.0 },
		{ ACCESS_ROX, false, false, 1.0 },
		{ ACCESS_RWO, false, false, 30.0 },
		{ ACCESS_RWOP, false, false, 30.0 },
		{ ACCESS_RWX, true, false, 7.0 },
		{ ACCESS_RWO, true, false, 7.0 },
		{ ACCESS_RWO, false, true, 0.0 },
		{ ACCESS_RWX, true, true, 0.0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct mount_options options = MOUNT_OPTIONS_INIT;
		struct attr_timeouts timeouts;

		options.acmin_s = 7;
		options.has_actimeo = table[i].has_actimeo;
		options.is_noac = table[i].is_noac;
		timeouts = attr_timeouts(table[i].mode, &options);
		cr_assert_float_eq(timeouts.attr, table[i].expected, 1e-9,
				   "row %zu", i);
		cr_assert_float_eq(timeouts.entry, table[i].expected, 1e-9);
	}
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
