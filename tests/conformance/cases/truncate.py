# SPDX-License-Identifier: Apache-2.0
"""truncate(2), ftruncate(2) and O_TRUNC."""

import errno
import mmap
import os
import resource
import signal

from steps import Child, equal, fails, opened, read, write
from suite import case


@case("a cut file keeps its beginning, at every kind of place")
def shrink():
    data = os.urandom(20000)
    for size in (19999, 8193, 8192, 8191, 4096, 1, 0):
        write("a", data)
        os.truncate("a", size)
        equal(read("a"), data[:size])


@case("an extended file ends with zeros")
def extend():
    for size, longer in ((0, 1), (1, 4096), (4095, 4097), (5000, 200_000)):
        write("a", b"x" * size)
        os.truncate("a", longer)
        equal(read("a"), b"x" * size + b"\0" * (longer - size))


@case("what was cut off does not come back when the file grows")
def no_resurrection():
    for cut, grow in ((0, 9000), (1, 4096), (4095, 4097), (5000, 12000)):
        write("a", b"x" * 10000)
        with opened("a", os.O_RDWR) as fd:
            os.pread(fd, 10000, 0)
            os.ftruncate(fd, cut)
            os.ftruncate(fd, grow)
            equal(os.pread(fd, 20000, 0), b"x" * cut + b"\0" * (grow - cut))
        equal(read("a"), b"x" * cut + b"\0" * (grow - cut))


@case("a write behind the end leaves zeros between")
def write_behind_end():
    for cut, place in ((0, 1), (10, 4096), (5000, 5001), (100, 100_000)):
        write("a", b"x" * 10000)
        with opened("a", os.O_RDWR) as fd:
            os.ftruncate(fd, cut)
            os.pwrite(fd, b"end", place)
        equal(read("a"), b"x" * cut + b"\0" * (place - cut) + b"end")


@case("data that was not yet sent is cut like any other")
def unsent():
    with opened("a", os.O_RDWR | os.O_CREAT) as fd:
        for i in range(1, 30):
            os.pwrite(fd, b"x" * 9000, 0)
            os.ftruncate(fd, i * 100)
            equal(os.fstat(fd).st_size, i * 100)
            equal(os.pread(fd, 9000, 0), b"x" * i * 100)
        os.fsync(fd)
    equal(read("a"), b"x" * 2900)


@case("a descriptor keeps its place when the file is cut")
def keeps_place():
    write("a", b"0123456789")
    with opened("a", os.O_RDWR) as fd:
        os.read(fd, 8)
        os.truncate("a", 4)
        equal(os.read(fd, 10), b"")
        os.write(fd, b"x")
    equal(read("a"), b"0123\0\0\0\0x")


@case("wrong sizes and wrong files are refused")
def refused():
    write("a", b"content")
    os.mkdir("folder")
    fails(errno.EINVAL, os.truncate, "a", -1)
    fails(errno.EISDIR, os.truncate, "folder", 0)
    fails(errno.ENOENT, os.truncate, "none", 0)
    with opened("a") as fd:
        fails((errno.EINVAL, errno.EBADF), os.ftruncate, fd, 0)
    equal(read("a"), b"content")


@case("a size that is too large is refused")
def too_large():
    write("a", b"content")
    fails((errno.EFBIG, errno.EINVAL), os.truncate, "a", 2**63 - 1)
    equal(read("a"), b"content")


@case("the limit of the process on file sizes holds")
def size_limit():
    def exceed():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        write("a", b"x" * 1000)
        with opened("a", os.O_RDWR) as fd:
            fails(errno.EFBIG, os.ftruncate, fd, 1001)
            fails(errno.EFBIG, os.pwrite, fd, b"x", 1000)
            equal(os.pwrite(fd, b"yyyy", 998), 2, "what was written")

    Child(exceed).result()
    equal(read("a"), b"x" * 998 + b"yy")


@case("a mapping sees the cut and the zeros behind it")
def mapped():
    write("a", b"x" * 8192)
    with opened("a", os.O_RDWR) as fd:
        memory = mmap.mmap(fd, 8192)
        os.ftruncate(fd, 100)
        os.ftruncate(fd, 8192)
        equal(memory[:], b"x" * 100 + b"\0" * 8092)
        memory.close()


@case("the other mount sees the cut at its next open", n_mounts=2)
def other_mount(other):
    for size in (5000, 4096, 100, 0, 7000):
        write("a", b"x" * 8000)
        equal(len(read(other + "/a")), 8000)
        os.truncate("a", size)
        equal(read(other + "/a"), b"x" * size)


@case("what the other mount cut off does not come back", n_mounts=2)
def cut_by_other(other):
    with opened("a", os.O_RDWR | os.O_CREAT) as fd:
        os.write(fd, b"x" * 10000)
        os.fsync(fd)
        os.truncate(other + "/a", 10)
        os.truncate(other + "/a", 5000)
    equal(read("a"), b"x" * 10 + b"\0" * 4990)
