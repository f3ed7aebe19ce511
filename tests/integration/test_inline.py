# SPDX-License-Identifier: Apache-2.0
"""Inline ephemeral volumes: what a pod's author may ask for, and that nothing of one
is left on the share, whatever happens on the way."""

import hashlib
import json
import os
import signal
import socket
import stat

import hostile_server as hostile
from csi_case import CODES, CsiCase, grpc
from keeper_case import KeeperCase
from lab import wait_for

MKDIR = 9

CLASSES = """\
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: scratch
provisioner: nfs.csi.k8s.io
parameters:
  server: 127.0.0.1
  share: {share}
mountOptions:
  - nfsvers=3,port={port}
  - mountport={mount_port}
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: nowhere
provisioner: nfs.csi.k8s.io
parameters:
  server: 127.0.0.1
  share: {share}/none
mountOptions: ["port={port}", "mountport={mount_port}"]
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: placed
provisioner: nfs.csi.k8s.io
parameters:
  server: 127.0.0.1
  share: {share}
  subDir: somewhere
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: proxied
provisioner: nfs.csi.k8s.io
parameters:
  server: 127.0.0.1
  share: {share}
mountOptions: ["port={proxy_port}", "mountport={mount_port}"]
"""


class InlineCase(KeeperCase):

    @classmethod
    def start_lab(cls):
        cls.classes = os.path.join(cls.folder, "classes.yaml")
        cls.node_options = ("--inline-classes", cls.classes)
        super().start_lab()
        server = cls.cluster.server
        cls.proxy = hostile.Proxy(server.port)
        cls.addClassCleanup(cls.proxy.close)
        with open(cls.classes, "w", encoding="ascii") as f:
            f.write(CLASSES.format(share=server.export, port=server.port,
                                   mount_port=server.mount_port,
                                   proxy_port=cls.proxy.port))

    def setUp(self):
        self.volume_id = "csi-" + hashlib.sha256(self.id().encode()).hexdigest()
        self.volume = "inline"  # in names of the tests' own
        self.pod = os.path.join(self.folder, "pods", self._testMethodName)
        self.target = os.path.join(self.pod, "mount")
        os.makedirs(self.pod)
        self.data = os.path.join(self.cluster.export, ".claimfs/inline",
                                 self.volume_id)

    def tearDown(self):
        self.reconnect()
        self.unpublish()
        self.wait_until_removed()
        self.assertNotIn(self.target, self.mounts())

    @property
    def records(self):
        try:
            return os.listdir(os.path.join(self.node.state, "inline"))
        except FileNotFoundError:
            return []

    def wait_until_removed(self, seconds=30):
        wait_for(lambda: not os.path.exists(self.data), "the data to go",
                 seconds)
        wait_for(lambda: not self.records, "the record to go")

    def publish_request(self, attributes=None, **changes):
        """As a real kubelet sends it."""
        return self.pb.NodePublishVolumeRequest(**{
            "volume_id": self.volume_id, "target_path": self.target,
            "volume_capability": self.capability(
                self.modes.SINGLE_NODE_MULTI_WRITER),
            "volume_context": {
                "csi.storage.k8s.io/ephemeral": "true",
                "csi.storage.k8s.io/pod.name": "mx-inline",
                "csi.storage.k8s.io/pod.namespace": "default",
                "csi.storage.k8s.io/pod.uid": "70fadf5a-e169-4e61",
                "csi.storage.k8s.io/serviceAccount.name": "default",
                "csi.storage.k8s.io/serviceAccount.tokens": "{}",
                **({"class": "scratch", "size": "10Mi"}
                   if attributes is None else attributes)},
            **changes})

    def publish(self, *args, **changes):
        self.clients[0].node.NodePublishVolume(
            self.publish_request(*args, **changes), timeout=40)

    def unpublish(self):
        self.clients[0].node.NodeUnpublishVolume(
            self.pb.NodeUnpublishVolumeRequest(
                volume_id=self.volume_id, target_path=self.target), timeout=40)

    def refused(self, *args, **changes):
        with self.assertRaises(grpc.RpcError) as caught:
            self.publish(*args, **changes)
        return caught.exception.code(), caught.exception.details()


