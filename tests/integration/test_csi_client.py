# SPDX-License-Identifier: Apache-2.0
"""CSI Identity and Node: the specification's rules, seen by a foreign client."""

import json
import os

from csi_case import CODES, CsiCase, grpc


class OneNode(CsiCase):

    @classmethod
    def set_up_lab(cls):
        cls.channel = cls.clients[0].channel
        cls.identity = cls.clients[0].identity
        cls.node = cls.clients[0].node

    def setUp(self):
        self.volume = self._testMethodName
        self.staging = os.path.join(self.folder, "stage", self.volume)
        self.target = os.path.join(self.folder, "pods", self.volume, "mount")
        for path in (self.staging, self.target):
            os.makedirs(os.path.dirname(path), exist_ok=True)
        os.makedirs(os.path.join(self.cluster.export, self.volume))

    def stage_with(self, **changes):
        return self.stage_request(self.volume, self.staging, **changes)

    def publish_with(self, **changes):
        return self.publish_request(self.volume, self.staging, self.target,
                                    **changes)

    def stage(self, **changes):
        self.node.NodeStageVolume(self.stage_with(**changes), timeout=30)

    def publish(self, **changes):
        self.node.NodePublishVolume(self.publish_with(**changes), timeout=30)

    def unpublish(self, target=None):
        self.node.NodeUnpublishVolume(self.pb.NodeUnpublishVolumeRequest(
            volume_id=self.volume, target_path=target or self.target), timeout=30)

    def unstage(self):
        self.node.NodeUnstageVolume(self.pb.NodeUnstageVolumeRequest(
            volume_id=self.volume, staging_target_path=self.staging), timeout=30)


class Identity(OneNode):

    def test_plugin_info(self):
        info = self.identity.GetPluginInfo(self.pb.GetPluginInfoRequest(),
                                           timeout=10)
        self.assertEqual(info.name, "nfs.csi.k8s.io")
        self.assertTrue(info.vendor_version)

    def test_capabilities_and_probe_answer(self):
        self.identity.GetPluginCapabilities(
            self.pb.GetPluginCapabilitiesRequest(), timeout=10)
        probe = self.identity.Probe(self.pb.ProbeRequest(), timeout=10)
        self.assertTrue(not probe.HasField("ready") or probe.ready.value)

    def test_an_unknown_method_is_unimplemented(self):
        call = self.channel.unary_unary(
            "/csi.v1.Node/NodeDance", request_serializer=lambda x: x,
            response_deserializer=lambda x: x)
        with self.assertRaises(grpc.RpcError) as caught:
            call(b"", timeout=10)
        self.assertEqual(caught.exception.code(), CODES.UNIMPLEMENTED)

    def test_a_malformed_request_is_refused_and_the_server_lives(self):
        call = self.channel.unary_unary(
            "/csi.v1.Node/NodeStageVolume", request_serializer=lambda x: x,
            response_deserializer=lambda x: x)
        for junk in (b"\xff" * 50, b"\x0a\xff\xff\xff\xff\x0f", os.urandom(3000)):
            with self.assertRaises(grpc.RpcError):
                call(junk, timeout=10)
        self.test_plugin_info()


