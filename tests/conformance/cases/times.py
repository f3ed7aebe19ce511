# SPDX-License-Identifier: Apache-2.0
"""What changes which time, and what can be set."""

import os

from steps import equal, opened, read, write
from suite import case

OLD = 1_000_000_000_123_456_789


def old(path):
    os.utime(path, ns=(OLD, OLD))


def is_new(path, name="st_mtime_ns"):
    return getattr(os.stat(path), name) > OLD


@case("nanoseconds are kept")
def nanoseconds():
    write("a")
    for ns in (1, 999_999_999, 1_234_567_890_123_456_789, 0):
        os.utime("a", ns=(ns, ns + 1))
        status = os.stat("a")
        equal((status.st_atime_ns, status.st_mtime_ns), (ns, ns + 1))


@case("times up to the year 2106 are kept")
def late():
    write("a")
    late_ns = 4_294_967_295 * 10**9
    os.utime("a", ns=(late_ns, late_ns - 1))
    status = os.stat("a")
    equal((status.st_atime_ns, status.st_mtime_ns), (late_ns, late_ns - 1))


@case("times before 1970 are kept", not_on_nfs="NFSv3's times are unsigned")
def early():
    write("a")
    os.utime("a", ns=(-10**9, -2 * 10**9))
    equal(os.stat("a").st_mtime_ns, -2 * 10**9)


@case("folders have times that can be set")
def folders():
    os.mkdir("folder")
    old("folder")
    equal(os.stat("folder").st_mtime_ns, OLD)


@case("symlinks have times that can be set",
      not_on_nfs="nfs-ganesha sets a symlink's times to now")
def symlinks():
    os.symlink("none", "link")
    os.utime("link", ns=(OLD, OLD + 1), follow_symlinks=False)
    equal(os.lstat("link").st_mtime_ns, OLD + 1)


@case("a write changes the modification and the change time")
def written():
    write("a")
    old("a")
    before = os.stat("a").st_ctime_ns
    with opened("a", os.O_RDWR) as fd:
        os.write(fd, b"y")
        equal(is_new("a"), True, "new while open")
    equal(is_new("a"), True, "new")
    equal(os.stat("a").st_ctime_ns >= before, True)


@case("the modification time does not go back from write to write")
def monotonic():
    with opened("a", os.O_RDWR | os.O_CREAT) as fd:
        last = os.fstat(fd).st_mtime_ns
        for i in range(50):
            os.write(fd, b"x")
            if i % 10 == 9:
                os.fsync(fd)
            now = os.fstat(fd).st_mtime_ns
            if now < last:
                raise AssertionError(f"{now} after {last} at write {i}")
            last = now
    equal(os.stat("a").st_mtime_ns >= last, True, "after the close")


@case("times that were set stay, though data written before is not yet sent")
def set_after_write():
    with opened("a", os.O_RDWR | os.O_CREAT) as fd:
        os.write(fd, b"x" * 300_000)
        os.utime(fd, ns=(OLD, OLD))
        equal(os.fstat(fd).st_mtime_ns, OLD)
    equal(os.stat("a").st_mtime_ns, OLD, "after the close")
    with opened("a", os.O_RDONLY) as fd:
        os.fsync(fd)
        equal(os.fstat(fd).st_mtime_ns, OLD, "after a fsync")


@case("reading and opening do not change the modification time")
def reading():
    write("a", b"content")
    old("a")
    for flags in (os.O_RDONLY, os.O_RDWR, os.O_WRONLY):
        os.close(os.open("a", flags))
    read("a")
    equal(os.stat("a").st_mtime_ns, OLD)


@case("chmod and chown change the change time only")
def chmod():
    write("a")
    old("a")
    before = os.stat("a").st_ctime_ns
    os.chmod("a", 0o600)
    os.chown("a", 1000, 1000)
    equal(os.stat("a").st_mtime_ns, OLD)
    equal(os.stat("a").st_ctime_ns >= before, True)


@case("making, linking and removing entries changes the folder's time")
def entries():
    os.mkdir("folder")
    steps = (
        lambda: write("folder/a"),
        lambda: os.link("folder/a", "folder/b"),
        lambda: os.rename("folder/b", "folder/c"),
        lambda: os.unlink("folder/c"),
        lambda: os.mkdir("folder/inner"),
        lambda: os.rmdir("folder/inner"),
        lambda: os.symlink("x", "folder/link"),
    )
    for i, step in enumerate(steps):
        old("folder")
        step()
        equal(is_new("folder"), True, f"new after step {i}")


@case("writing a file leaves its folder's time alone")
def folder_of_written():
    os.mkdir("folder")
    write("folder/a")
    old("folder")
    with opened("folder/a", os.O_RDWR) as fd:
        os.write(fd, b"longer than before")
    equal(os.stat("folder").st_mtime_ns, OLD)


@case("cutting and extending change the modification time")
def truncating():
    write("a", b"content")
    for size in (3, 100):
        old("a")
        os.truncate("a", size)
        equal(is_new("a"), True)


@case("O_TRUNC changes the modification time even of an empty file")
def truncating_empty():
    write("a", b"")
    old("a")
    write("a", b"")
    equal(is_new("a"), True)


@case("one time can be set and the other left")
def omit():
    write("a")
    old("a")
    with opened("a", os.O_RDWR) as fd:
        status = os.fstat(fd)
        os.utime(fd, ns=(status.st_atime_ns, OLD + 5))
    status = os.stat("a")
    equal((status.st_atime_ns, status.st_mtime_ns), (OLD, OLD + 5))


@case("a fresh file's times agree with each other")
def fresh():
    for make in (lambda: write("a", b""),
                 lambda: os.close(os.open("b", os.O_CREAT | os.O_EXCL))):
        make()
    for name in ("a", "b"):
        status = os.stat(name)
        distance = abs(status.st_mtime_ns - status.st_ctime_ns)
        equal(distance < 2 * 10**9, True, f"close {status}")
        equal(abs(status.st_atime_ns - status.st_ctime_ns) < 2 * 10**9, True)


@case("the other mount sees set times at an open", n_mounts=2)
def other_mount(other):
    write("a")
    read(other + "/a")
    old("a")
    with opened(other + "/a") as fd:
        equal(os.fstat(fd).st_mtime_ns, OLD)
