# SPDX-License-Identifier: Apache-2.0
"""A provisioner that serves CSI's Controller service besides, and the steps that cases
of it are written in. Who calls it asks again while it says ABORTED, as orchestrators do;
what a call says at once is asked with `assert_code`, or of `self.controller` itself."""

import json
import os
import signal
import unittest

from csi_case import CODES, SECONDS, Client, CsiCase, grpc
from lab import wait_for

GIB = 1 << 30
TIMES = 10  # that a call is repeated, where it has to be idempotent
PATIENCE = 60  # of who asks again, as an orchestrator does
NAMESPACE = "claimfs-csi"  # of the claims that volumes over CSI are


def code_of(call, request):
    """How a call ends."""
    try:
        call(request, timeout=SECONDS)
    except grpc.RpcError as error:
        return error.code()
    return CODES.OK


class ControllerCase(CsiCase):
    """self.controller and self.identity call the provisioner, self.client has both.
    Requests are made by keyword from what is usual."""

    controller_options = ()
    needs = ()  # capabilities; a class whose needs are not met is skipped

    @classmethod
    def start_lab(cls):
        super().start_lab()
        cls.socket = os.path.join(cls.cluster.folder, "csi.sock")
        cls.cluster.start_provisioner("--csi-socket", cls.socket,
                                      *cls.controller_options)
        cls.ctl = cls.cluster.ctl
        cls.connect()
        missing = set(cls.needs) - cls.capabilities_of()
        if missing:
            raise unittest.SkipTest(f"no {', '.join(sorted(missing))}")

    @classmethod
    def connect(cls):
        """Its API answers a moment before."""
        cls.client = Client(cls.stubs, cls.socket)
        cls.client.identity.Probe(cls.pb.ProbeRequest(), timeout=SECONDS,
                                  wait_for_ready=True)
        cls.controller = cls.client.controller
        cls.identity = cls.client.identity

    @classmethod
    def tearDownClass(cls):
        cls.client.channel.close()
        super().tearDownClass()

    @classmethod
    def restart_provisioner(cls, kill=False):
        cls.client.channel.close()
        if kill:
            cls.cluster.provisioner.process.signal(signal.SIGKILL)
        cls.cluster.provisioner.stop()
        cls.cluster.provisioner.start()
        cls.connect()

    @classmethod
    def capabilities_of(cls):
        """What the Controller service has, as names."""
        answer = cls.controller.ControllerGetCapabilities(
            cls.pb.ControllerGetCapabilitiesRequest(), timeout=SECONDS)
        name = cls.pb.ControllerServiceCapability.RPC.Type.Name
        return {name(capability.rpc.type)
                for capability in answer.capabilities}

    # Asking again

    @classmethod
    def settled(cls, call, request):
        """The answer to a request that is repeated while the work goes on."""
        found = []

        def is_settled():
            try:
                found.append(call(request, timeout=SECONDS))
            except grpc.RpcError as error:
                if error.code() != CODES.ABORTED:
                    raise
            return found
        return wait_for(is_settled, type(request).__name__, PATIENCE)[0]

    @classmethod
    def all_settled(cls, call, requests):
        """Of requests that are all sent at once."""
        futures = [call.future(request, timeout=SECONDS)
                   for request in requests]
        return [cls.settled(call, request)
                if future.exception() and future.code() == CODES.ABORTED
                else future.result()
                for request, future in zip(requests, futures)]

    # Volumes

    @classmethod
    def classes(cls):
        """Names of the StorageClasses that were made for volumes over CSI."""
        listed = json.loads(cls.ctl("get", "sc", "-o", "json"))
        return [item["metadata"]["name"] for item in listed["items"]
                if item["metadata"]["name"].startswith("csi-")]

    @classmethod
    def parameters(cls, **changes):
        return {"server": "127.0.0.1", "share": cls.cluster.server.export,
                "trashTTL": "0", **changes}

    @classmethod
    def mountable(cls, mode=None):
        server = cls.cluster.server
        return cls.capability(mode, flags=[f"port={server.port}",
                                           f"mountport={server.mount_port}"])

    @classmethod
    def block(cls):
        """What a share can't be."""
        return cls.pb.VolumeCapability(
            block=cls.pb.VolumeCapability.BlockVolume(),
            access_mode=cls.modes(mode=cls.modes.SINGLE_NODE_WRITER))

    @classmethod
    def create_request(cls, name, size=GIB, limit=0, **changes):
        return cls.pb.CreateVolumeRequest(**{
            "name": name,
            "capacity_range": cls.pb.CapacityRange(required_bytes=size,
                                                   limit_bytes=limit),
            "volume_capabilities": [cls.mountable()],
            "parameters": cls.parameters(), **changes})

    @classmethod
    def create(cls, name, **changes):
        """The volume of the answer."""
        return cls.settled(cls.controller.CreateVolume,
                           cls.create_request(name, **changes)).volume

    @classmethod
    def delete(cls, *ids):
        for volume in ids:
            cls.settled(cls.controller.DeleteVolume,
                        cls.pb.DeleteVolumeRequest(volume_id=volume))

    @classmethod
    def source(cls, snapshot=None, volume=None):
        """A volume_content_source."""
        wire = cls.pb.VolumeContentSource
        if snapshot is not None:
            return wire(snapshot=wire.SnapshotSource(snapshot_id=snapshot))
        return wire(volume=wire.VolumeSource(volume_id=volume))

    @classmethod
    def publishing(cls, volume, node="node-a", mode=None, **changes):
        return cls.pb.ControllerPublishVolumeRequest(**{
            "volume_id": volume, "node_id": node,
            "volume_capability": cls.mountable(mode), **changes})

    @classmethod
    def publish(cls, volume, node="node-a", mode=None, **changes):
        return cls.controller.ControllerPublishVolume(
            cls.publishing(volume, node, mode, **changes), timeout=SECONDS)

    @classmethod
    def unpublish(cls, volume, node=""):
        cls.controller.ControllerUnpublishVolume(
            cls.pb.ControllerUnpublishVolumeRequest(volume_id=volume,
                                                    node_id=node),
            timeout=SECONDS)

    @classmethod
    def get(cls, volume):
        """As ControllerGetVolume answers."""
        return cls.controller.ControllerGetVolume(
            cls.pb.ControllerGetVolumeRequest(volume_id=volume),
            timeout=SECONDS)

    @classmethod
    def folder_of(cls, volume):
        """Of a volume as CreateVolume answers, on the server's side."""
        return os.path.join(cls.cluster.export, volume.volume_context["subDir"])

    # Snapshots

    @classmethod
    def snapshot_request(cls, volume, name, **parameters):
        return cls.pb.CreateSnapshotRequest(
            source_volume_id=volume, name=name, parameters=parameters)

    @classmethod
    def snapshot_of(cls, volume, name, **parameters):
        """When it is ready."""
        request = cls.snapshot_request(volume, name, **parameters)

        def ready():
            found = cls.settled(cls.controller.CreateSnapshot, request).snapshot
            return found if found.ready_to_use else None
        return wait_for(ready, f"snapshot {name} to be ready", PATIENCE)

    @classmethod
    def delete_snapshots(cls, *ids):
        for snapshot in ids:
            cls.settled(cls.controller.DeleteSnapshot,
                        cls.pb.DeleteSnapshotRequest(snapshot_id=snapshot))

    # Lists

    @classmethod
    def list_volumes(cls, **request):
        return cls.controller.ListVolumes(cls.pb.ListVolumesRequest(**request),
                                          timeout=SECONDS)

    @classmethod
    def volume_ids(cls):
        return [entry.volume.volume_id for entry in cls.list_volumes().entries]

    @classmethod
    def snapshot_ids(cls, **request):
        return [entry.snapshot.snapshot_id for entry in
                cls.controller.ListSnapshots(
                    cls.pb.ListSnapshotsRequest(**request),
                    timeout=SECONDS).entries]

    def pages(self, call, request, size):
        """The entries of a list, page by page."""
        token = ""
        for _ in range(1000):
            page = call(request(max_entries=size, starting_token=token),
                        timeout=SECONDS)
            self.assertLessEqual(len(page.entries), size)
            yield [*page.entries]
            token = page.next_token
            if not token:
                return
        self.fail("the list has no end")
