# SPDX-License-Identifier: Apache-2.0
"""fio writes with random block sizes, reads everything back and compares, on a volume
of many nodes (our write-behind) and on one of a single node (the kernel's
write-back)."""

import os

from csi_case import CsiCase
from fio_verify import ENGINES, fio_verify


class Fio(CsiCase):

    @classmethod
    def set_up_lab(cls):
        cls.mounts = {
            "many": cls.mount_as("many", cls.modes.MULTI_NODE_MULTI_WRITER),
            "one": cls.mount_as("one", cls.modes.SINGLE_NODE_WRITER)}

    @classmethod
    def mount_as(cls, volume, mode):
        os.mkdir(f"{cls.cluster.export}/{volume}")
        capability = cls.capability(mode)
        staging = os.path.join(cls.folder, f"stage-{volume}")
        target = os.path.join(cls.folder, f"pod-{volume}", "mount")
        os.makedirs(os.path.dirname(target))
        node = cls.clients[0].node
        node.NodeStageVolume(cls.stage_request(
            volume, staging, volume_capability=capability), timeout=10)
        node.NodePublishVolume(cls.publish_request(
            volume, staging, target, volume_capability=capability), timeout=10)
        return target

    def run_fio(self, volume, engine):
        done = fio_verify(self.mounts[volume], engine, verify_backlog=64)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for name in os.listdir(self.mounts[volume]):
            os.unlink(os.path.join(self.mounts[volume], name))

    def test_data_comes_back_as_it_was_written(self):
        for volume in self.mounts:
            for engine in ENGINES:
                with self.subTest(volume=volume, engine=engine):
                    self.run_fio(volume, engine)
