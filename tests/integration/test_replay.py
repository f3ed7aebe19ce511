# SPDX-License-Identifier: Apache-2.0
"""A node daemon that is killed when the server has executed a change and not answered
it: the next one sends the call again as it was, from the same source port with the same
XID, and so the server's duplicate request cache answers it."""

import os
import socket
import struct
import subprocess
import sys
import threading

from keeper_case import KeeperCase
from lab import wait_for
from wire import Wire, procedure

SETATTR, CREATE, MKDIR, SYMLINK, MKNOD = 2, 8, 9, 10, 11
REMOVE, RMDIR, RENAME, LINK = 12, 13, 14, 15

# By the call that each makes.
CHANGES = {
    SETATTR: "os.truncate(file, 3)",
    CREATE: "os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL)",
    MKDIR: "os.mkdir(new)",
    SYMLINK: "os.symlink('target', new)",
    MKNOD: "os.mkfifo(new)",
    REMOVE: "os.unlink(file)",
    RMDIR: "os.rmdir(folder)",
    RENAME: "os.rename(file, new)",
    LINK: "os.link(file, new)",
}

CHANGE = """
import os, sys
new, file, folder = (sys.argv[1] + name for name in ("/new", "/file", "/folder"))
try:
    {}
except OSError as error:
    print(error)
"""


class Recording(Wire):
    """Remembers changes, and keeps back replies or calls. The server sees each
    connection come from the port that it has on this side, too."""

    def __init__(self, port):
        self.seen = []  # (procedure, source port, call)
        self.behave()
        super().__init__(port)

    def behave(self):
        self.withheld = ()  # procedures whose replies are
        self.kept = ()  # procedures that the server does not see
        self.xids = set()

    def connect(self, client):
        server = socket.socket()
        for sock in (client, server):  # or the port would be taken for a while
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                            struct.pack("ii", 1, 0))
        # The port is the client's to bind, too.
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.2", client.getpeername()[1]))
        server.connect(self.server)
        return server

    def pump(self, source, target, are_calls):
        if are_calls:
            threading.current_thread().port = source.getpeername()[1]
        super().pump(source, target, are_calls)

    def passes(self, call):
        proc = procedure(call)
        if proc in CHANGES:
            self.seen.append((proc, threading.current_thread().port, call))
        if proc in self.withheld:
            self.xids.add(call[:4])
        return proc not in self.kept

    def answers(self, reply):
        return reply[:4] not in self.xids

    def changes(self, proc):
        return [seen for seen in self.seen if seen[0] == proc]


