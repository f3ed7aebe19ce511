# SPDX-License-Identifier: Apache-2.0
"""What keeps the numbers of a noisy machine comparable, and what is read of it:
CPUs that never halt (a halted virtual CPU costs more to wake than a request),
programs that go before others, CPU time from /proc, empty caches of names."""

import glob
import os
import subprocess
import time

from lab import LabError

JOB_SECONDS = 600  # of any one program


class Spinners:
    """A loop at SCHED_IDLE on every CPU, so that none of them halts."""

    def __enter__(self):
        self.children = [subprocess.Popen(
            ["taskset", "-c", str(cpu), "chrt", "-i", "0",
             "sh", "-c", "while :; do :; done"])
            for cpu in os.sched_getaffinity(0)]

    def __exit__(self, *unused):
        for child in self.children:
            child.kill()
            child.wait()


def make_urgent(pid):
    """Puts a process and all its threads at nice -10."""
    threads = os.listdir(f"/proc/{pid}/task")
    subprocess.run(["renice", "-n", "-10", "-p", *threads], check=True,
                   stdout=subprocess.DEVNULL)


def urgent(argv, cwd=None):
    """Runs argv at nice -10, as servers and daemons do; returns its output."""
    try:
        done = subprocess.run(["nice", "-n", "-10", *argv], text=True, cwd=cwd,
                              capture_output=True, timeout=JOB_SECONDS,
                              check=False)
    except subprocess.TimeoutExpired:
        raise LabError(f"{' '.join(argv)} did not end within "
                       f"{JOB_SECONDS} s") from None
    if done.returncode != 0:
        raise LabError(f"{' '.join(argv)} ended with {done.returncode}: "
                       f"{done.stderr.strip()[-2000:]}")
    return done.stdout


class Background:
    """A program that runs beside others, as urgent() runs it."""

    def __init__(self, argv):
        self.argv = argv

    def __enter__(self):
        self.child = subprocess.Popen(
            ["nice", "-n", "-10", *self.argv], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        return self

    def output(self):
        """Waits for its end; what it has printed."""
        text = self.child.communicate(timeout=JOB_SECONDS)[0]
        if self.child.returncode != 0:
            raise LabError(f"{' '.join(self.argv)} ended with "
                           f"{self.child.returncode}")
        return text

    def __exit__(self, *unused):
        self.child.kill()
        self.child.wait()


def timed(argv, cwd=None):
    """Seconds that argv takes."""
    start = time.monotonic()
    urgent(argv, cwd)
    return time.monotonic() - start


def cpu_us(pid):
    """CPU time of all threads of a process."""
    total = 0
    for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
        try:
            with open(path, encoding="ascii") as f:
                total += int(f.read().split()[0])
        except OSError:  # The thread ended.
            pass
    return total / 1000


def status_of(pid, field):
    """A number of /proc/PID/status, e.g. VmRSS (KiB) or Threads."""
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        for line in f:
            if line.startswith(field + ":"):
                return int(line.split()[1])
    raise LabError(f"/proc/{pid}/status has no {field}")


def forget_names():
    """Drops the kernel's names and attributes; a file system is cold then."""
    subprocess.run(["sync"], check=True)
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as f:
        f.write("2")
