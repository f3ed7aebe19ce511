# SPDX-License-Identifier: Apache-2.0
"""ControllerPublishVolume and ControllerUnpublishVolume: who may have a volume."""

import concurrent.futures

from controller_case import CODES, TIMES, ControllerCase, code_of

NODES = ("node-a", "node-b")


class Publishing(ControllerCase):

    needs = ("PUBLISH_UNPUBLISH_VOLUME", "LIST_VOLUMES_PUBLISHED_NODES", "GET_VOLUME")

    @classmethod
    def set_up_lab(cls):
        cls.apply_class()

    def make(self, mode=None):
        volume = self.create(self._testMethodName,
                             volume_capabilities=[self.mountable(mode)]).volume_id
        self.addCleanup(self.delete, volume)
        self.addCleanup(self.unpublish, volume)
        return volume

    def refused(self, code, *args, **changes):
        return self.assert_code(code, self.controller.ControllerPublishVolume,
                                self.publishing(*args, **changes))

    def nodes_of(self, volume):
        """As ControllerGetVolume and ListVolumes tell."""
        got = self.get(volume)
        listed = [entry.status.published_node_ids
                  for entry in self.list_volumes().entries
                  if entry.volume.volume_id == volume]
        self.assertEqual([sorted(nodes) for nodes in listed],
                         [sorted(got.status.published_node_ids)])
        return sorted(listed[0])

    def test_what_is_missing_is_invalid(self):
        volume = self.make()
        for change in ({"volume_id": ""}, {"node_id": ""},
                       {"volume_capability": None},
                       {"volume_capability": self.pb.VolumeCapability()}):
            with self.subTest(change):
                self.refused(CODES.INVALID_ARGUMENT, volume, **change)
        # Also of a volume that is nowhere.
        self.refused(CODES.INVALID_ARGUMENT, "nobody", volume_capability=None)
        self.assert_code(CODES.INVALID_ARGUMENT,
                         self.controller.ControllerUnpublishVolume,
                         self.pb.ControllerUnpublishVolumeRequest())

    def test_a_mode_that_the_volume_does_not_have_is_invalid(self):
        self.refused(CODES.INVALID_ARGUMENT,
                     self.make(self.modes.SINGLE_NODE_WRITER))

    def test_an_unknown_volume_or_node_is_not_found(self):
        volume = self.make()
        self.refused(CODES.NOT_FOUND, "nobody")
        self.refused(CODES.NOT_FOUND, volume, "node-nowhere")
        self.assertEqual(self.nodes_of(volume), [])

    def test_ten_times_is_once(self):
        volume = self.make(self.modes.SINGLE_NODE_WRITER)
        mode = self.modes.SINGLE_NODE_WRITER
        answers = [self.publish(volume, mode=mode) for _ in range(TIMES)]
        self.assertEqual(answers, answers[:1] * TIMES)
        self.assertEqual(self.nodes_of(volume), ["node-a"])
        for _ in range(TIMES):
            self.unpublish(volume, "node-a")
        self.assertEqual(self.nodes_of(volume), [])

    def test_the_same_node_with_other_arguments_exists_already(self):
        volume = self.make()
        self.publish(volume)
        self.refused(CODES.ALREADY_EXISTS, volume, readonly=True)
        for mode in (self.modes.SINGLE_NODE_WRITER,
                     self.modes.MULTI_NODE_READER_ONLY):
            self.refused(CODES.ALREADY_EXISTS, volume, mode=mode)
        self.unpublish(volume)
        for _ in range(2):
            self.publish(volume, readonly=True)
        self.refused(CODES.ALREADY_EXISTS, volume)

    def test_a_volume_of_one_node_is_on_one_node(self):
        for mode in (self.modes.SINGLE_NODE_WRITER,
                     self.modes.SINGLE_NODE_READER_ONLY,
                     self.modes.SINGLE_NODE_SINGLE_WRITER,
                     self.modes.SINGLE_NODE_MULTI_WRITER):
            with self.subTest(mode):
                volume = self.create(f"single-{mode}", volume_capabilities=[
                    self.mountable(mode)]).volume_id
                self.publish(volume, mode=mode)
                details = self.refused(CODES.FAILED_PRECONDITION, volume,
                                       "node-b", mode)
                self.assertIn("node-a", details)
                self.unpublish(volume, "node-a")
                self.publish(volume, "node-b", mode)
                self.assertEqual(self.nodes_of(volume), ["node-b"])
                self.unpublish(volume, "node-b")
                self.delete(volume)

    def test_a_volume_of_many_nodes_is_on_all_of_them(self):
        volume = self.make()
        for node in NODES:
            self.publish(volume, node)
        self.assertEqual(self.nodes_of(volume), [*NODES])
        self.unpublish(volume, "node-a")
        self.assertEqual(self.nodes_of(volume), ["node-b"])

    def test_without_a_node_it_leaves_all_nodes(self):
        volume = self.make()
        for node in NODES:
            self.publish(volume, node)
        self.unpublish(volume)
        self.assertEqual(self.nodes_of(volume), [])

    def test_a_crowd_of_nodes_has_one_winner(self):
        mode = self.modes.SINGLE_NODE_WRITER
        volume = self.make(mode)
        with concurrent.futures.ThreadPoolExecutor(2 * TIMES) as pool:
            codes = [*pool.map(
                lambda node: code_of(self.controller.ControllerPublishVolume,
                                     self.publishing(volume, node, mode)),
                NODES * TIMES)]
        winners = {node for node, code in zip(NODES * TIMES, codes)
                   if code == CODES.OK}
        self.assertEqual(len(winners), 1, codes)
        self.assertLessEqual(set(codes), {
            CODES.OK, CODES.FAILED_PRECONDITION, CODES.ABORTED})
        self.assertEqual(self.nodes_of(volume), [*winners])

    def test_leaving_what_is_not_there_is_fine(self):
        volume = self.make()
        self.unpublish(volume, "node-a")
        self.unpublish(volume)
        for request in ({"volume_id": "nobody", "node_id": "node-a"},
                        {"volume_id": volume, "node_id": "node-nowhere"}):
            code = code_of(self.controller.ControllerUnpublishVolume,
                           self.pb.ControllerUnpublishVolumeRequest(**request))
            self.assertIn(code, (CODES.OK, CODES.NOT_FOUND))

    def test_a_volume_that_a_pod_has_is_not_published_elsewhere(self):
        """The record has one truth about who has a volume."""
        pv = self.ctl.find("pv", self.apply_claim("podded",
                                                  mode="ReadWriteOnce"))
        handle = pv["spec"]["csi"]["volumeHandle"]
        self.apply_pod("holder", "podded")
        mode = self.modes.SINGLE_NODE_WRITER
        details = self.refused(CODES.FAILED_PRECONDITION, handle, "node-b",
                               mode)
        self.assertIn("node-a", details)
        self.assertEqual(self.nodes_of(handle), ["node-a"])
        self.delete_pods("holder")
        self.publish(handle, "node-b", mode)
        self.unpublish(handle, "node-b")

    def test_who_has_what_survives_a_kill(self):
        volume = self.make()
        self.publish(volume, "node-b")
        self.restart_provisioner(kill=True)
        self.assertEqual(self.nodes_of(volume), ["node-b"])
        self.publish(volume, "node-b")
