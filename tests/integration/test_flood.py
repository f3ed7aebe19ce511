# SPDX-License-Identifier: Apache-2.0
"""A volume with more requests under way than its node wants to keep, on a server
that is silent: what does not need the server is answered all the same."""

import subprocess
import sys
import time

from lab import wait_for
from csi_case import MountCase

SECONDS = 5
# Of what does not need the server. The root's attributes, when the kernel wants them
# again on the way, are answered from memory after 2 s each time (GIVE_UP_NS).
SOON = 10

# Argument 1: the folder; 2: what each of so many threads (3) does.
FLOOD = """
import mmap, os, sys, threading
folder, work, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
threading.stack_size(128 << 10)

def write(i):
    page = mmap.mmap(-1, 1 << 20)
    fd = os.open(f"{folder}/{i}", os.O_WRONLY | os.O_CREAT | os.O_DIRECT)
    ready.release()
    begin.wait()
    os.write(fd, page)

def look(i):
    ready.release()
    begin.wait()
    os.path.exists(f"{folder}/missing-{i}")

ready, begin = threading.Semaphore(0), threading.Event()
for i in range(n):
    threading.Thread(target={"write": write, "look": look}[work],
                     args=[i]).start()
for i in range(n):
    ready.acquire()
print("ready", flush=True)
sys.stdin.readline()
begin.set()
"""


class Flood(MountCase):

    def setUp(self):
        super().setUp()
        self.server = self.cluster.server.process
        self.addCleanup(self.server.go_on)

    def flood(self, work, n):
        flood = subprocess.Popen(
            [sys.executable, "-c", FLOOD, self.here, work, str(n)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(flood.stdout.close)
        self.addCleanup(flood.stdin.close)
        self.addCleanup(flood.wait, SECONDS)
        self.addCleanup(flood.kill)
        self.assertEqual(flood.stdout.readline(), b"ready\n")
        self.server.pause()
        flood.stdin.write(b"go\n")
        flood.stdin.flush()
        return flood

    def seconds(self, *argv):
        """How long a command takes that must not need the server."""
        began = time.monotonic()
        done = subprocess.run(argv, capture_output=True, check=False,
                              timeout=2 * SOON)
        self.assertEqual(done.returncode, 0, done.stderr)
        return time.monotonic() - began

    def check(self, work, n):
        meta = f"{self.a}/.meta"
        self.seconds("cat", f"{meta}/health")  # the kernel knows the names now
        flood = self.flood(work, n)
        time.sleep(0.3)  # they are on their way
        for path in ("health", "stats", "quota"):
            self.assertLess(self.seconds("cat", f"{meta}/{path}"), SOON)
        flood.kill()
        flood.wait(SECONDS)
        self.server.go_on()
        wait_for(lambda: self.seconds("stat", self.a) < SOON, "the server")

    def test_many_lookups(self):
        self.check("look", 1500)

    def test_many_large_writes(self):
        self.check("write", 300)
