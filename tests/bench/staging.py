# SPDX-License-Identifier: Apache-2.0
"""How long the kubelet waits for a volume: NodeStageVolume and NodePublishVolume."""

import os
import statistics
import tempfile
import time

from csi_case import Client, make_stubs

VOLUMES = 50
SECONDS = 30


class Kubelet:
    def __init__(self, cluster, folder):
        self.cluster = cluster
        self.folder = folder
        self.pb, stubs = make_stubs(folder)
        self.node = Client(stubs, cluster.nodes[0].socket).node
        mode = self.pb.VolumeCapability.AccessMode
        self.capability = self.pb.VolumeCapability(
            mount=self.pb.VolumeCapability.MountVolume(),
            access_mode=mode(mode=mode.MULTI_NODE_MULTI_WRITER))

    def context(self, volume):
        server = self.cluster.server
        os.makedirs(os.path.join(self.cluster.export, volume), exist_ok=True)
        return {"server": "127.0.0.1", "share": server.export, "subDir": volume,
                "mountOptions": f"nfsvers=3,port={server.port},"
                                f"mountport={server.mount_port}"}

    def mount(self, volume):
        """Milliseconds."""
        context = self.context(volume)
        staging = os.path.join(self.folder, "stage-" + volume)
        target = os.path.join(self.folder, "pod-" + volume, "mount")
        os.makedirs(os.path.dirname(target))
        began = time.monotonic()
        self.node.NodeStageVolume(self.pb.NodeStageVolumeRequest(
            volume_id=volume, staging_target_path=staging,
            volume_capability=self.capability, volume_context=context),
            timeout=SECONDS)
        self.node.NodePublishVolume(self.pb.NodePublishVolumeRequest(
            volume_id=volume, staging_target_path=staging, target_path=target,
            volume_capability=self.capability, volume_context=context),
            timeout=SECONDS)
        return 1000 * (time.monotonic() - began)

    def unmount(self, volume):
        self.node.NodeUnpublishVolume(self.pb.NodeUnpublishVolumeRequest(
            volume_id=volume, target_path=os.path.join(
                self.folder, "pod-" + volume, "mount")), timeout=SECONDS)
        self.node.NodeUnstageVolume(self.pb.NodeUnstageVolumeRequest(
            volume_id=volume, staging_target_path=os.path.join(
                self.folder, "stage-" + volume)), timeout=SECONDS)


def measure(cluster):
    """{figure: value}"""
    with tempfile.TemporaryDirectory(dir=cluster.folder) as folder:
        kubelet = Kubelet(cluster, folder)
        volumes = [f"staged-{i}" for i in range(VOLUMES)]
        took = [kubelet.mount(volume) for volume in volumes]
        for volume in volumes:
            kubelet.unmount(volume)
    return {"mounted_ms": statistics.median(took), "worst_ms": max(took)}
