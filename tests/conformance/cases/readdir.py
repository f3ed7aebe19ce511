# SPDX-License-Identifier: Apache-2.0
"""Listing folders, also while they change."""

import ctypes
import errno
import os
import stat

from steps import equal, fails, read, write
from suite import case

LIBC = ctypes.CDLL(None, use_errno=True)


class Dirent(ctypes.Structure):
    _fields_ = [("d_ino", ctypes.c_uint64), ("d_off", ctypes.c_int64),
                ("d_reclen", ctypes.c_ushort), ("d_type", ctypes.c_ubyte),
                ("d_name", ctypes.c_char * 256)]


LIBC.opendir.restype = ctypes.c_void_p
LIBC.readdir.restype = ctypes.POINTER(Dirent)
LIBC.telldir.restype = ctypes.c_long
LIBC.readdir.argtypes = LIBC.telldir.argtypes = LIBC.rewinddir.argtypes = \
    LIBC.closedir.argtypes = [ctypes.c_void_p]
LIBC.seekdir.argtypes = [ctypes.c_void_p, ctypes.c_long]


class Listing:
    """opendir(3), which Python does not show in full."""

    def __init__(self, path):
        self.stream = LIBC.opendir(os.fsencode(path))
        if not self.stream:
            raise OSError(ctypes.get_errno(), "opendir")

    def next(self):
        entry = LIBC.readdir(self.stream)
        return (entry.contents.d_name.decode(), entry.contents.d_ino,
                entry.contents.d_type) if entry else None

    def names(self):
        return [entry[0] for entry in iter(self.next, None)]

    def close(self):
        LIBC.closedir(self.stream)


def fill(n, prefix="entry"):
    names = [f"{prefix}-{i}" for i in range(n)]
    for name in names:
        write(name, b"")
    return names


def once(names, what):
    if len(names) != len(set(names)):
        raise AssertionError(f"{what}: some entries came twice")
    return set(names)


@case("every entry is listed once, with . and ..")
def all_entries():
    names = fill(1500)
    listing = Listing(".")
    equal(once(listing.names(), "list"), set(names) | {".", ".."})
    listing.close()


@case("a hundred thousand entries are listed once each", is_slow=True)
def very_many():
    names = fill(100_000)
    equal(once(os.listdir(), "list"), set(names))


@case("types and inode numbers are those of stat(2)")
def types():
    write("file")
    os.mkdir("folder")
    os.symlink("none", "link")
    os.mkfifo("fifo")
    listing = Listing(".")
    for name, inode, kind in iter(listing.next, None):
        status = os.lstat(name)
        if name != "..":
            equal(inode, status.st_ino, f"inode of {name}")
        equal(kind << 12, stat.S_IFMT(status.st_mode), f"type of {name}")
    listing.close()


@case("removing each entry as it is listed empties the folder")
def remove_while_listing():
    fill(1200)
    listing = Listing(".")
    for name, _, _ in iter(listing.next, None):
        if name not in (".", ".."):
            os.unlink(name)
    listing.close()
    equal(os.listdir(), [])


@case("entries that stay are listed once while others come and go")
def change_while_listing():
    names = fill(1000)
    coming = fill(300, "old")
    listing = Listing(".")
    found = []
    for i, entry in enumerate(iter(listing.next, None)):
        found.append(entry[0])
        if i % 4 == 0 and i // 4 < len(coming):
            os.unlink(coming[i // 4])
            write(f"new-{i}", b"")
    listing.close()
    missing = set(names) - once([n for n in found if n in set(names)], "list")
    equal(missing, set(), "what is missing")


@case("rewinddir shows what changed")
def rewind():
    write("a")
    listing = Listing(".")
    equal(set(listing.names()), {".", "..", "a"})
    write("b")
    os.unlink("a")
    LIBC.rewinddir(listing.stream)
    equal(set(listing.names()), {".", "..", "b"})
    listing.close()


@case("seekdir goes on where telldir was")
def seek():
    fill(600)
    listing = Listing(".")
    first = [listing.next()[0] for _ in range(250)]
    place = LIBC.telldir(listing.stream)
    rest = listing.names()
    LIBC.seekdir(listing.stream, place)
    equal(listing.names(), rest)
    equal(len(once(first + rest, "list")), 602)
    listing.close()


@case("a listing that is left open survives the removal of its folder")
def removed_folder():
    os.mkdir("folder")
    listing = Listing("folder")
    os.rmdir("folder")
    names = set(listing.names())
    equal(names <= {".", ".."}, True, f"names {names} are none")
    listing.close()
    fails(errno.ENOENT, os.listdir, "folder")


@case("every step that changes a folder shows in the next listing")
def next_listing():
    wanted = set()
    for i in range(40):
        write(f"a{i}", b"")
        wanted.add(f"a{i}")
        equal(set(os.listdir()), wanted)
    for i in range(0, 40, 2):
        os.rename(f"a{i}", f"b{i}")
        wanted ^= {f"a{i}", f"b{i}"}
        equal(set(os.listdir()), wanted)
    for name in sorted(wanted):
        os.unlink(name)
        wanted.remove(name)
        equal(set(os.listdir()), wanted)


@case("what is listed can be read, sizes included")
def sizes():
    for i in range(200):
        write(f"a{i}", b"x" * i)
    os.listdir()
    with os.scandir(".") as entries:
        for entry in entries:
            size = int(entry.name[1:])
            equal(entry.stat().st_size, size, entry.name)
            equal(len(read(entry.name)), size)


@case("files and folders that are not there can't be listed")
def refused():
    write("a")
    fails(errno.ENOTDIR, os.listdir, "a")
    fails(errno.ENOENT, os.listdir, "none")


@case("the other mount lists new entries", n_mounts=2)
def other_mount(other):
    for i in range(20):
        equal(len(os.listdir(other)), i)
        write(f"a{i}")
    for i in range(20):
        os.unlink(f"{other}/a{i}")
        equal(len(os.listdir(".")), 19 - i)


@case("a listing goes on while the other mount removes and makes entries",
      n_mounts=2)
def changed_by_other(other):
    names = fill(800)
    coming = fill(200, "old")
    listing = Listing(other)
    found = []
    for i, entry in enumerate(iter(listing.next, None)):
        found.append(entry[0])
        if i % 4 == 0 and i // 4 < len(coming):
            os.unlink(coming[i // 4])
            write(f"new-{i}", b"")
    listing.close()
    missing = set(names) - once([n for n in found if n in set(names)], "list")
    equal(missing, set(), "what is missing")
