# SPDX-License-Identifier: Apache-2.0
"""A server that answers everything but READ: pages stay locked in the kernel, and
whoever wants to drop them waits. Other volumes must not notice."""

import contextlib
import os
import signal
import subprocess
import sys
import threading

from lab import LabError, thread_states, wait_for
from csi_case import CsiCase
from keeper_case import KeeperCase
from wire import Wire, procedure

SECONDS = 8
GETATTR, READ, FSINFO = 1, 6, 19


class Withholding(Wire):
    """Passes NFS calls on, but for READs while it withholds them."""

    def __init__(self, port):
        self.is_withholding = False
        self.n_withheld = 0
        super().__init__(port)

    def passes(self, call):
        is_withheld = self.is_withholding and procedure(call) == READ
        self.n_withheld += is_withheld
        return not is_withheld

    def reset(self):
        """Answers READs again: clients send on a new connection what is missing."""
        self.is_withholding = False
        super().reset()


def make_large(path):
    with open(path, "wb") as f:
        f.truncate(64 << 20)


def locking_reader(path, proxy):
    """Reads a page whose READ is withheld."""
    n_before = proxy.n_withheld
    reader = subprocess.Popen(
        ["dd", f"if={path}", "of=/dev/null", "bs=4096", "skip=12288",
         "count=1", "status=none"])
    wait_for(lambda: proxy.n_withheld > n_before, "a READ to be withheld",
             SECONDS)
    return reader


class WithheldReads(CsiCase):

    def stage(self, volume, port):
        os.mkdir(self.backing(volume))
        context = self.context(
            volume, mountOptions=f"nfsvers=3,port={port},"
            f"mountport={self.cluster.server.mount_port}")
        path = os.path.join(self.folder, "stage-0-" + volume)
        self.clients[0].node.NodeStageVolume(
            self.stage_request(volume, path, volume_context=context),
            timeout=SECONDS)
        return path

    def lock_a_page(self, path, proxy):
        """A reader that waits, and a foreign change that is noticed meanwhile."""
        behind = os.path.join(self.backing("silent"), "file")
        make_large(behind)
        with open(path + "/file", "rb") as f:
            f.read(4096)
        proxy.is_withholding = True
        reader = locking_reader(path + "/file", proxy)
        with open(behind, "r+b") as f:
            f.write(b"changed")
        # Noticed once the kernel asks for the attributes again, after a second.
        for _ in range(2):
            subprocess.run(["stat", path + "/file"], timeout=SECONDS,
                           check=True, stdout=subprocess.DEVNULL)
            threading.Event().wait(1.5)
        return reader

    def test_another_volume_lives_and_goes(self):
        proxy = Withholding(self.cluster.server.port)
        self.addCleanup(proxy.close)
        silent = self.stage("silent", proxy.port)
        other = self.stage("other", self.cluster.server.port)
        reader = self.lock_a_page(silent, proxy)
        try:
            with open(other + "/log", "ab", buffering=0) as f:
                f.write(b"ours\n")
                # The end moves behind the kernel's back: its pages have to go.
                with open(self.backing("other") + "/log", "ab") as g:
                    g.write(b"theirs\n")
                f.write(b"ours\n")
            with open(self.backing("other") + "/log", "rb") as f:
                self.assertEqual(f.read(), b"ours\ntheirs\nours\n")
            self.unstage(0, "other")
        finally:
            proxy.reset()
            self.assertEqual(reader.wait(60), 0)
        self.unstage(0, "silent")


class WithholdingCase(KeeperCase):
    """The node reaches its server by a wire of this class."""

    wire = None

    @classmethod
    def set_up_lab(cls):
        cls.proxy = cls.wire(cls.cluster.server.port)
        cls.addClassCleanup(cls.proxy.close)
        cls.nfs_port = cls.proxy.port


# Appends a line for each that it reads.
APPENDER = """
import os, sys
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND)
for line in sys.stdin:
    os.write(fd, line.encode())
    print("written", flush=True)
"""


class WithheldReadsOfTheKilled(WithholdingCase):
    wire = Withholding

    def append(self, appender, line):
        appender.stdin.write(line)
        appender.stdin.flush()
        self.assertEqual(appender.stdout.readline(), "written\n")

    def wait_for_a_blocked_thread(self):
        """There need not be any."""
        with contextlib.suppress(LabError):
            wait_for(lambda: "D" in thread_states(self.node.process.pid),
                     "a thread to wait for a page", 1)

    def test_who_appended_at_a_foreign_end_can_be_killed(self):
        path = os.path.join(self.target, "file")
        behind = os.path.join(self.backing(self.volume), "file")
        make_large(behind)
        appender = subprocess.Popen(
            [sys.executable, "-c", APPENDER, path], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(appender.communicate, timeout=60)
        self.append(appender, "ours\n")
        self.proxy.is_withholding = True
        reader = locking_reader(path, self.proxy)
        with open(behind, "ab") as f:
            f.write(b"theirs\n")
        try:
            self.append(appender, "ours\n")
            self.wait_for_a_blocked_thread()
            self.node.process.signal(signal.SIGKILL)
            wait_for(lambda: not self.node.process.is_running(),
                     "the killed daemon to end", 5)
        finally:
            self.proxy.reset()
            self.node.start()
            self.assertEqual(reader.wait(60), 0)
        # In the right place, for this node's programs as well.
        for each in (behind, path):
            found = subprocess.run(["tail", "-c", "17", each], timeout=60,
                                   check=True, capture_output=True).stdout
            self.assertEqual(found, b"ours\ntheirs\nours\n")


class WithholdingAttributes(Wire):
    """Of a volume that is being staged, once the server's properties are known."""

    def __init__(self, port):
        self.is_waiting = self.is_withholding = False
        self.n_withheld = 0
        super().__init__(port)

    def passes(self, call):
        if procedure(call) == FSINFO:
            self.is_withholding = self.is_waiting
        is_withheld = self.is_withholding and procedure(call) == GETATTR
        self.n_withheld += is_withheld
        return not is_withheld

    def reset(self):
        self.is_waiting = self.is_withholding = False
        super().reset()


class KilledWhileStaging(WithholdingCase):
    wire = WithholdingAttributes

    def test_the_daemon_does_not_wait_for_itself(self):
        os.mkdir(self.backing("next"))
        self.proxy.is_waiting = True
        staging = os.path.join(self.folder, "stage-0-next")
        call = self.clients[0].node.NodeStageVolume.future(
            self.stage_request("next", staging), timeout=SECONDS)
        wait_for(lambda: self.proxy.n_withheld > 0,
                 "the root's attributes to be asked for", SECONDS)
        try:
            self.node.process.signal(signal.SIGKILL)
            wait_for(lambda: not self.node.process.is_running(),
                     "the killed daemon to end", 5)
            self.assertIsNotNone(call.exception(SECONDS))
        finally:
            self.proxy.reset()
            self.node.start()
        self.reconnect()
        self.clients[0].node.NodeStageVolume(
            self.stage_request("next", staging), timeout=SECONDS)
        self.unstage(0, "next")
