# SPDX-License-Identifier: Apache-2.0
"""Every operation that a Linux program does on a file system, one by one. What is
written on one node is checked on the server too, where that says more."""

import ctypes
import errno
import fcntl
import mmap
import os
import stat
import subprocess

from csi_case import MountCase
from lab import wait_for

LIBC = ctypes.CDLL(None, use_errno=True)
AT_FDCWD = -100
RENAME_NOREPLACE, RENAME_EXCHANGE = 1, 2
SEEK_DATA, SEEK_HOLE = 3, 4


def renameat2(old, new, flags):
    """0 or the errno."""
    if LIBC.renameat2(AT_FDCWD, old.encode(), AT_FDCWD, new.encode(), flags):
        return ctypes.get_errno()
    return 0


def write(path, data=b"x"):
    with open(path, "wb") as f:
        f.write(data)


def read(path):
    with open(path, "rb") as f:
        return f.read()


class FsOps(MountCase):

    def assert_errno(self, number, function, *args, **kwargs):
        with self.assertRaises(OSError) as caught:
            function(*args, **kwargs)
        self.assertEqual(errno.errorcode[caught.exception.errno],
                         errno.errorcode[number])

    # Names

    def test_a_hard_link_is_the_same_file(self):
        write(f"{self.here}/a", b"1")
        os.link(f"{self.here}/a", f"{self.here}/b")
        one, two = (os.stat(f"{self.here}/{name}") for name in "ab")
        self.assertEqual(one.st_ino, two.st_ino)
        self.assertEqual((one.st_nlink, two.st_nlink), (2, 2))
        with open(f"{self.here}/b", "ab") as f:
            f.write(b"2")
        self.assertEqual(read(f"{self.here}/a"), b"12")
        os.unlink(f"{self.here}/a")
        self.assertEqual(os.stat(f"{self.here}/b").st_nlink, 1)
        self.assert_errno(errno.EEXIST, os.link, f"{self.here}/b",
                          f"{self.here}/b")

    def test_a_symlink_keeps_its_target(self):
        for target in ("file", "/absolute/and/missing", "x" * 1000):
            os.symlink(target, f"{self.here}/link")
            self.assertEqual(os.readlink(f"{self.here}/link"), target)
            self.assertEqual(os.readlink(f"{self.there}/link"), target)
            os.unlink(f"{self.here}/link")

    def test_a_symlink_is_resolved_in_the_pod(self):
        write(f"{self.here}/file", b"here")
        os.symlink("file", f"{self.here}/link")
        self.assertEqual(read(f"{self.there}/link"), b"here")

    def test_special_files_can_be_made(self):
        os.mkfifo(f"{self.here}/fifo", 0o600)
        self.assertTrue(stat.S_ISFIFO(os.lstat(f"{self.there}/fifo").st_mode))
        device = os.makedev(1, 3)
        os.mknod(f"{self.here}/null", 0o666 | stat.S_IFCHR, device)
        status = os.lstat(f"{self.there}/null")
        self.assertTrue(stat.S_ISCHR(status.st_mode))
        self.assertEqual(status.st_rdev, device)
        os.mknod(f"{self.here}/plain", 0o600 | stat.S_IFREG)
        self.assertTrue(stat.S_ISREG(os.lstat(f"{self.there}/plain").st_mode))
        # The mount is nodev.
        self.assert_errno(errno.EACCES, os.open, f"{self.here}/null",
                          os.O_RDONLY)

    def test_rename_replaces(self):
        write(f"{self.here}/a", b"a")
        write(f"{self.here}/b", b"b")
        os.rename(f"{self.here}/a", f"{self.here}/b")
        self.assertEqual(read(f"{self.here}/b"), b"a")
        self.assertEqual(os.listdir(self.here), ["b"])

    def test_rename_of_folders(self):
        os.makedirs(f"{self.here}/a/inner")
        os.mkdir(f"{self.here}/full")
        write(f"{self.here}/full/file")
        os.rename(f"{self.here}/a", f"{self.here}/b")
        self.assertEqual(os.listdir(f"{self.here}/b"), ["inner"])
        self.assertRaises(OSError, os.rename, f"{self.here}/b",
                          f"{self.here}/full")
        self.assert_errno(errno.EINVAL, os.rename, f"{self.here}/b",
                          f"{self.here}/b/inner/x")

    def test_rename_flags_are_refused_honestly(self):
        write(f"{self.here}/a", b"a")
        write(f"{self.here}/b", b"b")
        for flags in (RENAME_NOREPLACE, RENAME_EXCHANGE):
            self.assertIn(renameat2(f"{self.here}/a", f"{self.here}/b", flags),
                          (errno.EINVAL, errno.EEXIST))
        self.assertEqual(renameat2(f"{self.here}/a", f"{self.here}/b",
                                   RENAME_EXCHANGE), errno.EINVAL)
        self.assertEqual((read(f"{self.here}/a"), read(f"{self.here}/b")),
                         (b"a", b"b"))

    def test_removing(self):
        os.mkdir(f"{self.here}/dir")
        write(f"{self.here}/dir/file")
        self.assert_errno(errno.ENOTEMPTY, os.rmdir, f"{self.here}/dir")
        self.assert_errno(errno.EISDIR, os.unlink, f"{self.here}/dir")
        self.assert_errno(errno.ENOTDIR, os.rmdir, f"{self.here}/dir/file")
        self.assert_errno(errno.ENOENT, os.unlink, f"{self.here}/none")
        os.unlink(f"{self.here}/dir/file")
        os.rmdir(f"{self.here}/dir")
        self.assertEqual(os.listdir(self.here), [])

    def test_names_may_be_long_and_odd(self):
        names = [b"n" * 255, b"\xff\xfe not utf-8 \x01", b"new\nline",
                 "gr\u00fc\u00df \u65e5\u672c".encode(), b"..hidden", b" "]
        for name in names:
            write(os.path.join(self.here.encode(), name), name)
        self.assertEqual(sorted(os.listdir(self.there.encode())),
                         sorted(names))
        for name in names:
            self.assertEqual(read(os.path.join(self.there.encode(), name)),
                             name)
        self.assert_errno(errno.ENAMETOOLONG, write,
                          os.path.join(self.here.encode(), b"n" * 256))

    def test_a_folder_of_5000_entries_is_listed_completely(self):
        want = {f"entry-{number:05}" for number in range(5000)}
        for name in want:
            os.close(os.open(f"{self.here}/{name}", os.O_CREAT | os.O_WRONLY))
        for folder in (self.here, self.there):
            found = os.listdir(folder)
            self.assertEqual(len(found), 5000)
            self.assertEqual(set(found), want)
        with os.scandir(self.there) as entries:
            self.assertTrue(all(entry.is_file() and entry.stat().st_size == 0
                                for entry in entries))
        for name in want:
            os.unlink(f"{self.there}/{name}")
        self.assertEqual(os.listdir(self.here), [])

    def test_removing_while_listing_removes_everything(self):
        for number in range(1500):
            os.mkdir(f"{self.here}/{number}")
        subprocess.run(["rm", "-rf", self.here], check=True, timeout=100)
        self.assertFalse(os.path.exists(self.behind))

    # Attributes

    def test_times_keep_their_nanoseconds(self):
        write(f"{self.here}/file")
        times = (1234567890_123456789, 1500000000_987654321)
        os.utime(f"{self.here}/file", ns=times)
        for folder in (self.here, self.there, self.behind):
            status = os.stat(f"{folder}/file")
            self.assertEqual((status.st_atime_ns, status.st_mtime_ns), times)

    def test_now_is_the_time_of_a_touch(self):
        write(f"{self.here}/file")
        os.utime(f"{self.here}/file", ns=(0, 0))
        os.utime(f"{self.here}/file")
        self.assertGreater(os.stat(f"{self.here}/file").st_mtime, 1e9)

    def test_chmod_and_chown(self):
        write(f"{self.here}/file")
        os.chmod(f"{self.here}/file", 0o4751)
        self.assertEqual(os.stat(f"{self.there}/file").st_mode & 0o7777,
                         0o4751)
        os.chown(f"{self.here}/file", 12345, 54321)
        for folder in (self.here, self.behind):
            status = os.stat(f"{folder}/file")
            self.assertEqual((status.st_uid, status.st_gid), (12345, 54321))
        # A stat without an open may be answered from the cache for a while.
        wait_for(lambda: os.stat(f"{self.there}/file").st_uid == 12345,
                 "the other node to see the owner", 10)

    def test_umask_is_obeyed(self):
        old = os.umask(0o027)
        try:
            os.mkdir(f"{self.here}/dir")
            write(f"{self.here}/file")
        finally:
            os.umask(old)
        self.assertEqual(os.stat(f"{self.behind}/dir").st_mode & 0o777, 0o750)
        self.assertEqual(os.stat(f"{self.behind}/file").st_mode & 0o777, 0o640)

    def test_statfs_tells_about_the_server(self):
        mine, servers = os.statvfs(self.here), os.statvfs(self.behind)
        self.assertEqual(mine.f_blocks * mine.f_frsize,
                         servers.f_blocks * servers.f_frsize)
        self.assertGreater(mine.f_bavail, 0)
        self.assertGreater(mine.f_files, 0)
        self.assertEqual(mine.f_namemax, 255)

    def test_access_is_asked(self):
        write(f"{self.here}/file")
        os.chmod(f"{self.here}/file", 0o644)
        self.assertTrue(os.access(f"{self.here}/file", os.R_OK | os.W_OK))
        self.assertFalse(os.access(f"{self.here}/file", os.X_OK))
        self.assertFalse(os.access(f"{self.here}/none", os.F_OK))

    def test_xattrs_are_refused_honestly(self):
        write(f"{self.here}/file")
        self.assert_errno(errno.ENOTSUP, os.setxattr, f"{self.here}/file",
                          "user.x", b"1")

    # Content

    def test_truncate_both_ways(self):
        write(f"{self.here}/file", b"0123456789")
        os.truncate(f"{self.here}/file", 3)
        self.assertEqual(read(f"{self.here}/file"), b"012")
        os.truncate(f"{self.here}/file", 6)
        self.assertEqual(read(f"{self.there}/file"), b"012\0\0\0")
        with open(f"{self.here}/file", "r+b") as f:
            os.ftruncate(f.fileno(), 0)
        self.assertEqual(read(f"{self.there}/file"), b"")

    def test_open_with_truncation(self):
        write(f"{self.here}/file", b"long content")
        write(f"{self.here}/file", b"short")
        self.assertEqual(read(f"{self.behind}/file"), b"short")

    def test_a_shared_mapping_is_written_back(self):
        write(f"{self.here}/file", bytes(10000))
        with open(f"{self.here}/file", "r+b") as f, \
                mmap.mmap(f.fileno(), 10000) as area:
            area[4090:4100] = b"0123456789"
            area.flush()
        self.assertEqual(read(f"{self.there}/file")[4090:4100], b"0123456789")

    def test_direct_io(self):
        data = os.urandom(1 << 20)
        with mmap.mmap(-1, len(data)) as area:
            area.write(data)
            fd = os.open(f"{self.here}/file",
                         os.O_CREAT | os.O_RDWR | os.O_DIRECT)
            try:
                self.assertEqual(os.pwrite(fd, area, 0), len(data))
                area[:] = bytes(len(data))
                self.assertEqual(os.preadv(fd, [area], 0), len(data))
                self.assertEqual(area[:], data)
            finally:
                os.close(fd)
        self.assertEqual(read(f"{self.behind}/file"), data)

    def test_exclusive_creation(self):
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
        os.close(os.open(f"{self.here}/file", flags, 0o600))
        self.assert_errno(errno.EEXIST, os.open, f"{self.here}/file", flags)

    def test_holes_and_files_beyond_4_gib(self):
        at = (5 << 30) + 123
        with open(f"{self.here}/big", "wb") as f:
            f.seek(at)
            f.write(b"end")
        self.assertEqual(os.stat(f"{self.there}/big").st_size, at + 3)
        self.assertLess(os.stat(f"{self.behind}/big").st_blocks, 1000)
        with open(f"{self.there}/big", "rb") as f:
            f.seek(at - 2)
            self.assertEqual(f.read(), b"\0\0end")

    def test_seek_data_and_hole_are_answered(self):
        write(f"{self.here}/file", b"0123456789")
        fd = os.open(f"{self.here}/file", os.O_RDONLY)
        try:
            self.assertEqual(os.lseek(fd, 2, SEEK_DATA), 2)
            self.assertEqual(os.lseek(fd, 2, SEEK_HOLE), 10)
            self.assert_errno(errno.ENXIO, os.lseek, fd, 10, SEEK_DATA)
        finally:
            os.close(fd)

    def test_fallocate_is_refused_honestly(self):
        write(f"{self.here}/file", b"x")
        with open(f"{self.here}/file", "r+b") as f:
            mode = 1  # FALLOC_FL_KEEP_SIZE
            result = LIBC.fallocate(f.fileno(), mode, ctypes.c_long(0),
                                    ctypes.c_long(4096))
            self.assertEqual((result, ctypes.get_errno()),
                             (-1, errno.EOPNOTSUPP))
            # glibc then writes zeros itself.
            os.posix_fallocate(f.fileno(), 0, 10000)
        self.assertEqual(os.stat(f"{self.there}/file").st_size, 10000)

    def test_an_open_file_survives_its_removal(self):
        write(f"{self.here}/file", b"still here")
        with open(f"{self.here}/file", "r+b") as f:
            os.unlink(f"{self.here}/file")
            self.assertFalse(os.path.exists(f"{self.here}/file"))
            self.assertEqual(f.read(), b"still here")
            f.write(b" and growing")
            f.flush()
            f.seek(0)
            self.assertEqual(f.read(), b"still here and growing")
        # close(2) does not wait for FUSE's RELEASE.
        wait_for(lambda: os.listdir(self.behind) == [], "the file to go")

    def test_an_open_file_survives_its_replacement(self):
        write(f"{self.here}/file", b"old")
        write(f"{self.here}/new", b"new")
        with open(f"{self.here}/file", "rb") as f:
            os.rename(f"{self.here}/new", f"{self.here}/file")
            self.assertEqual(f.read(), b"old")
        self.assertEqual(read(f"{self.here}/file"), b"new")
        wait_for(lambda: os.listdir(self.behind) == ["file"],
                 "the old file to go")

    def test_appends_of_two_descriptors_do_not_overwrite(self):
        flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND
        one = os.open(f"{self.here}/log", flags)
        two = os.open(f"{self.here}/log", flags)
        try:
            for _ in range(20):
                os.write(one, b"1")
                os.write(two, b"2")
        finally:
            os.close(one)
            os.close(two)
        self.assertEqual(read(f"{self.behind}/log"), b"12" * 20)

    def test_fsync_of_files_and_folders(self):
        fd = os.open(f"{self.here}/file", os.O_CREAT | os.O_WRONLY)
        os.write(fd, b"durable")
        os.fsync(fd)
        os.fdatasync(fd)
        self.assertEqual(read(f"{self.behind}/file"), b"durable")
        os.close(fd)
        folder = os.open(self.here, os.O_RDONLY | os.O_DIRECTORY)
        os.fsync(folder)
        os.close(folder)

    def test_locks_between_processes_of_a_node(self):
        write(f"{self.here}/file")
        code = ("import fcntl, sys\n"
                "try: fcntl.lockf(open(sys.argv[1], 'r+'), "
                "fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
                "except BlockingIOError: print('busy')")
        with open(f"{self.here}/file", "r+b") as f:
            fcntl.lockf(f, fcntl.LOCK_EX)
            done = subprocess.run(["/usr/bin/python3", "-c", code,
                                   f"{self.here}/file"], text=True, timeout=30,
                                  capture_output=True, check=True)
        self.assertEqual(done.stdout, "busy\n")

    def test_a_program_runs_from_the_mount(self):
        subprocess.run(["cp", "/bin/true", f"{self.here}/program"], check=True)
        subprocess.run([f"{self.here}/program"], check=True, timeout=30)
        subprocess.run([f"{self.there}/program"], check=True, timeout=30)

    def test_the_volume_is_a_mount_of_its_own_without_suid_and_dev(self):
        with open("/proc/self/mountinfo", encoding="utf-8") as f:
            line = [line for line in f if line.split()[4] == self.a][-1]
        self.assertIn("fuse.claimfs", line)
        options = line.split()[5].split(",")
        self.assertLessEqual({"rw", "nosuid", "nodev"}, set(options))

    def test_the_rest_of_the_share_can_not_be_reached(self):
        self.assertNotIn(".claimfs", os.listdir(self.a))
        self.assertFalse(os.path.exists(f"{self.a}/.claimfs"))
        self.assertNotEqual(os.stat(f"{self.a}/..").st_dev,
                            os.stat(self.a).st_dev)
