# SPDX-License-Identifier: Apache-2.0
"""fsync(2), close(2) and the errors that they may report."""

import errno
import os

from steps import equal, fails, opened, read, write
from suite import case


@case("fsync and fdatasync work for files and folders, even read-only ones")
def kinds():
    write("a")
    for flags in (os.O_RDONLY, os.O_RDWR, os.O_WRONLY):
        with opened("a", flags) as fd:
            os.fsync(fd)
            os.fdatasync(fd)
    with opened(".") as fd:
        os.fsync(fd)
        os.fdatasync(fd)


@case("fsync is refused for what can't be synchronised")
def refused():
    os.mkfifo("fifo")
    fails(errno.EBADF, os.fsync, 999)
    with opened("fifo", os.O_RDWR) as fd:
        fails(errno.EINVAL, os.fsync, fd)


@case("what fsync returned for is read again after the cache was dropped")
def drop_cache():
    data = os.urandom(700_001)
    with opened("a", os.O_RDWR | os.O_CREAT) as fd:
        os.write(fd, data)
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        equal(os.pread(fd, 800_000, 0), data)


@case("O_SYNC and O_DSYNC writes are readable by a new open")
def o_sync():
    for flag in (os.O_SYNC, os.O_DSYNC):
        with opened("a", os.O_RDWR | os.O_CREAT | os.O_TRUNC | flag) as fd:
            for i in range(10):
                os.write(fd, b"%d" % i * 1000)
                equal(os.stat("a").st_size, (i + 1) * 1000)
        equal(read("a"), b"".join(b"%d" % i * 1000 for i in range(10)))


@case("a file can be synchronised after its removal")
def removed():
    with opened("a", os.O_RDWR | os.O_CREAT) as fd:
        os.write(fd, b"x" * 100_000)
        os.unlink("a")
        os.fsync(fd)
        os.write(fd, b"y")
        os.fsync(fd)
        equal(os.pread(fd, 9, 100_000), b"y")


@case("a write through one descriptor is seen at once through another")
def at_once():
    with opened("a", os.O_RDWR | os.O_CREAT) as fd, opened("a") as second:
        for i in range(100):
            os.write(fd, b"%03d" % i)
            equal(os.pread(second, 3, 3 * i), b"%03d" % i)
            equal(os.fstat(second).st_size, 3 * i + 3)


@case("syncing the file system works")
def sync():
    write("a", b"x" * 100_000)
    os.sync()
    equal(len(read("a")), 100_000)


@case("the other mount reads what fsync returned for, while it is open",
      n_mounts=2)
def other_mount(other):
    with opened("a", os.O_RDWR | os.O_CREAT) as fd:
        for i in range(20):
            os.pwrite(fd, b"%02d" % i * 3000, i * 6000)
            os.fsync(fd)
            equal(read(other + "/a")[i * 6000:], b"%02d" % i * 3000)


@case("writing a file that the other mount removed is kept or reported",
      n_mounts=2)
def removed_by_other(other):
    fd = os.open("a", os.O_RDWR | os.O_CREAT)
    os.write(fd, b"x" * 5000)
    os.fsync(fd)
    os.unlink(other + "/a")
    try:
        os.pwrite(fd, b"y" * 5000, 5000)
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        data = os.pread(fd, 20000, 0)
    except OSError as e:
        equal(e.errno, errno.ESTALE)
        data = None
    try:
        os.close(fd)
    except OSError as e:
        equal(e.errno, errno.ESTALE)
    if data is not None:
        equal(data, b"x" * 5000 + b"y" * 5000)


@case("a descriptor never shows another file that took its name on the other "
      "mount", n_mounts=2)
def replaced_by_other(other):
    write("a", b"old" * 1000)
    with opened("a") as fd:
        write(other + "/temporary", b"new" * 1000)
        os.rename(other + "/temporary", other + "/a")
        equal(read("a"), b"new" * 1000)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        try:
            equal(os.pread(fd, 9000, 0), b"old" * 1000)
        except OSError as e:
            equal(e.errno, errno.ESTALE)
