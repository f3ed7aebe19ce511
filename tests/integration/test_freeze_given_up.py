# SPDX-License-Identifier: Apache-2.0
"""Changes that were given up right before a freeze, and may be on the server yet."""

import os
import signal
import threading
import time

import grpc

import hostile_server as hostile
from csi_case import CODES
from freeze_case import Freezer, run
from lab import wait_for
from proxied_case import ProxiedCase

MKDIR = 9  # RFC 1813


class FreezeGivenUp(ProxiedCase):
    """Each test has a volume of its own: what it is owed stays so."""

    def setUp(self):
        super().setUp()
        self.volume = self._testMethodName
        self.path = self.stage(self.volume) + "/folder"

    def freezer(self):
        return Freezer(self.folder, self.clients[0].channel)

    def give_up_a_change(self, answer):
        """The server has executed it; answer() is all that we are told."""
        self.proxy.rule = lambda reply: answer() \
            if (reply.program, reply.proc) == (hostile.NFS, MKDIR) \
            else hostile.pass_on(reply)
        child = run(f"os.mkdir({self.path!r})", "")
        wait_for(lambda: os.path.isdir(
            f"{self.cluster.export}/{self.volume}/folder"), "the change", 20)
        child.kill()
        self.assertEqual(child.wait(timeout=20), -signal.SIGKILL)

    def test_it_is_waited_for(self):
        self.give_up_a_change(lambda: None)
        with self.assertRaises(grpc.RpcError) as raised:
            self.freezer().freeze(self.volume, seconds=2)
        self.assertEqual(raised.exception.code(), CODES.UNAVAILABLE)
        self.assertIn("under way", raised.exception.details())

    def test_the_wait_ends_with_the_connection(self):
        is_lost = threading.Event()
        self.give_up_a_change(
            lambda: [hostile.HANG_UP] if is_lost.wait(30) else None)
        freezing = self.freezer().begin(self.volume, seconds=30)
        time.sleep(1)
        self.assertFalse(freezing.done())
        is_lost.set()
        freezing.result(timeout=20)
        self.assertTrue(self.freezer().thaw(self.volume))
