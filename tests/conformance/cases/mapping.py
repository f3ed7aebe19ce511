# SPDX-License-Identifier: Apache-2.0
"""mmap(2), and direct I/O beside it."""

import errno
import mmap
import os
import shutil
import signal
import subprocess

from steps import Child, equal, opened, read, write
from suite import Skip, case

PAGE = 4096


def mapped(fd, size, **how):
    return mmap.mmap(fd, size, **how)


@case("what a shared mapping writes is read by descriptors, and the reverse")
def both_ways():
    write("a", b"x" * 3 * PAGE)
    with opened("a", os.O_RDWR) as fd:
        memory = mapped(fd, 3 * PAGE)
        memory[PAGE:PAGE + 3] = b"map"
        equal(os.pread(fd, 4, PAGE), b"mapx")
        os.pwrite(fd, b"fd", 2 * PAGE)
        equal(memory[2 * PAGE:2 * PAGE + 3], b"fdx")
        memory.flush()
        memory.close()
    equal(read("a")[PAGE:PAGE + 3], b"map")


@case("what a mapping wrote is in the file without msync, after its end")
def without_msync():
    write("a", b"x" * 3 * PAGE)
    with opened("a", os.O_RDWR) as fd:
        memory = mapped(fd, 3 * PAGE)
    memory[0:3] = b"map"
    memory[3 * PAGE - 3:] = b"end"
    memory.close()
    equal(read("a"), b"map" + b"x" * (3 * PAGE - 6) + b"end")


@case("a private mapping leaves the file alone")
def private():
    write("a", b"x" * PAGE)
    with opened("a") as fd:
        memory = mmap.mmap(fd, PAGE, mmap.MAP_PRIVATE,
                           mmap.PROT_READ | mmap.PROT_WRITE)
        memory[0:3] = b"map"
        equal(memory[0:4], b"mapx")
        memory.close()
    equal(read("a"), b"x" * PAGE)


@case("processes see each other's writes in a shared mapping")
def processes():
    write("a", b"\0" * PAGE)

    def set_byte(place):
        with opened("a", os.O_RDWR) as fd:
            memory = mapped(fd, PAGE)
            memory[place] = 7

    with opened("a", os.O_RDWR) as fd:
        memory = mapped(fd, PAGE)
        for place in range(10):
            Child(set_byte, place).result()
            equal(memory[place], 7)


@case("the rest of the last page is zeros and does not get into the file")
def last_page():
    write("a", b"x" * 100)
    with opened("a", os.O_RDWR) as fd:
        memory = mmap.mmap(fd, 0)
        equal(len(memory), 100)
        memory.close()
        os.ftruncate(fd, PAGE)
        memory = mmap.mmap(fd, PAGE)
        memory[100:200] = b"y" * 100
        os.ftruncate(fd, 150)
        memory.flush()
        os.ftruncate(fd, PAGE)
        equal(memory[:], b"x" * 100 + b"y" * 50 + b"\0" * (PAGE - 150))
        memory.close()


@case("access behind the end of the file is SIGBUS")
def sigbus():
    write("a", b"x" * 2 * PAGE)

    def touch():
        fd = os.open("a", os.O_RDWR)
        memory = mmap.mmap(fd, 2 * PAGE)
        os.ftruncate(fd, 100)
        return memory[PAGE]

    equal(Child(touch).status(), -signal.SIGBUS)


@case("a mapping may only be written if the descriptor may")
def protection():
    write("a", b"x" * PAGE)
    with opened("a") as fd:
        try:
            mmap.mmap(fd, PAGE, mmap.MAP_SHARED,
                      mmap.PROT_READ | mmap.PROT_WRITE)
        except PermissionError:
            return
    raise AssertionError("it was mapped for writing")


@case("a program and its library run from the directory")
def execute():
    shutil.copy("/bin/cat", "cat")
    write("a", b"content")
    done = subprocess.run(["./cat", "a"], capture_output=True, check=True)
    equal(done.stdout, b"content")


@case("a program that is running can't be written")
def text_busy():
    shutil.copy("/bin/cat", "cat")
    with subprocess.Popen(["./cat"], stdin=subprocess.PIPE) as running:
        try:
            os.close(os.open("cat", os.O_WRONLY))
            number = 0
        except OSError as e:
            number = e.errno
        running.stdin.close()
    equal(number, errno.ETXTBSY)


@case("sixteen MiB written by a mapping arrive")
def large():
    size = 16 << 20
    piece = os.urandom(1 << 16)
    with opened("a", os.O_RDWR | os.O_CREAT) as fd:
        os.ftruncate(fd, size)
        memory = mapped(fd, size)
        for place in range(0, size, len(piece)):
            memory[place:place + len(piece)] = piece
        memory.flush()
        memory.close()
    equal(read("a"), piece * (size // len(piece)))


def open_direct(path, flags):
    try:
        return os.open(path, flags | os.O_DIRECT, 0o644)
    except OSError as e:
        raise Skip("O_DIRECT is refused") from e


def aligned(size):
    return mmap.mmap(-1, size)


@case("direct and buffered I/O see each other's data")
def direct():
    fd = open_direct("a", os.O_RDWR | os.O_CREAT)
    block = aligned(4 * PAGE)
    block[:] = b"d" * 4 * PAGE
    equal(os.writev(fd, [block]), 4 * PAGE)
    equal(read("a"), b"d" * 4 * PAGE)
    with opened("a", os.O_RDWR) as buffered:
        os.pwrite(buffered, b"b" * PAGE, PAGE)
        os.preadv(fd, [block], 0)
        equal(block[:], b"d" * PAGE + b"b" * PAGE + b"d" * 2 * PAGE)
        block[:] = b"D" * 4 * PAGE
        os.pwritev(fd, [block], 0)
        equal(os.pread(buffered, 4 * PAGE, 0), b"D" * 4 * PAGE)
    os.close(fd)


@case("direct reads end where the file ends")
def direct_end():
    write("a", b"x" * (PAGE + 100))
    fd = open_direct("a", os.O_RDONLY)
    block = aligned(4 * PAGE)
    equal(os.preadv(fd, [block], 0), PAGE + 100)
    equal(os.preadv(fd, [block], 2 * PAGE), 0)
    os.close(fd)


@case("a large direct write is whole")
def direct_large():
    size = 5 << 20
    block = aligned(size)
    block[:] = os.urandom(PAGE) * (size // PAGE)
    fd = open_direct("a", os.O_RDWR | os.O_CREAT)
    equal(os.pwritev(fd, [block], 0), size)
    os.close(fd)
    equal(read("a"), block[:])


@case("the other mount sees what a mapping wrote after msync and close",
      n_mounts=2)
def other_mount(other):
    write("a", b"\0" * 4 * PAGE)
    for i in range(1, 20):
        with opened("a", os.O_RDWR) as fd:
            memory = mapped(fd, 4 * PAGE)
            memory[i * 100:i * 100 + 5] = b"%05d" % i
            memory.flush()
            memory.close()
        equal(read(other + "/a")[i * 100:i * 100 + 5], b"%05d" % i)
