# SPDX-License-Identifier: Apache-2.0
"""ControllerExpandVolume, ControllerModifyVolume and GetCapacity."""

import os

from controller_case import CODES, GIB, SECONDS, TIMES, Case


class Expansion(Case):

    needs = ("EXPAND_VOLUME", "PUBLISH_UNPUBLISH_VOLUME")

    def request(self, volume, required=2 * GIB, limit=0, **changes):
        return self.pb.ControllerExpandVolumeRequest(**{
            "volume_id": volume, "capacity_range": self.pb.CapacityRange(
                required_bytes=required, limit_bytes=limit), **changes})

    def expand(self, *args, **changes):
        return self.settled(self.controller.ControllerExpandVolume,
                            self.request(*args, **changes))

    def test_a_volume_grows_and_never_shrinks(self):
        volume = self.create("growing").volume_id
        for required, found in ((2 * GIB, 2 * GIB), (GIB, 2 * GIB),
                                (3 * GIB + 1, 3 * GIB + 1)):
            for _ in range(TIMES):
                answer = self.expand(volume, required)
                self.assertEqual(answer.capacity_bytes, found)
        self.assertEqual(
            self.create("growing").capacity_bytes, 3 * GIB + 1)
        self.delete(volume)

    def test_its_codes(self):
        volume = self.create("codes").volume_id
        block = self.pb.VolumeCapability(
            block=self.pb.VolumeCapability.BlockVolume(),
            access_mode=self.modes(mode=self.modes.SINGLE_NODE_WRITER))
        for code, request in (
                (CODES.INVALID_ARGUMENT, self.request("")),
                (CODES.INVALID_ARGUMENT,
                 self.request(volume, capacity_range=None)),
                (CODES.INVALID_ARGUMENT, self.request(volume, -1)),
                (CODES.INVALID_ARGUMENT,
                 self.request(volume, volume_capability=block)),
                (CODES.NOT_FOUND, self.request("nobody")),
                (CODES.OUT_OF_RANGE, self.request(volume, 2 * GIB, GIB)),
                (CODES.OUT_OF_RANGE, self.request(volume, 0, GIB - 1))):
            with self.subTest(request):
                self.assert_code(code, self.controller.ControllerExpandVolume,
                                 request)
        self.delete(volume)

    def test_it_grows_where_it_is_published(self):
        volume = self.create("online").volume_id
        self.publish(volume)
        answer = self.expand(volume, volume_capability=self.mountable())
        self.assertEqual(answer.capacity_bytes, 2 * GIB)
        self.unpublish(volume)
        self.delete(volume)


class Modification(Case):

    needs = ("MODIFY_VOLUME",)

    def request(self, volume, **parameters):
        return self.pb.ControllerModifyVolumeRequest(
            volume_id=volume, mutable_parameters=parameters)

    def modify(self, volume, **parameters):
        return self.settled(self.controller.ControllerModifyVolume,
                            self.request(volume, **parameters))

    def volume_object(self, name):
        claim = self.ctl.find("pvc", name, "claimfs-csi")
        return self.ctl.find("pv", claim["spec"]["volumeName"])

    def annotations(self, name):
        """What was changed of it is there."""
        return self.volume_object(name)["metadata"]["annotations"]

    def test_what_can_be_changed_is_changed_and_ten_times_is_once(self):
        volume = self.create("modified").volume_id
        before = self.annotations("modified")
        for _ in range(TIMES):
            self.modify(volume, trashTTL="2h")
        self.assertNotEqual(self.annotations("modified"), before)
        self.delete(volume)

    def test_what_is_unknown_is_invalid_and_nothing_is_changed(self):
        volume = self.create("unmodified").volume_id
        before = self.volume_object("unmodified")
        for parameters in ({"colour": "red"},
                           {"trashTTL": "2h", "colour": "red"},
                           {"trashTTL": "often"}, {"server": "192.0.2.7"}):
            with self.subTest(parameters):
                self.assert_code(CODES.INVALID_ARGUMENT,
                                 self.controller.ControllerModifyVolume,
                                 self.request(volume, **parameters))
        after = self.volume_object("unmodified")
        self.assertEqual(after["spec"], before["spec"])
        self.assertEqual(after["metadata"]["annotations"],
                         before["metadata"]["annotations"])
        self.delete(volume)

    def test_its_codes(self):
        self.assert_code(CODES.INVALID_ARGUMENT,
                         self.controller.ControllerModifyVolume,
                         self.request("", trashTTL="2h"))
        self.assert_code(CODES.NOT_FOUND,
                         self.controller.ControllerModifyVolume,
                         self.request("nobody", trashTTL="2h"))

    def test_a_volume_can_be_created_with_them(self):
        volume = self.create("born", mutable_parameters={"trashTTL": "3h"})
        self.assertEqual(self.create(
            "born", mutable_parameters={"trashTTL": "3h"}), volume)
        self.modify(volume.volume_id, trashTTL="0")
        self.delete(volume.volume_id)


class Capacity(Case):

    needs = ("GET_CAPACITY",)

    def capacity(self, **changes):
        return self.controller.GetCapacity(
            self.pb.GetCapacityRequest(**changes), timeout=SECONDS)

    def test_it_is_what_the_share_has_left(self):
        found = self.capacity(parameters=self.parameters(),
                              volume_capabilities=[self.mountable()])
        room = os.statvfs(self.cluster.export)
        self.assertAlmostEqual(found.available_capacity,
                               room.f_bavail * room.f_frsize,
                               delta=2 * GIB)

    def test_without_parameters_it_answers(self):
        self.assertGreaterEqual(self.capacity().available_capacity, 0)

    def test_its_codes(self):
        self.assert_code(CODES.INVALID_ARGUMENT, self.controller.GetCapacity,
                         self.pb.GetCapacityRequest(
                             parameters=self.parameters(colour="red")))
