# SPDX-License-Identifier: Apache-2.0
"""What CSI's Controller service takes: volumes one after the other, a thousand in
flight on one connection, and a list of ten thousand. Needs a server and a
provisioner, no nodes."""

import os
import statistics
import time

from csi_case import grpc, make_stubs
from lab import answers, wait_for
from lab.claimfs import Provisioner

from machine import make_urgent, status_of
from record import DRIVER, VOLUMES, best_of, multiply

ONE_BY_ONE = 200
IN_FLIGHT = 1000
SECONDS = 60
METHOD = "/csi.v1.Controller/ListVolumes"


def together(method, requests):
    """All in flight at once. What is not done in time is asked for again, as
    external-provisioner does: (seconds, answers)."""
    began = time.monotonic()
    answers_ = [None] * len(requests)
    left = range(len(requests))
    while left:
        futures = [(i, method.future(requests[i], timeout=SECONDS)) for i in left]
        left = []
        for i, future in futures:
            if future.code() == grpc.StatusCode.ABORTED:
                left.append(i)
            else:
                answers_[i] = future.result()
    return time.monotonic() - began, answers_


class Orchestrator:
    """The channel takes a list of any size, and leaves it to the caller to decode."""

    def __init__(self, socket, folder, server, share):
        wait_for(lambda: answers(socket), "the provisioner's CSI socket")
        self.pb, stubs = make_stubs(folder)
        self.channel = grpc.insecure_channel(
            "unix://" + socket, options=[("grpc.max_receive_message_length", -1)])
        self.controller = stubs.ControllerStub(self.channel)
        self.raw_list = self.channel.unary_unary(
            METHOD, request_serializer=self.pb.ListVolumesRequest
            .SerializeToString, response_deserializer=lambda x: x)
        mode = self.pb.VolumeCapability.AccessMode
        self.capability = self.pb.VolumeCapability(
            mount=self.pb.VolumeCapability.MountVolume(mount_flags=[
                "nfsvers=3", f"port={server.port}",
                f"mountport={server.mount_port}"]),
            access_mode=mode(mode=mode.MULTI_NODE_MULTI_WRITER))
        self.parameters = {"server": "127.0.0.1", "share": share}

    def request(self, name):
        return self.pb.CreateVolumeRequest(
            name=name, volume_capabilities=[self.capability],
            capacity_range=self.pb.CapacityRange(required_bytes=1 << 30),
            parameters=self.parameters)

    def create_one(self, name):
        """Milliseconds."""
        began = time.monotonic()
        self.controller.CreateVolume(self.request(name), timeout=SECONDS)
        return 1000 * (time.monotonic() - began)

    def create_together(self, n):
        """Seconds until the last one is answered, and the volumes' ids."""
        requests = [self.request(f"together-{number:04}")
                    for number in range(n)]
        seconds, answers_ = together(self.controller.CreateVolume, requests)
        return seconds, [answer.volume.volume_id for answer in answers_]

    def delete_together(self, ids):
        """Seconds until the last one is answered."""
        requests = [self.pb.DeleteVolumeRequest(volume_id=id_) for id_ in ids]
        return together(self.controller.DeleteVolume, requests)[0]

    def list_all(self):
        found = self.raw_list(self.pb.ListVolumesRequest(), timeout=SECONDS)
        return len(self.pb.ListVolumesResponse.FromString(found).entries)


def flush_ms(folder):
    """What one of the record's commits waits for, and a volume takes three of them:
    the median of writing a page for good."""
    times = []
    with open(os.path.join(folder, "flushed"), "wb", buffering=0) as f:
        for _ in range(50):
            f.write(bytes(4096))
            began = time.monotonic()
            os.fdatasync(f.fileno())
            times.append(1000 * (time.monotonic() - began))
    return statistics.median(times)


def measure(programs, folder, server, share):
    """{figure: value}; starts and stops provisioners of its own."""
    socket = os.path.join(folder, "provisioner", "csi.sock")
    provisioner = Provisioner(programs, folder, [], options=[
        "--driver-name", DRIVER, "--csi-socket", socket])
    with provisioner:
        make_urgent(provisioner.process.pid)
        client = Orchestrator(socket, folder, server, share)
        client.create_one("first")
        flush = flush_ms(folder)
        times = [client.create_one(f"alone-{number}")
                 for number in range(ONE_BY_ONE)]
        together_s, ids = client.create_together(IN_FLIGHT)
        figures = {"create_ms": statistics.median(times),
                   "worst_create_ms": max(times),
                   "flush_ms": flush,
                   "together_s": together_s,
                   "delete_together_s": client.delete_together(ids),
                   "together_rss_mib": status_of(provisioner.process.pid,
                                                 "VmHWM") / 1024}
        client.channel.close()
    multiply(os.path.join(provisioner.state, "claimfs.db"))
    with provisioner:
        client = Orchestrator(socket, folder, server, share)
        if client.list_all() != VOLUMES:
            raise RuntimeError(f"ListVolumes has not {VOLUMES} volumes")
        figures["list_s"] = best_of(5, lambda: client.raw_list(
            client.pb.ListVolumesRequest(), timeout=SECONDS))
        figures["list_rss_mib"] = status_of(provisioner.process.pid,
                                            "VmRSS") / 1024
        client.channel.close()
    return figures
