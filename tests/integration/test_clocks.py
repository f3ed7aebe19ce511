# SPDX-License-Identifier: Apache-2.0
"""Clocks that are wrong or jump, ours or the server's: nobody waits longer for that or
sees anything older."""

import os
import struct
import subprocess
import time

from keeper_case import KeeperCase
from lab import wait_for
from lab_case import HERE

YEAR = 365 * 86400
JUMPS = (YEAR, -YEAR, 0)
SEEN_SECONDS = 5  # an open file's attributes are believed for less


def run(*argv):
    return subprocess.run(argv, text=True, capture_output=True, check=True,
                          timeout=20).stdout


class OurClock(KeeperCase):
    """The node daemon's wall clock is what self.jump() says."""

    @classmethod
    def start_lab(cls):
        module = os.path.join(cls.folder, "shifted_clock.so")
        subprocess.run(["cc", "-D_GNU_SOURCE", "-shared", "-fPIC", "-o", module,
                        os.path.join(os.path.dirname(os.path.abspath(__file__)), "shifted_clock.c")], check=True)
        cls.shift = os.path.join(cls.folder, "shift")
        cls.jump(0)
        cls.shifted = {
            "LD_PRELOAD": module, "SHIFTED_CLOCK": cls.shift,
            "ASAN_OPTIONS": cls.cluster.env["ASAN_OPTIONS"] +
                            ":verify_asan_link_order=0"}
        super().start_lab()
        # Not the keeper, which has one clock only.
        cls.node.stop()
        cls.node.env = {**cls.node.env, **cls.shifted}
        cls.node.start()
        cls.reconnect()

    @classmethod
    def jump(cls, seconds):
        with open(cls.shift, "r+b" if os.path.exists(cls.shift) else "wb",
                  buffering=0) as f:
            f.write(struct.pack("=q", seconds))

    def tearDown(self):
        self.jump(0)
        super().tearDown()

    def test_it_is_the_daemons(self):
        """Else nothing here proves anything: virtual files have its time."""
        self.jump(-YEAR)
        health = f"{self.target}/.meta/health"
        wait_for(lambda: float(run("stat", "-c", "%Y", health)) <
                 time.time() - YEAR / 2, "the daemon's clock to be wrong")

    def test_reads_and_writes_go_on_while_it_jumps(self):
        child, end = self.worker()
        for seconds in JUMPS:
            self.jump(seconds)
            self.rounds(child, 10)
        end()

    def test_a_server_that_is_back_is_found_after_a_jump(self):
        child, end = self.worker()
        self.rounds(child, 5)
        for seconds in JUMPS:
            with self.server_away():
                self.jump(seconds)
            began = time.monotonic()
            self.rounds(child, 5)
            self.assertLess(time.monotonic() - began, 20)
        end()

    def test_the_next_process_may_have_another_time(self):
        child, end = self.worker()
        for seconds in JUMPS:
            self.rounds(child, 5)
            self.kill_node()
            self.jump(seconds)
            self.node.start()
        self.rounds(child, 5)
        end()

    def test_changes_elsewhere_are_seen_as_soon_as_ever(self):
        path = f"{self.target}/file"
        for seconds in JUMPS:
            content = f"written at {seconds}\n" * (1 + seconds % 3)
            with open(f"{self.backing(self.volume)}/file", "w",
                      encoding="ascii") as f:
                f.write(content)
            wait_for(lambda expected=content: run("cat", path) == expected,
                     "the change to be seen", SEEN_SECONDS)
            self.jump(seconds)
        self.assertEqual(run("cat", path), content)


class ServersClock(KeeperCase):
    """As files have it that were written while it was wrong."""

    def setUp(self):
        super().setUp()
        self.path = f"{self.target}/file"
        self.back = f"{self.backing(self.volume)}/file"

    def put(self, content, seconds):
        with open(self.back, "w", encoding="ascii") as f:
            f.write(content)
        os.utime(self.back, (seconds, seconds))

    def test_times_are_shown_as_they_are(self):
        now = int(time.time())
        for seconds in (1, now + YEAR, now - YEAR, (1 << 32) - 1):
            self.put("x", seconds)
            wait_for(lambda expected=seconds: run("stat", "-c", "%Y", self.path)
                     == f"{expected}\n", f"{seconds} to be shown", SEEN_SECONDS)

    def test_a_change_that_makes_a_file_older_is_seen(self):
        now = int(time.time())
        for number, seconds in enumerate((now + YEAR, now, now - YEAR, 1)):
            self.put(f"{number}", seconds)
            wait_for(lambda expected=number: run("cat", self.path)
                     == f"{expected}", "the change to be seen", SEEN_SECONDS)

    def test_what_was_written_in_its_future_can_be_changed_here(self):
        self.put("there", int(time.time()) + YEAR)
        run("sh", "-c", f"cat {self.path} && echo here >>{self.path}")
        self.assertEqual(run("cat", self.path), "therehere\n")
        with open(self.back, encoding="ascii") as f:
            self.assertEqual(f.read(), "therehere\n")
