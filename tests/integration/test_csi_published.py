# SPDX-License-Identifier: Apache-2.0
"""CSI Controller: who has a volume, what is told of volumes, and what changes of them."""

import os

from csi_case import CODES, SECONDS, ControllerCase
from lab import wait_for

NAMESPACE = "claimfs-csi"


class Published(ControllerCase):

    controller_options = ("--node", "far")  # besides those with sockets

    def publish_request(self, volume, node="node-a", mode=None, **changes):
        return self.pb.ControllerPublishVolumeRequest(**{
            "volume_id": volume, "node_id": node,
            "volume_capability": self.mountable(mode), **changes})

    def publish(self, volume, node="node-a", mode=None, **changes):
        self.controller.ControllerPublishVolume(
            self.publish_request(volume, node, mode, **changes),
            timeout=SECONDS)

    def refuse(self, code, volume, *args, **changes):
        return self.assert_code(
            code, self.controller.ControllerPublishVolume,
            self.publish_request(volume, *args, **changes))

    def unpublish(self, volume, node=""):
        self.controller.ControllerUnpublishVolume(
            self.pb.ControllerUnpublishVolumeRequest(
                volume_id=volume, node_id=node), timeout=SECONDS)

    def get(self, volume):
        return self.controller.ControllerGetVolume(
            self.pb.ControllerGetVolumeRequest(volume_id=volume),
            timeout=SECONDS)

    def nodes(self, volume):
        return sorted(self.get(volume).status.published_node_ids)

    def test_a_volume_for_one_node_is_on_one(self):
        for mode in (self.modes.SINGLE_NODE_WRITER,
                     self.modes.SINGLE_NODE_READER_ONLY,
                     self.modes.SINGLE_NODE_SINGLE_WRITER,
                     self.modes.SINGLE_NODE_MULTI_WRITER):
            self.create("one", volume_capabilities=[self.mountable(mode)])
            for _ in range(2):
                self.publish("one", "node-a", mode)
            said = self.refuse(CODES.FAILED_PRECONDITION, "one", "node-b", mode)
            self.assertIn("node-a", said)
            self.assertEqual(self.nodes("one"), ["node-a"])
            for _ in range(2):
                self.unpublish("one", "node-a")
            self.publish("one", "node-b", mode)
            self.unpublish("one")
            self.delete("one")

    def test_a_volume_for_many_nodes_is_on_many(self):
        self.create("many")
        for node in ("node-a", "node-b", "far"):
            self.publish("many", node)
        self.assertEqual(self.nodes("many"), ["far", "node-a", "node-b"])
        # Whoever is told that he is alone has to be.
        self.unpublish("many", "far")
        single = self.modes.SINGLE_NODE_WRITER
        self.refuse(CODES.FAILED_PRECONDITION, "many", "far", single)
        self.unpublish("many")
        self.publish("many", "far", single)
        self.refuse(CODES.FAILED_PRECONDITION, "many", "node-a")
        self.unpublish("many")
        self.assertEqual(self.nodes("many"), [])
        self.delete("many")

    def test_another_way_to_publish_is_another_request(self):
        self.create("ways")
        self.publish("ways", readonly=True)
        self.refuse(CODES.ALREADY_EXISTS, "ways")
        self.publish("ways", readonly=True)
        self.unpublish("ways", "node-a")
        self.publish("ways")
        self.refuse(CODES.ALREADY_EXISTS, "ways", readonly=True)
        self.refuse(CODES.ALREADY_EXISTS, "ways", "node-a",
                    self.modes.MULTI_NODE_READER_ONLY)
        self.unpublish("ways")
        self.delete("ways")

    def test_what_is_wrong_is_refused(self):
        single = self.modes.SINGLE_NODE_WRITER
        self.create("narrow", volume_capabilities=[self.mountable(single)])
        self.refuse(CODES.NOT_FOUND, "nothing")
        self.refuse(CODES.NOT_FOUND, "narrow", "nowhere", single)
        self.refuse(CODES.INVALID_ARGUMENT, "")
        self.refuse(CODES.INVALID_ARGUMENT, "narrow", "")
        self.refuse(CODES.INVALID_ARGUMENT, "narrow")
        self.refuse(CODES.INVALID_ARGUMENT, "nothing", volume_capability=None)
        self.unpublish("nothing", "nowhere")
        self.assert_code(CODES.INVALID_ARGUMENT,
                         self.controller.ControllerUnpublishVolume,
                         self.pb.ControllerUnpublishVolumeRequest())
        self.delete("narrow")

    def test_what_is_published_is_not_deleted(self):
        self.create("held")
        self.publish("held", "far")
        self.restart_provisioner(kill=True)
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

    def test_a_pod_and_csi_ask_one_truth(self):
        self.apply_class()
        volume = self.apply_claim("mine", mode="ReadWriteOnce")
        self.apply_pod("user", "mine", "node-a")
        single = self.modes.SINGLE_NODE_WRITER
        said = self.refuse(CODES.FAILED_PRECONDITION, volume, "node-b", single)
        self.assertIn("node-a", said)
        self.delete_pods("user")
        self.publish(volume, "node-b", single)
        self.unpublish(volume)
        self.ctl("delete", "pvc", "mine")

    def list(self, **request):
        return self.controller.ListVolumes(
            self.pb.ListVolumesRequest(**request), timeout=SECONDS)

    def listed(self):
        return {entry.volume.volume_id: entry for entry in self.list().entries}

    def test_volumes_are_listed_page_by_page(self):
        for i in range(5):
            self.create(f"listed-{i}", size=(i + 1) << 20)
        self.publish("listed-3", "node-b")
        found = self.listed()
        self.assertEqual(found["listed-2"].volume.capacity_bytes, 3 << 20)
        self.assertEqual(list(found["listed-3"].status.published_node_ids),
                         ["node-b"])
        self.assertFalse(found["listed-3"].status.volume_condition.abnormal)
        names, token = [], ""
        while True:
            page = self.list(max_entries=2, starting_token=token)
            self.assertLessEqual(len(page.entries), 2)
            names += [entry.volume.volume_id for entry in page.entries]
            token = page.next_token
            if not token:
                break
            if len(names) == 2:
                self.delete(names[1])  # a page goes on all the same
        self.assertEqual(names, sorted(found))
        self.unpublish("listed-3")
        for name in names:
            self.delete(name)
        self.assertEqual(self.listed(), {})
        for token in ("invalid-token", "after:"):
            self.assert_code(CODES.ABORTED, self.controller.ListVolumes,
                             self.pb.ListVolumesRequest(starting_token=token))
        self.assert_code(CODES.INVALID_ARGUMENT, self.controller.ListVolumes,
                         self.pb.ListVolumesRequest(max_entries=-1))

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

    def expand_request(self, volume, size, limit=0, **changes):
        return self.pb.ControllerExpandVolumeRequest(**{
            "volume_id": volume, "capacity_range": self.pb.CapacityRange(
                required_bytes=size, limit_bytes=limit), **changes})

    def expand(self, *args, **changes):
        answer = self.controller.ControllerExpandVolume(
            self.expand_request(*args, **changes), timeout=SECONDS)
        self.assertTrue(answer.node_expansion_required)
        return answer.capacity_bytes

    def test_a_volume_grows(self):
        self.create("grows", size=10 << 30)
        for _ in range(2):
            self.assertEqual(self.expand("grows", 11 << 30), 11 << 30)
        self.assertEqual(self.expand("grows", 1 << 30), 11 << 30)
        self.assertEqual(self.expand("grows", (11 << 30) + 1),
                         (11 << 30) + 1)
        # A request that was repeated late is still the same volume's.
        self.create("grows", size=10 << 30)
        for code, request in (
                (CODES.NOT_FOUND, self.expand_request("nothing", 1)),
                (CODES.INVALID_ARGUMENT, self.expand_request("", 1)),
                (CODES.INVALID_ARGUMENT,
                 self.pb.ControllerExpandVolumeRequest(volume_id="grows")),
                (CODES.OUT_OF_RANGE,
                 self.expand_request("grows", 1 << 30, 2 << 30)),
                (CODES.OUT_OF_RANGE, self.expand_request("grows", 2, 1))):
            self.assert_code(code, self.controller.ControllerExpandVolume,
                             request)
        self.delete("grows")

    def modify_request(self, volume, **parameters):
        return self.pb.ControllerModifyVolumeRequest(
            volume_id=volume, mutable_parameters=parameters)

    def modify(self, *args, **parameters):
        self.controller.ControllerModifyVolume(
            self.modify_request(*args, **parameters), timeout=SECONDS)

    def test_what_can_change_of_a_volume_changes(self):
        self.create("changes")
        for _ in range(2):
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
        self.create("begins", mutable_parameters={"onDelete": "retain",
                                                  "mountPermissions": "0711"})
        self.assertEqual(os.stat(self.backing("begins")).st_mode & 0o7777,
                         0o711)
        self.modify("begins", trashTTL="0")  # and so it is deleted again
        self.delete("begins")
        self.assertFalse(os.path.isdir(self.backing("begins")))

    def test_what_can_not_change_is_refused_as_a_whole(self):
        self.create("stays")
        for parameters in ({"server": "x"}, {"onDelete": "x"}, {},
                           {"onDelete": "retain", "XXX_FakeKey": "y"}):
            self.assert_code(CODES.INVALID_ARGUMENT,
                             self.controller.ControllerModifyVolume,
                             self.modify_request("stays", **parameters))
        annotations = self.ctl.find("pv", "stays")["metadata"]["annotations"]
        self.assertNotIn("claimfs.io/onDelete", annotations)
        self.assert_code(CODES.NOT_FOUND,
                         self.controller.ControllerModifyVolume,
                         self.modify_request("nothing", onDelete="retain"))
        self.assert_code(CODES.INVALID_ARGUMENT, self.controller.CreateVolume,
                         self.create_request("never", mutable_parameters={
                             "XXX_FakeKey": "y"}))
        self.assertIsNone(self.ctl.find("pvc", "never", NAMESPACE))
        self.delete("stays")

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
        block = self.pb.VolumeCapability(
            block=self.pb.VolumeCapability.BlockVolume(),
            access_mode=self.modes(mode=self.modes.SINGLE_NODE_WRITER))
        self.assertEqual(self.capacity(parameters=self.parameters(),
                                       volume_capabilities=[block]), 0)
        self.create("roomy")
        self.assertGreater(self.capacity(), 0)
        self.delete("roomy")
        self.assert_code(CODES.INVALID_ARGUMENT, self.controller.GetCapacity,
                         self.pb.GetCapacityRequest(parameters={"a": "b"}))
