# SPDX-License-Identifier: Apache-2.0
"""CSI Identity and Controller of the provisioner: volumes, seen by a foreign client."""

import json
import os
import urllib.request

from csi_case import CODES, SECONDS, ControllerCase, grpc
from lab import free_port, wait_for

NAMESPACE = "claimfs-csi"


class Service(ControllerCase):

    http = free_port()
    controller_options = ("--http", str(http))

    def test_who_it_is_and_what_it_can(self):
        info = self.identity.GetPluginInfo(self.pb.GetPluginInfoRequest(),
                                           timeout=SECONDS)
        self.assertEqual(info.name, "nfs.csi.k8s.io")
        self.assertTrue(info.vendor_version)
        listed = self.identity.GetPluginCapabilities(
            self.pb.GetPluginCapabilitiesRequest(), timeout=SECONDS)
        first, second = listed.capabilities
        service = self.pb.PluginCapability.Service
        self.assertEqual(first.service.type, service.CONTROLLER_SERVICE)
        self.assertEqual(second.volume_expansion.type,
                         self.pb.PluginCapability.VolumeExpansion.ONLINE)
        self.assertTrue(self.identity.Probe(self.pb.ProbeRequest(),
                                            timeout=SECONDS).ready.value)

    def test_calls_are_counted_by_method_and_code(self):
        for name in ("", "nothing"):
            try:
                self.delete(name)
            except grpc.RpcError:
                pass
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}/metrics",
                                    timeout=SECONDS) as answer:
            text = answer.read().decode()
        for code in ("OK", "INVALID_ARGUMENT"):
            self.assertIn('claimfs_controller_csi_calls_total{method='
                          f'"DeleteVolume",code="{code}"}} 1', text)

    def test_a_node_service_is_not_here(self):
        self.assert_code(CODES.UNIMPLEMENTED, self.client.node.NodeGetInfo,
                         self.pb.NodeGetInfoRequest())


