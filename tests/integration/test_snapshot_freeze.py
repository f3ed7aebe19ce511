# SPDX-License-Identifier: Apache-2.0
"""Snapshots of claims that are written to: with --freeze they are of one moment."""

import json
import os
import signal

from freeze_case import go_on, records, start_writer
from lab import LabError, wait_for
from lab_case import LabCase


class SnapshotFreeze(LabCase):

    @classmethod
    def set_up_lab(cls):
        cls.apply_class("fast")

    def snapshots(self):
        return os.path.join(self.cluster.export, ".claimfs", "snapshots")

    def snapshot_tree(self, name):
        found = self.ctl("get", "snapshots", name, "-o", "json")
        return os.path.join(self.snapshots(), json.loads(found)["id"], "tree")

    def writers(self, claim, mode="ReadWriteMany", files=300):
        """On as many nodes as may, each in a folder of its own."""
        self.fill(claim, mode, files)
        writers = []
        for i, mnt in enumerate(self.apply_mounts(claim, mode)):
            os.mkdir(f"{mnt}/{i}")
            writers.append(start_writer(self, f"{mnt}/{i}"))
        go_on(self, *writers)
        return writers

    def fill(self, claim, mode, files):
        """So that a copy takes a while, in which writers would go on."""
        folder = self.backing(self.apply_claim(claim, mode=mode)) + "/many"
        with self.server_away():
            os.mkdir(folder)
            for i in range(files):
                with open(f"{folder}/{i}", "wb") as f:
                    f.write(b"x" * 5000)

    def assert_of_one_moment(self, tree, n_writers):
        for i in range(n_writers):
            a, b = (records(f"{tree}/{i}", name) for name in "AB")
            self.assertEqual(a[:len(b)], b)
            self.assertLessEqual(len(a), len(b) + 1)
            self.assertGreater(len(b), 0)

    def test_a_snapshot_of_writers_on_two_nodes_is_of_one_moment(self):
        writers = self.writers("both")
        self.ctl("snapshot", "--freeze", "both", "of-both")
        self.assert_of_one_moment(self.snapshot_tree("of-both"), 2)
        go_on(self, *writers)

    def test_a_snapshot_of_a_writer_with_a_cache_is_of_one_moment(self):
        writers = self.writers("own", "ReadWriteOnce")
        self.ctl("snapshot", "--freeze-limit", "30s", "own", "of-own")
        self.assert_of_one_moment(self.snapshot_tree("of-own"), 1)
        go_on(self, *writers)

    def test_a_claim_that_nobody_has_needs_nobody_to_wait(self):
        self.fill("idle", "ReadWriteMany", 10)
        self.ctl("snapshot", "--freeze", "idle", "of-idle")
        self.assertEqual(len(os.listdir(
            self.snapshot_tree("of-idle") + "/many")), 10)

    def test_a_copy_that_takes_longer_than_the_limit_fails(self):
        writers = self.writers("large", files=6000)
        with self.assertRaisesRegex(LabError, "within the 1 seconds|stand still"):
            self.ctl("snapshot", "--freeze-limit", "1s", "large", "of-large")
        go_on(self, *writers)
        self.assertIn("stopped", self.ctl("get", "snapshots", "of-large"))
        copies = os.path.join(self.cluster.export, ".claimfs", "copies")
        self.assertEqual(os.listdir(copies) if os.path.isdir(copies) else [],
                         [])
        self.ctl("delete", "snapshot", "of-large")

    def test_a_copy_that_is_stopped_lets_a_killed_writer_end(self):
        self.fill("ending", "ReadWriteOnce", 1000)
        mnt, = self.apply_mounts("ending", "ReadWriteOnce")
        writer = start_writer(self, mnt)
        go_on(self, writer)
        self.ctl("snapshot", "--freeze-limit", "10m", "ending", "of-ending",
                 "--wait=false")
        wait_for(lambda: self.is_frozen(mnt), "the freeze", 20)
        writer.kill()
        copy = json.loads(self.ctl("get", "snapshots", "of-ending",
                                   "-o", "json"))["id"]
        self.ctl("copies", "stop", copy)
        writer.wait(timeout=10)
        self.assertFalse(self.is_frozen(mnt))
        self.ctl("delete", "snapshot", "of-ending")

    @staticmethod
    def is_frozen(mnt):
        with open(f"{mnt}/.meta/health", encoding="ascii") as f:
            return "frozen" in f.read()

    def has_begun(self, name):
        """It is copied, and so it is frozen."""
        found = json.loads(self.ctl("get", "snapshots", name, "-o", "json"))
        self.assertFalse(found["readyToUse"])
        copy = os.path.join(self.cluster.export, ".claimfs", "copies",
                            found["id"], "tree", "many")
        return os.path.isdir(copy) and len(os.listdir(copy)) > 20

    def test_a_provisioner_that_is_killed_meanwhile_begins_anew(self):
        writers = self.writers("killed", files=4000)
        self.ctl("snapshot", "--freeze-limit", "60s", "killed", "of-killed",
                 "--wait=false")
        wait_for(lambda: self.has_begun("of-killed"), "the copy to begin", 30)
        provisioner = self.cluster.provisioner
        provisioner.process.stop(number=signal.SIGKILL)
        provisioner.start()
        found = wait_for(lambda: self.ready("of-killed"), "the snapshot", 90)
        self.assertGreater(found["files"], 4000)
        self.assert_of_one_moment(self.snapshot_tree("of-killed"), 2)
        go_on(self, *writers)

    def test_writers_go_on_though_nobody_lets_them(self):
        writers = self.writers("orphaned", files=4000)
        self.ctl("snapshot", "--freeze-limit", "10s", "orphaned",
                 "of-orphaned", "--wait=false")
        wait_for(lambda: self.has_begun("of-orphaned"), "the copy to begin",
                 30)
        provisioner = self.cluster.provisioner
        provisioner.process.stop(number=signal.SIGKILL)
        try:
            go_on(self, *writers)
        finally:
            provisioner.start()

    def ready(self, name):
        found = json.loads(self.ctl("get", "snapshots", name, "-o", "json"))
        return found if found["readyToUse"] else None

    def test_a_node_that_can_t_be_asked_is_named(self):
        self.apply_claim("away")
        self.apply_pod("away", "away", "node-b")
        node = self.cluster.nodes[1]
        node.process.pause()
        self.addCleanup(node.process.go_on)
        with self.assertRaisesRegex(LabError, "node-b"):
            self.ctl("snapshot", "--freeze-limit", "1s", "away", "of-away")
        node.process.go_on()
        self.ctl("delete", "snapshot", "of-away")

    def test_a_limit_out_of_range_is_refused(self):
        self.apply_claim("range")
        for limit in ("0", "11m", "soon"):
            with self.assertRaisesRegex(LabError, "freeze-limit"):
                self.ctl("snapshot", "--freeze-limit", limit, "range")