class Killed(KeeperCase):

    @classmethod
    def start_lab(cls):
        super().start_lab()
        cls.wire = Recording(cls.cluster.server.port)
        cls.addClassCleanup(cls.wire.close)
        cls.nfs_port = cls.wire.port

    def setUp(self):
        super().setUp()
        self.make_files(self.target)
        self.wire.seen.clear()

    def tearDown(self):
        self.wire.behave()
        super().tearDown()

    def make_files(self, top):
        subprocess.run(["sh", "-c", 'mkdir -p "$0/folder" && '
                        'printf ours > "$0/file"', top], timeout=30, check=True)

    def start_change(self, top, text):
        child = subprocess.Popen(
            [sys.executable, "-c", CHANGE.format(text), top],
            stdout=subprocess.PIPE, text=True)
        self.addCleanup(child.kill)
        return child

    def ends_well(self, child):
        self.assertEqual(child.communicate(timeout=60)[0], "")
        self.assertEqual(child.returncode, 0)

    def content(self, name):
        """On the server."""
        try:
            with open(f"{self.backing(self.volume)}/{name}",
                      encoding="ascii") as f:
                return f.read()
        except FileNotFoundError:
            return None

    def is_there(self, name):
        return os.path.lexists(f"{self.backing(self.volume)}/{name}")

    def die_after(self, proc):
        """When the server has executed it; returns who still waits."""
        self.wire.withheld = (proc,)
        child = self.start_change(self.target, CHANGES[proc])
        wait_for(lambda: self.content("file") != "ours" or
                 self.is_there("new"), "the server to have done it")
        self.kill_node()
        self.wire.behave()
        return child

    def elsewhere(self, change):
        """By another node."""
        other = self.mount(1, self.volume)
        try:
            self.ends_well(self.start_change(other, change))
        finally:
            self.unmount(1, self.volume, other)
            self.clients[1].node.NodeUnstageVolume(
                self.pb.NodeUnstageVolumeRequest(
                    volume_id=self.volume, staging_target_path=os.path.join(
                        self.folder, f"stage-1-{self.volume}")), timeout=30)

    def test_all_changes_are_sent_as_before(self):
        """By several shards, whose requests the kernel gives to any of the next
        ones. Of a RENAME that was executed nothing is left to be sent."""
        for proc in CHANGES:
            self.make_files(f"{self.target}/{proc}")
        self.wire.seen.clear()
        self.wire.kept = (RENAME,)
        self.wire.withheld = set(CHANGES) - {RENAME}
        children = [self.start_change(f"{self.target}/{proc}", change)
                    for proc, change in CHANGES.items()]
        wait_for(lambda: len(self.wire.seen) == len(CHANGES),
                 "the server to be asked", 30)
        self.kill_node()
        self.wire.behave()
        before = self.wire.seen.copy()
        self.wire.seen.clear()
        self.node.start()
        for child in children:
            self.ends_well(child)
        # A server that is slow to answer may have been asked once more.
        self.assertEqual(sorted(set(self.wire.seen)), sorted(before))

    def test_again_and_again_it_is_sent_as_before(self):
        child = self.die_after(REMOVE)
        for n in range(2, 5):
            self.wire.withheld = (REMOVE,)
            self.node.start()
            wait_for(lambda: len(self.wire.seen) >= n, "it to come again")
            self.kill_node()
        self.wire.behave()
        self.node.start()
        self.ends_well(child)
        self.assertEqual(len(set(self.wire.seen)), 1)

    def test_a_new_call_is_not_taken_for_an_old_one(self):
        """The server remembers those of several processes, from the same ports."""
        for n in range(3):
            self.ends_well(self.start_change(
                self.target, f"[os.mkdir(new + '{n}' + x) for x in 'abcdefgh']"))
            self.kill_node()
            self.node.start()
        self.assertEqual(len(self.wire.seen), 24)
        self.assertEqual(len({call[:4] for *_, call in self.wire.seen}), 24)
        self.assertLess(len({port for _, port, _ in self.wire.seen}), 3)

    # What only the server's memory of its answers can give.

    def test_a_name_that_came_back_is_not_removed(self):
        child = self.die_after(REMOVE)
        self.elsewhere("open(file, 'x').write('theirs')")
        self.node.start()
        self.ends_well(child)
        self.assertEqual(self.content("file"), "theirs")

    def test_a_name_that_came_back_is_not_renamed(self):
        child = self.die_after(RENAME)
        self.elsewhere("open(file, 'x').write('theirs')")
        self.node.start()
        self.ends_well(child)
        self.assertEqual((self.content("file"), self.content("new")),
                         ("theirs", "ours"))

    def test_a_directory_that_was_removed_is_not_made_again(self):
        child = self.die_after(MKDIR)
        self.elsewhere("os.rmdir(new)")
        self.node.start()
        self.ends_well(child)
        self.assertFalse(self.is_there("new"))

    def test_a_file_that_grew_is_not_truncated(self):
        child = self.die_after(SETATTR)
        self.elsewhere("open(file, 'a').write(' and theirs')")
        self.node.start()
        self.ends_well(child)
        self.assertEqual(self.content("file"), "our and theirs")


class KilledWithoutResend(Killed):
    node_options = ("--resend=never",)


del KeeperCase
