# SPDX-License-Identifier: Apache-2.0
"""Holes, large files and large transfers."""

import errno
import hashlib
import os
import random

from steps import equal, fails, opened, read, write
from suite import case

GIB = 1 << 30


@case("a hole reads as zeros")
def hole():
    with opened("a", os.O_RDWR | os.O_CREAT) as fd:
        os.pwrite(fd, b"end", 3_000_000)
    data = read("a")
    equal(len(data), 3_000_003)
    equal(data.strip(b"\0"), b"end")


@case("a sparse file does not use what it spans")
def blocks():
    with opened("a", os.O_RDWR | os.O_CREAT) as fd:
        os.pwrite(fd, b"end", 64 << 20)
        os.fsync(fd)
    equal(os.stat("a").st_blocks * 512 < 8 << 20, True, "few blocks")


@case("data beyond 4 GiB is not mixed up with data before")
def beyond_4_gib():
    places = (0, 2 * GIB - 2, 4 * GIB - 2, 4 * GIB + 4096, 5 * GIB)
    with opened("a", os.O_RDWR | os.O_CREAT) as fd:
        for place in places:
            os.pwrite(fd, b"at %012d" % place, place)
    with opened("a") as fd:
        for place in places:
            equal(os.pread(fd, 15, place), b"at %012d" % place)
        equal(os.fstat(fd).st_size, 5 * GIB + 15)
        equal(os.lseek(fd, 0, os.SEEK_END), 5 * GIB + 15)
        equal(os.pread(fd, 4096, GIB), b"\0" * 4096)


@case("a file can end at eight TiB")
def terabytes():
    with opened("a", os.O_RDWR | os.O_CREAT) as fd:
        os.ftruncate(fd, 8192 * GIB)
        os.pwrite(fd, b"end", 8192 * GIB - 3)
        equal(os.pread(fd, 10, 8192 * GIB - 3), b"end")
    equal(os.stat("a").st_size, 8192 * GIB)
    os.truncate("a", 0)


@case("SEEK_DATA and SEEK_HOLE never deny data")
def seek_data():
    with opened("a", os.O_RDWR | os.O_CREAT) as fd:
        os.pwrite(fd, b"x" * 4096, 1 << 20)
        os.fsync(fd)
        equal(os.lseek(fd, 0, os.SEEK_DATA) <= 1 << 20, True)
        equal(os.lseek(fd, (1 << 20) + 5, os.SEEK_DATA), (1 << 20) + 5)
        equal(os.lseek(fd, 1 << 20, os.SEEK_HOLE), (1 << 20) + 4096)
        fails(errno.ENXIO, os.lseek, fd, (1 << 20) + 4096, os.SEEK_DATA)


@case("SEEK_DATA finds data that was just written")
def seek_fresh_data():
    with opened("a", os.O_RDWR | os.O_CREAT) as fd:
        os.pwrite(fd, b"x" * 100000, 0)
        equal(os.lseek(fd, 70000, os.SEEK_DATA), 70000)
        equal(os.lseek(fd, 0, os.SEEK_HOLE), 100000)
        fails(errno.ENXIO, os.lseek, fd, 100000, os.SEEK_DATA)


@case("reads at and behind the end are short")
def short_reads():
    write("a", b"x" * 5000)
    with opened("a") as fd:
        for place, size in ((4999, 1), (4000, 1000), (5000, 0), (10**12, 0)):
            equal(len(os.pread(fd, 9999, place)), size)


@case("one large write and one large read are whole")
def large_transfer():
    data = os.urandom(9_000_001)
    with opened("a", os.O_RDWR | os.O_CREAT) as fd:
        equal(os.write(fd, data), len(data))
        equal(os.pread(fd, len(data) + 1, 0), data)
        os.fsync(fd)
    equal(read("a"), data)


@case("blocks of any size written in any order make the file")
def random_order():
    dice = random.Random(7)
    data = dice.randbytes(6_000_000)
    cuts = sorted({0, len(data), *(dice.randrange(len(data)) for _ in range(300))})
    pieces = list(zip(cuts, cuts[1:]))
    dice.shuffle(pieces)
    with opened("a", os.O_WRONLY | os.O_CREAT) as fd:
        for begin, end in pieces:
            equal(os.pwrite(fd, data[begin:end], begin), end - begin)
    equal(hashlib.sha256(read("a")).digest(), hashlib.sha256(data).digest())


@case("scattered buffers are read and written in order")
def vectors():
    with opened("a", os.O_RDWR | os.O_CREAT) as fd:
        parts = [b"%d" % i * (i * 100) for i in range(1, 60)]
        equal(os.pwritev(fd, parts, 3), sum(map(len, parts)))
        buffers = [bytearray(len(part)) for part in parts]
        os.preadv(fd, buffers, 3)
        equal([bytes(buffer) for buffer in buffers], parts)


@case("sendfile and copy_file_range copy everything")
def copies():
    data = os.urandom(1_000_000)
    write("a", data)
    with opened("a") as source:
        with opened("b", os.O_RDWR | os.O_CREAT) as target:
            place = 0
            while place < len(data):
                place += os.sendfile(target, source, place, len(data) - place)
        with opened("c", os.O_RDWR | os.O_CREAT) as target:
            place = 0
            while place < len(data):
                place += os.copy_file_range(source, target, len(data) - place,
                                            place, place)
    equal(read("b"), data)
    equal(read("c"), data)


@case("fallocate reserves space", not_on_nfs="NFSv3 has no ALLOCATE")
def fallocate():
    import ctypes  # pylint: disable=import-outside-toplevel
    libc = ctypes.CDLL(None, use_errno=True)
    with opened("a", os.O_RDWR | os.O_CREAT) as fd:
        equal(libc.fallocate(fd, 0, ctypes.c_long(0), ctypes.c_long(1 << 20)), 0)
        equal(os.fstat(fd).st_size, 1 << 20)


@case("the other mount reads a sparse file byte for byte", n_mounts=2)
def other_mount(other):
    with opened("a", os.O_RDWR | os.O_CREAT) as fd:
        for i in range(20):
            os.pwrite(fd, b"%d" % i * 3000, i * 123_457)
    equal(read(other + "/a"), read("a"))
