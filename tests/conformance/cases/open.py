# SPDX-License-Identifier: Apache-2.0
"""open(2): flags, modes, and what the other mount wrote."""

import errno
import os

from steps import as_user, equal, fails, opened, read, write
from suite import case

USER = (1000, 1000)
O_TMPFILE = 0o20000000 | os.O_DIRECTORY


def open_and_close(path, flags=os.O_RDONLY, mode=0o644):
    with opened(path, flags, mode):
        pass


@case("O_CREAT leaves the content and the mode of what exists")
def create_existing():
    write("a", b"content")
    os.chmod("a", 0o640)
    open_and_close("a", os.O_CREAT | os.O_RDWR, 0o777)
    equal(read("a"), b"content")
    equal(os.stat("a").st_mode & 0o7777, 0o640)


@case("O_CREAT on the other mount leaves content and mode of what exists",
      n_mounts=2)
def create_existing_elsewhere(other):
    fails(errno.ENOENT, os.stat, other + "/a")
    write("a", b"content")
    os.chmod("a", 0o640)
    open_and_close(other + "/a", os.O_CREAT | os.O_RDWR, 0o777)
    equal(read("a"), b"content")
    equal(os.stat("a").st_mode & 0o7777, 0o640)
    equal(read(other + "/a"), b"content")


@case("O_EXCL refuses whatever exists, even a dangling symlink")
def exclusive():
    write("file")
    os.mkdir("folder")
    os.symlink("none", "link")
    for name in ("file", "folder", "link"):
        fails(errno.EEXIST, os.open, name, os.O_CREAT | os.O_EXCL | os.O_RDWR)
    equal(sorted(os.listdir()), ["file", "folder", "link"])


@case("O_CREAT through a dangling symlink makes what it names")
def create_through_link():
    os.symlink("target", "link")
    write("link", b"content")
    equal(read("target"), b"content")


@case("O_TRUNC empties, and keeps the inode and the mode")
def truncate():
    write("a", b"content")
    os.chmod("a", 0o600)
    inode = os.stat("a").st_ino
    with opened("a", os.O_WRONLY | os.O_TRUNC | os.O_CREAT, 0o666) as fd:
        equal(os.fstat(fd).st_size, 0)
        equal(os.fstat(fd).st_mode & 0o777, 0o600)
    equal((os.stat("a").st_ino, os.stat("a").st_size), (inode, 0))


@case("wrong kinds are refused with their own errors")
def wrong_kinds():
    write("file")
    os.mkdir("folder")
    os.symlink("file", "link")
    fails(errno.ENOTDIR, os.open, "file", os.O_DIRECTORY)
    fails(errno.ENOTDIR, os.open, "file/", os.O_RDONLY)
    fails(errno.ENOTDIR, os.open, "file/a", os.O_RDONLY)
    fails(errno.ELOOP, os.open, "link", os.O_NOFOLLOW)
    fails(errno.EISDIR, os.open, "folder", os.O_WRONLY)
    fails(errno.EISDIR, os.open, "folder", os.O_RDWR)
    fails(errno.EISDIR, os.open, "folder", os.O_CREAT | os.O_RDONLY)
    fails(errno.EISDIR, os.open, "new/", os.O_CREAT | os.O_RDWR)
    fails(errno.ENOENT, os.open, "none", os.O_RDWR)


@case("a descriptor does what it was opened for, and nothing else")
def access_modes():
    write("a", b"content")
    with opened("a", os.O_RDONLY) as fd:
        fails(errno.EBADF, os.write, fd, b"x")
        fails((errno.EINVAL, errno.EBADF), os.ftruncate, fd, 0)
    with opened("a", os.O_WRONLY) as fd:
        fails(errno.EBADF, os.read, fd, 1)
        os.write(fd, b"C")
    equal(read("a"), b"Content")


@case("a writer that may only write can write any part of a page")
def write_only_parts():
    write("a", b"-" * 10000)
    with opened("a", os.O_WRONLY) as fd:
        os.pwrite(fd, b"xyz", 4090)
        os.pwrite(fd, b"end", 9999)
    equal(read("a"), b"-" * 4090 + b"xyz" + b"-" * 5906 + b"end")


@case("what is created read-only can be written by its creator's descriptor")
def create_read_only():
    os.chmod(".", 0o777)

    def create():
        for mode in (0o444, 0o000):
            name = f"a{mode}"
            with opened(name, os.O_CREAT | os.O_RDWR | os.O_EXCL, mode) as fd:
                os.write(fd, b"content" * 1000)
                os.fsync(fd)
                equal(os.pread(fd, 7, 0), b"content")
            equal(os.stat(name).st_mode & 0o7777, mode)
        os.stat("a0")
        fails(errno.EACCES, os.open, "a0", os.O_RDONLY)

    as_user(USER, create)


