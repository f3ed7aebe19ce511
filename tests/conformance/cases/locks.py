# SPDX-License-Identifier: Apache-2.0
"""fcntl(2) and flock(2) locks between the processes of one mount."""

import errno
import fcntl
import os
import signal
import struct

from steps import Child, Turns, equal, fails, opened, read, write
from suite import case

FLOCK = "hhqqi4x"  # struct flock of 64-bit Linux
F_OFD_GETLK, F_OFD_SETLK = 36, 37
BUSY = (errno.EAGAIN, errno.EACCES)
EXCLUSIVE = fcntl.LOCK_EX | fcntl.LOCK_NB
SHARED = fcntl.LOCK_SH | fcntl.LOCK_NB


def try_lock(path="a", how=EXCLUSIVE, start=0, size=0, lock=fcntl.lockf):
    """Can another process get this lock?"""
    def attempt():
        with opened(path, os.O_RDWR) as fd:
            try:
                if lock is fcntl.flock:
                    fcntl.flock(fd, how)
                else:
                    fcntl.lockf(fd, how, size, start)
            except BlockingIOError:
                return False
            return True
    return Child(attempt).result()


@case("a write lock keeps every other lock out, a read lock writers only")
def conflicts():
    write("a")
    with opened("a", os.O_RDWR) as fd:
        fcntl.lockf(fd, EXCLUSIVE)
        equal(try_lock(), False)
        equal(try_lock(how=SHARED), False)
        fcntl.lockf(fd, SHARED)
        equal(try_lock(), False)
        equal(try_lock(how=SHARED), True)
        fcntl.lockf(fd, fcntl.LOCK_UN)
        equal(try_lock(), True)


@case("ranges are locked byte for byte, split and joined")
def ranges():
    write("a", b"x" * 100)
    with opened("a", os.O_RDWR) as fd:
        fcntl.lockf(fd, EXCLUSIVE, 30, 10)
        fcntl.lockf(fd, fcntl.LOCK_UN, 10, 20)
        for start, size, is_free in ((0, 10, True), (10, 1, False), (19, 1, False),
                                     (20, 10, True), (29, 2, False),
                                     (39, 1, False), (40, 0, True)):
            equal(try_lock(start=start, size=size), is_free, f"free at {start}")
        fcntl.lockf(fd, EXCLUSIVE, 10, 20)
        equal(try_lock(start=20, size=10), False)


@case("a lock to the end of the file holds behind it as well")
def behind_end():
    write("a")
    with opened("a", os.O_RDWR) as fd:
        fcntl.lockf(fd, EXCLUSIVE, 0, 1000)
        equal(try_lock(start=10**12, size=1), False)
        equal(try_lock(start=0, size=1000), True)