class Node(OneNode):

    def test_info_names_the_node(self):
        info = self.node.NodeGetInfo(self.pb.NodeGetInfoRequest(), timeout=10)
        self.assertEqual(info.node_id, "node-a")

    def test_capabilities_are_those_that_are_served(self):
        found = self.node.NodeGetCapabilities(
            self.pb.NodeGetCapabilitiesRequest(), timeout=10)
        rpc = self.pb.NodeServiceCapability.RPC
        types = {capability.rpc.type for capability in found.capabilities}
        self.assertLessEqual({rpc.STAGE_UNSTAGE_VOLUME, rpc.GET_VOLUME_STATS,
                              rpc.EXPAND_VOLUME}, types)

    def expand(self, path, size):
        return self.node.NodeExpandVolume(self.pb.NodeExpandVolumeRequest(
            volume_id=self.volume, volume_path=path,
            capacity_range=self.pb.CapacityRange(required_bytes=size)),
            timeout=10).capacity_bytes

    def test_an_expanded_volume_says_its_size(self):
        self.stage()
        self.publish()
        for asked, found in ((5 << 30, 5 << 30), (1 << 30, 5 << 30)):
            self.assertEqual(self.expand(self.target, asked), found)
            with open(f"{self.target}/.meta/volume", encoding="ascii") as f:
                self.assertEqual(json.load(f)["capacity"], found)
        for repeated in (self.stage, self.publish):
            repeated()
        for path, code in (("/nowhere", CODES.NOT_FOUND),
                           ("no/where", CODES.NOT_FOUND),
                           ("", CODES.INVALID_ARGUMENT)):
            with self.assertRaises(grpc.RpcError) as caught:
                self.expand(path, 1)
            self.assertEqual(caught.exception.code(), code)

    def test_a_volume_comes_and_goes_and_every_step_can_be_repeated(self):
        for _ in range(2):
            self.stage()
        for _ in range(2):
            self.publish()
        with open(f"{self.target}/file", "w", encoding="ascii") as f:
            f.write("hello")
        with open(f"{self.cluster.export}/{self.volume}/file",
                  encoding="ascii") as f:
            self.assertEqual(f.read(), "hello")
        for _ in range(2):
            self.unpublish()
        self.assertFalse(os.path.exists(self.target))
        for _ in range(2):
            self.unstage()
        self.assertFalse(os.path.ismount(self.staging))

    def test_stats_tell_bytes_and_inodes(self):
        self.stage()
        self.publish()
        found = self.node.NodeGetVolumeStats(
            self.pb.NodeGetVolumeStatsRequest(volume_id=self.volume,
                                              volume_path=self.target),
            timeout=10)
        units = {usage.unit: usage for usage in found.usage}
        usage = self.pb.VolumeUsage
        self.assertGreater(units[usage.BYTES].total, 0)
        self.assertGreater(units[usage.INODES].total, 0)
        for path in ("/nowhere", "no/where"):
            self.assert_code(CODES.NOT_FOUND, self.node.NodeGetVolumeStats,
                             self.pb.NodeGetVolumeStatsRequest(
                                 volume_id=self.volume, volume_path=path))
        self.unpublish()
        self.unstage()

    def test_a_read_only_target_is_read_only(self):
        self.stage()
        self.publish(readonly=True)
        with self.assertRaises(OSError) as caught:
            os.mkdir(f"{self.target}/x")
        self.assertEqual(caught.exception.strerror, "Read-only file system")
        self.unpublish()
        self.unstage()

    def test_missing_fields_of_stage_are_invalid(self):
        for change in ({"volume_id": ""}, {"staging_target_path": ""},
                       {"volume_capability": None}, {"volume_context": {}},
                       {"volume_id": "x" * 5000},
                       {"staging_target_path": "relative/path"}):
            with self.subTest(change):
                self.assert_code(CODES.INVALID_ARGUMENT,
                                 self.node.NodeStageVolume,
                                 self.stage_with(**change))
        self.assertFalse(os.path.ismount(self.staging))

    def test_missing_fields_of_publish_are_invalid(self):
        self.stage()
        for change in ({"volume_id": ""}, {"target_path": ""},
                       {"volume_capability": None}):
            with self.subTest(change):
                self.assert_code(CODES.INVALID_ARGUMENT,
                                 self.node.NodePublishVolume,
                                 self.publish_with(**change))
        self.assert_code(CODES.FAILED_PRECONDITION,
                         self.node.NodePublishVolume,
                         self.publish_with(staging_target_path=""))
        self.unstage()

    def test_missing_fields_of_the_way_back_are_invalid(self):
        self.assert_code(CODES.INVALID_ARGUMENT, self.node.NodeUnstageVolume,
                         self.pb.NodeUnstageVolumeRequest())
        self.assert_code(CODES.INVALID_ARGUMENT, self.node.NodeUnpublishVolume,
                         self.pb.NodeUnpublishVolumeRequest())
        self.assert_code(CODES.INVALID_ARGUMENT, self.node.NodeGetVolumeStats,
                         self.pb.NodeGetVolumeStatsRequest())

    def test_a_block_volume_is_refused(self):
        capability = self.pb.VolumeCapability(
            block=self.pb.VolumeCapability.BlockVolume(),
            access_mode=self.modes(mode=self.modes.MULTI_NODE_MULTI_WRITER))
        self.assert_code(CODES.INVALID_ARGUMENT, self.node.NodeStageVolume,
                         self.stage_with(volume_capability=capability))

    def test_bad_attributes_are_named(self):
        for changes, word in (({"subDir": "../other"}, "subDir"),
                              ({"colour": "red"}, "colour"),
                              ({"mountOptions": "sparkle"}, "sparkle"),
                              ({"mountOptions": "port=99999"}, "port"),
                              ({"share": "relative"}, "share")):
            with self.subTest(changes):
                details = self.assert_code(
                    CODES.INVALID_ARGUMENT, self.node.NodeStageVolume,
                    self.stage_with(
                        volume_context=self.context(self.volume, **changes)))
                self.assertIn(word, details)

    def test_a_folder_that_does_not_exist_is_not_found(self):
        self.assert_code(CODES.NOT_FOUND, self.node.NodeStageVolume,
                         self.stage_with(
                             volume_context=self.context("none")))
        self.assertFalse(os.path.ismount(self.staging))

    def test_staging_again_with_other_arguments_exists(self):
        self.stage()
        mode = self.modes.SINGLE_NODE_WRITER
        self.assert_code(CODES.ALREADY_EXISTS, self.node.NodeStageVolume,
                         self.stage_with(
                             volume_capability=self.capability(mode)))
        self.unstage()

    def test_publishing_what_is_not_staged_is_a_failed_precondition(self):
        self.assert_code(CODES.FAILED_PRECONDITION,
                         self.node.NodePublishVolume, self.publish_with())

    def test_unstaging_what_is_published_is_a_failed_precondition(self):
        self.stage()
        self.publish()
        self.assert_code(CODES.FAILED_PRECONDITION,
                         self.node.NodeUnstageVolume,
                         self.pb.NodeUnstageVolumeRequest(
                             volume_id=self.volume,
                             staging_target_path=self.staging))
        self.unpublish()
        self.unstage()

    def test_the_specifications_table_of_a_second_publish(self):
        modes = self.modes
        exclusive = CODES.FAILED_PRECONDITION
        for mode, second_target in (
                (modes.SINGLE_NODE_SINGLE_WRITER, exclusive),
                (modes.SINGLE_NODE_WRITER, exclusive),
                (modes.SINGLE_NODE_MULTI_WRITER, None),
                (modes.MULTI_NODE_MULTI_WRITER, None)):
            with self.subTest(modes.Mode.Name(mode)):
                self.second_publish(self.capability(mode), second_target)

    def second_publish(self, capability, second_target):
        other = self.target + "-2"
        self.stage(volume_capability=capability)
        self.publish(volume_capability=capability)
        self.publish(volume_capability=capability)
        self.assert_code(CODES.ALREADY_EXISTS, self.node.NodePublishVolume,
                         self.publish_with(volume_capability=capability,
                                              readonly=True))
        again = self.publish_with(volume_capability=capability,
                                     target_path=other)
        if second_target:
            self.assert_code(second_target, self.node.NodePublishVolume, again)
        else:
            self.node.NodePublishVolume(again, timeout=30)
        self.unpublish(other)
        self.unpublish()
        self.unstage()
