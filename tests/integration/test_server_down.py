# SPDX-License-Identifier: Apache-2.0
"""A server that is away: what must never hang does not, and what waits goes on when
the server is back. Every call on the mount is made by a child process, because it
may wait for longer than a test may."""

import os
import signal
import subprocess
import time

from lab import wait_for
from csi_case import MountCase

SECONDS = 5


def within(seconds, *argv):
    """The output of a command that has to end in time."""
    return subprocess.run(argv, text=True, capture_output=True, check=False,
                          timeout=seconds)


class ServerDown(MountCase):

    def setUp(self):
        super().setUp()
        with open(f"{self.here}/file", "wb") as f:
            f.write(b"x" * 3000000)
        self.cluster.server.stop()
        self.addCleanup(self.start_server)

    def start_server(self):
        if not self.cluster.server.process.is_running():
            self.cluster.server.start()

    def test_root_statfs_and_meta_do_not_hang(self):
        within(SECONDS, "stat", self.a)
        within(SECONDS, "stat", "-f", self.a)
        done = within(SECONDS, "cat", f"{self.a}/.meta/health")
        self.assertEqual(done.returncode, 0, done.stderr)
        done = within(SECONDS, "cat", f"{self.a}/.meta/stats")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_health_tells(self):
        path = f"{self.a}/.meta/health"
        reader = subprocess.Popen(["cat", f"{self.there}/file"],
                                  stdout=subprocess.DEVNULL)
        try:
            wait_for(lambda: not within(SECONDS, "cat", path).stdout
                     .startswith("ok"), "health to tell", 30)
        finally:
            reader.kill()
            reader.wait(SECONDS)
        self.start_server()
        # Nobody asks the server for anything meanwhile.
        wait_for(lambda: within(SECONDS, "cat", path).stdout == "ok\n",
                 "health to recover", 30)

    def test_a_waiting_process_can_be_killed(self):
        reader = subprocess.Popen(["ls", f"{self.here}/missing"],
                                  stderr=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL)
        with self.assertRaises(subprocess.TimeoutExpired):
            reader.wait(1)
        reader.kill()
        self.assertEqual(reader.wait(SECONDS), -9)

    def test_a_direct_reader_can_be_killed(self):
        """The kernel waits for direct I/O uninterruptibly and tells nobody."""
        self.start_server()
        reader = subprocess.Popen(
            ["sh", "-c", "exec <$0 && echo opened && kill -STOP $$ && "
             "exec dd iflag=direct bs=4096 count=700", f"{self.here}/file"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.assertEqual(reader.stdout.readline(), b"opened\n")
        self.cluster.server.stop()
        reader.send_signal(signal.SIGCONT)
        with self.assertRaises(subprocess.TimeoutExpired):
            reader.wait(1)
        reader.kill()
        self.assertEqual(reader.wait(SECONDS), -9)
        reader.stdout.close()

    def test_a_waiting_read_goes_on_when_the_server_is_back(self):
        reader = subprocess.Popen(["cksum", f"{self.there}/file"],
                                  stdout=subprocess.PIPE, text=True)
        with self.assertRaises(subprocess.TimeoutExpired):
            reader.wait(1)
        self.start_server()
        out, _ = reader.communicate(timeout=60)
        self.assertEqual(reader.returncode, 0)
        want = subprocess.run(["cksum", f"{self.behind}/file"], text=True,
                              capture_output=True, check=True).stdout
        self.assertEqual(out.split()[:2], want.split()[:2])

    def test_a_target_goes_without_the_server(self):
        self.start_server()
        target = self.mount(0, self.volume)
        self.cluster.server.stop()
        began = time.monotonic()
        self.unmount(0, self.volume, target)
        self.assertLess(time.monotonic() - began, SECONDS)
        self.assertFalse(os.path.lexists(target))