@case("F_GETLK names the process that holds the lock")
def getlk():
    write("a")
    with opened("a", os.O_RDWR) as fd:
        fcntl.lockf(fd, EXCLUSIVE, 5, 7)

        def ask():
            with opened("a", os.O_RDWR) as mine:
                answer = fcntl.fcntl(mine, fcntl.F_GETLK, struct.pack(
                    FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
            return struct.unpack(FLOCK, answer)

        equal(Child(ask).result(), (fcntl.F_WRLCK, 0, 7, 5, os.getpid()))


@case("closing any descriptor of the file drops the process's fcntl locks")
def any_close():
    write("a")
    with opened("a", os.O_RDWR) as fd:
        fcntl.lockf(fd, EXCLUSIVE)
        os.close(os.open("a", os.O_RDONLY))
        equal(try_lock(), True)


@case("a process's end drops its locks, even by SIGKILL")
def killed():
    write("a")
    turns = Turns()

    def hold():
        fd = os.open("a", os.O_RDWR)
        fcntl.lockf(fd, EXCLUSIVE)
        fcntl.flock(fd, EXCLUSIVE)
        turns.pass_on()
        signal.pause()

    holder = Child(hold)
    turns.wait()
    equal(try_lock(), False)
    equal(try_lock(lock=fcntl.flock), False)
    os.kill(holder.pid, signal.SIGKILL)
    equal(holder.status(), -signal.SIGKILL)
    equal(try_lock(), True)
    equal(try_lock(lock=fcntl.flock), True)


def wait_until_blocked(pid):
    """Until PID waits for a lock: /proc/locks lists it with an arrow."""
    while True:
        with open("/proc/locks", encoding="ascii") as f:
            for line in f:
                fields = line.split()
                if fields[1] == "->" and fields[5] == str(pid):
                    return
        os.sched_yield()


@case("a process that waits for a lock gets it when it is dropped")
def waiting():
    write("a")

    def take(lock):
        with opened("a", os.O_RDWR) as fd:
            lock(fd, fcntl.LOCK_EX)
            return read("a")

    for lock in (fcntl.lockf, fcntl.flock):
        with opened("a", os.O_RDWR) as fd:
            lock(fd, EXCLUSIVE)
            waiter = Child(take, lock)
            wait_until_blocked(waiter.pid)
            write_through = os.pwrite(fd, b"done", 0)
            equal(write_through, 4)
            lock(fd, fcntl.LOCK_UN)
            equal(waiter.result(), b"done")


@case("a signal ends the waiting for a lock")
def interrupted():
    write("a")

    def take():
        signal.signal(signal.SIGUSR1, stop)
        with opened("a", os.O_RDWR) as fd:
            try:
                fcntl.lockf(fd, fcntl.LOCK_EX)
            except InterruptedError:
                return "interrupted"
        return "locked"

    def stop(*_):
        raise InterruptedError

    with opened("a", os.O_RDWR) as fd:
        fcntl.lockf(fd, EXCLUSIVE)
        waiter = Child(take)
        wait_until_blocked(waiter.pid)
        os.kill(waiter.pid, signal.SIGUSR1)
        equal(waiter.result(), "interrupted")


@case("two processes that wait for each other get EDEADLK")
def deadlock():
    write("a", b"xy")
    turns = Turns()

    def other():
        with opened("a", os.O_RDWR) as fd:
            fcntl.lockf(fd, EXCLUSIVE, 1, 1)
            turns.pass_on()
            fcntl.lockf(fd, fcntl.LOCK_EX, 1, 0)
            return "locked"

    with opened("a", os.O_RDWR) as fd:
        fcntl.lockf(fd, EXCLUSIVE, 1, 0)
        child = Child(other)
        turns.wait()
        wait_until_blocked(child.pid)
        fails(errno.EDEADLK, fcntl.lockf, fd, fcntl.LOCK_EX, 1, 1)
        fcntl.lockf(fd, fcntl.LOCK_UN)
        equal(child.result(), "locked")


@case("flock belongs to the open file: descriptors of one share, others don't")
def flock_owner():
    write("a")
    with opened("a", os.O_RDWR) as fd, opened("a", os.O_RDWR) as second:
        fcntl.flock(fd, EXCLUSIVE)
        fails(BUSY, fcntl.flock, second, EXCLUSIVE)
        duplicate = os.dup(fd)
        fcntl.flock(duplicate, EXCLUSIVE)
        os.close(duplicate)
        fails(BUSY, fcntl.flock, second, SHARED)
        fcntl.flock(fd, SHARED)
        fcntl.flock(second, SHARED)
        fails(BUSY, fcntl.flock, fd, EXCLUSIVE)


@case("a child shares its parent's flock, but not its fcntl locks")
def child():
    write("a")
    with opened("a", os.O_RDWR) as fd:
        fcntl.flock(fd, EXCLUSIVE)
        Child(fcntl.flock, fd, EXCLUSIVE).result()
        fcntl.flock(fd, EXCLUSIVE)
        fcntl.lockf(fd, EXCLUSIVE)
        equal(Child(fails, BUSY, fcntl.lockf, fd, EXCLUSIVE).result(), None)


@case("open file description locks exclude each other in one process")
def ofd():
    write("a")
    lock = struct.pack(FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    with opened("a", os.O_RDWR) as fd, opened("a", os.O_RDWR) as second:
        fcntl.fcntl(fd, F_OFD_SETLK, lock)
        fails(BUSY, fcntl.fcntl, second, F_OFD_SETLK, lock)
        os.close(os.open("a", os.O_RDONLY))
        fails(BUSY, fcntl.fcntl, second, F_OFD_SETLK, lock)


@case("fcntl wants a descriptor that fits the lock")
def descriptor_mode():
    write("a")
    with opened("a", os.O_RDONLY) as fd:
        fails(errno.EBADF, fcntl.lockf, fd, EXCLUSIVE)
        fcntl.lockf(fd, SHARED)
        fcntl.flock(fd, EXCLUSIVE)
    with opened("a", os.O_WRONLY) as fd:
        fails(errno.EBADF, fcntl.lockf, fd, SHARED)


@case("a lock stays with a file that is renamed or removed")
def renamed():
    write("a")
    with opened("a", os.O_RDWR) as fd:
        fcntl.lockf(fd, EXCLUSIVE)
        os.link("a", "b")
        os.rename("a", "c")
        equal(try_lock("c"), False)
        os.unlink("c")
        equal(try_lock("b"), False)
        write("c")
        equal(try_lock("c"), True)


def count(n, lock):
    for _ in range(n):
        with opened("counter", os.O_RDWR) as fd:
            lock(fd, fcntl.LOCK_EX)
            number = int(os.pread(fd, 20, 0))
            os.pwrite(fd, b"%d" % (number + 1), 0)
            lock(fd, fcntl.LOCK_UN)


@case("locks guard a counter between processes")
def counter():
    for lock in (fcntl.lockf, fcntl.flock):
        write("counter", b"0")
        children = [Child(count, 40, lock) for _ in range(4)]
        for one in children:
            one.result()
        equal(read("counter"), b"160")
