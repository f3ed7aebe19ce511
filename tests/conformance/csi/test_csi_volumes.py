# SPDX-License-Identifier: Apache-2.0
"""CreateVolume and DeleteVolume."""

import os

from controller_case import CODES, GIB, NAMESPACE, SECONDS, TIMES, ControllerCase

IN_FLIGHT = 200


class Volumes(ControllerCase):

    needs = ("LIST_VOLUMES", "PUBLISH_UNPUBLISH_VOLUME")

    @classmethod
    def set_up_lab(cls):
        cls.apply_class()

    def range(self, required=0, limit=0):
        return self.pb.CapacityRange(required_bytes=required,
                                     limit_bytes=limit)

    def refused(self, code, name="refused", **changes):
        details = self.assert_code(code, self.controller.CreateVolume,
                                   self.create_request(name, **changes))
        self.assertNotIn("secret-value", details)
        return details

    def test_what_is_missing_or_wrong_is_an_invalid_argument(self):
        """The sentence says what."""
        wire = self.pb.VolumeCapability
        for words, field, value in (
                ("name", "name", ""),
                ("128", "name", "x" * 129),
                ("control", "name", "a\x01b"),
                ("control", "name", "a\u0085b"),
                ("volume_capabilities", "volume_capabilities", []),
                ("block", "volume_capabilities", [self.block()]),
                ("mount", "volume_capabilities", [wire()]),
                ("access_mode", "volume_capabilities",
                 [wire(mount=wire.MountVolume())]),
                ("block", "volume_capabilities",
                 [self.mountable(), self.block()]),
                ("different", "volume_capabilities",
                 [self.mountable(), self.capability()]),
                ("sparkle", "volume_capabilities",
                 [self.capability(flags=["sparkle"])]),
                ("proto", "volume_capabilities",
                 [self.capability(flags=["proto=udp"])]),
                ("negative", "capacity_range", self.range(-1)),
                ("negative", "capacity_range", self.range(0, -1)),
                ("server", "parameters", {}),
                ("allowed", "parameters", self.parameters(colour="red")),
                ("onDelete", "parameters", self.parameters(onDelete="x")),
                ("relative", "parameters", self.parameters(share="relative")),
                ("4096", "parameters", self.parameters(subDir="x" * 4096)),
                ("colour", "mutable_parameters", {"colour": "red"})):
            with self.subTest(words):
                self.assertIn(words, self.refused(
                    CODES.INVALID_ARGUMENT, **{"name": "refused", field: value}))
        self.assertIsNone(self.ctl.find("pvc", "refused", NAMESPACE))
        self.assertEqual(self.volume_ids(), [])

    def test_secrets_are_taken_and_never_told(self):
        volume = self.create("secretive", secrets={"password": "secret-value"})
        self.refused(CODES.INVALID_ARGUMENT, secrets={"p": "secret-value"},
                     parameters=self.parameters(colour="red"))
        self.assertNotIn("secret-value", self.cluster.provisioner.process.log())
        self.delete(volume.volume_id)

    def test_a_range_that_nothing_is_in_is_out_of_range(self):
        self.refused(CODES.OUT_OF_RANGE,
                     capacity_range=self.range(2 * GIB, GIB))

    def test_a_volume_is_of_the_asked_size(self):
        for number, (required, limit) in enumerate((
                (3 * GIB, 0), (GIB, 2 * GIB), (GIB, GIB), (1, 0),
                (0, 5 << 20))):
            volume = self.create(f"sized-{number}",
                                 capacity_range=self.range(required, limit))
            self.assertGreaterEqual(volume.capacity_bytes, max(required, 1))
            self.assertLessEqual(volume.capacity_bytes, limit or 1 << 62)
            self.delete(volume.volume_id)
        volume = self.create("unsized", capacity_range=None)
        self.assertGreater(volume.capacity_bytes, 0)
        self.delete(volume.volume_id)

    def test_ten_equal_requests_make_one_volume(self):
        volumes = [self.create("again") for _ in range(TIMES)]
        self.assertEqual(volumes, volumes[:1] * TIMES)
        self.assertEqual(self.volume_ids(), [volumes[0].volume_id])
        self.delete(*[volumes[0].volume_id] * TIMES)
        self.assertEqual(self.volume_ids(), [])

    def test_a_request_that_the_volume_satisfies_finds_it(self):
        volume = self.create("enough",
                             capacity_range=self.range(2 * GIB, 3 * GIB))
        for required, limit in ((GIB, 0), (0, 0), (2 * GIB, 2 * GIB)):
            self.assertEqual(self.create(
                "enough", capacity_range=self.range(required, limit)), volume)
        single = self.mountable(self.modes.SINGLE_NODE_WRITER)
        self.assertEqual(self.create("enough",
                                     capacity_range=self.range(GIB),
                                     volume_capabilities=[single]), volume)
        self.delete(volume.volume_id)

    def test_a_request_for_something_else_by_that_name_exists_already(self):
        single = self.mountable(self.modes.SINGLE_NODE_WRITER)
        volume = self.create("taken", volume_capabilities=[single],
                             capacity_range=self.range(GIB, GIB))
        for change in (
                {"capacity_range": self.range(2 * GIB)},
                {"capacity_range": self.range(0, GIB - 1)},
                {"volume_capabilities": [self.mountable()]},
                {"volume_capabilities": [
                    self.capability(self.modes.SINGLE_NODE_WRITER)]},
                {"parameters": self.parameters(onDelete="retain")}):
            with self.subTest(change):
                self.refused(CODES.ALREADY_EXISTS, "taken",
                             **{"volume_capabilities": [single], **change})
        self.delete(volume.volume_id)

    def test_names_are_any_text_and_ids_are_short_and_no_paths(self):
        long = "n" * 127
        names = (long + "a", long + "b", "ü" * 64, "../../etc", "/", ".",
                 "a b", "UPPER", "upper", "-", "two\nlines and a\ttab", "%2f", "a.b",
                 "\U0001f600" * 32)
        volumes = [self.create(name) for name in names]
        ids = [volume.volume_id for volume in volumes]
        self.assertEqual(len(set(ids)), len(names))
        folders = {os.path.realpath(self.folder_of(volume))
                   for volume in volumes}
        self.assertEqual(len(folders), len(names))
        for name, volume in zip(names, volumes):
            self.assertEqual(self.create(name), volume)
            self.assertRegex(volume.volume_id, r"^[A-Za-z0-9._#-]{1,128}$")
            self.assertTrue(os.path.isdir(self.folder_of(volume)))
            self.assertNotIn(self.cluster.export, volume.volume_id)
        self.delete(*ids)
        self.assertFalse(any(os.path.exists(folder) for folder in folders))

    def test_deleting_takes_any_id(self):
        for volume in ("nobody", "../../etc", "/", "x" * 300, "ü"):
            self.delete(volume)
        self.assert_code(CODES.INVALID_ARGUMENT, self.controller.DeleteVolume,
                         self.pb.DeleteVolumeRequest())

    def test_a_name_can_be_used_again(self):
        for _ in range(3):
            volume = self.create("phoenix")
            self.assertEqual(os.listdir(self.folder_of(volume)), [])
            with open(self.folder_of(volume) + "/data", "w",
                      encoding="ascii") as f:
                f.write("x")
            self.delete(volume.volume_id)

    def test_what_was_deleted_into_the_trash_is_gone_for_who_asks(self):
        kept = self.parameters(trashTTL="1h")
        ids = set()
        for _ in range(3):
            volume = self.create("binned", parameters=kept)
            self.assertEqual(os.listdir(self.folder_of(volume)), [])
            os.mkdir(self.folder_of(volume) + "/data")
            self.delete(volume.volume_id)
            self.assertEqual(self.volume_ids(), [])
            ids.add(volume.volume_id)
        self.assertEqual(len(ids), 3)

    def test_two_hundred_in_flight_on_one_connection(self):
        """Each is asked for twice, as after a time-out."""
        names = [f"crowd-{number}" for number in range(IN_FLIGHT // 2)] * 2
        ids = [answer.volume.volume_id for answer in self.all_settled(
            self.controller.CreateVolume,
            [self.create_request(name) for name in names])]
        half = len(ids) // 2
        self.assertEqual(ids[:half], ids[half:])
        self.assertEqual(sorted(self.volume_ids()), sorted(set(ids)))
        self.assertEqual(len(self.classes()), 1)
        self.all_settled(self.controller.DeleteVolume,
                         [self.pb.DeleteVolumeRequest(volume_id=volume)
                          for volume in ids])
        self.assertEqual(self.volume_ids(), [])
        self.assertEqual(self.classes(), [])
        self.assertEqual([name for name in os.listdir(self.cluster.export)
                          if name.startswith("crowd")], [])

    def test_somebody_elses_volume_is_known_but_not_deleted(self):
        pv = self.ctl.find("pv", self.apply_claim("theirs"))
        handle = pv["spec"]["csi"]["volumeHandle"]
        self.assertIn(handle, self.volume_ids())
        self.assertIn("default/theirs", self.assert_code(
            CODES.FAILED_PRECONDITION, self.controller.DeleteVolume,
            self.pb.DeleteVolumeRequest(volume_id=handle)))
        self.ctl("delete", "pvc", "theirs")
        self.ctl.wait_phase("pv", pv["metadata"]["name"], None)


class Validation(ControllerCase):

    @classmethod
    def set_up_lab(cls):
        cls.volume = cls.create(
            "validated", volume_capabilities=[
                cls.mountable(cls.modes.SINGLE_NODE_WRITER)])

    def request(self, **changes):
        return self.pb.ValidateVolumeCapabilitiesRequest(**{
            "volume_id": self.volume.volume_id,
            "volume_context": self.volume.volume_context,
            "volume_capabilities": [
                self.mountable(self.modes.SINGLE_NODE_WRITER)],
            "parameters": self.parameters(), **changes})

    def validate(self, **changes):
        return self.controller.ValidateVolumeCapabilities(
            self.request(**changes), timeout=SECONDS)

    def test_what_is_supported_is_confirmed(self):
        request = self.request()
        answer = self.validate()
        self.assertEqual([*answer.confirmed.volume_capabilities],
                         [*request.volume_capabilities])
        self.assertEqual(answer.confirmed.volume_context,
                         request.volume_context)
        self.assertEqual(answer.confirmed.parameters, request.parameters)

    def test_what_is_not_supported_gets_a_message_and_no_confirmation(self):
        single = self.mountable(self.modes.SINGLE_NODE_WRITER)
        for words, capabilities in (
                ("ReadWriteOnce", [self.mountable()]),
                ("block", [self.block()]),
                ("block", [single, self.block()])):
            answer = self.validate(volume_capabilities=capabilities)
            self.assertFalse(answer.HasField("confirmed"))
            self.assertIn(words, answer.message)

    def test_its_codes(self):
        for code, change in (
                (CODES.INVALID_ARGUMENT, {"volume_id": ""}),
                (CODES.INVALID_ARGUMENT, {"volume_capabilities": []}),
                (CODES.NOT_FOUND, {"volume_id": "nobody"})):
            self.assert_code(code, self.controller.ValidateVolumeCapabilities,
                             self.request(**change))
