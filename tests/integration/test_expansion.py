# SPDX-License-Identifier: Apache-2.0
"""Claims that grow: who may, what is shown meanwhile, and that nothing shrinks."""

import json
import os

from lab import wait_for
from lab_case import CLAIM, LabCase


class Expansion(LabCase):

    @classmethod
    def set_up_lab(cls):
        cls.apply_class("fixed")
        cls.ctl.apply(cls.cluster.adapt(cls.class_text("growing") +
                                        "allowVolumeExpansion: true\n"))

    def ask_for(self, name, size, class_name="growing"):
        """What claimctl prints."""
        return self.ctl.run("apply", "-f", "-", stdin=CLAIM.format(
            name=name, mode="ReadWriteMany", size=size, class_name=class_name))

    def sizes(self, name):
        claim = self.ctl.find("pvc", name)
        volume = self.ctl.find("pv", claim["spec"]["volumeName"])
        return (claim["status"]["capacity"]["storage"],
                volume["spec"]["capacity"]["storage"])

    def reasons(self, name):
        events = json.loads(self.ctl("get", "events", "-o", "json"))["items"]
        return [event["reason"] for event in events
                if event["involvedObject"]["name"] == name]

    def test_a_claim_grows_with_its_volume_while_it_is_used(self):
        self.apply_claim("growth", "growing")
        path = self.apply_pod("grower", "growth")
        with open(f"{path}/file", "w", encoding="ascii") as f:
            f.write("data")
        self.assertEqual(self.ask_for("growth", "3Gi").returncode, 0)
        wait_for(lambda: self.sizes("growth") == ("3Gi", "3Gi"), "both sizes")
        claim = self.ctl.find("pvc", "growth")
        self.assertEqual(claim["status"]["allocatedResources"],
                         {"storage": "3Gi"})
        self.assertNotIn("conditions", claim["status"])
        self.assertNotIn("allocatedResourceStatuses", claim["status"])
        wait_for(lambda: {"Resizing", "VolumeResizeSuccessful"} <=
                 set(self.reasons("growth")), "the resizer's events")
        with open(f"{path}/file", encoding="ascii") as f:
            self.assertEqual(f.read(), "data")
        self.delete_pods("grower")

    def capacities(self, path):
        """What a pod is told: of the volume, and as its quota."""
        found = []
        for name in ("volume", "quota"):
            with open(f"{path}/.meta/{name}", encoding="ascii") as f:
                found.append(json.load(f))
        return found[0]["capacity"], found[1]["bytes"]["limit"]

    def wait_for_capacity(self, path, gib):
        wait_for(lambda: self.capacities(path) == (gib << 30, gib << 30),
                 f"{path}/.meta to tell {gib} GiB")

    def test_pods_are_told_the_new_size_without_a_new_mount(self):
        self.apply_claim("told", "growing")
        first = self.apply_pod("first", "told")
        far = self.apply_pod("far", "told", node="node-b")
        self.wait_for_capacity(first, 1)
        device = os.stat(first).st_dev
        self.assertEqual(self.ask_for("told", "3Gi").returncode, 0)
        for path in (first, far):
            self.wait_for_capacity(path, 3)
        self.assertEqual(os.stat(first).st_dev, device)
        # Who comes later finds it staged as it was, on one node, and anew on another.
        self.wait_for_capacity(self.apply_pod("second", "told"), 3)
        self.delete_pods("far")
        self.wait_for_capacity(self.apply_pod("late", "told", node="node-b"), 3)
        self.delete_pods("first", "second", "late")

    def test_a_claim_never_shrinks(self):
        self.apply_claim("shrinking", "growing", size="2Gi")
        done = self.ask_for("shrinking", "1Gi")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("spec.resources.requests.storage: Forbidden: field can "
                      "not be less than status.capacity", done.stderr)

    def test_a_class_that_does_not_allow_it_is_named_as_the_reason(self):
        self.apply_claim("stuck", "fixed")
        done = self.ask_for("stuck", "2Gi", "fixed")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(
            'persistentvolumeclaims "stuck" is forbidden: only dynamically '
            "provisioned pvc can be resized and the storageclass that "
            "provisions the pvc must support resize", done.stderr)
