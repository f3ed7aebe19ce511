# SPDX-License-Identifier: Apache-2.0
"""Data that the server has not committed: it is written again when the server lost
it in a reboot. The loss is real: the file is damaged while the server is away."""

import json
import os
import subprocess
import time

from csi_case import MountCase
from file_writer import FileWriter

MIB = 1 << 20


class Uncommitted(MountCase):

    def setUp(self):
        super().setUp()
        self.path = f"{self.here}/file"
        self.back = f"{self.behind}/file"
        self.writer = FileWriter(self.path)
        self.addCleanup(self.writer.stop)

    def write(self, *pieces):
        for offset, data in pieces:
            self.assertEqual(self.writer.write(offset, data), "ok")

    def reboot(self, damage):
        with self.server_away():
            damage()
            # The server's verifier is the second in which it started.
            time.sleep(1.1)

    def lose(self):
        with open(self.back, "r+b") as f:
            size = os.fstat(f.fileno()).st_size
            f.write(bytes(size))

    def fsync(self):
        self.assertEqual(self.writer.ask("fsync"), "ok")

    def server_has(self, data):
        with open(self.back, "rb") as f:
            return f.read() == data

    def uncommitted(self):
        with open(f"{self.a}/.meta/stats", encoding="ascii") as f:
            return json.load(f)["uncommitted_bytes"]

    def metric(self, name):
        with open(f"{self.cluster.nodes[0].meta}/metrics",
                  encoding="utf-8") as f:
            for line in f:
                if line.startswith(f"claimfs_{name} "):
                    return int(line.split()[1])
        return self.fail(f"no metric {name}")

    def test_small_and_large_writes_come_again(self):
        small, large = os.urandom(5000), os.urandom(3 * MIB + 7)
        self.write((0, small), (5000, large))
        self.reboot(self.lose)
        self.fsync()
        self.assertTrue(self.server_has(small + large))

    def test_the_newest_of_overlapping_writes_wins(self):
        self.write((0, b"a" * 100000), (50, b"b" * 80000), (60, b"c"))
        self.reboot(self.lose)
        self.write((70, b"d")) # the server answers with its new verifier
        self.fsync()
        expected = bytearray(b"a" * 100000)
        expected[50:80050] = b"b" * 80000
        expected[60:61] = b"c"
        expected[70:71] = b"d"
        self.assertTrue(self.server_has(bytes(expected)))

    def test_what_was_truncated_does_not_come_back(self):
        self.write((0, b"x" * 200000))
        self.assertEqual(self.writer.ask("truncate 1000"), "ok")
        self.reboot(self.lose)
        self.fsync()
        self.assertTrue(self.server_has(b"x" * 1000))
        self.write((0, b"y" * 100))
        subprocess.run(["truncate", "-s", "0", self.path], check=True)
        self.reboot(lambda: None)
        self.fsync()
        self.assertTrue(self.server_has(b""))

    def test_close_waits_for_it_as_fsync_does(self):
        data = os.urandom(MIB)
        self.write((0, data))
        self.reboot(self.lose)
        self.assertEqual(self.writer.ask("close"), "ok")
        self.assertTrue(self.server_has(data))

    def test_two_reboots(self):
        data = os.urandom(40 * 4096)
        for i in range(0, len(data), 4096):
            self.write((i, data[i:i + 4096]))
            if i in (10 * 4096, 30 * 4096):
                self.reboot(self.lose)
        self.fsync()
        self.assertTrue(self.server_has(data))

    def test_a_file_that_is_gone_is_an_error_once(self):
        self.write((0, b"x" * 100))
        self.reboot(lambda: os.remove(self.back))
        self.assertNotEqual(self.writer.ask("fsync"), "ok")
        self.fsync()

    def test_it_is_committed_by_itself_after_a_while(self):
        self.write((0, b"x" * 100000))
        self.assertGreaterEqual(self.uncommitted(), 100000)
        self.assertGreaterEqual(self.metric("uncommitted_bytes"), 100000)
        self.assertEqual(self.metric("uncommitted_limit_bytes"), 64 * MIB)
        deadline = time.monotonic() + 15
        while self.uncommitted() and time.monotonic() < deadline:
            time.sleep(0.2)
        self.assertEqual(self.uncommitted(), 0)
        self.assertEqual(self.metric("uncommitted_bytes"), 0)

    def test_more_than_may_be_kept(self):
        """Commits go on in the background, and nothing waits for ever."""
        data = os.urandom(MIB)
        with open(self.path, "wb", buffering=0) as f:
            for _ in range(100):
                f.write(data)
                self.assertLess(self.uncommitted(), 80 * MIB)
        self.assertTrue(self.server_has(data * 100))
