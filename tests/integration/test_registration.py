# SPDX-License-Identifier: Apache-2.0
"""How a kubelet learns of a node daemon, and learns it again when either of them, or
the keeper, was away."""

import os
import shutil
import signal

from csi_case import CODES, CsiCase, grpc
from keeper_case import KeeperCase
from kubelet import Kubelet
from lab import wait_for


class Registered(KeeperCase):
    """A node that registers itself, with a volume mounted."""

    @classmethod
    def start_lab(cls):
        socket = os.path.join(cls.folder, "plugins_registry", "reg.sock")
        cls.node_options = ("--registration-socket", socket)
        super().start_lab()
        cls.kubelet = Kubelet(cls.folder, (cls.pb, cls.stubs))
        cls.kubelet.start()

    def state(self):
        with open(f"{self.node.meta}/registration", encoding="utf-8") as f:
            return f.read().strip()

    def is_registered_metric(self):
        with open(f"{self.node.meta}/metrics", encoding="utf-8") as f:
            lines = f.read().splitlines()
        found = [line for line in lines
                 if line.startswith("claimfs_kubelet_registered ")]
        self.assertEqual(len(found), 1)
        return found[0].endswith(" 1")

    def write(self, text):
        with open(f"{self.target}/file", "w", encoding="ascii") as f:
            f.write(text)
        with open(f"{self.target}/file", encoding="ascii") as f:
            self.assertEqual(f.read(), text)

    def test_the_kubelet_is_told_who_and_where(self):
        info, node = self.kubelet.register()
        self.assertEqual((info.type, info.name, info.endpoint,
                          list(info.supported_versions)),
                         ("CSIPlugin", "nfs.csi.k8s.io", self.node.socket,
                          ["1.0.0"]))
        self.assertEqual((node.node_id, node.max_volumes_per_node),
                         ("node-a", 4096))
        self.assertEqual(os.stat(self.kubelet.socket).st_mode & 0o777, 0o600)
        self.assertEqual(self.state(), "registered")
        self.assertTrue(self.is_registered_metric())

    def test_a_refusal_is_shown_until_the_kubelet_thinks_better(self):
        self.kubelet.wait_for_socket()
        self.kubelet.notify(False, "the version\nis too low")
        self.assertEqual(self.state(), "refused: the version is too low")
        self.assertFalse(self.is_registered_metric())
        self.node_log_has("the kubelet refuses this driver")
        self.write("served all the same")
        self.kubelet.notify(True)
        self.assertEqual(self.state(), "registered")

    def test_the_socket_is_made_anew_when_the_folder_was_emptied(self):
        self.kubelet.register()
        for remove in (lambda: os.unlink(self.kubelet.socket),
                       lambda: shutil.rmtree(self.kubelet.folder)):
            remove()
            self.kubelet.start()
            self.kubelet.register()
            self.assertEqual(self.state(), "registered")
        self.write("all the while")

    def test_a_kubelet_that_starts_again_finds_the_socket(self):
        self.kubelet.register()
        former = self.kubelet.identity()
        self.kubelet.register()
        self.assertEqual(self.kubelet.identity(), former)

    def test_a_kubelet_that_starts_again_asks_for_all_volumes_again(self):
        """What it knows of mounts is gone, and pods have run all the while."""
        self.kubelet.register()
        child, end = self.worker()
        self.rounds(child, 3)
        node = self.clients[0].node
        staging = f"{self.folder}/stage-0-{self.volume}"
        before = self.mounts()
        self.kubelet.start()
        info, _ = self.kubelet.register()
        self.assertEqual(info.endpoint, self.node.socket)
        for _ in range(2):
            node.NodeStageVolume(self.stage_request(self.volume, staging),
                                 timeout=10)
            node.NodePublishVolume(self.publish_request(
                self.volume, staging, self.target), timeout=10)
        self.assertEqual(self.mounts(), before)
        stats = node.NodeGetVolumeStats(self.pb.NodeGetVolumeStatsRequest(
            volume_id=self.volume, volume_path=self.target), timeout=10)
        self.assertTrue(stats.usage)
        self.rounds(child, 3)
        end()

    def test_a_killed_node_registers_again_and_its_mounts_live(self):
        self.kubelet.register()
        child, end = self.worker()
        self.rounds(child, 3)
        self.kill_node()
        former = self.kubelet.identity()
        self.assertTrue(former, "the socket was left behind")
        self.node.start()
        # A new name is what the kubelet watches for.
        wait_for(lambda: self.kubelet.identity() not in (None, former),
                 "another socket")
        self.assertEqual(self.state(), "awaited")
        self.kubelet.register()
        self.assertEqual(self.state(), "registered")
        self.rounds(child, 3)
        end()

    def test_a_stopped_node_is_deregistered(self):
        self.kubelet.register()
        self.node.process.stop(number=signal.SIGTERM)
        self.assertIsNone(self.kubelet.identity())
        self.node.start()
        self.kubelet.register()
        self.write("after the hand-over")

    def test_the_keeper_may_come_and_go(self):
        self.kubelet.register()
        for _ in range(2):
            self.keeper.process.signal(signal.SIGKILL)
            self.keeper.process.stop()
            self.node_log_has("the keeper is gone")
            type(self).keeper = self.new_keeper()
        self.node_log_has("a keeper is here")
        self.assertEqual(self.state(), "registered")
        self.kill_node()
        self.node.start()
        self.write("by the next process")

    def test_connections_without_number_keep_nobody_out(self):
        """The kubelet makes one for each call."""
        for _ in range(100):
            self.kubelet.get_info()


class NotRegistered(CsiCase):

    def test_a_node_that_does_not_register_itself_says_so(self):
        node = self.cluster.nodes[0]
        with open(f"{node.meta}/registration", encoding="ascii") as f:
            self.assertEqual(f.read(), "off\n")
        with open(f"{node.meta}/metrics", encoding="utf-8") as f:
            self.assertNotIn("claimfs_kubelet_registered", f.read())
        call = self.clients[0].channel.unary_unary(
            "/pluginregistration.Registration/GetInfo",
            request_serializer=lambda x: x, response_deserializer=lambda x: x)
        with self.assertRaises(grpc.RpcError) as caught:
            call(b"", timeout=10)
        self.assertEqual(caught.exception.code(), CODES.UNIMPLEMENTED)


class Limited(CsiCase):

    @classmethod
    def start_lab(cls):
        super().start_lab()
        node = cls.cluster.nodes[0]
        node.stop()
        node.argv += ["--max-volumes", "2"]
        node.start()
        cls.reconnect()

    def test_one_volume_too_many_is_refused(self):
        node = self.clients[0].node
        info = node.NodeGetInfo(self.pb.NodeGetInfoRequest(), timeout=10)
        self.assertEqual(info.max_volumes_per_node, 2)
        for name in ("one", "two", "three"):
            os.mkdir(f"{self.cluster.export}/{name}")
        target = self.mount(0, "one")
        self.mount(0, "two")
        with self.assertRaises(grpc.RpcError) as caught:
            self.mount(0, "three")
        self.assertEqual(caught.exception.code(), CODES.RESOURCE_EXHAUSTED)
        self.assertIn("2", caught.exception.details())
        self.unmount(0, "one", target)
        self.unstage(0, "one")
        self.mount(0, "three")
