# SPDX-License-Identifier: Apache-2.0
"""The steps that cases are written in. Paths are relative to the case's folder."""

import contextlib
import os
import pickle


def write(path, data=b"x"):
    with open(path, "wb") as f:
        f.write(data)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def equal(is_, wanted, what="value"):
    if is_ != wanted:
        raise AssertionError(f"{what} is {is_!r:.300}, not {wanted!r:.300}")


def fails(number, function, *args, **kwargs):
    """FUNCTION(...) must fail with this errno, or one of a tuple of them."""
    numbers = number if isinstance(number, tuple) else (number,)
    names = " or ".join(os.strerror(n) for n in numbers)
    try:
        result = function(*args, **kwargs)
    except OSError as e:
        if e.errno not in numbers:
            raise AssertionError(f"{e} instead of '{names}'") from e
        return
    raise AssertionError(f"it returned {result!r} instead of '{names}'")


@contextlib.contextmanager
def opened(path, flags=os.O_RDONLY, mode=0o644):
    fd = os.open(path, flags, mode)
    try:
        yield fd
    finally:
        os.close(fd)


class Child:
    """FUNCTION in a process of its own; result() returns what it returned, or
    raises what it raised."""

    def __init__(self, function, *args, user=None):
        self.out_fd, child_fd = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.out_fd)
            self.main(child_fd, user, function, args)
        os.close(child_fd)

    @staticmethod
    def main(out_fd, user, function, args):
        try:
            if user:
                become(*user)
            result = (True, function(*args))
        except BaseException as e:  # pylint: disable=broad-except
            result = (False, e)
        os.write(out_fd, pickle.dumps(result))
        os._exit(0)

    def result(self):
        with open(self.out_fd, "rb") as f:
            data = f.read()
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        if not data:
            raise AssertionError(f"a process ended with status {status}")
        is_fine, value = pickle.loads(data)
        if not is_fine:
            raise value
        return value

    def status(self):
        """How it ended, for children that are expected to die."""
        os.close(self.out_fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def become(uid, gid, groups=()):
    os.setgroups(groups)
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def as_user(user, function, *args):
    """USER is (uid, gid) or (uid, gid, groups)."""
    return Child(function, *args, user=user).result()


class Turns:
    """Lets processes go one after the other: pass_on() wakes one wait()."""

    def __init__(self):
        self.read_fd, self.write_fd = os.pipe()

    def wait(self):
        if os.read(self.read_fd, 1) != b".":
            raise AssertionError("the process before this one is gone")

    def pass_on(self, n=1):
        os.write(self.write_fd, b"." * n)
