# SPDX-License-Identifier: Apache-2.0
"""CSI Controller: what volumes over CSI are in the record and on the share. The rules and
codes of CSI itself are in tests/conformance/csi."""

import os
import re
import urllib.request

from controller_case import CODES, NAMESPACE, SECONDS, ControllerCase, code_of
from lab import free_port


class Volumes(ControllerCase):

    http = free_port()
    controller_options = ("--http", str(http))

    def calls(self, code):
        """How many DeleteVolume were answered with it."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}/metrics",
                                    timeout=SECONDS) as answer:
            found = re.search('^claimfs_controller_csi_calls_total{'
                              f'method="DeleteVolume",code="{code}"}} (.*)$',
                              answer.read().decode(), re.MULTILINE)
        return int(found[1]) if found else 0

    def test_calls_are_counted_by_method_and_code(self):
        for code, volume in (("OK", "nothing"), ("INVALID_ARGUMENT", "")):
            before = self.calls(code)
            code_of(self.controller.DeleteVolume,
                    self.pb.DeleteVolumeRequest(volume_id=volume))
            self.assertEqual(self.calls(code), before + 1)

    def claim_of(self, name):
        return self.ctl.find("pvc", name, NAMESPACE)

    def test_a_volume_is_a_claim_with_a_directory(self):
        volume = self.create("pvc-0815", size=5 << 20)
        self.assertEqual(volume.volume_id, "pvc-0815")
        self.assertEqual(volume.capacity_bytes, 5 << 20)
        self.assertTrue(os.path.isdir(self.backing("pvc-0815")))
        claim = self.claim_of("pvc-0815")
        self.assertEqual(claim["status"]["phase"], "Bound")
        self.assertEqual(claim["spec"]["volumeName"], "pvc-0815")
        pv = self.ctl.find("pv", "pvc-0815")
        self.assertEqual(pv["spec"]["csi"]["volumeHandle"], "pvc-0815")
        self.assertEqual(pv["spec"]["csi"]["volumeAttributes"],
                         dict(volume.volume_context))
        self.delete(volume.volume_id)
        self.assertIsNone(self.claim_of("pvc-0815"))
        self.assertIsNone(self.ctl.find("pv", "pvc-0815"))
        self.assertFalse(os.path.exists(self.backing("pvc-0815")))

    def test_what_is_still_being_made_is_deleted_by_its_name(self):
        before = self.classes()
        nowhere = self.capability(None, flags=["port=1", "mountport=1"])
        self.assertEqual(CODES.ABORTED, code_of(
            self.controller.CreateVolume, self.create_request(
                "awaited", volume_capabilities=[nowhere])))
        self.assertEqual(self.claim_of("awaited")["status"]["phase"],
                         "Pending")
        self.delete("awaited")
        self.assertIsNone(self.claim_of("awaited"))
        self.assertEqual(self.classes(), before)

    def test_a_node_stages_what_was_answered(self):
        volume = self.create("staged")
        target = self.mount(0, volume.volume_id,
                            volume_capability=self.mountable(),
                            volume_context=volume.volume_context)
        with open(target + "/file", "w", encoding="ascii") as f:
            f.write("data")
        with open(self.backing("staged") + "/file", encoding="ascii") as f:
            self.assertEqual(f.read(), "data")
        self.unmount(0, volume.volume_id, target)
        self.unstage(0, volume.volume_id)
        self.delete(volume.volume_id)

    def test_a_directory_of_somebody_else_becomes_no_volume(self):
        """Names are chosen: this one is what a class called a claim's directory."""
        folder = self.backing("somebodys")
        os.mkdir(folder)
        words = self.assert_code(CODES.ABORTED, self.controller.CreateVolume,
                                 self.create_request("somebodys"))
        self.assertRegex(words, '"csi-[0-9a-f]+".*is there already')
        self.assertNotIn("\\", words)
        self.ctl("delete", "pvc", "somebodys", "-n", NAMESPACE)
        self.assertTrue(os.path.isdir(folder))
        os.rmdir(folder)

    def test_a_volume_is_found_again_after_a_restart(self):
        volume = self.create("again")
        self.restart_provisioner()
        self.assertEqual(self.create("again"), volume)
        self.delete("again")

    def test_a_name_does_not_take_another_volume(self):
        self.apply_class()
        other = self.apply_claim("other")
        volume = self.create(other)
        self.assertNotEqual(volume.volume_id, other)
        self.delete(volume.volume_id)
        self.assertEqual(self.ctl.phase("pvc", "other"), "Bound")

    def test_a_sidecar_tells_whose_volume_it_is(self):
        told = {"csi.storage.k8s.io/pvc/name": "data",
                "csi.storage.k8s.io/pvc/namespace": "shop",
                "csi.storage.k8s.io/pv/name": "pvc-1"}
        template = "${pvc.metadata.namespace}/${pvc.metadata.name}/" \
            "${pv.metadata.name}"
        volume = self.create("told", parameters=self.parameters(
            subDir=template, **told))
        for key, value in told.items():
            self.assertEqual(volume.volume_context[key], value)
        self.assertTrue(os.path.isdir(self.backing("shop/data/pvc-1")))
        # It is not part of what the volume is.
        self.create("told", parameters=self.parameters(subDir=template))
        self.delete(volume.volume_id)

    def test_nobody_is_given_a_volume_that_was_made_over_csi(self):
        volume = self.create("private")
        self.ctl.apply(self.cluster.adapt(self.class_text("other")))
        self.apply_claim("unrelated", "other", size="1Ki")
        self.assertNotEqual(
            self.ctl.find("pvc", "unrelated")["spec"]["volumeName"], "private")
        self.delete(volume.volume_id)

    def test_a_class_is_there_as_long_as_its_volumes(self):
        self.assertEqual(self.classes(), [])
        for name in ("one", "two"):
            self.create(name)
        self.assertEqual(len(self.classes()), 1)
        self.delete("one")
        self.assertEqual(len(self.classes()), 1)
        self.delete("two")
        self.assertEqual(self.classes(), [])
