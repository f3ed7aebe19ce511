# SPDX-License-Identifier: Apache-2.0
"""A volume on one node whose replies pass through the test (hostile_server.py)."""

import os

import hostile_server as hostile
from csi_case import SECONDS, CsiCase


class ProxiedCase(CsiCase):
    """Each test has a file of its own: self.path, and self.back on the server."""

    mount_options = ""

    @classmethod
    def set_up_lab(cls):
        cls.proxy = hostile.Proxy(cls.cluster.server.port)
        cls.addClassCleanup(cls.proxy.close)
        cls.staging = cls.stage("volume")

    @classmethod
    def stage(cls, volume, **changes):
        os.mkdir(f"{cls.cluster.export}/{volume}")
        os.chmod(f"{cls.cluster.export}/{volume}", 0o777)
        staging = f"{cls.folder}/stage-{volume}"
        options = f"nfsvers=3,port={cls.proxy.port}," \
                  f"mountport={cls.cluster.server.mount_port}"
        if cls.mount_options:
            options += "," + cls.mount_options
        cls.clients[0].node.NodeStageVolume(
            cls.stage_request(volume, staging, volume_context=cls.context(
                volume, mountOptions=options), **changes),
            timeout=SECONDS)
        return staging

    def setUp(self):
        self.path = f"{self.staging}/{self._testMethodName}"
        self.back = f"{self.cluster.export}/volume/{self._testMethodName}"
        self.addCleanup(self.proxy.behave)
