# SPDX-License-Identifier: Apache-2.0
"""Who may do what. Cases act as users 1000 and 2000, who are in groups of their
own."""

import errno
import os
import shutil
import stat

from steps import as_user, equal, fails, opened, read, write
from suite import case

OWNER = (1000, 1000)
STRANGER = (2000, 2000)
READ_ONLY = os.O_RDONLY
WRITE_ONLY = os.O_WRONLY


def owned(path, mode, uid=1000, gid=1000):
    write(path, b"content")
    os.chown(path, uid, gid)
    os.chmod(path, mode)


def may(user, path, flags):
    """Can USER open PATH with FLAGS?"""
    def attempt():
        try:
            os.close(os.open(path, flags))
        except PermissionError:
            return False
        return True
    return as_user(user, attempt)


@case("owner, group and others get exactly their bits")
def classes():
    users = (OWNER, (2000, 1000), STRANGER)
    for who, user in enumerate(users):
        for bits in range(8):
            mode = bits << (6 - 3 * who)
            name = f"a{mode:o}"
            owned(name, mode)
            equal(may(user, name, READ_ONLY), bool(bits & 4), f"{mode:o} read")
            equal(may(user, name, WRITE_ONLY), bool(bits & 2), f"{mode:o} write")


@case("the owner has no more than the owner's bits")
def owner_without_bits():
    owned("a", 0o077)
    equal(may(OWNER, "a", READ_ONLY), False)
    owned("b", 0o707)
    equal(may((2000, 1000), "b", READ_ONLY), False)


@case("supplementary groups count")
def supplementary_groups():
    owned("a", 0o640, gid=3000)
    equal(may((2000, 2000, [3000]), "a", READ_ONLY), True)
    equal(may((2000, 2000, [3001]), "a", READ_ONLY), False)
    equal(may((2000, 2000, [5001, 5002, 3000, 5003]), "a", READ_ONLY), True)
    equal(may((2000, 2000, list(range(2990, 3004))), "a", READ_ONLY), True)


# AUTH_SYS carries 16 groups (RFC 5531): Linux' NFS client fails here.
@case("the seventeenth supplementary group counts as well")
def many_groups():
    owned("a", 0o640, gid=9000)
    equal(may((2000, 2000, list(range(8950, 9001))), "a", READ_ONLY), True)


@case("a folder with x but no r can be passed, not listed")
def search_only():
    os.mkdir("folder")
    owned("folder/a", 0o644)
    os.chmod("folder", 0o711)
    equal(as_user(STRANGER, read, "folder/a"), b"content")
    as_user(STRANGER, fails, errno.EACCES, os.listdir, "folder")


@case("a folder with r but no x can be listed, not passed")
def list_only():
    os.mkdir("folder")
    owned("folder/a", 0o644)
    os.chmod("folder", 0o744)
    equal(as_user(STRANGER, os.listdir, "folder"), ["a"])
    as_user(STRANGER, fails, errno.EACCES, read, "folder/a")


@case("entries are made, removed and renamed by who may write the folder")
def folder_write():
    os.mkdir("folder")
    write("folder/a")

    def refused():
        fails(errno.EACCES, write, "folder/b")
        fails(errno.EACCES, os.mkdir, "folder/b")
        fails(errno.EACCES, os.symlink, "x", "folder/b")
        fails(errno.EACCES, os.unlink, "folder/a")
        fails(errno.EACCES, os.rename, "folder/a", "folder/b")

    as_user(STRANGER, refused)
    os.chmod("folder", 0o777)
    as_user(STRANGER, os.rename, "folder/a", "folder/b")
    as_user(STRANGER, os.unlink, "folder/b")


@case("in a sticky folder everyone removes and renames only what is his")
def sticky():
    os.mkdir("folder")
    os.chmod("folder", 0o1777)
    as_user(OWNER, write, "folder/a")
    as_user(STRANGER, write, "folder/b")

    def refused():
        fails((errno.EPERM, errno.EACCES), os.unlink, "folder/a")
        fails((errno.EPERM, errno.EACCES), os.rename, "folder/a", "folder/c")
        fails((errno.EPERM, errno.EACCES), os.rename, "folder/b", "folder/a")

    as_user(STRANGER, refused)
    as_user(STRANGER, os.unlink, "folder/b")
    as_user(OWNER, os.rename, "folder/a", "folder/c")


@case("what a user makes is his")
def ownership():
    os.chmod(".", 0o777)

    def make():
        write("file")
        os.mkdir("folder")
        os.symlink("file", "link")
        os.mkfifo("fifo")

    as_user((1000, 1001, [1002]), make)
    for name in ("file", "folder", "link", "fifo"):
        status = os.lstat(name)
        equal((status.st_uid, status.st_gid), (1000, 1001), name)


@case("only the owner changes the mode")
def chmod():
    owned("a", 0o666)
    as_user(STRANGER, fails, errno.EPERM, os.chmod, "a", 0o777)
    as_user(OWNER, os.chmod, "a", 0o600)
    equal(os.stat("a").st_mode & 0o7777, 0o600)


