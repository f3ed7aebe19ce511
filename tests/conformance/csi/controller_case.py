# SPDX-License-Identifier: Apache-2.0
"""The steps that the cases of CSI's Controller service are written in. Whoever calls
it asks again while it says ABORTED, as orchestrators do."""

import os
import unittest

from csi_case import CODES, SECONDS, ControllerCase, grpc
from lab import wait_for

GIB = 1 << 30
TIMES = 10  # that a call is repeated, where it has to be idempotent
PATIENCE = 60  # of who asks again, as an orchestrator does


def code_of(call, request):
    """How a call ends."""
    try:
        call(request, timeout=SECONDS)
    except grpc.RpcError as error:
        return error.code()
    return CODES.OK


class Case(ControllerCase):

    needs = ()  # capabilities

    @classmethod
    def connect(cls):
        super().connect()
        missing = set(cls.needs) - cls.capabilities_of()
        if missing:
            raise unittest.SkipTest(f"no {', '.join(sorted(missing))}")

    @classmethod
    def kill_provisioner(cls):
        cls.restart_provisioner(kill=True)

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
    def snapshot_of(cls, volume, name, **changes):
        """When it is ready."""
        request = cls.pb.CreateSnapshotRequest(source_volume_id=volume,
                                               name=name, **changes)
        return wait_for(lambda: cls.ready_snapshot(request),
                        f"snapshot {name} to be ready", PATIENCE)

    @classmethod
    def ready_snapshot(cls, request):
        found = cls.settled(cls.controller.CreateSnapshot, request).snapshot
        return found if found.ready_to_use else None

    @classmethod
    def delete_snapshots(cls, *ids):
        for snapshot in ids:
            cls.settled(cls.controller.DeleteSnapshot,
                        cls.pb.DeleteSnapshotRequest(snapshot_id=snapshot))

    @classmethod
    def source(cls, snapshot=None, volume=None):
        """A volume_content_source."""
        wire = cls.pb.VolumeContentSource
        if snapshot:
            return wire(snapshot=wire.SnapshotSource(snapshot_id=snapshot))
        return wire(volume=wire.VolumeSource(volume_id=volume))

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

    def volume_ids(self):
        return [entry.volume.volume_id for entry in
                self.controller.ListVolumes(self.pb.ListVolumesRequest(),
                                            timeout=SECONDS).entries]

    @classmethod
    def capabilities_of(cls):
        """What the Controller service has, as names."""
        answer = cls.controller.ControllerGetCapabilities(
            cls.pb.ControllerGetCapabilitiesRequest(), timeout=SECONDS)
        name = cls.pb.ControllerServiceCapability.RPC.Type.Name
        return {name(capability.rpc.type)
                for capability in answer.capabilities}

    @classmethod
    def folder_of(cls, volume):
        """Of a volume as CreateVolume answers, on the server's side."""
        return os.path.join(cls.cluster.export, volume.volume_context["subDir"])
