# SPDX-License-Identifier: Apache-2.0
"""What the plugin says of itself, on all of its sockets."""

import os
import re

from controller_case import CODES, SECONDS, ControllerCase, code_of, grpc


class Identity(ControllerCase):

    @classmethod
    def set_up_lab(cls):
        cls.all = [cls.identity, *(client.identity for client in cls.clients)]

    def test_every_socket_names_the_same_driver(self):
        infos = [identity.GetPluginInfo(self.pb.GetPluginInfoRequest(),
                                        timeout=SECONDS)
                 for identity in self.all]
        for info in infos:
            self.assertEqual(info, infos[0])
            self.assertRegex(info.name, r"^[A-Za-z0-9][A-Za-z0-9.-]{0,61}"
                                        r"[A-Za-z0-9]$")
            self.assertTrue(info.vendor_version)
        self.assertEqual(infos[0].name, "nfs.csi.k8s.io")

    def test_every_socket_claims_the_same_capabilities(self):
        """CSI: whatever the instance itself serves."""
        service = self.pb.PluginCapability.Service
        expansion = self.pb.PluginCapability.VolumeExpansion
        for identity in self.all:
            answer = identity.GetPluginCapabilities(
                self.pb.GetPluginCapabilitiesRequest(), timeout=SECONDS)
            self.assertEqual([*answer.capabilities], [
                self.pb.PluginCapability(service=service(
                    type=service.CONTROLLER_SERVICE)),
                self.pb.PluginCapability(volume_expansion=expansion(
                    type=expansion.ONLINE))])

    def test_every_socket_is_ready(self):
        for identity in self.all:
            probe = identity.Probe(self.pb.ProbeRequest(), timeout=SECONDS)
            self.assertTrue(not probe.HasField("ready") or probe.ready.value)

    def test_what_nfs_can_do_is_claimed(self):
        """All that csi.proto has but what is of alpha health and of groups: NFS
        can't snapshot several volumes at one moment."""
        known = set(self.pb.ControllerServiceCapability.RPC.Type.keys())
        self.assertEqual(self.capabilities_of() | {"VOLUME_CONDITION"},
                         known - {"UNKNOWN"})


class Wire(ControllerCase):

    def call(self, path):
        return self.client.channel.unary_unary(
            path, request_serializer=lambda x: x,
            response_deserializer=lambda x: x)

    def test_an_unknown_method_is_unimplemented(self):
        for path in ("/csi.v1.Controller/ControllerDance",
                     "/csi.v1.Node/NodeGetInfo",
                     "/csi.v1.GroupController/GroupControllerGetCapabilities",
                     "/csi.v2.Controller/CreateVolume"):
            self.assertEqual(code_of(self.call(path), b""),
                             CODES.UNIMPLEMENTED)

    def test_junk_is_refused_and_the_service_lives(self):
        methods = [name for name in dir(self.stubs.ControllerServicer)
                   if re.match(r"[A-Z]", name)]
        self.assertGreater(len(methods), 10)
        for method in methods:
            for junk in (b"\xff" * 50, b"\x0a\xff\xff\xff\xff\x0f",
                         b"\x0a\x02\xff\xfe", os.urandom(3000)):
                code = code_of(self.call(f"/csi.v1.Controller/{method}"), junk)
                self.assertNotIn(code, (CODES.UNAVAILABLE, CODES.UNKNOWN,
                                        CODES.INTERNAL), method)
        self.capabilities_of()

    def test_a_request_of_megabytes_is_refused(self):
        with self.assertRaises(grpc.RpcError):
            self.controller.CreateVolume(
                self.create_request("huge", secrets={"key": "x" * (5 << 20)}),
                timeout=SECONDS)
        self.capabilities_of()
