# SPDX-License-Identifier: Apache-2.0
"""O_APPEND."""

import collections
import os

from steps import Child, Turns, equal, opened, read, write
from suite import case

APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT


def append_records(path, who, n):
    with opened(path, APPEND) as fd:
        for i in range(n):
            record = b"%s %05d %s\n" % (who, i, who * (i % 90))
            equal(os.write(fd, record), len(record), "what was written")


def expect_records(n, *writers):
    """Every writer's records are there, whole, once and in order."""
    found = collections.defaultdict(list)
    for line in read("a").splitlines():
        who, number, rest = line.split(b" ")
        equal(rest, who * (int(number) % 90))
        found[who].append(int(number))
    for who in writers:
        equal(found[who], list(range(n)), f"records of {who!r}")


@case("every write goes to the end, whatever the place of the descriptor")
def to_the_end():
    write("a", b"begin ")
    with opened("a", APPEND) as fd:
        os.write(fd, b"1")
        os.lseek(fd, 0, os.SEEK_SET)
        os.write(fd, b"2")
        equal(os.lseek(fd, 0, os.SEEK_CUR), 8, "the place")
        with opened("a", APPEND) as second:
            os.write(second, b"3")
        os.write(fd, b"4")
    equal(read("a"), b"begin 1234")


@case("an append after a cut goes to the new end")
def after_cut():
    with opened("a", APPEND) as fd:
        os.write(fd, b"x" * 6000)
        os.truncate("a", 5)
        os.write(fd, b"end")
    equal(read("a"), b"xxxxxend")


@case("O_APPEND set later holds from then on")
def set_later():
    import fcntl  # pylint: disable=import-outside-toplevel
    write("a", b"0123")
    with opened("a", os.O_RDWR) as fd:
        fcntl.fcntl(fd, fcntl.F_SETFL, os.O_APPEND)
        os.write(fd, b"4")
    equal(read("a"), b"01234")


@case("a large append is whole")
def large():
    data = os.urandom(3_000_001)
    write("a", b"x")
    with opened("a", APPEND) as fd:
        equal(os.write(fd, data), len(data))
        os.write(fd, b"end")
    equal(read("a"), b"x" + data + b"end")


@case("processes that append to one file lose nothing")
def processes():
    children = [Child(append_records, "a", who, 100) for who in (b"p", b"q", b"r")]
    for child in children:
        child.result()
    expect_records(100, b"p", b"q", b"r")


def append_by_turns(path, who, n, mine, theirs):
    with opened(path, APPEND) as fd:
        for i in range(n):
            mine.wait()
            os.write(fd, b"%s %05d %s\n" % (who, i, who * (i % 90)))
            theirs.pass_on()


@case("two mounts that append by turns lose nothing", n_mounts=2)
def by_turns(other):
    first, second = Turns(), Turns()
    children = [Child(append_by_turns, "a", b"h", 60, first, second),
                Child(append_by_turns, other + "/a", b"t", 60, second, first)]
    first.pass_on()
    for child in children:
        child.result()
    expect_records(60, b"h", b"t")


@case("two mounts that append at once lose nothing", n_mounts=2,
      not_on_nfs="NFSv3 has no append: size and write are two calls, between "
                 "which another client can write")
def at_once(other):
    children = [Child(append_records, "a", b"h", 100),
                Child(append_records, other + "/a", b"t", 100)]
    for child in children:
        child.result()
    expect_records(100, b"h", b"t")
