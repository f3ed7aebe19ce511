# SPDX-License-Identifier: Apache-2.0
"""Versions of the programs that do not understand each other: whoever comes says so
and leaves everything as it is, so that the former version can serve on."""

import contextlib
import os
import re
import socket
import struct
import subprocess
import threading
import time

from keeper_case import KeeperCase
from lab import LabError, wait_for

# fs/keeper_wire.h
VERSION = 1
HELLO, END = 1, 4
MESSAGE = struct.Struct("=IHHII")  # magic, version, type, key, reserved
MAGIC = 0x72706b63
N_FDS = 4
TABLE, RECORD, DATA = 1, 2, 3  # places of the descriptors
VERSION_AT = 8  # in the table and in the data
WRONG_VERSION = 3  # exit status of claimfs-node


def hello(version=VERSION):
    return MESSAGE.pack(MAGIC, version, HELLO, 0, 0)


def connection(path):
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    peer.settimeout(10)
    peer.connect(path)
    return peer


class Held:
    """What the keeper holds of its volumes, as a node daemon sees it; no node daemon
    may be there meanwhile."""

    def __init__(self, path):
        self.volumes = []
        with connection(path) as peer:
            peer.send(hello())
            while True:
                message, fds, _, _ = socket.recv_fds(peer, MESSAGE.size, N_FDS)
                if MESSAGE.unpack(message)[2] == END:
                    break
                self.volumes.append([open(fd, "r+b", buffering=0)
                                     for fd in fds])

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        for volume in self.volumes:
            for file in volume:
                file.close()


def change_version(file, by):
    """Of a table or of data."""
    file.seek(VERSION_AT)
    version, = struct.unpack("=I", file.read(4))
    file.seek(VERSION_AT)
    file.write(struct.pack("=I", version + by))


def change_record(file, by):
    file.seek(0)
    text = re.sub(rb'("version":)(\d+)', lambda match: match[1] +
                  b"%d" % (int(match[2]) + by), file.read())
    file.seek(0)
    file.write(text)


class Upgrade(KeeperCase):

    def refuses(self, sentence):
        """A node daemon is started, says this, and ends."""
        with self.assertRaisesRegex(LabError,
                                    f"(?s)ended at once with {WRONG_VERSION};"
                                    f".*{sentence}"):
            self.node.start()

    def test_a_second_node_daemon_leaves_the_first_alone(self):
        child, end = self.worker()
        self.rounds(child, 5)
        done = subprocess.run(self.node.argv, text=True, capture_output=True,
                              env={**os.environ, **self.node.env}, timeout=30,
                              check=False)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "another claimfs-node uses state dir")
        self.rounds(child, 5)
        end()

    def left_alone(self, what, change, place):
        """One volume of two is of another version: neither is taken over, and the
        former version serves both on."""
        child, end = self.worker(f"file-{place}")
        self.rounds(child, 5)
        n_taken = self.node.process.log().count("volumes taken over")
        self.kill_node()
        with Held(self.keeper.socket) as held:
            self.assertEqual(len(held.volumes), 2)
            change(held.volumes[-1][place], 1)
        self.refuses(rf"{what} has version \d+, and this one reads \d+")
        self.assertEqual(self.node.process.log().count("volumes taken over"),
                         n_taken)
        with Held(self.keeper.socket) as held:
            change(held.volumes[-1][place], -1)
        self.node.start()
        self.rounds(child, 5)
        end()

    def test_state_of_another_version_is_left_to_the_former_one(self):
        os.mkdir(self.backing("second"))
        target = self.mount(0, "second")
        self.left_alone("node table", change_version, TABLE)
        self.left_alone("record", change_record, RECORD)
        self.left_alone("data", change_version, DATA)
        self.reconnect()
        self.unmount(0, "second", target)

    def test_a_node_daemon_of_another_version_is_told_the_keepers(self):
        with connection(self.keeper.socket) as peer:
            peer.send(hello(VERSION + 1))
            self.assertEqual(MESSAGE.unpack(peer.recv(100))[:3],
                             (MAGIC, VERSION, END))
            self.assertEqual(peer.recv(100), b"")

    def test_a_keeper_of_another_version_is_not_used(self):
        self.node.stop()
        with self.other_keeper(1):
            self.refuses("speaks another version")
        self.keeper.start()
        self.node.start()

    def test_a_next_keeper_of_another_version_is_named_once(self):
        """And asked less and less often, until there is one that can be used."""
        n_seen = self.node.process.log().count("a keeper is here")
        with self.other_keeper(3) as seen:
            wait_for(lambda: len(seen) == 3, "the node daemon to ask again", 30)
            self.assertEqual(self.node.process.log().count(
                "a keeper is here that speaks another version"), 1)
        self.assertGreater(seen[2] - seen[1], 1.5 * (seen[1] - seen[0]))
        self.keeper.start()
        wait_for(lambda: self.node.process.log().count("a keeper is here") ==
                 n_seen + 2, "the node daemon to see the new keeper", 30)

    @contextlib.contextmanager
    def other_keeper(self, n_peers):
        """In ours' place: what one of the next version says to the first n_peers;
        when they asked."""
        self.keeper.stop()
        os.unlink(self.keeper.socket)
        seen = []
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(self.keeper.socket)
            listener.listen()
            listener.settimeout(60)
            refuser = threading.Thread(target=refuse,
                                       args=(listener, n_peers, seen))
            refuser.start()
            yield seen
            refuser.join()


def refuse(listener, n_peers, seen):
    for _ in range(n_peers):
        peer, _ = listener.accept()
        seen.append(time.monotonic())
        with peer:
            peer.recv(100)
            peer.send(MESSAGE.pack(MAGIC, VERSION + 1, END, 0, 0))
