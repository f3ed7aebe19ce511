# SPDX-License-Identifier: Apache-2.0
"""What a case is, and how one is run: in a process of its own, whose working
directory is a fresh sub-directory, and which is killed when its time is over."""

import enum
import os
import select
import shutil
import signal
import sys
import time
import traceback

CASE_SECONDS = 40
CASES = []


class Outcome(enum.Enum):
    PASSED = "ok"
    FAILED = "FAILED"
    SKIPPED = "skipped"


class Skip(Exception):
    """The case can't be run here; the reason is its text."""


class Case:
    def __init__(self, function, sentence, n_mounts, not_on_nfs, is_slow):
        noun = function.__module__.rsplit(".", maxsplit=1)[-1]
        self.title = f"{noun}: {sentence}"
        self.function = function
        self.n_mounts = n_mounts
        self.not_on_nfs = not_on_nfs
        self.is_slow = is_slow


def case(sentence, n_mounts=1, not_on_nfs=None, is_slow=False):
    """Registers a case. With n_mounts=2 it gets the path of its directory by the
    other mount. not_on_nfs says why NFSv3 can't satisfy it."""
    def register(function):
        CASES.append(Case(function, sentence, n_mounts, not_on_nfs, is_slow))
        return function
    return register


def speaks_nfs(path):
    """Is the file system of PATH NFS, by claimfs or by another client?"""
    path = os.path.realpath(path)
    best, kind = "", ""
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        for line in f:
            fields = line.split()
            point = fields[4]
            is_above = (path + "/").startswith(point.rstrip("/") + "/")
            if is_above and len(point) >= len(best):
                best, kind = point, fields[fields.index("-") + 1]
    return kind.startswith("nfs") or kind in ("fuse.claimfs", "fuse.fuse-nfs")


def reason_to_skip(case_, args, is_nfs):
    if is_nfs and case_.not_on_nfs:
        return case_.not_on_nfs
    if case_.is_slow and not args.slow:
        return "slow: only with --slow"
    if case_.n_mounts > 1 and not args.other:
        return "needs the same directory by a second mount"
    return None


def child_main(case_, folder, other, out_fd):
    """The case's process: says nothing if it passed, else why not."""
    status = 0
    try:
        os.setpgid(0, 0)
        os.umask(0o022)
        os.chdir(folder)
        case_.function(*([other] if case_.n_mounts > 1 else []))
    except Skip as reason:
        os.write(out_fd, str(reason).encode())
        status = 2
    except BaseException:  # pylint: disable=broad-except
        os.write(out_fd, traceback.format_exc().encode()[-3000:])
        status = 1
    os._exit(status)


def end_of(pid, out_fd):
    """Returns (status, text) of the case's process, which has CASE_SECONDS."""
    pidfd = os.pidfd_open(pid)
    is_over = select.select([pidfd], [], [], CASE_SECONDS)[0]
    os.close(pidfd)
    try:
        os.killpg(pid, signal.SIGKILL)  # what the case itself left, too
    except ProcessLookupError:
        pass
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.set_blocking(out_fd, False)
    try:
        text = os.read(out_fd, 65536).decode(errors="replace")
    except BlockingIOError:
        text = ""
    if not is_over:
        return 1, f"it did not end within {CASE_SECONDS} s\n"
    return status, text or (f"it ended with status {status}\n" if status else "")


def run_in_child(case_, folder, other):
    out_fd, child_fd = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        child_main(case_, folder, other, child_fd)
    os.close(child_fd)
    try:
        return end_of(pid, out_fd)
    finally:
        os.close(out_fd)


def run_case(case_, number, args, is_nfs):
    began = time.monotonic()
    reason = reason_to_skip(case_, args, is_nfs)
    status, text = 2, reason
    if not reason:
        name = f"case-{number:03d}-{os.getpid()}"
        folder = os.path.join(os.path.abspath(args.directory), name)
        other = args.other and os.path.join(os.path.abspath(args.other), name)
        os.mkdir(folder)
        os.chmod(folder, 0o755)
        status, text = run_in_child(case_, folder, other)
        shutil.rmtree(folder, ignore_errors=True)
    outcome = {0: Outcome.PASSED, 2: Outcome.SKIPPED}.get(status, Outcome.FAILED)
    line = f"{outcome.value:<7} {case_.title}"
    if outcome is Outcome.SKIPPED:
        line += f" ({text})"
    else:
        line += f" ({time.monotonic() - began:.1f} s)"
    if outcome is Outcome.FAILED:
        line += "\n" + text.rstrip("\n")
    print(line, flush=True)
    return outcome
