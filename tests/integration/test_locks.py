# SPDX-License-Identifier: Apache-2.0
"""Advisory locks of a volume without `lock` (nolock, the default): the kernel keeps
them, so they hold between the pods of a node and are unknown to other nodes. Every
holder is a process of its own, because a process never conflicts with itself."""

import fcntl
import os
import signal
import struct

import grpc

from csi_case import MountCase
from lab import wait_for
from lock_holder import SECONDS, can_lock, held, started


def is_waiting_for_lock(pid):
    with open("/proc/locks", encoding="ascii") as f:
        return any("->" in line and f" {pid} " in line for line in f)


class Locks(MountCase):

    @classmethod
    def set_up_lab(cls):
        super().set_up_lab()
        cls.a2 = cls.mount(0, "shared")  # a second pod on the first node

    def setUp(self):
        super().setUp()
        name = os.path.join(self._testMethodName, "file")
        self.first = os.path.join(self.a, name)
        self.second = os.path.join(self.a2, name)
        self.elsewhere = os.path.join(self.b, name)
        with open(self.first, "wb") as f:
            f.write(bytes(100))

    def test_exclusive_locks_exclude_the_other_pod_of_the_node(self):
        for how in ("flock", "posix"):
            with self.subTest(how), held(how, self.first):
                self.assertFalse(can_lock(how, self.second))
                self.assertFalse(can_lock(how, self.second, fcntl.LOCK_SH))

    def test_shared_locks_exclude_only_exclusive_ones(self):
        for how in ("flock", "posix"):
            with self.subTest(how), held(how, self.first, fcntl.LOCK_SH):
                self.assertTrue(can_lock(how, self.second, fcntl.LOCK_SH))
                self.assertFalse(can_lock(how, self.second))

    def test_ranges_that_do_not_touch_do_not_exclude(self):
        with held("posix", self.first, start=10, length=10):
            self.assertFalse(can_lock("posix", self.second, start=19, length=1))
            self.assertTrue(can_lock("posix", self.second, start=0, length=10))
            self.assertTrue(can_lock("posix", self.second, start=20, length=9))

    def test_the_holder_is_named(self):
        ask = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        with held("posix", self.first, start=10, length=10) as child, \
                open(self.second, "r+b") as f:
            kind, _, start, length, pid = struct.unpack(
                "hhqqi4x", fcntl.fcntl(f, fcntl.F_GETLK, ask))
        self.assertEqual((kind, start, length, pid),
                         (fcntl.F_WRLCK, 10, 10, child.pid))

    def test_a_lock_ends_with_its_process(self):
        for how in ("flock", "posix"):
            with self.subTest(how), held(how, self.first) as child:
                child.send_signal(signal.SIGKILL)
                child.wait(SECONDS)
                self.assertTrue(can_lock(how, self.second))

    def test_who_waits_gets_the_lock_when_it_is_let_go(self):
        for how in ("flock", "posix"):
            with self.subTest(how), held(how, self.first) as child, \
                    started(how, self.second) as waiter:
                wait_for(lambda: is_waiting_for_lock(waiter.pid), "a waiter")
                child.stdin.close()
                self.assertEqual(waiter.stdout.readline(), b"held\n")

    def test_who_waits_can_be_killed(self):
        for how in ("flock", "posix"):
            with self.subTest(how), held(how, self.first), \
                    started(how, self.second) as waiter:
                wait_for(lambda: is_waiting_for_lock(waiter.pid), "a waiter")
                waiter.kill()
                self.assertEqual(waiter.wait(SECONDS), -signal.SIGKILL)

    def test_another_node_knows_nothing_of_them(self):
        for how in ("flock", "posix"):
            with self.subTest(how), held(how, self.first):
                self.assertTrue(can_lock(how, self.elsewhere))

    def test_locks_between_nodes_need_a_lock_manager(self):
        context = self.context("shared")
        context["mountOptions"] += ",lock"
        request = self.stage_request("wants-lock", self.folder + "/refused",
                                     volume_context=context)
        with self.assertRaises(grpc.RpcError) as caught:
            self.clients[0].node.NodeStageVolume(request, timeout=SECONDS)
        self.assertIn('use mount option "lock": ', caught.exception.details())
        self.assertIn("127.0.0.1", caught.exception.details())
