# SPDX-License-Identifier: Apache-2.0
"""Freezing a volume of one node, whose kernel keeps written pages back; and freezing
that fails, or ends before it should."""

import contextlib
import os
import signal
import subprocess
import tempfile
import time

from csi_case import CODES, SECONDS
from file_writer import FileWriter
from freeze_case import FreezeCase, Freezer, records, run, start_writer
from keeper_case import KeeperCase
from lab import wait_for


@contextlib.contextmanager
def fusectl():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["mount", "-t", "fusectl", "none", folder], check=True)
        try:
            yield folder
        finally:
            subprocess.run(["umount", folder], check=True)


class FreezeBack(FreezeCase):
    """self.here is on a volume of one node."""

    @classmethod
    def set_up_lab(cls):
        os.mkdir(cls.cluster.export + "/own")
        os.chmod(cls.cluster.export + "/own", 0o777)
        cls.mnt = cls.mount(0, "own", cls.modes.SINGLE_NODE_WRITER)

    def setUp(self):
        self.here = f"{self.mnt}/{self._testMethodName}"
        self.behind = f"{self.backing('own')}/{self._testMethodName}"
        os.mkdir(self.here)

    def test_a_writer_stands_still_in_the_order_of_its_writes(self):
        writer = start_writer(self, self.here)
        self.go_on(writer)
        self.freeze("own", nodes=(0,))
        self.assert_still(self.behind)
        a, b = records(self.behind, "A"), records(self.behind, "B")
        self.assertEqual(a[:len(b)], b)
        self.assertLessEqual(len(a), len(b) + 1)
        self.assertEqual(self.thaw("own", nodes=(0,)), [True])
        self.go_on(writer)

    def test_pages_that_the_kernel_keeps_are_on_the_server(self):
        """More requests than the kernel has under way at a time."""
        page = 4096
        writer = FileWriter(f"{self.here}/file")
        self.addCleanup(writer.stop)
        for i in range(1000):
            self.assertEqual(writer.write(i * 2 * page, b"%04d" % i), "ok")
        self.freeze("own", nodes=(0,))
        with open(f"{self.behind}/file", "rb") as back:
            data = back.read()
        self.assertEqual([data[i * 2 * page:][:4] for i in range(1000)],
                         [b"%04d" % i for i in range(1000)])
        self.assertEqual(self.thaw("own", nodes=(0,)), [True])

    def test_who_writes_into_the_cache_goes_on_and_its_pages_wait(self):
        writer = FileWriter(f"{self.here}/file")
        self.addCleanup(writer.stop)
        self.assertEqual(writer.write(0, b"old"), "ok")
        self.freeze("own", nodes=(0,))
        self.assertEqual(writer.write(0, b"new"), "ok")
        syncing = run("fd = os.open(p + '/file', os.O_RDWR)\n"
                      "os.fsync(fd)", self.here)
        self.assert_still(self.behind)
        with open(f"{self.behind}/file", "rb") as back:
            self.assertEqual(back.read(), b"old")
        self.thaw("own", nodes=(0,))
        self.assertEqual(syncing.communicate(timeout=20)[1], "")
        with open(f"{self.behind}/file", "rb") as back:
            self.assertEqual(back.read(), b"new")

    def assert_reads_go_on(self, name):
        with open(f"{self.behind}/{name}", "wb") as back:
            back.write(b"x" * (1 << 20))
        code = f"assert len(open(p + '/{name}', 'rb').read()) == 1 << 20"
        self.assertEqual(run(code, self.here).communicate(timeout=10)[1], "")

    def limit(self):
        """Of the kernel, for requests of its own."""
        minor = os.minor(os.stat(self.mnt).st_dev)
        with fusectl() as folder, open(f"{folder}/{minor}/max_background",
                                       encoding="ascii") as f:
            return int(f.read())

    def test_reads_go_on_while_many_pages_wait(self):
        page = 4096
        self.assertEqual(self.limit(), 256)
        writer = FileWriter(f"{self.here}/file")
        self.addCleanup(writer.stop)
        self.assertEqual(writer.write(0, b"old"), "ok")
        self.freeze("own", nodes=(0,))
        for i in range(2000):
            self.assertEqual(writer.write(i * 2 * page, b"%04d" % i), "ok")
        syncing = run("os.fsync(os.open(p + '/file', os.O_RDWR))", self.here)
        time.sleep(1)
        for name in "ab":
            self.assert_reads_go_on(name)
        self.assertEqual(self.thaw("own", nodes=(0,)), [True])
        self.assertEqual(syncing.communicate(timeout=20)[1], "")
        self.assertEqual(self.limit(), 256)

    def test_a_frozen_volume_is_unstaged_with_all_its_data(self):
        os.mkdir(self.backing("gone"))
        target = self.mount(0, "gone", self.modes.SINGLE_NODE_WRITER)
        writer = FileWriter(f"{target}/file")
        self.assertEqual(writer.write(0, b"old"), "ok")
        self.freezers[0].freeze("gone")
        self.assertEqual(writer.write(0, b"data"), "ok")
        writer.child.kill()
        self.unmount(0, "gone", target)
        began = time.monotonic()
        self.unstage(0, "gone")
        self.assertLess(time.monotonic() - began, SECONDS)
        writer.stop()
        with open(f"{self.backing('gone')}/file", "rb") as back:
            self.assertEqual(back.read(), b"data")


