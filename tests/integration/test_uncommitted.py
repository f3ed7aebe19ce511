# SPDX-License-Identifier: Apache-2.0
"""Data that the server has not committed: it is written again when the server lost
it in a reboot. The loss is real: the file is damaged while the server is away."""

import json
import os
import time

from csi_case import MountCase

MIB = 1 << 20


class Uncommitted(MountCase):

    def setUp(self):
        super().setUp()
        self.path = f"{self.here}/file"
        self.back = f"{self.behind}/file"

    def write(self, fd, *pieces):
        """Past the page cache of nobody: each is a WRITE that was answered."""
        for offset, data in pieces:
            self.assertEqual(os.pwrite(fd, data, offset), len(data))

    def reboot(self, damage):
        with self.server_away():
            damage()

    def lose(self):
        with open(self.back, "r+b") as f:
            size = os.fstat(f.fileno()).st_size
            f.write(bytes(size))

    def server_has(self, data):
        with open(self.back, "rb") as f:
            return f.read() == data

    def test_small_and_large_writes_come_again(self):
        small, large = os.urandom(5000), os.urandom(3 * MIB + 7)
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT)
        self.addCleanup(os.close, fd)
        self.write(fd, (0, small), (5000, large))
        self.reboot(self.lose)
        os.fsync(fd)
        self.assertTrue(self.server_has(small + large))

    def test_the_newest_of_overlapping_writes_wins(self):
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT)
        self.addCleanup(os.close, fd)
        self.write(fd, (0, b"a" * 100000), (50, b"b" * 80000), (60, b"c"))
        self.reboot(self.lose)
        self.write(fd, (70, b"d")) # the server answers with its new verifier
        os.fsync(fd)
        expected = bytearray(b"a" * 100000)
        expected[50:80050] = b"b" * 80000
        expected[60:61] = b"c"
        expected[70:71] = b"d"
        self.assertTrue(self.server_has(bytes(expected)))

    def test_what_was_truncated_does_not_come_back(self):
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT)
        self.addCleanup(os.close, fd)
        self.write(fd, (0, b"x" * 200000))
        os.ftruncate(fd, 1000)
        self.reboot(self.lose)
        os.fsync(fd)
        self.assertTrue(self.server_has(b"x" * 1000))
        self.write(fd, (0, b"y" * 100))
        os.close(os.open(self.path, os.O_WRONLY | os.O_TRUNC))
        self.reboot(lambda: None)
        os.fsync(fd)
        self.assertTrue(self.server_has(b""))

    def test_close_waits_for_it_as_fsync_does(self):
        data = os.urandom(MIB)
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT)
        self.write(fd, (0, data))
        self.reboot(self.lose)
        os.close(fd)
        self.assertTrue(self.server_has(data))

    def test_two_reboots(self):
        data = os.urandom(40 * 4096)
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT)
        self.addCleanup(os.close, fd)
        for i in range(0, len(data), 4096):
            self.write(fd, (i, data[i:i + 4096]))
            if i in (10 * 4096, 30 * 4096):
                self.reboot(self.lose)
        os.fsync(fd)
        self.assertTrue(self.server_has(data))

    def test_a_file_that_is_gone_is_an_error_once(self):
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT)
        self.addCleanup(os.close, fd)
        self.write(fd, (0, b"x" * 100))
        self.reboot(lambda: os.remove(self.back))
        with self.assertRaises(OSError):
            os.fsync(fd)
        os.fsync(fd)

    def test_it_is_committed_by_itself_after_a_while(self):
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT)
        self.addCleanup(os.close, fd)
        self.write(fd, (0, b"x" * 100000))
        self.assertEqual(self.uncommitted(), 100000)
        deadline = time.monotonic() + 15
        while self.uncommitted() and time.monotonic() < deadline:
            time.sleep(0.2)
        self.assertEqual(self.uncommitted(), 0)

    def test_more_than_may_be_kept(self):
        """Commits go on in the background, and nothing waits for ever."""
        data = os.urandom(MIB)
        with open(self.path, "wb", buffering=0) as f:
            for _ in range(100):
                f.write(data)
                self.assertLess(self.uncommitted(), 70 * MIB)
        self.assertTrue(self.server_has(data * 100))

    def uncommitted(self):
        with open(f"{self.a}/.meta/stats", encoding="ascii") as f:
            return json.load(f)["uncommitted_bytes"]
