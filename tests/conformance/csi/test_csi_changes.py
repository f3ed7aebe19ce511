# SPDX-License-Identifier: Apache-2.0
"""ControllerExpandVolume and ControllerModifyVolume: what they refuse, and growth."""

from controller_case import CODES, GIB, NAMESPACE, TIMES, ControllerCase


class Expansion(ControllerCase):

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
                self.assertTrue(answer.node_expansion_required)
        self.assertEqual(
            self.create("growing").capacity_bytes, 3 * GIB + 1)
        self.delete(volume)

    def test_its_codes(self):
        volume = self.create("codes").volume_id
        for code, request in (
                (CODES.INVALID_ARGUMENT, self.request("")),
                (CODES.INVALID_ARGUMENT,
                 self.request(volume, capacity_range=None)),
                (CODES.INVALID_ARGUMENT, self.request(volume, -1)),
                (CODES.INVALID_ARGUMENT,
                 self.request(volume, volume_capability=self.block())),
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


class Modification(ControllerCase):

    needs = ("MODIFY_VOLUME",)

    def request(self, volume, **parameters):
        return self.pb.ControllerModifyVolumeRequest(
            volume_id=volume, mutable_parameters=parameters)

    def volume_object(self, name):
        claim = self.ctl.find("pvc", name, NAMESPACE)
        return self.ctl.find("pv", claim["spec"]["volumeName"])

    def test_what_is_unknown_is_invalid_and_nothing_is_changed(self):
        volume = self.create("unmodified").volume_id
        before = self.volume_object("unmodified")
        for parameters in ({}, {"colour": "red"}, {"onDelete": "x"},
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
