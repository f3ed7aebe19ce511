# SPDX-License-Identifier: Apache-2.0
"""link(2), symlink(2), readlink(2)."""

import ctypes
import errno
import os

from steps import equal, fails, opened, read, write
from suite import case

LIBC = ctypes.CDLL(None, use_errno=True)
AT_FDCWD = -100
AT_SYMLINK_FOLLOW = 0x400


@case("a link is the same file by another name")
def same_file():
    write("a", b"content")
    os.link("a", "b")
    a, b = os.stat("a"), os.stat("b")
    equal((a.st_ino, a.st_nlink), (b.st_ino, 2))
    equal(b.st_nlink, 2)
    write("b", b"written by b")
    equal(read("a"), b"written by b")
    os.chmod("a", 0o600)
    equal(os.stat("b").st_mode & 0o777, 0o600)


@case("a link replaces nothing")
def existing():
    write("a", b"a")
    write("b", b"b")
    fails(errno.EEXIST, os.link, "a", "b")
    os.symlink("none", "link")
    fails(errno.EEXIST, os.link, "a", "link")
    equal((read("b"), os.stat("a").st_nlink), (b"b", 1))


@case("folders can't be linked, and what is missing neither")
def folders():
    os.mkdir("folder")
    fails(errno.EPERM, os.link, "folder", "other")
    fails(errno.ENOENT, os.link, "none", "other")
    write("a")
    fails(errno.ENOENT, os.link, "a", "none/b")
    fails(errno.ENOTDIR, os.link, "a", "a/b")


@case("a link of a symlink is a symlink, unless it is to be followed")
def of_symlink():
    write("a", b"content")
    os.symlink("a", "link")
    os.link("link", "second", follow_symlinks=False)
    equal(os.readlink("second"), "a")
    equal(LIBC.linkat(AT_FDCWD, b"link", AT_FDCWD, b"third",
                      AT_SYMLINK_FOLLOW), 0)
    equal(os.lstat("third").st_ino, os.stat("a").st_ino, "the inode")
    equal(os.stat("a").st_nlink, 2)


@case("a hundred links are counted up and down")
def many():
    write("a", b"content")
    for i in range(100):
        os.link("a", f"b{i}")
    equal(os.stat("a").st_nlink, 101)
    for i in range(100):
        os.unlink(f"b{i}")
    equal(os.stat("a").st_nlink, 1)


@case("a link in another folder shows what an open descriptor writes")
def open_descriptor():
    os.mkdir("folder")
    with opened("a", os.O_RDWR | os.O_CREAT) as fd:
        os.link("a", "folder/b")
        os.write(fd, b"content")
        equal(read("folder/b"), b"content")
        os.unlink("a")
        os.write(fd, b" and more")
    equal(read("folder/b"), b"content and more")


@case("the change time follows, the modification time stays")
def times():
    write("a")
    os.utime("a", (5, 6))
    before = os.stat("a")
    os.link("a", "b")
    after = os.stat("a")
    equal(after.st_mtime, 6)
    if after.st_ctime_ns < before.st_ctime_ns:
        raise AssertionError("the change time went back")


@case("a symlink keeps any target of up to 4095 bytes, byte for byte")
def targets():
    for i, target in enumerate((b"a", b"../../x", b"/none", b"\xff\xfe\n\t ",
                                b"t" * 255, b"long/" * 819)):
        name = b"link%d" % i
        os.symlink(target, name)
        equal(os.readlink(name), target)
        equal(os.lstat(name).st_size, len(target), "the size")
        equal(os.lstat(name).st_mode & 0o170000, 0o120000)
    fails(errno.ENAMETOOLONG, os.symlink, b"x" * 4096, b"too-long")
    fails(errno.ENOENT, os.symlink, b"", b"empty")


@case("symlinks in a circle are ELOOP")
def circle():
    os.symlink("a", "b")
    os.symlink("b", "a")
    fails(errno.ELOOP, os.stat, "a")
    fails(errno.ELOOP, os.open, "a", os.O_RDONLY)
    os.symlink(".", "self")
    equal(os.stat("self/self/self").st_ino, os.stat(".").st_ino)


@case("only symlinks can be read as such")
def readlink():
    write("a")
    fails(errno.EINVAL, os.readlink, "a")
    fails(errno.EINVAL, os.readlink, ".")
    fails(errno.ENOENT, os.readlink, "none")


@case("a symlink can get an owner of its own")
def lchown():
    write("a")
    os.symlink("a", "link")
    os.lchown("link", 1000, 1001)
    status = os.lstat("link")
    equal((status.st_uid, status.st_gid), (1000, 1001))
    equal(os.stat("a").st_uid, 0)


@case("a symlink that was replaced leads to the new place")
def replaced():
    for name in ("a", "b"):
        os.mkdir(name)
        write(f"{name}/file", name.encode())
    os.symlink("a", "current")
    for i in range(20):
        name = "ab"[i % 2]
        os.symlink(name, "next")
        os.rename("next", "current")
        equal(read("current/file"), name.encode())
        equal(os.readlink("current"), name)


@case("the other mount has the link and its count", n_mounts=2)
def other_mount(other):
    write("a", b"content")
    equal(read(other + "/a"), b"content")
    os.link("a", "b")
    equal(read(other + "/b"), b"content")
    with opened(other + "/a") as fd:
        equal(os.fstat(fd).st_nlink, 2)
