# SPDX-License-Identifier: Apache-2.0
"""The provisioner is killed while many calls are in flight, again and again: who
repeats his requests, as an orchestrator does, gets all that he asked for, once."""

import os
import random

from controller_case import SECONDS, ControllerCase
from lab import wait_for

KILLS = 4
CALLS = 60


class Kills(ControllerCase):

    needs = ("LIST_VOLUMES", "LIST_SNAPSHOTS")

    def setUp(self):
        self.chance = random.Random(self._testMethodName)

    def killed_while(self, call, requests):
        """Sends all and kills when some of them were answered; several times."""
        for _ in range(KILLS):
            futures = [getattr(self.controller, call).future(
                request, timeout=SECONDS) for request in requests]
            enough = self.chance.randrange(CALLS // 2)
            wait_for(lambda: sum(future.done() for future in futures) >= enough,
                     f"{enough} answers", SECONDS)
            self.restart_provisioner(kill=True)

    def settle(self, call, requests):
        return self.all_settled(getattr(self.controller, call), requests)

    def deletions(self, ids):
        return [self.pb.DeleteVolumeRequest(volume_id=volume)
                for volume in ids]

    def folders(self):
        """Of volumes, on the share: what begins with a dot is claimfs's own."""
        return {name for name in os.listdir(self.cluster.export)
                if not name.startswith(".")}

    def test_every_volume_is_made_once_and_deleted(self):
        requests = [self.create_request(f"killed-{number}")
                    for number in range(CALLS)]
        self.killed_while("CreateVolume", requests)
        volumes = [answer.volume for answer in
                   self.settle("CreateVolume", requests)]
        ids = [volume.volume_id for volume in volumes]
        self.assertEqual(sorted(self.volume_ids()), sorted(set(ids)))
        self.assertEqual(self.folders(),
                         {volume.volume_context["subDir"]
                          for volume in volumes})
        deletions = self.deletions(ids)
        self.killed_while("DeleteVolume", deletions)
        self.settle("DeleteVolume", deletions)
        self.assertEqual(self.volume_ids(), [])
        wait_for(lambda: not self.folders(), "the volumes' data to go")

    def test_every_snapshot_is_made_once_and_deleted(self):
        volume = self.create("subject")
        for number in range(50):
            with open(f"{self.folder_of(volume)}/{number}", "wb") as f:
                f.write(b"x" * number)
        requests = [self.snapshot_request(volume.volume_id, f"kept-{number}")
                    for number in range(CALLS // 2)]
        self.killed_while("CreateSnapshot", requests)
        ids = {self.snapshot_of(volume.volume_id, request.name).snapshot_id
               for request in requests}
        self.assertEqual(len(ids), len(requests))
        self.assertEqual(set(self.snapshot_ids()), ids)
        deletions = [self.pb.DeleteSnapshotRequest(snapshot_id=snapshot)
                     for snapshot in ids]
        self.killed_while("DeleteSnapshot", deletions)
        self.settle("DeleteSnapshot", deletions)
        self.assertEqual(self.snapshot_ids(), [])
        self.delete(volume.volume_id)
