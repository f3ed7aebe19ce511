# SPDX-License-Identifier: Apache-2.0
"""unlink(2) and rmdir(2)."""

import errno
import mmap
import os

from steps import equal, fails, opened, read, write
from suite import case

SET_ASIDE = "NFSv3 has no open files: an open file that is removed is renamed " \
    "aside until the last close, and is still there for the server"


@case("a removed name is gone")
def gone():
    write("a")
    os.unlink("a")
    fails(errno.ENOENT, os.stat, "a")
    fails(errno.ENOENT, os.unlink, "a")
    equal(os.listdir(), [])


@case("an open file can be read, written, extended and cut after its removal")
def used_after_removal():
    with opened("a", os.O_RDWR | os.O_CREAT) as fd:
        os.write(fd, b"content")
        os.unlink("a")
        equal(os.pread(fd, 20, 0), b"content")
        os.pwrite(fd, b"C", 0)
        os.ftruncate(fd, 3)
        equal(os.pread(fd, 20, 0), b"Con")
        os.ftruncate(fd, 5)
        equal(os.pread(fd, 20, 0), b"Con\0\0")
        os.fchmod(fd, 0o600)
        equal(os.fstat(fd).st_mode & 0o777, 0o600)
        os.fsync(fd)
    equal(os.listdir(), [])


@case("an open file is not listed after its removal", not_on_nfs=SET_ASIDE)
def not_listed():
    with opened("a", os.O_RDWR | os.O_CREAT):
        os.unlink("a")
        equal(os.listdir(), [])


@case("a removed open file has no links", not_on_nfs=SET_ASIDE)
def no_links():
    with opened("a", os.O_RDWR | os.O_CREAT) as fd:
        os.unlink("a")
        equal(os.fstat(fd).st_nlink, 0)


@case("a folder is empty when its open files were removed", not_on_nfs=SET_ASIDE)
def empty_folder():
    os.mkdir("folder")
    with opened("folder/a", os.O_RDWR | os.O_CREAT):
        os.unlink("folder/a")
        os.rmdir("folder")


@case("a folder can be removed once removed files in it were closed")
def empty_after_close():
    os.mkdir("folder")
    with opened("folder/a", os.O_RDWR | os.O_CREAT) as fd:
        os.unlink("folder/a")
        os.write(fd, b"content")
    os.rmdir("folder")


@case("a name that is made anew is another file than the open removed one")
def made_anew():
    write("a", b"old")
    with opened("a", os.O_RDWR) as fd:
        os.unlink("a")
        write("a", b"new")
        equal(os.pread(fd, 9, 0), b"old")
        os.pwrite(fd, b"OLD", 0)
        equal(read("a"), b"new")
        if os.fstat(fd).st_ino == os.stat("a").st_ino:
            raise AssertionError("both have one inode")
    equal(read("a"), b"new")


@case("fifty open files of one name, each removed, all keep their content")
def many_removed():
    fds = []
    for i in range(50):
        fds.append(os.open("a", os.O_RDWR | os.O_CREAT | os.O_EXCL))
        os.write(fds[-1], b"%d" % i)
        os.unlink("a")
    for i, fd in enumerate(fds):
        equal(os.pread(fd, 9, 0), b"%d" % i)
        os.close(fd)
    equal(os.listdir(), [])


@case("a mapping outlives the name and the descriptor")
def mapping():
    write("a", b"x" * 10000)
    with opened("a", os.O_RDWR) as fd:
        memory = mmap.mmap(fd, 10000)
    os.unlink("a")
    equal(memory[9000:9003], b"xxx")
    memory[0:3] = b"abc"
    memory.flush()
    equal(memory[0:4], b"abcx")
    memory.close()


@case("the other names of a removed one stay, with a link less")
def other_names():
    write("a", b"content")
    os.link("a", "b")
    with opened("a", os.O_RDWR) as fd:
        os.unlink("a")
        equal(os.stat("b").st_nlink, 1)
        os.pwrite(fd, b"C", 0)
    equal(read("b"), b"Content")
    equal(os.listdir(), ["b"])


@case("the change time of the file follows, its other times stay")
def times():
    write("a")
    os.link("a", "b")
    os.utime("b", (5, 6))
    before = os.stat("b")
    os.unlink("a")
    after = os.stat("b")
    equal((after.st_atime, after.st_mtime), (5, 6))
    if after.st_ctime_ns < before.st_ctime_ns:
        raise AssertionError("the change time went back")


@case("unlink does not remove folders")
def folders():
    os.mkdir("folder")
    fails((errno.EISDIR, errno.EPERM), os.unlink, "folder")
    equal(os.listdir(), ["folder"])


@case("rmdir removes empty folders only")
def rmdir():
    write("file")
    os.makedirs("folder/inner")
    fails(errno.ENOTDIR, os.rmdir, "file")
    fails((errno.ENOTEMPTY, errno.EEXIST), os.rmdir, "folder")
    fails(errno.EINVAL, os.rmdir, "folder/inner/.")
    fails(errno.ENOENT, os.rmdir, "none")
    equal(os.stat("folder").st_nlink, 3)
    os.rmdir("folder/inner")
    equal(os.stat("folder").st_nlink, 2)
    os.rmdir("folder")
    equal(os.listdir(), ["file"])


@case("nothing can be made in a working directory that was removed")
def removed_working_directory():
    os.mkdir("folder")
    os.chdir("folder")
    os.rmdir("../folder")
    fails((errno.ENOENT, errno.ESTALE), write, "a")


@case("removing a symlink leaves what it names")
def symlink():
    write("a", b"content")
    os.symlink("a", "link")
    os.unlink("link")
    equal(read("a"), b"content")


@case("a trailing slash is only for folders")
def trailing_slash():
    write("a")
    fails(errno.ENOTDIR, os.unlink, "a/")
    equal(read("a"), b"x")


@case("the other mount sees that a name is gone at the next open", n_mounts=2)
def other_mount(other):
    for i in range(20):
        write(f"a{i}")
        equal(read(f"{other}/a{i}"), b"x")
        os.unlink(f"a{i}")
        fails((errno.ENOENT, errno.ESTALE), read, f"{other}/a{i}")


@case("a folder can be made and removed by turns on two mounts", n_mounts=2)
def folder_by_turns(other):
    for _ in range(10):
        os.mkdir("folder")
        write(other + "/folder/a")
        os.unlink("folder/a")
        os.rmdir(other + "/folder")
