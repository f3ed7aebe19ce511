# SPDX-License-Identifier: Apache-2.0
"""Races for a name, of which exactly one may be won."""

import errno
import os

from steps import Child, Turns, equal, fails, opened, read, write
from suite import case

EXCLUSIVE = os.O_CREAT | os.O_EXCL | os.O_RDWR


def create(path):
    os.close(os.open(path, EXCLUSIVE, 0o600))


def racer(make, paths, start):
    """Returns how many of the names it won."""
    start.wait()
    n_won = 0
    for path in paths:
        try:
            make(path)
            n_won += 1
        except FileExistsError:
            pass
    return n_won


def race(make, folders, n_names=30):
    start = Turns()
    racers = [Child(racer, make, [f"{folder}/name-{i}" for i in range(n_names)],
                    start) for folder in folders]
    start.pass_on(len(racers))
    equal(sum(child.result() for child in racers), n_names, "wins")
    equal(len(os.listdir()), n_names, "names")


def make_symlink(path):
    os.symlink(str(os.getpid()), path)


def make_fifo(path):
    os.mkfifo(path)


@case("one of six processes wins an O_EXCL open")
def files():
    race(create, ["."] * 6)


@case("one of six processes wins a mkdir")
def folders():
    race(os.mkdir, ["."] * 6)


@case("one of six processes wins a symlink")
def symlinks():
    race(make_symlink, ["."] * 6)


@case("one of six processes wins a mkfifo")
def fifos():
    race(make_fifo, ["."] * 6)


@case("one of six processes wins a link")
def links():
    os.mkdir("names")
    write("file")
    os.chdir("names")
    race(lambda path: os.link("../file", path), ["."] * 6)
    equal(os.stat("../file").st_nlink, 31)


@case("one of two mounts wins an O_EXCL open", n_mounts=2)
def files_on_two(other):
    race(create, [".", other, ".", other])


@case("one of two mounts wins a mkdir", n_mounts=2)
def folders_on_two(other):
    race(os.mkdir, [".", other, ".", other])


@case("one of two mounts wins a link", n_mounts=2)
def links_on_two(other):
    os.mkdir("names")
    write("file")
    os.chdir("names")
    race(lambda path: os.link(os.path.dirname(path) + "/../file", path),
         [".", other + "/names"] * 2)


@case("what O_EXCL makes has the right mode, owner and times, and is empty")
def attributes():
    write("before")
    with opened("a", EXCLUSIVE, 0o640) as fd:
        status = os.fstat(fd)
        equal((status.st_mode & 0o7777, status.st_size), (0o640, 0))
        equal((status.st_uid, status.st_gid), (0, 0))
        reference = os.stat("before").st_mtime_ns
        for ns in (status.st_atime_ns, status.st_mtime_ns, status.st_ctime_ns):
            equal(abs(ns - reference) < 60 * 10**9, True, "a time of today")
        os.write(fd, b"content")
    equal(read("a"), b"content")
    fails(errno.EEXIST, create, "a")


def count_under_lock(folder, n):
    for _ in range(n):
        while True:
            try:
                create(folder + "/lock")
                break
            except FileExistsError:
                os.sched_yield()
        number = int(read(folder + "/counter"))
        write(folder + "/counter", b"%d" % (number + 1))
        os.unlink(folder + "/lock")


@case("a lock file guards a counter between processes")
def lock_file():
    write("counter", b"0")
    children = [Child(count_under_lock, ".", 25) for _ in range(3)]
    for child in children:
        child.result()
    equal(read("counter"), b"75")


@case("a lock file guards a counter between two mounts", n_mounts=2)
def lock_file_on_two(other):
    write("counter", b"0")
    children = [Child(count_under_lock, folder, 15) for folder in (".", other)]
    for child in children:
        child.result()
    equal(read("counter"), b"30")
