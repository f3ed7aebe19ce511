# SPDX-License-Identifier: Apache-2.0
"""The calls of a real kubelet (1.36, recorded with a driver of files), with its paths,
keys and order, and our volume's attributes in the place of that driver's."""

import hashlib
import os

from csi_case import CODES, CsiCase, grpc

POD = "2eff9038-67cd-4c06-a328-843f9591f215"
READER = "d5abb254-4dbf-4876-ab39-8eeaf9eaed58"
DRIVER = "nfs.csi.k8s.io"


class KubeletCalls(CsiCase):
    """self.root is what /var/lib/kubelet is there."""

    @classmethod
    def set_up_lab(cls):
        cls.node = cls.clients[0].node
        cls.root = os.path.join(cls.folder, "kubelet")

    def setUp(self):
        self.claim = self._testMethodName
        self.pv = f"pvc-{self.claim}"
        os.mkdir(f"{self.cluster.export}/{self.claim}")
        digest = hashlib.sha256(self.pv.encode()).hexdigest()
        self.staging = (f"{self.root}/plugins/kubernetes.io/csi/{DRIVER}/"
                        f"{digest}/globalmount")
        # The kubelet makes it, and of a target the parent only.
        os.makedirs(self.staging)

    def tearDown(self):
        for pod in (POD, READER):
            self.unpublish(pod)
        self.unstage()

    def target(self, pod):
        return (f"{self.root}/pods/{pod}/volumes/kubernetes.io~csi/{self.pv}/"
                "mount")

    def request_capability(self, mode=None, group=""):
        return self.pb.VolumeCapability(
            mount=self.pb.VolumeCapability.MountVolume(
                fs_type="ext4", mount_flags=["noatime", "nosuid"],
                volume_mount_group=group),
            access_mode=self.modes(mode=self.modes.MULTI_NODE_MULTI_WRITER
                                   if mode is None else mode))

    def attributes(self, **more):
        return self.context(self.claim, **{
            "csi.storage.k8s.io/pv/name": self.pv,
            "csi.storage.k8s.io/pvc/name": self.claim,
            "csi.storage.k8s.io/pvc/namespace": "default",
            "storage.kubernetes.io/csiProvisionerIdentity":
                f"1795463622208-2499-{DRIVER}", **more})

    def stage(self, *args, **kwargs):
        self.node.NodeStageVolume(self.pb.NodeStageVolumeRequest(
            volume_id=self.pv, staging_target_path=self.staging,
            publish_context={"attached": "yes"},
            volume_capability=self.request_capability(*args, **kwargs),
            volume_context=self.attributes()), timeout=30)

    def publish(self, pod, *args, readonly=False, token="one", **kwargs):
        os.makedirs(os.path.dirname(self.target(pod)), mode=0o750,
                    exist_ok=True)
        with open(os.path.dirname(self.target(pod)) + "/vol_data.json", "w",
                  encoding="ascii") as f:
            f.write("{}")
        self.node.NodePublishVolume(self.pb.NodePublishVolumeRequest(
            volume_id=self.pv, staging_target_path=self.staging,
            publish_context={"attached": "yes"},
            target_path=self.target(pod), readonly=readonly,
            volume_capability=self.request_capability(*args, **kwargs),
            volume_context=self.attributes(**{
                "csi.storage.k8s.io/ephemeral": "false",
                "csi.storage.k8s.io/pod.name": "mx-rw",
                "csi.storage.k8s.io/pod.namespace": "default",
                "csi.storage.k8s.io/pod.uid": pod,
                "csi.storage.k8s.io/serviceAccount.name": "default",
                "csi.storage.k8s.io/serviceAccount.tokens":
                    f'{{"fx-aud":{{"token":"{token}"}}}}'})), timeout=30)

    def unpublish(self, pod):
        self.node.NodeUnpublishVolume(self.pb.NodeUnpublishVolumeRequest(
            volume_id=self.pv, target_path=self.target(pod)), timeout=30)

    def unstage(self):
        self.node.NodeUnstageVolume(self.pb.NodeUnstageVolumeRequest(
            volume_id=self.pv, staging_target_path=self.staging), timeout=30)

    def write(self, pod, text):
        with open(f"{self.target(pod)}/file", "w", encoding="ascii") as f:
            f.write(text)

    def is_read_only(self, pod):
        return bool(os.statvfs(self.target(pod)).f_flag & os.ST_RDONLY)

    def test_a_pod_that_writes_and_one_that_reads(self):
        self.stage()
        self.publish(POD)
        self.publish(READER, readonly=True)
        self.write(POD, "hello")
        with open(f"{self.target(READER)}/file", encoding="ascii") as f:
            self.assertEqual(f.read(), "hello")
        self.assertFalse(self.is_read_only(POD))
        self.assertTrue(self.is_read_only(READER))
        for pod in (POD, READER):
            self.unpublish(pod)
            # What is beside it is the kubelet's.
            self.assertEqual(os.listdir(os.path.dirname(self.target(pod))),
                             ["vol_data.json"])
        self.unstage()
        self.assertFalse(os.path.ismount(self.staging))

    def test_a_repeated_publish_brings_new_tokens_only(self):
        """CSIDriver.requiresRepublish: every minute or so, with running pods."""
        self.stage()
        for token in ("one", "two", "three"):
            self.publish(POD, token=token)
            self.write(POD, token)
        log = self.cluster.nodes[0].process.log()
        self.assertEqual(log.count(self.target(POD)), 1)
        self.assertNotIn("fx-aud", log)

    def test_a_volume_that_many_read_is_read_only_for_all(self):
        """The kubelet does not say readonly for ReadOnlyMany."""
        mode = self.modes.MULTI_NODE_READER_ONLY
        self.stage(mode)
        self.publish(POD, mode)
        self.assertTrue(self.is_read_only(POD))

    def test_an_fs_group_comes_as_the_mount_group(self):
        os.chmod(f"{self.cluster.export}/{self.claim}", 0o770)
        self.stage(group="3000")
        self.publish(POD, group="3000")
        self.write(POD, "hello")
        found = os.stat(f"{self.cluster.export}/{self.claim}/file")
        self.assertEqual(found.st_gid, 3000)

    def test_stats_are_told_of_either_path(self):
        self.stage()
        self.publish(POD)
        for path in (self.staging, self.target(POD)):
            found = self.node.NodeGetVolumeStats(
                self.pb.NodeGetVolumeStatsRequest(
                    volume_id=self.pv, volume_path=path,
                    staging_target_path=self.staging), timeout=10)
            self.assertEqual(len(found.usage), 2)
            self.assertFalse(found.volume_condition.abnormal)

    def test_capabilities_are_all_that_there_are(self):
        found = self.node.NodeGetCapabilities(
            self.pb.NodeGetCapabilitiesRequest(), timeout=10)
        rpc = self.pb.NodeServiceCapability.RPC
        self.assertEqual({item.rpc.type for item in found.capabilities},
                         {rpc.STAGE_UNSTAGE_VOLUME, rpc.GET_VOLUME_STATS,
                          rpc.VOLUME_CONDITION, rpc.EXPAND_VOLUME,
                          rpc.SINGLE_NODE_MULTI_WRITER,
                          rpc.VOLUME_MOUNT_GROUP})

    def test_what_is_not_there_is_undone_all_the_same(self):
        """After a restart the kubelet undoes what it finds on its disk."""
        os.makedirs(self.target(POD))
        self.unpublish(POD)
        self.assertFalse(os.path.exists(self.target(POD)))
        for _ in range(2):
            self.unpublish(POD)
            self.unstage()

    def test_a_pod_with_another_mode_waits(self):
        """One that the kubelet takes for a failure to try again."""
        self.stage(self.modes.SINGLE_NODE_SINGLE_WRITER)
        self.publish(POD, self.modes.SINGLE_NODE_SINGLE_WRITER)
        with self.assertRaises(grpc.RpcError) as caught:
            self.publish(READER, self.modes.SINGLE_NODE_SINGLE_WRITER)
        self.assertEqual(caught.exception.code(), CODES.FAILED_PRECONDITION)
        self.assertIn(self.target(POD), caught.exception.details())