class Volumes(ControllerCase):

    def claim_of(self, name):
        return self.ctl.find("pvc", name, NAMESPACE)

    def classes(self):
        """Those that were made for CSI."""
        listed = json.loads(self.ctl("get", "sc", "-o", "json"))
        return [item["metadata"]["name"] for item in listed["items"]
                if item["metadata"]["name"].startswith("csi-")]

    def test_a_volume_is_a_claim_with_a_directory(self):
        volume = self.create("pvc-0815", size=5 << 20)
        self.assertEqual(volume.volume_id, "pvc-0815")
        self.assertEqual(volume.capacity_bytes, 5 << 20)
        self.assertTrue(os.path.isdir(self.backing("pvc-0815")))
        claim = self.claim_of("pvc-0815")
        self.assertEqual(claim["status"]["phase"], "Bound")
        self.assertEqual(claim["spec"]["volumeName"], "pvc-0815")
        self.delete(volume.volume_id)
        self.assertIsNone(self.claim_of("pvc-0815"))
        self.assertIsNone(self.ctl.find("pv", "pvc-0815"))
        self.assertFalse(os.path.exists(self.backing("pvc-0815")))

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
        self.assertIn("is there already", words)
        self.ctl("delete", "pvc", "somebodys", "-n", NAMESPACE)
        self.assertTrue(os.path.isdir(folder))
        os.rmdir(folder)

    def test_the_same_request_has_the_same_answer(self):
        first = self.create("again", size=3 << 20)
        self.assertEqual(self.create("again", size=3 << 20), first)
        self.assertEqual(self.create("again", size=2 << 20), first)
        self.assertEqual(self.create("again", size=0, limit=0), first)
        self.restart_provisioner()
        self.assertEqual(self.create("again", size=3 << 20), first)
        self.delete("again")

    def test_a_name_is_for_one_volume_only(self):
        self.create("taken", size=3 << 20)
        writer = self.modes.SINGLE_NODE_WRITER
        for changes in (
                {"size": 4 << 20},
                {"size": 0, "limit": 2 << 20},
                {"parameters": self.parameters(onDelete="retain")},
                {"volume_capabilities": [self.capability()]}):
            self.assert_code(CODES.ALREADY_EXISTS, self.controller.CreateVolume,
                             self.create_request("taken", **changes))
        self.create("taken", size=3 << 20,
                    volume_capabilities=[self.mountable(writer)])
        self.delete("taken")
        self.create("narrow", volume_capabilities=[self.mountable(writer)])
        self.assert_code(CODES.ALREADY_EXISTS, self.controller.CreateVolume,
                         self.create_request("narrow"))
        self.delete("narrow")

    def test_what_is_wrong_is_refused_by_one_sentence(self):
        block = self.pb.VolumeCapability(
            block=self.pb.VolumeCapability.BlockVolume(),
            access_mode=self.modes(mode=self.modes.SINGLE_NODE_WRITER))
        half = self.pb.VolumeCapability(
            mount=self.pb.VolumeCapability.MountVolume())
        for words, changes in (
                ("name", {"name": ""}),
                ("128", {"name": "x" * 129}),
                ("control", {"name": "a\x07b"}),
                ("control", {"name": "a\x85b"}),
                ("volume_capabilities", {"volume_capabilities": []}),
                ("block", {"volume_capabilities": [block]}),
                ("access_mode", {"volume_capabilities": [half]}),
                ("different", {"volume_capabilities": [self.mountable(),
                                                       self.capability()]}),
                ("server", {"parameters": {}}),
                ("allowed", {"parameters": self.parameters(colour="red")}),
                ("4096", {"parameters": self.parameters(
                    subDir="x" * 4096)}),
                ("onDelete", {"parameters": self.parameters(onDelete="x")}),
                ("proto", {"volume_capabilities": [
                    self.capability(flags=["proto=udp"])]}),
                ("negative", {"capacity_range": self.pb.CapacityRange(
                    required_bytes=-1)})):
            request = self.create_request("bad")
            for key in changes:
                request.ClearField(key)
            request.MergeFrom(self.pb.CreateVolumeRequest(**changes))
            with self.subTest(words):
                said = self.assert_code(CODES.INVALID_ARGUMENT,
                                        self.controller.CreateVolume, request)
                self.assertIn(words, said)
        self.assert_code(CODES.OUT_OF_RANGE, self.controller.CreateVolume,
                         self.create_request("bad", size=2, limit=1))
        self.assertIsNone(self.claim_of("bad"))

    def test_a_name_may_be_any_text(self):
        for name in ("Großer Käse", "x" * 128, "a/../b", "ü" * 64, "-x",
                     "über\nzwei\tZeilen"):
            with self.subTest(name):
                volume = self.create(name)
                self.assertRegex(volume.volume_id, r"\Acsi-[0-9a-f]{16}\Z")
                self.assertTrue(os.path.isdir(self.backing(volume.volume_id)))
                self.assertEqual(self.create(name), volume)
                self.delete(volume.volume_id)

    def test_a_name_comes_back_while_the_old_volume_is_in_the_trash(self):
        ids = []
        for _ in range(3):
            volume = self.create("phoenix",
                                 parameters=self.parameters(trashTTL="1h"))
            ids.append(volume.volume_id)
            self.assertEqual(os.listdir(self.backing(volume.volume_id)), [])
            with open(self.backing(volume.volume_id) + "/f", "wb"):
                pass
            self.delete(volume.volume_id)
        self.assertEqual(len(set(ids)), 3, ids)

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

    def test_deleting_what_is_not_there_is_done(self):
        for name in ("nothing", "x" * 300, "../etc", "ü"):
            self.delete(name)
        self.assert_code(CODES.INVALID_ARGUMENT, self.controller.DeleteVolume,
                         self.pb.DeleteVolumeRequest())

    def test_a_claims_volume_is_not_for_csi_to_delete(self):
        self.apply_class()
        volume = self.apply_claim("mine")
        said = self.assert_code(
            CODES.FAILED_PRECONDITION, self.controller.DeleteVolume,
            self.pb.DeleteVolumeRequest(volume_id=volume))
        self.assertIn("default/mine", said)

    def all_at_once(self, call, requests):
        """The answers. Who is told that the work goes on asks again."""
        answers = [None] * len(requests)
        waiting = range(len(requests))

        def ask():
            nonlocal waiting
            calls = [(i, call.future(requests[i], timeout=60))
                     for i in waiting]
            waiting = []
            for i, future in calls:
                error = future.exception()
                if error and error.code() == CODES.ABORTED:
                    waiting.append(i)
                else:
                    answers[i] = future.result()
            return not waiting
        wait_for(ask, "all answers", seconds=100)
        return answers

    def test_two_hundred_calls_at_a_time(self):
        names = [f"many-{i // 2}" for i in range(200)]
        made = self.all_at_once(self.controller.CreateVolume,
                                [self.create_request(name) for name in names])
        self.assertEqual([answer.volume.volume_id for answer in made], names)
        self.assertEqual(len(self.classes()), 1)
        self.all_at_once(self.controller.DeleteVolume,
                         [self.pb.DeleteVolumeRequest(volume_id=name)
                          for name in names])
        self.assertEqual([n for n in os.listdir(self.cluster.export)
                          if n.startswith("many")], [])
        self.assertEqual(self.classes(), [])

    def test_a_volume_is_made_by_who_is_killed_and_asked_again(self):
        call = self.controller.CreateVolume.future(
            self.create_request("killed"), timeout=SECONDS)
        wait_for(lambda: self.claim_of("killed"), "the claim")
        self.restart_provisioner(kill=True)
        call.cancel()
        self.assertEqual(self.create("killed").volume_id, "killed")
        self.delete("killed")

    def validate(self, volume, **changes):
        return self.controller.ValidateVolumeCapabilities(
            self.pb.ValidateVolumeCapabilitiesRequest(**{
                "volume_id": volume, "volume_capabilities": [self.mountable()],
                **changes}), timeout=SECONDS)

    def test_capabilities_are_confirmed_or_not(self):
        single = self.mountable(self.modes.SINGLE_NODE_WRITER)
        volume = self.create("checked", volume_capabilities=[single])
        answer = self.validate("checked", volume_capabilities=[single],
                               volume_context=volume.volume_context)
        self.assertEqual(list(answer.confirmed.volume_capabilities), [single])
        self.assertEqual(answer.confirmed.volume_context,
                         volume.volume_context)
        answer = self.validate("checked")
        self.assertFalse(answer.HasField("confirmed"))
        self.assertIn("ReadWriteOnce", answer.message)
        for code, changes in (
                (CODES.NOT_FOUND, {"volume_id": "nothing"}),
                (CODES.INVALID_ARGUMENT, {"volume_id": ""}),
                (CODES.INVALID_ARGUMENT, {"volume_capabilities": []})):
            self.assert_code(
                code, self.controller.ValidateVolumeCapabilities,
                self.pb.ValidateVolumeCapabilitiesRequest(**{
                    "volume_id": "checked",
                    "volume_capabilities": [single], **changes}))
        self.delete("checked")