class FreezeFails(FreezeCase):
    """Each test has a volume of its own, on the first node."""

    def setUp(self):
        self.volume = self._testMethodName[5:45]
        os.mkdir(self.backing(self.volume))
        self.mnt = self.mount(0, self.volume, self.modes.SINGLE_NODE_WRITER)

    @classmethod
    def set_up_lab(cls):
        pass

    def test_a_dead_server_does_not_keep_who_asks(self):
        server = self.cluster.server.process
        writer = FileWriter(f"{self.mnt}/file")
        self.addCleanup(writer.stop)
        self.assertEqual(writer.write(0, b"old"), "ok")
        server.pause()
        self.addCleanup(server.go_on)
        for _ in range(2):
            began = time.monotonic()
            self.assert_refused(CODES.UNAVAILABLE, self.freezers[0].freeze,
                                self.volume, seconds=2)
            self.assertLess(time.monotonic() - began, 6)
        server.go_on()
        self.assertEqual(writer.write(0, b"new"), "ok")
        self.assertEqual(writer.ask("fsync"), "ok")
        self.freezers[0].freeze(self.volume, seconds=20)
        self.assertTrue(self.freezers[0].thaw(self.volume))

    def test_who_asks_again_takes_over_what_is_under_way(self):
        """As a provisioner does that was killed meanwhile."""
        server = self.cluster.server.process
        writer = FileWriter(f"{self.mnt}/file")
        self.addCleanup(writer.stop)
        self.assertEqual(writer.write(0, b"data"), "ok")
        server.pause()
        self.addCleanup(server.go_on)
        calls = [self.freezers[0].begin(self.volume)]
        time.sleep(0.5)
        self.assertFalse(self.freezers[0].thaw(self.volume))
        for _ in range(2):
            calls.append(self.freezers[0].begin(self.volume))
            self.assertEqual(calls[-2].exception(timeout=5).code(),
                             CODES.ABORTED)
            self.assertFalse(calls[-1].done())
        server.go_on()
        calls[-1].result(timeout=20)
        self.assertTrue(self.freezers[0].thaw(self.volume))

    def test_a_volume_is_unstaged_while_it_freezes(self):
        server = self.cluster.server.process
        writer = FileWriter(f"{self.mnt}/file")
        self.assertEqual(writer.write(0, b"data"), "ok")
        server.pause()
        self.addCleanup(server.go_on)
        freezing = self.freezers[0].begin(self.volume)
        time.sleep(0.5)
        writer.child.kill()
        self.unmount(0, self.volume, self.mnt)
        began = time.monotonic()
        self.unstage(0, self.volume)
        self.assertLess(time.monotonic() - began, 6)
        self.assertEqual(freezing.exception(timeout=5).code(), CODES.ABORTED)
        server.go_on()
        writer.stop()

    def test_a_daemon_ends_while_a_volume_freezes(self):
        node = self.cluster.nodes[0]
        server = self.cluster.server.process
        writer = FileWriter(f"{self.mnt}/file")
        self.assertEqual(writer.write(0, b"data"), "ok")
        server.pause()
        self.addCleanup(server.go_on)
        freezing = self.freezers[0].begin(self.volume)
        time.sleep(0.5)
        writer.child.kill()
        began = time.monotonic()
        self.assertEqual(node.process.stop(grace=30), 0)
        self.assertLess(time.monotonic() - began, 20)
        self.assertTrue(freezing.exception(timeout=5))
        server.go_on()
        writer.stop()
        node.start()
        self.reconnect()
        self.freezers[0] = Freezer(self.folder, self.clients[0].channel)


class FreezeKeeper(KeeperCase):
    """A volume of several nodes."""

    def freezer(self):
        return Freezer(self.folder, self.clients[0].channel)

    def test_the_next_process_knows_of_no_freeze(self):
        child, end = self.worker()
        self.rounds(child, 5)
        self.freezer().freeze(self.volume, seconds=100)
        time.sleep(0.3)
        self.kill_node()
        self.node.start()
        self.reconnect()
        self.rounds(child, 20)
        self.assertFalse(self.freezer().thaw(self.volume))
        end()

    def test_an_upgrade_thaws(self):
        child, end = self.worker()
        self.rounds(child, 5)
        self.freezer().freeze(self.volume, seconds=100)
        time.sleep(0.3)
        self.node.process.stop(number=signal.SIGTERM)
        self.node.start()
        self.reconnect()
        self.rounds(child, 20)
        self.assertFalse(self.freezer().thaw(self.volume))
        end()