@case("files can't be given away, but to a group of one's own")
def chown():
    owned("a", 0o644)
    as_user(OWNER, fails, errno.EPERM, os.chown, "a", 2000, -1)
    as_user(OWNER, fails, errno.EPERM, os.chown, "a", -1, 2000)
    as_user((1000, 1000, [3000]), os.chown, "a", -1, 3000)
    equal(os.stat("a").st_gid, 3000)
    as_user(STRANGER, fails, errno.EPERM, os.chown, "a", -1, 2000)


@case("a change of owner takes the setuid and setgid bits away")
def chown_clears_suid():
    owned("a", 0o755)
    os.chmod("a", 0o6755)
    as_user((1000, 1000, [3000]), os.chown, "a", -1, 3000)
    equal(os.stat("a").st_mode & 0o7777, 0o755)


@case("a write takes the setuid and setgid bits away")
def write_clears_suid():
    owned("a", 0o777)
    os.chmod("a", 0o6777)

    def overwrite():
        with opened("a", os.O_WRONLY) as fd:
            os.write(fd, b"C")

    as_user(STRANGER, overwrite)
    equal(os.stat("a").st_mode & 0o7777, 0o777)


@case("all twelve bits of a mode are kept")
def mode_bits():
    owned("a", 0o644, 0, 0)
    os.mkdir("folder")
    for mode in (0o7777, 0o4711, 0o2755, 0o1777, 0):
        for name in ("a", "folder"):
            os.chmod(name, mode)
            equal(stat.S_IMODE(os.stat(name).st_mode), mode, name)
    os.chmod("folder", 0o755)


@case("cutting a file needs the right to write it")
def truncate():
    owned("a", 0o644)
    as_user(STRANGER, fails, errno.EACCES, os.truncate, "a", 0)
    as_user(OWNER, os.truncate, "a", 3)
    equal(read("a"), b"con")


@case("a writer may set the times to now, only the owner to anything")
def utime():
    owned("a", 0o666)
    os.utime("a", (5, 6))
    as_user(STRANGER, fails, errno.EPERM, os.utime, "a", (7, 8))
    as_user(STRANGER, os.utime, "a")
    if os.stat("a").st_mtime < 1000:
        raise AssertionError("the time was not set")
    as_user(OWNER, os.utime, "a", (7, 8))
    equal(os.stat("a").st_mtime, 8)
    os.chmod("a", 0o644)
    as_user(STRANGER, fails, errno.EACCES, os.utime, "a")


@case("access(2) says what open(2) does")
def access():
    owned("a", 0o640)

    def ask():
        return [os.access("a", how) for how in
                (os.F_OK, os.R_OK, os.W_OK, os.X_OK)]

    equal(as_user(OWNER, ask), [True, True, True, False])
    equal(as_user((2000, 1000), ask), [True, True, False, False])
    equal(as_user(STRANGER, ask), [True, False, False, False])
    equal(ask(), [True, True, True, False])


@case("root reads and writes what is not his")
def root():
    owned("a", 0)
    equal(read("a"), b"content")
    with opened("a", os.O_WRONLY) as fd:
        os.write(fd, b"C")
    equal(read("a"), b"Content")


@case("a program that may be executed but not read runs")
def execute_only():
    shutil.copy("/bin/true", "program")
    os.chmod("program", 0o711)
    equal(may(STRANGER, "program", READ_ONLY), False)

    def execute():
        return os.spawnv(os.P_WAIT, "./program", ["program"])

    equal(as_user(STRANGER, execute), 0)
    os.chmod("program", 0o644)
    equal(as_user(STRANGER, execute), 127)


@case("a chmod is obeyed by the next open on the same mount")
def chmod_and_open():
    owned("a", 0o644)
    for _ in range(10):
        os.chmod("a", 0o600)
        equal(may(STRANGER, "a", READ_ONLY), False)
        os.chmod("a", 0o644)
        equal(may(STRANGER, "a", READ_ONLY), True)


@case("a permission that the other mount took away holds at the next open",
      n_mounts=2)
def taken_away(other):
    here = os.getcwd()
    owned("a", 0o644)
    os.chdir(other)  # the stranger may not be able to go there by the path
    for _ in range(5):
        equal(may(STRANGER, "a", READ_ONLY), True)
        os.chmod(here + "/a", 0o600)
        equal(may(STRANGER, "a", READ_ONLY), False)
        os.chmod(here + "/a", 0o644)


@case("a permission that the other mount gave holds at the next open", n_mounts=2)
def given(other):
    here = os.getcwd()
    owned("a", 0o600)
    os.chdir(other)
    equal(may(STRANGER, "a", READ_ONLY), False)
    os.chmod(here + "/a", 0o644)
    equal(may(STRANGER, "a", READ_ONLY), True)
