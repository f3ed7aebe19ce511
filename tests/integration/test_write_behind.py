# SPDX-License-Identifier: Apache-2.0
"""Buffered writes on a shared volume are answered before they are sent: what nobody
may notice of that."""

import os
import subprocess
import sys
import threading
import time

import hostile_server as hostile
from csi_case import SECONDS, MountCase
from proxied_case import ProxiedCase

# Goes on and on in one place behind the other.
BUSY = """
import os, sys
with open(sys.argv[1], "wb", buffering=0) as f:
    print("ready", flush=True)
    while True:
        f.write(b"x" * 65536)
"""


class WriteBehind(MountCase):

    def setUp(self):
        super().setUp()
        self.path = f"{self.here}/file"

    def content(self):
        with open(f"{self.behind}/file", "rb") as f:
            return f.read()

    def test_an_append_goes_behind_what_was_just_written(self):
        for number in range(20):
            with open(self.path, "wb", buffering=0) as f, \
                    open(self.path, "ab", buffering=0) as log:
                f.write(b"a" * 5000)
                log.write(b"b" * 100)
            self.assertEqual(self.content(), b"a" * 5000 + b"b" * 100, number)


class Proxied(ProxiedCase):

    mount_options = "wsize=65536"

    def setUp(self):
        super().setUp()
        self.may_answer = threading.Event()
        self.has_asked = threading.Event()
        self.addCleanup(self.may_answer.set)

    def after_reboot(self, reply):
        """The first COMMIT waits for the test; from then on the verifier is new."""
        if reply.program != hostile.NFS or reply.proc not in (
                hostile.WRITE, hostile.COMMIT):
            return hostile.pass_on(reply)
        if reply.proc == hostile.COMMIT:
            self.has_asked.set()
            self.may_answer.wait(SECONDS)
        elif not self.may_answer.is_set():
            return hostile.pass_on(reply)
        else:
            time.sleep(0.05) # what is behind grows old meanwhile
        return hostile.record(reply.body[:-8] + b"rebooted")

    def test_what_is_written_while_old_data_comes_again_is_newer(self):
        self.proxy.rule = self.after_reboot
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT)
        other = os.open(self.path, os.O_WRONLY)
        for at in range(20): # that can't become one extent
            os.pwrite(fd, b"old" * 1000, at)
            os.fstat(fd)
        # fsync would keep writers out; close commits as well.
        sync = threading.Thread(target=os.close, args=(other,))
        sync.start()
        self.assertTrue(self.has_asked.wait(SECONDS))
        os.pwrite(fd, b"new" * 2000, 0)
        self.may_answer.set()
        sync.join(SECONDS)
        os.fsync(fd)
        os.close(fd)
        with open(self.back, "rb") as f:
            self.assertEqual(f.read(), b"new" * 2000)

    def slow_writes(self, reply):
        if (reply.program, reply.proc) == (hostile.NFS, hostile.WRITE):
            time.sleep(0.03)
        return hostile.pass_on(reply)

    def test_who_looks_does_not_wait_for_a_writer_that_goes_on(self):
        self.proxy.rule = self.slow_writes
        child = subprocess.Popen([sys.executable, "-c", BUSY, self.path],
                                 stdout=subprocess.PIPE)
        self.addCleanup(child.communicate, timeout=SECONDS)
        self.addCleanup(child.kill)
        child.stdout.readline()
        for look in (lambda: os.stat(self.path),
                     lambda: os.truncate(self.path, 100 << 20)):
            time.sleep(0.5) # so that much is behind
            began = time.monotonic()
            look()
            self.assertLess(time.monotonic() - began, 3)