class Inline(InlineCase):

    def test_a_volume_comes_with_its_pod_and_goes_with_it(self):
        for _ in range(2):
            self.publish()
        with open(f"{self.target}/file", "w", encoding="ascii") as f:
            f.write("hello")
        with open(f"{self.data}/file", encoding="ascii") as f:
            self.assertEqual(f.read(), "hello")
        self.assertEqual(stat.S_IMODE(os.stat(self.data).st_mode), 0o777)
        with open(f"{self.target}/.meta/volume", encoding="ascii") as f:
            self.assertEqual(json.load(f)["capacity"], 10 << 20)
        stats = self.clients[0].node.NodeGetVolumeStats(
            self.pb.NodeGetVolumeStatsRequest(
                volume_id=self.volume_id, volume_path=self.target), timeout=10)
        self.assertGreater(len(stats.usage), 0)
        for _ in range(2):
            self.unpublish()
        self.assertFalse(os.path.exists(self.target))
        self.wait_until_removed()

    def test_a_read_only_volume_is_read_only(self):
        self.publish(readonly=True)
        with self.assertRaises(OSError) as caught:
            os.mkdir(f"{self.target}/x")
        self.assertEqual(caught.exception.strerror, "Read-only file system")

    def test_a_pod_says_nothing_of_where_its_data_is(self):
        for key in ("server", "share", "subDir", "mountOptions", "onDelete",
                    "claimfs.io/inline"):
            code, text = self.refused({"class": "scratch", key: "/x"})
            self.assertEqual(code, CODES.INVALID_ARGUMENT)
            self.assertIn(f'"{key}"', text)
        self.assertEqual(self.records, [])

    def test_what_makes_no_sense_is_refused(self):
        for attributes, word in (({}, '"class"'),
                                 ({"class": "", "size": "1"}, '"class"'),
                                 ({"class": "scratch", "size": "big"}, "size"),
                                 ({"class": "placed"}, "subDir")):
            code, text = self.refused(attributes)
            self.assertEqual(code, CODES.INVALID_ARGUMENT)
            self.assertIn(word, text)
        for name in ("a/b", "..", "a.gone", "x" * 129):
            code, text = self.refused(volume_id=name)
            self.assertEqual(code, CODES.INVALID_ARGUMENT)
        code, text = self.refused({"class": "fast"})
        self.assertEqual(code, CODES.NOT_FOUND)
        self.assertIn('"fast"', text)
        self.assertEqual(self.records, [])

    def test_a_share_that_is_not_there_leaves_nothing(self):
        code, _ = self.refused({"class": "nowhere"})
        self.assertIn(code, (CODES.NOT_FOUND, CODES.PERMISSION_DENIED))
        self.assertFalse(os.path.exists(self.target))
        self.assertEqual(self.records, [])
        self.publish()

    def test_trees_of_any_depth_and_width_are_removed(self):
        outside = os.path.join(self.cluster.export, "outside")
        os.makedirs(outside, exist_ok=True)
        with open(f"{outside}/file", "w", encoding="ascii"):
            pass
        self.publish()
        os.chdir(self.data)
        try:
            for name in range(600):
                with open(f"file{name}", "w", encoding="ascii"):
                    pass
            for name in range(20):
                os.makedirs(f"dir{name}/" + "x/" * name)
                os.symlink("../" * 3 + "outside", f"dir{name}/link")
            # Deeper than a path can be.
            for _ in range(1000):
                os.mkdir("deep" * 10)
                os.chdir("deep" * 10)
                with open("file", "w", encoding="ascii"):
                    pass
        finally:
            os.chdir("/")
        self.unpublish()
        self.wait_until_removed()
        self.assertEqual(os.listdir(outside), ["file"])

    def test_a_server_that_is_away_holds_nobody_up(self):
        self.publish()
        with open(f"{self.target}/file", "w", encoding="ascii") as f:
            f.write("hello")
        with self.server_away():
            self.unpublish()
            self.assertFalse(os.path.exists(self.target))
            self.assertEqual(self.records, [self.volume_id + ".gone"])
        self.wait_until_removed(60)

    def test_a_killed_node_goes_on_with_removing(self):
        self.publish()
        os.mkdir(f"{self.target}/folder")
        with self.server_away():
            self.unpublish()
            self.kill_node()
            self.node.start()
        self.reconnect()
        self.wait_until_removed(60)

    def test_a_volume_survives_its_node(self):
        self.publish()
        child, end = self.worker()
        self.rounds(child, 3)
        self.kill_node()
        self.node.start()
        self.rounds(child, 3)
        end()
        self.reconnect()
        self.publish()
        self.unpublish()

    def test_a_volume_waits_for_its_server(self):
        with self.server_away():
            code, _ = self.refused()
            self.assertEqual(code, CODES.UNAVAILABLE)
            self.assertEqual(self.records, [])
        self.publish()
        os.mkdir(f"{self.target}/folder")
        self.assertEqual(self.records, [self.volume_id + ".live"])

    def test_what_was_never_served_needs_no_unpublishing(self):
        self.proxy.rule = lambda reply: None if (reply.program, reply.proc) \
            == (hostile.NFS, MKDIR) else hostile.pass_on(reply)
        self.addCleanup(self.proxy.behave)
        code, _ = self.refused({"class": "proxied"})
        self.assertEqual(code, CODES.UNAVAILABLE)
        self.assertEqual(self.records, [self.volume_id + ".made"])
        self.proxy.behave()
        code, _ = self.refused({"class": "forgotten"})
        self.assertNotEqual(code, CODES.UNAVAILABLE)
        self.wait_until_removed(60)

    def test_what_was_served_is_kept_whatever_comes(self):
        self.publish()
        self.kill_node()
        self.node.start()
        self.reconnect()
        code, _ = self.refused({"class": "forgotten"},
                               target_path=self.target + "2")
        self.assertNotEqual(code, CODES.UNAVAILABLE)
        self.assertEqual(self.records, [self.volume_id + ".live"])

    def test_a_dead_server_does_not_hold_up_another_one(self):
        dead = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.addCleanup(dead.close)
        self.publish()
        folder = os.path.join(self.node.state, "inline")
        port = dead.getsockname()[1]
        for number in range(40):
            with open(f"{folder}/dead-{number}.gone", "w",
                      encoding="ascii") as f:
                json.dump({"server": "127.0.0.1", "share": "/x", "port": port,
                           "mountPort": port}, f)
        self.unpublish()
        wait_for(lambda: not os.path.exists(self.data), "the data to go", 10)
        for number in range(40):
            os.unlink(f"{folder}/dead-{number}.gone")

    def test_other_volumes_are_kept_out(self):
        self.publish()
        for subdir in (".claimfs/inline", f".claimfs/inline/{self.volume_id}"):
            with self.assertRaises(grpc.RpcError) as caught:
                self.clients[0].node.NodeStageVolume(
                    self.stage_request("other", f"{self.pod}/stage",
                                       volume_context=self.context(subdir)),
                    timeout=10)
            self.assertEqual(caught.exception.code(), CODES.INVALID_ARGUMENT)

    def test_many_come_and_go_at_once(self):
        calls = []
        for number in range(20):
            target = os.path.join(self.pod, f"mount{number}")
            self.clients[0].node.NodePublishVolume(self.publish_request(
                volume_id=f"csi-{number}", target_path=target), timeout=40)
            os.mkdir(f"{target}/folder")
            calls.append(self.clients[0].node.NodeUnpublishVolume.future(
                self.pb.NodeUnpublishVolumeRequest(
                    volume_id=f"csi-{number}", target_path=target),
                timeout=40))
        for call in calls:
            call.result()
        wait_for(lambda: not self.records, "all to be removed", 30)
        self.assertEqual(os.listdir(os.path.dirname(self.data)), [])


class Stopped(InlineCase):

    def test_the_data_of_a_node_that_was_stopped_is_removed_later(self):
        """SIGINT ends the volumes; the kubelet unpublishes them afterwards."""
        self.publish()
        os.mkdir(f"{self.target}/folder")
        self.node.process.stop(number=signal.SIGINT)
        self.assertTrue(os.path.exists(f"{self.data}/folder"))
        self.node.start()


class Off(CsiCase):

    def test_inline_volumes_are_off(self):
        with self.assertRaises(grpc.RpcError) as caught:
            self.clients[0].node.NodePublishVolume(
                self.pb.NodePublishVolumeRequest(
                    volume_id="csi-1", target_path=f"{self.folder}/mount",
                    volume_capability=self.capability(),
                    volume_context={"csi.storage.k8s.io/ephemeral": "true",
                                    "class": "scratch"}), timeout=10)
        self.assertEqual(caught.exception.code(), CODES.FAILED_PRECONDITION)
        self.assertIn("--inline-classes", caught.exception.details())
        self.assertFalse(os.path.exists(f"{self.folder}/mount"))
