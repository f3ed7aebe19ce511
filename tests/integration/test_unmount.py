# SPDX-License-Identifier: Apache-2.0
"""Taking volumes away, whatever state they are in: NodeUnpublishVolume and
NodeUnstageVolume return in time, no mount is left, and nobody waits for ever."""

import os
import signal
import subprocess
import sys
import time

from csi_case import CsiCase
from keeper_case import KeeperCase
from lab import wait_for
from lab.mounts import mounts_below
from lab.process import thread_states

SECONDS = 5  # for each of the two calls

# Opens a file, says so, and reads all of it past the page cache again and again.
READER = """
import mmap, os, sys
fd = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECT)
os.chdir(os.path.dirname(sys.argv[1]))
print("open", flush=True)
buffer = mmap.mmap(-1, 1 << 20)
while os.preadv(fd, [buffer], 0) > 0:
    pass
"""


# Opens a file, and writes to it when it is told to.
WRITER = """
import os, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
print("open", flush=True)
sys.stdin.readline()
os.write(fd, bytes(1 << 20))
print("written", flush=True)
os.fsync(fd)
"""


# Writes until it can't.
FLOOD = """
import os, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
print("open", flush=True)
while True:
    for n in range(64):
        os.pwrite(fd, bytes(1 << 18), n << 18)
"""


class Unmounts:
    """self.target is where self.volume is published on the first node."""

    def fill(self):
        with open(os.path.join(self.backing(self.volume), "file"), "wb") as f:
            f.write(b"x" * (1 << 20))

    def program(self, text, name):
        child = subprocess.Popen(
            [sys.executable, "-c", text, os.path.join(self.target, name)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(child.stdout.close)
        self.addCleanup(child.stdin.close)
        self.addCleanup(child.kill)
        self.assertEqual(child.stdout.readline(), "open\n")
        return child

    def reader(self):
        self.fill()
        return self.program(READER, "file")

    def take_away(self):
        """Both calls, in time, and what must not be there after them."""
        staging = os.path.join(self.folder, f"stage-0-{self.volume}")
        began = time.monotonic()
        self.unmount(0, self.volume, self.target)
        self.assertLess(time.monotonic() - began, SECONDS)
        began = time.monotonic()
        self.clients[0].node.NodeUnstageVolume(
            self.pb.NodeUnstageVolumeRequest(
                volume_id=self.volume, staging_target_path=staging),
            timeout=30)
        self.assertLess(time.monotonic() - began, SECONDS)
        self.assertEqual(mounts_below(staging), [])
        self.assertEqual(mounts_below(self.target), [])
        self.assertFalse(os.path.lexists(self.target))

    def expect_end(self, child):
        """It was told, or can be killed: it waits for nothing."""
        child.kill()
        wait_for(lambda: child.poll() is not None, "the reader's end", SECONDS)

    def test_a_busy_volume_goes(self):
        child = self.reader()
        self.take_away()
        self.expect_end(child)

    def test_a_busy_volume_goes_while_the_server_is_away(self):
        child = self.reader()
        self.cluster.server.stop()
        self.addCleanup(self.cluster.server.start)
        self.take_away()
        self.expect_end(child)

    def test_a_busy_volume_goes_while_the_server_says_nothing(self):
        child = self.reader()
        self.cluster.server.process.pause()
        self.addCleanup(self.cluster.server.process.go_on)
        wait_for(lambda: "D" in thread_states(child.pid), "the reader to wait")
        self.take_away()
        self.expect_end(child)

    def test_a_volume_that_is_written_goes_while_the_server_says_nothing(self):
        child = self.program(WRITER, "new")
        self.cluster.server.process.pause()
        self.addCleanup(self.cluster.server.process.go_on)
        print(file=child.stdin, flush=True)
        self.assertEqual(child.stdout.readline(), "written\n")
        self.take_away()
        self.expect_end(child)

    def test_a_volume_that_is_written_goes(self):
        children = [self.program(FLOOD, f"new{n}") for n in range(4)]
        time.sleep(1)  # of writing
        self.take_away()
        for child in children:
            self.expect_end(child)

    def test_a_busy_volume_goes_after_the_daemon_was_killed(self):
        child = self.reader()
        self.cluster.nodes[0].process.stop(number=signal.SIGKILL)
        self.cluster.nodes[0].start()
        self.reconnect()
        self.take_away()
        self.expect_end(child)

    def test_a_busy_volume_goes_after_daemon_and_server_were_killed(self):
        child = self.reader()
        self.cluster.server.process.stop(number=signal.SIGKILL)
        self.addCleanup(self.cluster.server.start)
        self.cluster.nodes[0].process.stop(number=signal.SIGKILL)
        self.cluster.nodes[0].start()
        self.reconnect()
        self.take_away()
        self.expect_end(child)


class Unkept(Unmounts, CsiCase):
    """A daemon that is killed takes its mounts along."""

    def setUp(self):
        self.volume = self._testMethodName[5:45]
        os.mkdir(self.backing(self.volume))
        self.target = self.mount(0, self.volume)


class Alone(Unkept):
    """Of one node, whose kernel has pages that were not written yet."""

    @classmethod
    def capability(cls, mode=None, flags=(), group=""):
        return super().capability(cls.modes.SINGLE_NODE_WRITER
                                  if mode is None else mode, flags, group)


class Kept(Unmounts, KeeperCase):
    """The next daemon has them."""
