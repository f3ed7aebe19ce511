# SPDX-License-Identifier: Apache-2.0
"""Daemons of a lab: started in the background, remembered in a pid file.

A pid file holds the pid and the start time of the process, so that a later run
never ends a stranger that got the same pid.
"""

import glob
import os
import signal
import socket
import subprocess
import time

SIGTERM = signal.SIGTERM


class LabError(Exception):
    """What went wrong, as one sentence (and perhaps lines of a log)."""


def wait_for(condition, what, seconds=10.0):
    """Returns what condition() returns as soon as that is true."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise LabError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(0.02)


def free_port():
    """A TCP port of 127.0.0.1 that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(address):
    """Whether somebody accepts connections at (host, port) or a socket path."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as probe:
        probe.settimeout(1)
        try:
            probe.connect(address)
        except OSError:
            return False
        return True


def start_time(pid):
    """Clock ticks after boot at which pid started; None if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
            fields = f.read().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def thread_states(pid):
    for path in glob.glob(f"/proc/{pid}/task/*/stat"):
        with open(path, encoding="ascii") as f:
            yield f.read().rpartition(")")[2].split()[0]


class Process:
    """One daemon; its output goes to FOLDER/NAME.log."""

    def __init__(self, name, folder):
        self.name = name
        self.log_path = os.path.join(folder, name + ".log")
        self.pid_path = os.path.join(folder, name + ".pid")
        self.child = None

    def start(self, argv, is_ready, env=None, seconds=20.0):
        """Starts argv and returns when is_ready() holds."""
        os.makedirs(os.path.dirname(self.log_path), exist_ok=True)
        with open(self.log_path, "ab") as log:
            self.child = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **(env or {})}, start_new_session=True)
        with open(self.pid_path, "w", encoding="ascii") as f:
            f.write(f"{self.child.pid} {start_time(self.child.pid)}\n")

        def is_ready_or_dead():
            return self.child.poll() is not None or is_ready()

        try:
            wait_for(is_ready_or_dead, f"{self.name} to be ready", seconds)
        except LabError as error:
            self.stop(grace=1)
            raise LabError(f"{error}; end of its log:\n{self.log_tail()}") \
                from None
        if self.child.poll() is not None:
            raise LabError(f"{self.name} ended at once with "
                           f"{self.child.returncode}; end of its log:\n"
                           f"{self.log_tail()}")
        return self

    def recorded(self):
        """The pid in the pid file if that very process still runs."""
        try:
            with open(self.pid_path, encoding="ascii") as f:
                pid, started = f.read().split()
        except (OSError, ValueError):
            return None
        return int(pid) if start_time(pid) == started else None

    @property
    def pid(self):
        return self.child.pid if self.child else self.recorded()

    def is_running(self):
        if self.child:
            return self.child.poll() is None
        return self.recorded() is not None

    def signal(self, number):
        if self.is_running():
            os.kill(self.pid, number)

    def pause(self):
        """Stops all of it where it stands, until go_on()."""
        self.signal(signal.SIGSTOP)
        # kill(2) does not wait: a thread may do something once more.
        wait_for(lambda: set(thread_states(self.pid)) == {"T"},
                 "every thread to stop")

    def go_on(self):
        self.signal(signal.SIGCONT)

    def stop(self, grace=10.0, number=SIGTERM):
        """Asks it to end, then makes it; returns the exit status if known."""
        if self.is_running():
            self.signal(number)
            try:
                wait_for(lambda: not self.is_running(), "its end", grace)
            except LabError:
                self.signal(signal.SIGKILL)
                wait_for(lambda: not self.is_running(), "its end", grace)
        if os.path.exists(self.pid_path):
            os.unlink(self.pid_path)
        return self.child.returncode if self.child else None

    def log(self):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    def log_tail(self, lines=8):
        return "\n".join(self.log().splitlines()[-lines:])
