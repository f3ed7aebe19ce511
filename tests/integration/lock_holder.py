# SPDX-License-Identifier: Apache-2.0
"""Who holds a lock: processes of their own, because a process never conflicts with
itself."""

import contextlib
import errno
import fcntl
import subprocess
import sys

SECONDS = 10

# Takes a lock, says so, and keeps it until its input ends.
HOLDER = """\
import fcntl, sys
how, path, mode, start, length = sys.argv[1:]
f = open(path, "r+b", buffering=0)
if how == "flock":
    fcntl.flock(f, int(mode))
else:
    fcntl.lockf(f, int(mode), int(length), int(start))
print("held", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def started(how, path, mode=fcntl.LOCK_EX, start=0, length=0):
    """A process that takes a lock; it may have to wait for it."""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDER, how, path, str(int(mode)), str(start),
         str(length)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield child
    finally:
        child.kill()
        child.wait(SECONDS)
        child.stdin.close()
        child.stdout.close()


@contextlib.contextmanager
def held(how, path, mode=fcntl.LOCK_EX, start=0, length=0):
    """The same, and it has the lock."""
    with started(how, path, mode, start, length) as child:
        if child.stdout.readline() != b"held\n":
            raise AssertionError(f"no {how} lock on {path}")
        yield child


def can_lock(how, path, mode=fcntl.LOCK_EX, start=0, length=0):
    """Whether this process gets the lock at once; it is dropped again."""
    with open(path, "r+b", buffering=0) as f:
        try:
            if how == "flock":
                fcntl.flock(f, mode | fcntl.LOCK_NB)
            else:
                fcntl.lockf(f, mode | fcntl.LOCK_NB, length, start)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            return False
    return True
