# SPDX-License-Identifier: Apache-2.0
"""A node with a keeper, and programs that work on its mount while something happens to
either. Nothing here is opened on a mount by the test itself."""

import os
import signal
import subprocess
import sys

from csi_case import CsiCase
from lab import Keeper, wait_for

import lab_case

# Writes and reads back through one descriptor until told to stop by a file that
# appears; prints the number of rounds.
WORKER = """
import os, sys
path, stop = sys.argv[1:]
fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
rounds = 0
while not os.path.exists(stop):
    data = b"%08d" % rounds * 512
    at = rounds % 64 * 4096
    assert os.pwrite(fd, data, at) == len(data)
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    got = os.pread(fd, len(data), at)
    assert got == data, (rounds, got[:16], len(got))
    rounds += 1
    print(rounds, flush=True)
"""


class KeeperCase(CsiCase):
    """One node with a keeper, and a volume mounted on it."""

    keeper_options = ()
    node_options = ()

    @classmethod
    def start_lab(cls):
        super().start_lab()
        cls.node = cls.cluster.nodes[0]
        cls.node.stop()
        cls.node.argv += cls.node_options
        cls.keeper = cls.new_keeper()
        cls.node.start()
        cls.reconnect()

    @classmethod
    def new_keeper(cls):
        return Keeper(lab_case.PROGRAMS, cls.node.state, cls.keeper_options,
                      cls.cluster.env).start()

    @classmethod
    def node_log_has(cls, text, seconds=20):
        wait_for(lambda: text in cls.node.process.log(),
                 f"the node to log {text!r}", seconds)

    @classmethod
    def kill_nodes(cls, what, seconds):
        """And who would keep everybody waiting."""
        super().kill_nodes(what, seconds)
        cls.keeper.process.signal(signal.SIGKILL)

    @classmethod
    def tearDownClass(cls):
        try:
            super().tearDownClass()
        finally:
            cls.keeper.stop()

    def setUp(self):
        self.volume = self._testMethodName[5:45]
        os.mkdir(os.path.join(self.cluster.export, self.volume))
        self.target = self.mount(0, self.volume)

    def tearDown(self):
        self.reconnect()
        self.unmount(0, self.volume, self.target)
        self.unstage(0, self.volume)
        self.assertNotIn(f"{self.folder}/stage-0-{self.volume}", self.mounts())

    @classmethod
    def mounts(cls):
        with open("/proc/self/mountinfo", encoding="utf-8") as f:
            return f.read()

    def kill_node(self):
        self.node.process.signal(signal.SIGKILL)
        wait_for(lambda: not self.node.process.is_running(), "the node's end")

    def worker(self, name="file", program=WORKER):
        """A program that works on the mount, and how to end it."""
        stop = os.path.join(self.folder, f"stop-{self.volume}-{name}")
        child = subprocess.Popen(
            [sys.executable, "-c", program, os.path.join(self.target, name),
             stop], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(child.kill)

        def end():
            with open(stop, "w", encoding="ascii"):
                pass
            out, err = child.communicate(timeout=60)
            self.assertEqual((child.returncode, err), (0, ""))
        return child, end

    def rounds(self, child, n):
        """Reads n lines of a worker's output."""
        for _ in range(n):
            if not child.stdout.readline():
                self.fail(child.communicate(timeout=30)[1])
