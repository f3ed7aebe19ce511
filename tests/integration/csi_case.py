# SPDX-License-Identifier: Apache-2.0
"""Tests that need nodes and a server but no provisioner: a CSI client that nobody
here wrote, Debian's python3-grpcio with stubs made from base/csi.proto."""

import importlib
import os
import subprocess
import sys

# Its handlers at fork wait for idle threads, without end in some versions. What
# the tests fork runs another program at once.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"

import grpc  # noqa: E402

from lab_case import LabCase, TESTS  # noqa: E402

CODES = grpc.StatusCode
SECONDS = 30  # of any one call


def make_stubs(folder, name="csi"):
    """Generates NAME_pb2 and NAME_pb2_grpc into folder and imports them."""
    proto = os.path.join(os.path.dirname(TESTS), "base")
    subprocess.run(
        ["/usr/bin/python3", "-m", "grpc_tools.protoc", f"-I{proto}",
         f"--python_out={folder}", f"--grpc_python_out={folder}", f"{name}.proto"],
        check=True, timeout=60)
    sys.path.insert(0, folder)
    try:
        return (importlib.import_module(f"{name}_pb2"),
                importlib.import_module(f"{name}_pb2_grpc"))
    finally:
        sys.path.remove(folder)


class Client:
    """Stubs for one node's socket."""

    def __init__(self, stubs, socket):
        self.channel = grpc.insecure_channel("unix://" + socket)
        self.identity = stubs.IdentityStub(self.channel)
        self.controller = stubs.ControllerStub(self.channel)
        self.node = stubs.NodeStub(self.channel)


class CsiCase(LabCase):
    """cls.pb has the messages, cls.clients one client per node."""

    nfs_port = None  # of a proxy in front of the server

    @classmethod
    def start_lab(cls):
        cls.pb, cls.stubs = make_stubs(cls.folder)
        cls.cluster.start_nodes()
        cls.clients = [Client(cls.stubs, node.socket)
                       for node in cls.cluster.nodes]
        cls.modes = cls.pb.VolumeCapability.AccessMode

    @classmethod
    def tearDownClass(cls):
        for client in cls.clients:
            client.channel.close()
        super().tearDownClass()

    def assert_code(self, code, call, request):
        """Returns the sentence that the refusal has to come with."""
        with self.assertRaises(grpc.RpcError) as caught:
            call(request, timeout=SECONDS)
        self.assertEqual(caught.exception.code(), code,
                         caught.exception.details())
        self.assertTrue(caught.exception.details(), "there is no message")
        return caught.exception.details()

    @classmethod
    def reconnect(cls):
        """gRPC backs off after a daemon, here the first node's, was away."""
        cls.clients[0].channel.close()
        cls.clients[0] = Client(cls.stubs, cls.cluster.nodes[0].socket)

    @classmethod
    def capability(cls, mode=None, flags=(), group=""):
        return cls.pb.VolumeCapability(
            mount=cls.pb.VolumeCapability.MountVolume(
                mount_flags=flags, volume_mount_group=group),
            access_mode=cls.modes(
                mode=cls.modes.MULTI_NODE_MULTI_WRITER
                if mode is None else mode))

    @classmethod
    def context(cls, subdir, **changes):
        server = cls.cluster.server
        return {"server": "127.0.0.1", "share": server.export,
                "subDir": subdir,
                "mountOptions": f"nfsvers=3,port={cls.nfs_port or server.port},"
                                f"mountport={server.mount_port}", **changes}

    @classmethod
    def stage_request(cls, volume, staging, **changes):
        return cls.pb.NodeStageVolumeRequest(**{
            "volume_id": volume, "staging_target_path": staging,
            "volume_capability": cls.capability(),
            "volume_context": cls.context(volume), **changes})

    @classmethod
    def publish_request(cls, volume, staging, target, **changes):
        return cls.pb.NodePublishVolumeRequest(**{
            "volume_id": volume, "staging_target_path": staging,
            "target_path": target, "volume_capability": cls.capability(),
            "volume_context": cls.context(volume), **changes})

    @classmethod
    def mount(cls, number, volume, mode=None, **changes):
        """Stages and publishes on a node; returns the target."""
        name = f"{volume}-{len(os.listdir(cls.folder))}"
        staging = os.path.join(cls.folder, f"stage-{number}-{volume}")
        target = os.path.join(cls.folder, f"pod-{number}-{name}", "mount")
        os.makedirs(os.path.dirname(target))
        node = cls.clients[number].node
        capability = cls.capability(mode)
        node.NodeStageVolume(
            cls.stage_request(volume, staging, volume_capability=capability),
            timeout=SECONDS)
        node.NodePublishVolume(
            cls.publish_request(volume, staging, target, **{
                "volume_capability": capability, **changes}),
            timeout=SECONDS)
        return target

    @classmethod
    def unmount(cls, number, volume, target):
        cls.clients[number].node.NodeUnpublishVolume(
            cls.pb.NodeUnpublishVolumeRequest(volume_id=volume,
                                              target_path=target),
            timeout=SECONDS)

    @classmethod
    def unstage(cls, number, volume):
        cls.clients[number].node.NodeUnstageVolume(
            cls.pb.NodeUnstageVolumeRequest(
                volume_id=volume,
                staging_target_path=f"{cls.folder}/stage-{number}-{volume}"),
            timeout=SECONDS)


class MountCase(CsiCase):
    """One volume, mounted on both nodes; each test has a folder of its own in it:
    self.here on one node, self.there on the other, self.behind on the server."""

    @classmethod
    def set_up_lab(cls):
        cls.volume = "shared"
        os.mkdir(cls.cluster.export + "/shared")
        os.chmod(cls.cluster.export + "/shared", 0o777)
        cls.a = cls.mount(0, "shared")
        cls.b = cls.mount(1, "shared")

    def setUp(self):
        name = self._testMethodName
        os.mkdir(os.path.join(self.a, name))
        self.here = os.path.join(self.a, name)
        self.there = os.path.join(self.b, name)
        self.behind = os.path.join(self.backing(self.volume), name)
