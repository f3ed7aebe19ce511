# SPDX-License-Identifier: Apache-2.0
"""Which volume a claim gets, as people see it; tests/unit/test_claim_table.c and its
neighbours have all the rows."""

import os

from lab import wait_for
from lab_case import CLAIM, POD, STATIC, LabCase

SELECTOR = """\
  selector:
    matchLabels:
      tier: gold
    matchExpressions:
      - {key: room, operator: In, values: [a, b]}
      - {key: retired, operator: DoesNotExist}
"""


class Binding(LabCase):

    @classmethod
    def set_up_lab(cls):
        cls.apply_class("fast")

    def apply_static(self, name, labels="", more="", size="5Gi"):
        text = STATIC.format(name=name, size=size)
        if labels:
            text = text.replace("spec:", f"  labels: {labels}\nspec:", 1)
        os.makedirs(self.backing(name), exist_ok=True)
        self.ctl.apply(self.cluster.adapt(text + more))

    def apply_unbound(self, name, more="", class_name='""', size="1Gi"):
        self.ctl.apply(CLAIM.format(name=name, mode="ReadWriteMany", size=size,
                                    class_name=class_name) + more)

    def wait_event(self, text):
        wait_for(lambda: text in self.ctl("get", "events"),
                 f"the event \"{text}\"", 20)

    def test_a_selector_wants_all_of_its_labels_and_expressions(self):
        self.apply_static("silver", "{tier: silver, room: a}")
        self.apply_static("attic", "{tier: gold, room: c}")
        self.apply_static("retired", "{tier: gold, room: a, retired: long-ago}")
        self.apply_unbound("picky", SELECTOR)
        self.wait_event("no persistent volumes available for this claim and no "
                        "storage class is set")
        self.assertEqual(self.ctl.phase("pvc", "picky"), "Pending")
        self.apply_static("golden", "{tier: gold, room: b}")
        claim = self.ctl.wait_phase("pvc", "picky", "Bound")
        self.assertEqual(claim["spec"]["volumeName"], "golden")

    def test_a_volume_that_names_a_claim_is_nobody_elses(self):
        self.apply_static("reserved", '{use: "reserved"}', more="  claimRef:\n"
                          "    namespace: default\n    name: expected\n")
        self.ctl.wait_phase("pv", "reserved", "Available")
        match = "  selector:\n    matchLabels: {use: reserved}\n"
        self.apply_unbound("uninvited", match)
        self.apply_unbound("expected", match)
        claim = self.ctl.wait_phase("pvc", "expected", "Bound")
        self.assertEqual(claim["spec"]["volumeName"], "reserved")
        self.assertEqual(self.ctl.phase("pvc", "uninvited"), "Pending")

    def test_a_claim_that_names_a_volume_is_told_why_it_can_not_have_it(self):
        self.apply_static("tight", size="2Gi")
        self.apply_unbound("greedy", "  volumeName: tight\n", size="3Gi")
        self.wait_event('Cannot bind to requested volume "tight": requested PV '
                        "is too small")
        self.apply_unbound("classy", "  volumeName: tight\n", class_name="fast")
        self.wait_event('Cannot bind to requested volume "tight": '
                        "storageClassName does not match")
        self.apply_unbound("modest", "  volumeName: tight\n")
        claim = self.ctl.wait_phase("pvc", "modest", "Bound")
        self.assertNotIn("pv.kubernetes.io/bound-by-controller",
                         claim["metadata"]["annotations"])
        self.apply_unbound("late", "  volumeName: tight\n")
        self.wait_event('volume "tight" already bound to a different claim.')

    def test_a_claim_that_waits_is_bound_for_the_node_that_its_pod_gets(self):
        self.ctl.apply(self.cluster.adapt(self.class_text("late").replace(
            "Immediate", "WaitForFirstConsumer")))
        self.apply_unbound("patient", class_name="late")
        self.wait_event("waiting for first consumer to be created before "
                        "binding")
        self.ctl.apply(POD.format(name="consumer", claim="patient",
                                  node="x", read_only="false")
                       .replace("  nodeName: x\n", ""))
        pod = self.ctl.wait_phase("pod", "consumer", "Running", seconds=30)
        claim = self.ctl.find("pvc", "patient")
        self.assertEqual(
            claim["metadata"]["annotations"][
                "volume.kubernetes.io/selected-node"], pod["spec"]["nodeName"])
        self.delete_pods("consumer")

    def test_a_pod_goes_where_its_volume_is(self):
        self.apply_claim("homing", mode="ReadWriteOnce")
        self.apply_pod("settled", "homing", "node-b")
        self.ctl.apply(POD.format(name="follower", claim="homing", node="x",
                                  read_only="false")
                       .replace("  nodeName: x\n", ""))
        pod = self.ctl.wait_phase("pod", "follower", "Running", seconds=30)
        self.assertEqual(pod["spec"]["nodeName"], "node-b")
        self.delete_pods("settled", "follower")

    def test_of_several_default_classes_the_newest_serves_who_waited(self):
        """Times have whole seconds, and the name decides within one. No volume
        without a class is large enough."""
        self.ctl.apply(CLAIM.replace("  storageClassName: {class_name}\n", "")
                       .format(name="plain", mode="ReadWriteMany", size="100Gi"))
        self.ctl.wait_phase("pvc", "plain", "Pending")
        self.ctl.apply("---\n".join(
            self.cluster.adapt(self.class_text(name, is_default="true"))
            for name in ("default-a", "default-b")))
        claim = self.ctl.wait_phase("pvc", "plain", "Bound")
        created = {name: self.ctl.find("sc", name)["metadata"]
                   ["creationTimestamp"] for name in ("default-a", "default-b")}
        self.assertIn(claim["spec"]["storageClassName"], created)
        self.ctl.apply(CLAIM.replace("  storageClassName: {class_name}\n", "")
                       .format(name="plain-too", mode="ReadWriteMany",
                               size="100Gi"))
        claim = self.ctl.wait_phase("pvc", "plain-too", "Bound")
        newest = max(created.values())
        self.assertEqual(claim["spec"]["storageClassName"], min(
            name for name, when in created.items() if when == newest))
        self.ctl("delete", "sc", "default-a", "default-b")
