# SPDX-License-Identifier: Apache-2.0
"""What access modes promise: who may have a volume, and who may write."""

import errno
import os

from lab import wait_for
from lab_case import POD, STATIC, LabCase


class AccessModes(LabCase):

    @classmethod
    def set_up_lab(cls):
        cls.apply_class("fast")

    def apply_refused(self, name, claim, node, message):
        """A pod that has to wait, and is told why."""
        self.ctl.apply(POD.format(name=name, claim=claim, node=node,
                                  read_only="false"))
        wait_for(lambda: message in self.ctl("get", "events"),
                 f"the event \"{message}\"", 20)
        self.assertEqual(self.ctl.phase("pod", name), "Pending")

    def test_read_write_once_is_refused_on_a_second_node_by_the_holders_name(
            self):
        volume = self.apply_claim("once", mode="ReadWriteOnce")
        self.apply_pod("holder", "once", "node-a")
        self.apply_pod("beside", "once", "node-a")
        self.apply_refused(
            "second", "once", "node-b",
            f'Multi-Attach error for volume "{volume}" Volume is already used '
            "by pod(s) default/holder on node node-a")
        self.delete_pods("holder")
        self.assertEqual(self.ctl.phase("pod", "second"), "Pending")
        self.delete_pods("beside")
        self.ctl.wait_phase("pod", "second", "Running", seconds=40)
        self.delete_pods("second")

    def test_a_lease_outlives_the_provisioner(self):
        self.apply_claim("lasting", mode="ReadWriteOnce")
        self.apply_pod("first", "lasting", "node-b")
        provisioner = self.cluster.provisioner
        provisioner.process.stop()
        provisioner.start()
        self.apply_refused("late", "lasting", "node-a",
                           "default/first on node node-b")
        self.delete_pods("late", "first")

    def test_read_write_once_pod_has_one_pod_on_any_node(self):
        self.apply_claim("single", mode="ReadWriteOncePod")
        self.apply_pod("only", "single", "node-a")
        for name, node in (("same", "node-a"), ("other", "node-b")):
            self.apply_refused(
                name, "single", node, "node has pod using "
                "PersistentVolumeClaim with the same name and "
                "ReadWriteOncePod access mode: pod default/only on node node-a")
        self.delete_pods("same", "only")
        self.ctl.wait_phase("pod", "other", "Running", seconds=40)
        self.delete_pods("other")

    def test_a_read_only_claim_never_writes(self):
        """Whatever its volume would allow."""
        os.mkdir(self.backing("slides"))
        self.ctl.apply(self.cluster.adapt(STATIC.format(
            name="slides", size="5Gi").replace(
                "[ReadWriteMany]", "[ReadWriteOnce, ReadOnlyMany]")))
        self.apply_claim("slides", '""', mode="ReadOnlyMany")
        for node in ("node-a", "node-b"):
            path = self.apply_pod(f"slides-{node}", "slides", node)
            with self.assertRaises(OSError) as caught:
                os.mkdir(f"{path}/d")
            self.assertEqual(caught.exception.errno, errno.EROFS)
        self.delete_pods("slides-node-a", "slides-node-b")
