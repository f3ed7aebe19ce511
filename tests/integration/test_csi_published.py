# SPDX-License-Identifier: Apache-2.0
"""CSI Controller: who has a volume, what is told of volumes, and what changes of them."""

import os

from controller_case import CODES, NAMESPACE, SECONDS, TIMES, ControllerCase
from lab import wait_for


class Published(ControllerCase):

    controller_options = ("--node", "far")  # besides those with sockets

    def refuse(self, code, volume, *args, **changes):
        return self.assert_code(
            code, self.controller.ControllerPublishVolume,
            self.publishing(volume, *args, **changes))

    def nodes(self, volume):
        return sorted(self.get(volume).status.published_node_ids)

    def test_who_is_told_that_he_is_alone_is(self):
        """A node's cache of such a volume believes it."""
        self.create("many")
        single = self.modes.SINGLE_NODE_WRITER
        for node in ("node-a", "node-b"):
            self.publish("many", node)
        self.refuse(CODES.FAILED_PRECONDITION, "many", "far", single)
        self.unpublish("many")
        self.publish("many", "far", single)
        self.refuse(CODES.FAILED_PRECONDITION, "many", "node-a")
        self.unpublish("many")
        self.delete("many")

    def test_what_is_published_is_not_deleted(self):
        self.create("held")
        self.publish("held", "far")
        said = self.assert_code(
            CODES.FAILED_PRECONDITION, self.controller.DeleteVolume,
            self.pb.DeleteVolumeRequest(volume_id="held"))
        self.assertIn("far", said)
        self.assertEqual(self.nodes("held"), ["far"])
        self.ctl("delete", "pvc", "held", "-n", NAMESPACE, "--wait=false")
        self.refuse(CODES.FAILED_PRECONDITION, "held", "node-a")
        self.assertTrue(os.path.isdir(self.backing("held")))
        self.unpublish("held", "far")
        self.delete("held")
        self.assertFalse(os.path.isdir(self.backing("held")))

    def test_a_volume_without_its_directory_is_abnormal(self):
        volume = self.create("lost")
        answer = self.get("lost")
        self.assertEqual(answer.volume, volume)
        self.assertFalse(answer.status.volume_condition.abnormal)
        with self.server_away():
            os.rename(self.backing("lost"), self.backing("gone"))
        wait_for(lambda: self.get("lost").status.volume_condition.abnormal,
                 "the condition")
        self.assertIn("lost", self.get("lost").status.volume_condition.message)
        self.assert_code(CODES.NOT_FOUND, self.controller.ControllerGetVolume,
                         self.pb.ControllerGetVolumeRequest(volume_id="no"))
        with self.server_away():
            os.rename(self.backing("gone"), self.backing("lost"))
        self.delete("lost")


class Changed(ControllerCase):

    def modify(self, volume, **parameters):
        self.settled(self.controller.ControllerModifyVolume,
                     self.pb.ControllerModifyVolumeRequest(
                         volume_id=volume, mutable_parameters=parameters))

    def test_what_can_change_of_a_volume_changes(self):
        self.create("changes")
        for _ in range(TIMES):
            self.modify("changes", onDelete="retain", mountPermissions="0700")
        mode = os.stat(self.backing("changes")).st_mode
        self.assertEqual(mode & 0o7777, 0o700)
        volume = self.ctl.find("pv", "changes")
        self.assertEqual(volume["metadata"]["annotations"]
                         ["claimfs.io/onDelete"], "retain")
        self.restart_provisioner()
        self.create("changes")
        self.delete("changes")
        self.assertTrue(os.path.isdir(self.backing("changes")))

    def test_a_volume_begins_with_what_can_change(self):
        changed = {"onDelete": "retain", "mountPermissions": "0711"}
        volume = self.create("begins", mutable_parameters=changed)
        self.assertEqual(
            self.create("begins", mutable_parameters=changed), volume)
        self.assertEqual(os.stat(self.backing("begins")).st_mode & 0o7777,
                         0o711)
        self.modify("begins", trashTTL="0")  # and so it is deleted again
        self.delete("begins")
        self.assertFalse(os.path.isdir(self.backing("begins")))

    def capacity(self, **request):
        return self.controller.GetCapacity(
            self.pb.GetCapacityRequest(**request),
            timeout=SECONDS).available_capacity

    def test_capacity_is_what_the_share_has_left(self):
        self.assertEqual(self.capacity(), 0)
        statistics = os.statvfs(self.cluster.export)
        free = statistics.f_bavail * statistics.f_frsize
        room = self.capacity(parameters=self.parameters(),
                             volume_capabilities=[self.mountable()])
        self.assertLess(abs(room - free), 1 << 30)
        self.assertEqual(self.capacity(parameters=self.parameters(),
                                       volume_capabilities=[self.block()]), 0)
        self.create("roomy")
        self.assertGreater(self.capacity(), 0)
        self.delete("roomy")
        self.assert_code(CODES.INVALID_ARGUMENT, self.controller.GetCapacity,
                         self.pb.GetCapacityRequest(parameters={"a": "b"}))
