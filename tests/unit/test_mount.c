/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Real mounts, in a mount namespace of each test's own (criterion forks per
 * test), so that nothing can stay behind. Needs root; skipped otherwise.
 */

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <criterion/criterion.h>

#include "mount.h"

static char dir[] = "/tmp/claimfs-mount-XXXXXX";

static const char *at(const char *name)
{
	static char paths[4][128];
	static unsigned int next;
	char *path = paths[next++ % 4];

	(void)snprintf(path, 128, "%s/%s", dir, name);
	return path;
}

static void enter(void)
{
	if (geteuid() != 0)
		cr_skip_test("mounting needs root");
	cr_assert_not_null(mkdtemp(dir));
	cr_assert_eq(unshare(CLONE_NEWNS), 0);
	cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	cr_assert_eq(mkdir(at("source"), 0755), 0);
	cr_assert_eq(mkdir(at("target"), 0755), 0);
	cr_assert_eq(mkdir(at("a b\\c"), 0755), 0);
}

static void leave(void)
{
	if (geteuid() != 0)
		return;
	(void)umount2(at("target"), MNT_DETACH);
	(void)umount2(at("a b\\c"), MNT_DETACH);
	(void)rmdir(at("source"));
	(void)rmdir(at("target"));
	(void)rmdir(at("a b\\c"));
	(void)unlink(at("link"));
	(void)rmdir(dir);
}

TestSuite(mount, .init = enter, .fini = leave);

/* A FUSE mount whose daemon never answers; the descriptor is its life. */
static int mount_mute_fuse(const char *target)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	cr_assert_geq(fd, 0);
	cr_assert_eq(mount_fuse(fd, "server:/share", target, 0, NULL), 0);
	return fd;
}

Test(mount, a_plain_directory_is_not_a_mount)
{
	struct mount_entry entry = { 0 };

	cr_assert_eq(mount_find(at("target"), &entry), 0);
	cr_assert_eq(mount_find(at("missing/target"), &entry), 0);
	cr_assert_null(entry.target);
	cr_assert_eq(mount_remove(at("target"), 0, NULL), 0);
}

Test(mount, a_bind_is_nosuid_and_nodev_and_writable)
{
	_cleanup_(mount_entry_fini) struct mount_entry entry = { 0 };

	cr_assert_eq(mount_bind(at("source"), at("target"), 0, NULL), 0);
	cr_assert_eq(mount_find(at("target"), &entry), 1);
	cr_assert_not_null(strstr(entry.options, "rw,nosuid,nodev"));
	cr_assert_eq(mkdir(at("target/x"), 0755), 0);
	cr_assert_eq(rmdir(at("source/x")), 0);
}

Test(mount, a_read_only_bind_refuses_writes)
{
	_cleanup_(mount_entry_fini) struct mount_entry entry = { 0 };

	cr_assert_eq(mount_bind(at("source"), at("target"),
				MOUNT_RO | MOUNT_NOATIME, NULL),
		     0);
	cr_assert_eq(mkdir(at("target/x"), 0755), -1);
	cr_assert_eq(errno, EROFS);
	cr_assert_eq(mkdir(at("source/x"), 0755), 0);
	cr_assert_eq(rmdir(at("source/x")), 0);
	cr_assert_eq(mount_find(at("target"), &entry), 1);
	cr_assert_not_null(strstr(entry.options, "ro,nosuid,nodev"));
	cr_assert_not_null(strstr(entry.options, "noatime"));
}

Test(mount, a_bind_to_nowhere_names_both_paths)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;

	cr_assert_eq(mount_bind(at("source"), at("missing"), 0, &err), -ENOENT);
	cr_assert_not_null(strstr(err_text(&err), "/source"));
	cr_assert_not_null(strstr(err_text(&err), "/missing"));
}

