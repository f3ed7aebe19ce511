# SPDX-License-Identifier: Apache-2.0
"""rename(2)."""

import ctypes
import errno
import os

from steps import Child, Turns, equal, fails, opened, read, write
from suite import case

LIBC = ctypes.CDLL(None, use_errno=True)
RENAME_NOREPLACE = 1
AT_FDCWD = -100


@case("the file keeps its inode, content and open descriptors")
def keeps_the_file():
    write("a", b"content")
    inode = os.stat("a").st_ino
    with opened("a", os.O_RDWR) as fd:
        os.rename("a", "b")
        os.pwrite(fd, b"C", 0)
    equal(os.stat("b").st_ino, inode, "the inode")
    equal(read("b"), b"Content")
    fails(errno.ENOENT, os.stat, "a")


@case("what is replaced stays readable and writable where it is open")
def replaced_while_open():
    write("a", b"new")
    write("b", b"old")
    with opened("b", os.O_RDWR) as fd:
        os.rename("a", "b")
        equal(os.read(fd, 9), b"old")
        os.pwrite(fd, b"OLD and more", 0)
        equal(os.pread(fd, 20, 0), b"OLD and more")
        equal(os.fstat(fd).st_size, 12)
    equal(read("b"), b"new")
    equal(os.listdir(), ["b"])


def replace_often(n):
    for i in range(n):
        write("temporary", b"%08d" % i)
        os.rename("temporary", "name")


@case("a name that is replaced is never missing and never half")
def never_missing():
    write("name", b"00000000")
    child = Child(replace_often, 200)
    last = b""
    for _ in range(200):
        data = read("name")
        equal(len(data), 8, "the size")
        if data < last:
            raise AssertionError(f"{data!r} came back after {last!r}")
        last = data
    child.result()


@case("a file renamed onto itself stays")
def onto_itself():
    write("a", b"content")
    os.rename("a", "a")
    equal(read("a"), b"content")


@case("two names of one file both stay when one is renamed onto the other")
def onto_its_link():
    write("a", b"content")
    os.link("a", "b")
    os.rename("a", "b")
    equal(sorted(os.listdir()), ["a", "b"])
    equal(os.stat("a").st_nlink, 2)


@case("a folder replaces an empty folder")
def folder_over_empty_folder():
    os.makedirs("a/inner")
    os.mkdir("b")
    os.rename("a", "b")
    equal(os.listdir("b"), ["inner"])
    fails(errno.ENOENT, os.stat, "a")


@case("a folder with entries is not replaced")
def folder_over_full_folder():
    os.mkdir("a")
    os.makedirs("b/inner")
    fails((errno.ENOTEMPTY, errno.EEXIST), os.rename, "a", "b")
    equal(os.listdir("b"), ["inner"])


@case("a file does not replace a folder, nor a folder a file")
def mixed_kinds():
    write("file")
    os.mkdir("folder")
    fails(errno.EISDIR, os.rename, "file", "folder")
    fails(errno.ENOTDIR, os.rename, "folder", "file")


@case("a folder can't be moved into itself")
def into_itself():
    os.makedirs("a/b")
    fails(errno.EINVAL, os.rename, "a", "a/b/c")
    fails(errno.EINVAL, os.rename, "a", "a/c")


@case("what is not there can't be renamed, nor into what is not there")
def missing():
    write("a")
    fails(errno.ENOENT, os.rename, "none", "b")
    fails(errno.ENOENT, os.rename, "a", "none/b")
    fails(errno.ENOTDIR, os.rename, "a", "a/b")
    equal(os.listdir(), ["a"])


@case("a moved folder has its new parent as .. and both link counts follow")
def parent_follows():
    os.makedirs("from/moved")
    os.mkdir("to")
    os.rename("from/moved", "to/moved")
    equal(os.stat("to/moved/..").st_ino, os.stat("to").st_ino, "..")
    equal(os.stat("from").st_nlink, 2, "the old parent's links")
    equal(os.stat("to").st_nlink, 3, "the new parent's links")


@case("a process stays in its folder while it is renamed")
def working_directory():
    os.makedirs("a/inner")
    os.chdir("a/inner")
    os.rename("../../a", "../../b")
    write("file", b"here")
    equal(read("../../b/inner/file"), b"here")
    equal(os.path.basename(os.path.dirname(os.getcwd())), "b")


@case("a symlink is renamed itself, not what it names")
def symlink():
    write("target", b"content")
    os.symlink("target", "link")
    os.rename("link", "renamed")
    equal(os.readlink("renamed"), "target")
    write("file", b"file")
    os.rename("file", "renamed")
    equal(read("target"), b"content")
    equal(read("renamed"), b"file")


@case("the times of both folders follow")
def times_of_folders():
    for name in ("from", "to"):
        os.mkdir(name)
    write("from/a")
    for name in ("from", "to"):
        os.utime(name, (1, 1))
    os.rename("from/a", "to/a")
    for name in ("from", "to"):
        if os.stat(name).st_mtime == 1:
            raise AssertionError(f"{name} still has its old time")


@case("a file renamed to and fro between folders keeps its content")
def to_and_fro():
    os.mkdir("other")
    write("a-0", b"content")
    for i in range(60):
        folder = "other/" if i % 2 == 0 else ""
        source = f"a-{i}" if i % 2 == 0 else f"other/a-{i}"
        os.rename(source, f"{folder}a-{i + 1}")
        equal(read(f"{folder}a-{i + 1}"), b"content")


# NFSv3's RENAME has no flags, but the kernel looks first.
@case("RENAME_NOREPLACE keeps what exists")
def noreplace():
    write("a", b"a")
    write("b", b"b")
    result = LIBC.renameat2(AT_FDCWD, b"a", AT_FDCWD, b"b", RENAME_NOREPLACE)
    equal((result, ctypes.get_errno()), (-1, errno.EEXIST))
    equal(read("b"), b"b")


@case("the other mount finds the new content under a replaced name", n_mounts=2)
def other_mount(other):
    write("name", b"old")
    equal(read(other + "/name"), b"old")
    for i in range(20):
        write("temporary", b"new %d" % i)
        os.rename("temporary", "name")
        equal(read(other + "/name"), b"new %d" % i)


@case("an open file that is replaced is never missing on the other mount",
      n_mounts=2)
def never_missing_there(other):
    write("name", b"old")
    with opened("name"):
        child = Child(replace_often, 100)
        for _ in range(300):
            fails(errno.EEXIST, os.open, f"{other}/name",
                  os.O_CREAT | os.O_EXCL)
        child.result()


@case("two mounts rename one file: exactly one wins", n_mounts=2)
def two_movers(other):
    def move(where, name, turns):
        turns.wait()
        try:
            os.rename(f"{where}/a", f"{where}/{name}")
        except FileNotFoundError:
            return 0
        return 1

    for _ in range(10):
        write("a")
        turns = Turns()
        movers = [Child(move, where, name, turns)
                  for where, name in ((".", "here"), (other, "there"))]
        turns.pass_on(2)
        equal(sum(mover.result() for mover in movers), 1, "winners")
        for name in set(os.listdir()):
            os.unlink(name)
