# SPDX-License-Identifier: Apache-2.0
"""The kubelet's side of registration: a folder like plugins_registry, in which a
socket is found, asked who it is, called at the CSI socket that it names, and told
what became of it."""

import os
import stat

from csi_case import Client, grpc, make_stubs
from lab import wait_for

SECONDS = 10  # of any one call


class Kubelet:

    def __init__(self, folder, csi, name="reg.sock"):
        """csi: the messages and stubs of CSI."""
        self.folder = os.path.join(folder, "plugins_registry")
        self.socket = os.path.join(self.folder, name)
        self.csi_pb, self.csi_stubs = csi
        self.pb, self.stubs = make_stubs(folder, "registration")

    def start(self):
        """As at the kubelet's start: the folder is there, or made."""
        os.makedirs(self.folder, exist_ok=True)

    def identity(self):
        """Changes whenever the socket is made anew; None while there is none."""
        try:
            found = os.lstat(self.socket)
        except FileNotFoundError:
            return None
        return (found.st_ino, found.st_ctime_ns) if stat.S_ISSOCK(found.st_mode) \
            else None

    def wait_for_socket(self):
        wait_for(self.identity, "the registration socket")

    def call(self, method, request):
        with grpc.insecure_channel("unix://" + self.socket) as channel:
            stub = self.stubs.RegistrationStub(channel)
            return getattr(stub, method)(request, timeout=SECONDS,
                                         wait_for_ready=True)

    def get_info(self):
        return self.call("GetInfo", self.pb.InfoRequest())

    def notify(self, is_registered, error=""):
        self.call("NotifyRegistrationStatus", self.pb.RegistrationStatus(
            plugin_registered=is_registered, error=error))

    def node_info(self, endpoint):
        client = Client(self.csi_stubs, endpoint)
        try:
            return client.node.NodeGetInfo(self.csi_pb.NodeGetInfoRequest(),
                                           timeout=SECONDS)
        finally:
            client.channel.close()

    def register(self):
        """The whole handshake; returns PluginInfo and NodeGetInfoResponse."""
        self.wait_for_socket()
        info = self.get_info()
        node = self.node_info(info.endpoint)
        self.notify(True)
        return info, node