Test(mount, blanks_and_backslashes_are_found)
{
	_cleanup_(mount_entry_fini) struct mount_entry entry = { 0 };

	cr_assert_eq(mount_bind(at("source"), at("a b\\c"), 0, NULL), 0);
	cr_assert_eq(mount_find(at("a b\\c"), &entry), 1);
	cr_assert_str_eq(entry.target, at("a b\\c"));
}

Test(mount, a_path_through_a_link_or_with_slashes_is_found)
{
	_cleanup_(mount_entry_fini) struct mount_entry entry = { 0 };

	cr_assert_eq(symlink(dir, at("link")), 0);
	cr_assert_eq(mount_bind(at("source"), at("target"), 0, NULL), 0);
	cr_assert_eq(mount_find(at("link/target//"), &entry), 1);
	cr_assert_str_eq(entry.target, at("target"));
}

Test(mount, a_stack_of_mounts_is_removed_whole)
{
	struct mount_entry entry = { 0 };

	for (int i = 0; i < 3; i++)
		cr_assert_eq(mount_bind(at("source"), at("target"), 0, NULL),
			     0);
	cr_assert_eq(mount_remove(at("target"), 0, NULL), 0);
	cr_assert_eq(mount_find(at("target"), &entry), 0);
}

Test(mount, a_dead_fuse_mount_is_found_and_removed)
{
	_cleanup_(mount_entry_fini) struct mount_entry entry = { 0 };
	struct mount_entry none = { 0 };
	struct stat st;

	(void)fd_close(mount_mute_fuse(at("target")));
	cr_assert_eq(stat(at("target"), &st), -1);
	cr_assert_eq(errno, ENOTCONN);
	cr_assert_eq(mount_find(at("target"), &entry), 1);
	cr_assert_str_eq(entry.fstype, MOUNT_FSTYPE);
	cr_assert_str_eq(entry.source, "server:/share");
	cr_assert_eq(mount_remove(at("target"), entry.minor, NULL), 0);
	cr_assert_eq(mount_find(at("target"), &none), 0);
}

Test(mount, a_busy_mute_fuse_mount_is_aborted_and_removed)
{
	_cleanup_(mount_entry_fini) struct mount_entry entry = { 0 };
	_cleanup_(fd_close) int fuse_fd = mount_mute_fuse(at("target"));
	/* O_PATH asks the daemon nothing, and keeps the mount busy. */
	_cleanup_(fd_close) int user_fd = open(at("target"), O_PATH);
	struct mount_entry none = { 0 };
	struct stat st;

	cr_assert_geq(fuse_fd, 0);
	cr_assert_geq(user_fd, 0);
	cr_assert_eq(mount_find(at("target"), &entry), 1);
	cr_assert_eq(mount_remove(at("target"), entry.minor, NULL), 0);
	cr_assert_eq(mount_find(at("target"), &none), 0);
	cr_assert_eq(fstat(user_fd, &st), -1, "the connection is aborted");
	cr_assert_eq(errno, ENOTCONN);
}

Test(mount, what_a_process_sees_is_read_only_if_every_bind_is)
{
	_cleanup_(mount_entry_fini) struct mount_entry entry = { 0 };
	const pid_t self = getpid();

	(void)fd_close(mount_mute_fuse(at("source")));
	cr_assert_eq(mount_find(at("source"), &entry), 1);
	cr_assert(!mount_is_read_only_for(self, entry.minor, at("source")),
		  "there is no other mount than the excepted one");
	cr_assert_eq(mount_bind(at("source"), at("target"), MOUNT_RO, NULL), 0);
	cr_assert(mount_is_read_only_for(self, entry.minor, at("source")));
	cr_assert(!mount_is_read_only_for(self, entry.minor, at("target")));
	cr_assert_eq(mount_bind(at("source"), at("a b\\c"), 0, NULL), 0);
	cr_assert(!mount_is_read_only_for(self, entry.minor, at("source")));
	cr_assert_eq(umount2(at("source"), MNT_DETACH), 0);
}