@case("the owner's descriptor stays good when all permissions are taken away")
def mode_taken_away():
    os.chmod(".", 0o777)

    def use():
        with opened("a", os.O_CREAT | os.O_RDWR) as fd:
            os.write(fd, b"before")
            os.chmod("a", 0)
            os.pwrite(fd, b"after!", 0)
            os.fsync(fd)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            equal(os.pread(fd, 9, 0), b"after!")

    as_user(USER, use)


@case("a stranger's descriptor stays good when permissions are taken away",
      not_on_nfs="the server checks every READ against the mode")
def stranger():
    write("a", b"content")

    def use():
        with opened("a", os.O_RDONLY) as fd:
            as_root_chmod()
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            equal(os.pread(fd, 7, 0), b"content")

    def as_root_chmod():
        os.seteuid(0)
        os.chmod("a", 0)
        os.seteuid(1000)

    pid = os.fork()
    if pid == 0:
        os.seteuid(1000)
        use()
        os._exit(0)
    equal(os.waitpid(pid, 0)[1], 0)


@case("the umask limits the mode of what is made")
def umask():
    for mask in (0, 0o027, 0o777):
        os.umask(mask)
        name = f"{mask:o}"
        open_and_close("file" + name, os.O_CREAT | os.O_WRONLY, 0o666)
        os.mkdir("folder" + name)
        equal(os.stat("file" + name).st_mode & 0o777, 0o666 & ~mask)
        equal(os.stat("folder" + name).st_mode & 0o777, 0o777 & ~mask)
    os.umask(0o022)


@case("what is made in a setgid folder gets its group, folders the bit as well")
def setgid_folder():
    os.mkdir("folder")
    os.chown("folder", 0, 4321)
    os.chmod("folder", 0o2777)
    write("folder/file")
    os.mkdir("folder/inner")
    equal(os.stat("folder/file").st_gid, 4321)
    equal(os.stat("folder/inner").st_gid, 4321)
    equal(os.stat("folder/inner").st_mode & 0o2000, 0o2000)


@case("O_TMPFILE makes a file without a name",
      not_on_nfs="NFSv3 makes files by name only")
def tmpfile():
    with opened(".", O_TMPFILE | os.O_RDWR) as fd:
        os.write(fd, b"content")
        equal(os.listdir(), [])


@case("O_PATH and /proc/self/fd lead to the file")
def o_path():
    write("a", b"content")
    with opened("a", os.O_PATH) as fd:
        fails(errno.EBADF, os.read, fd, 1)
        equal(os.fstat(fd).st_size, 7)
        equal(read(f"/proc/self/fd/{fd}"), b"content")
    with opened(".", os.O_RDONLY) as fd:
        equal(os.listdir(fd), ["a"])


@case("a file can be open five hundred times")
def often():
    write("a", b"content")
    fds = [os.open("a", os.O_RDWR) for _ in range(500)]
    for i, fd in enumerate(fds):
        os.pwrite(fd, b"%03d" % i, 3 * i)
    for fd in fds:
        os.close(fd)
    equal(read("a"), b"".join(b"%03d" % i for i in range(500)))


@case("an open sees what the other mount wrote and closed", n_mounts=2)
def close_to_open(other):
    for i in range(30):
        data = b"%d" % i * (i * 37 % 3000 + 1)
        writer, reader = (".", other) if i % 2 else (other, ".")
        write(f"{writer}/a", data)
        equal(read(f"{reader}/a"), data)


@case("an open sees a change of the other mount that keeps the size", n_mounts=2)
def same_size(other):
    write("a", b"0" * 5000)
    for i in range(1, 30):
        equal(read(other + "/a")[:1], b"%d" % ((i - 1) % 10))
        with opened("a", os.O_RDWR) as fd:
            os.pwrite(fd, b"%d" % (i % 10) * 5000, 0)


@case("a name that was missing can be opened once the other mount made it",
      n_mounts=2)
def was_missing(other):
    for i in range(20):
        name = f"{other}/a{i}"
        fails(errno.ENOENT, os.open, name, os.O_RDONLY)
        write(f"a{i}", b"content")
        equal(read(name), b"content")


@case("a reader that keeps its file open sees the other mount's change after a "
      "new open", n_mounts=2)
def reopened(other):
    write("a", b"old")
    with opened(other + "/a") as fd:
        equal(os.pread(fd, 9, 0), b"old")
        write("a", b"newer")
        equal(read(other + "/a"), b"newer")
        equal(os.pread(fd, 9, 0), b"newer")


@case("two mounts write different parts of one file and neither is lost",
      n_mounts=2)
def different_parts(other):
    write("a", b"\0" * 65536)
    with opened("a", os.O_RDWR) as here, opened(other + "/a", os.O_RDWR) as there:
        for i in range(0, 64, 2):
            os.pwrite(here, b"h" * 1024, i * 1024)
            os.pwrite(there, b"t" * 1024, (i + 1) * 1024)
    wanted = (b"h" * 1024 + b"t" * 1024) * 32
    equal(read("a"), wanted)
    equal(read(other + "/a"), wanted)
