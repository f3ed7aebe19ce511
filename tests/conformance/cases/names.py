# SPDX-License-Identifier: Apache-2.0
"""Which names there can be."""

import errno
import os

from steps import equal, fails, read, write
from suite import case

ODD = [b"-rf", b"...", b". ", b" ", b"a\nb", b"a\tb", b"\\", b"\"'`$(x)", b"\x01",
       b"\x7f", b"\xff", b"\xc3", b"\xe2\x82", "\u00e9".encode(),
       "e\u0301".encode(), "\U0001f600".encode(), b"a:b", b"a*b?", b"con",
       b"name~", b".hidden", b"..a", b"a.", b"%2f", b"A", b"a", b".nfs0001",
       b".claimfs", b"\x80" * 255]


@case("names of 255 bytes are kept, of 256 refused")
def long_names():
    name = "n" * 255
    write(name, b"content")
    os.rename(name, "m" * 255)
    os.link("m" * 255, name)
    os.mkdir("d" * 255)
    os.symlink("x", "s" * 255)
    equal(len(os.listdir()), 4)
    too_long = "n" * 256
    for call in (write, os.mkdir, os.stat, os.unlink):
        fails(errno.ENAMETOOLONG, call, too_long)
    fails(errno.ENAMETOOLONG, os.rename, name, too_long)


@case("any bytes but / and NUL make a name")
def odd_names():
    for name in ODD:
        write(name, name)
    equal(sorted(os.listdir(b".")), sorted(ODD))
    for name in ODD:
        equal(read(name), name)
        os.rename(name, name[:200] + b"-new")
    equal(sorted(os.listdir(b".")), sorted(n[:200] + b"-new" for n in ODD))


@case("each single byte is a name")
def single_bytes():
    names = [bytes([i]) for i in range(1, 256) if bytes([i]) not in b"./"]
    for name in names:
        os.mkdir(name)
    equal(sorted(os.listdir(b".")), names)
    for name in names:
        os.rmdir(name)


@case("upper and lower case are different, and so are Unicode's two forms")
def different():
    for i, name in enumerate(("name", "NAME", "Name", "\u00e9", "e\u0301")):
        write(name, b"%d" % i)
    for i, name in enumerate(("name", "NAME", "Name", "\u00e9", "e\u0301")):
        equal(read(name), b"%d" % i)


@case("folders can be sixty deep")
def deep():
    path = "/".join(["folder"] * 60)
    os.makedirs(path)
    write(path + "/file", b"deep")
    equal(read(path + "/../folder/file"), b"deep")
    top = os.getcwd()
    os.chdir(path)
    equal(os.getcwd(), f"{top}/{path}")


@case("the empty path and paths above 4095 bytes are refused")
def bad_paths():
    fails(errno.ENOENT, os.stat, "")
    fails(errno.ENAMETOOLONG, os.stat, "a/" * 2048)


@case("dots and slashes in a path change nothing")
def dots():
    os.makedirs("a/b")
    write("a/b/c", b"content")
    for path in ("./a/b/c", "a//b///c", "a/./b/../b/c", "a/b/../../a/b/c"):
        equal(read(path), b"content")
    for name in (".", ".."):
        fails((errno.EEXIST, errno.EISDIR, errno.EINVAL), os.mkdir, name)
        fails((errno.EBUSY, errno.EINVAL, errno.ENOTEMPTY, errno.EEXIST),
              os.rename, "a", name)


@case("the other mount has the same bytes in names", n_mounts=2)
def other_mount(other):
    for name in ODD:
        write(name, name)
    equal(sorted(os.listdir(os.fsencode(other))), sorted(ODD))
    for name in ODD:
        equal(read(os.fsencode(other) + b"/" + name), name)
