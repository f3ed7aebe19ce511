# SPDX-License-Identifier: Apache-2.0
"""CSI Controller: snapshots, and volumes that begin as one or as another volume. The rules
and codes of CSI itself are in tests/conformance/csi."""

import os
import subprocess

from controller_case import CODES, NAMESPACE, ControllerCase, grpc
from lab import wait_for


class Snapshots(ControllerCase):

    def write(self, volume, text):
        with open(self.backing(volume) + "/file", "w", encoding="ascii") as f:
            f.write(text)

    def read(self, volume):
        with open(self.backing(volume) + "/file", encoding="ascii") as f:
            return f.read()

    def test_a_volume_begins_as_a_snapshot_was(self):
        self.create("source", size=5 << 20)
        self.write("source", "then")
        snapshot = self.snapshot_of("source", "s")
        self.assertEqual(snapshot.source_volume_id, "source")
        self.assertEqual(snapshot.size_bytes, 5 << 20)
        self.assertTrue(snapshot.creation_time.seconds)
        self.write("source", "now")
        source = self.source(snapshot=snapshot.snapshot_id)
        volume = self.create("copy", size=0, volume_content_source=source)
        self.assertEqual(volume.content_source, source)
        self.assertEqual(volume.capacity_bytes, 5 << 20)
        self.assertEqual(self.read("copy"), "then")
        # Nobody depends on anybody any more.
        self.delete("source")
        self.delete_snapshots(snapshot.snapshot_id)
        again = self.create("copy", size=0, volume_content_source=source)
        self.assertEqual(again, volume)
        self.assert_code(CODES.ALREADY_EXISTS, self.controller.CreateVolume,
                         self.create_request("copy", size=0))
        self.delete("copy")

    def test_a_claims_volume_is_a_source_as_well(self):
        self.apply_class()
        volume = self.apply_claim("mine", size="2Mi")
        self.write(volume, "mine")
        self.create("theirs", size=0, limit=4 << 20,
                    volume_content_source=self.source(volume=volume))
        self.assertEqual(self.read("theirs"), "mine")
        snapshot = self.snapshot_of(volume, "of a claim")
        self.delete_snapshots(snapshot.snapshot_id)
        self.delete("theirs")
        self.ctl("delete", "pvc", "mine")

    def test_a_frozen_snapshot_says_for_how_long_at_most(self):
        self.create("still")
        self.write("still", "then")
        self.delete_snapshots(
            self.snapshot_of("still", "cold", freeze="30").snapshot_id)
        for seconds in ("0", "601", "x", ""):
            self.assert_code(
                CODES.INVALID_ARGUMENT, self.controller.CreateSnapshot,
                self.snapshot_request("still", "other", freeze=seconds))
        self.delete("still")

    def test_a_delete_is_answered_when_the_share_says_so(self):
        self.create("kept")
        self.write("kept", "precious")
        snapshot = self.snapshot_of("kept", "going").snapshot_id
        request = self.pb.DeleteSnapshotRequest(snapshot_id=snapshot)
        with self.server_away():
            for _ in range(2):
                self.assertIn("pending", self.assert_code(
                    CODES.ABORTED, self.controller.DeleteSnapshot, request))
        self.assertEqual(self.snapshot_ids(snapshot_id=snapshot), [])
        self.delete_snapshots(snapshot)
        self.assertFalse(os.path.exists(
            f"{self.cluster.export}/.claimfs/snapshots/{snapshot}"))
        self.delete("kept")

    def test_a_name_is_for_one_snapshot(self):
        for name in ("one", "two"):
            self.create(name)
        name = "ü" * 64
        first = self.snapshot_of("one", name)
        self.assertEqual(self.snapshot_of("one", name, **{
            "csi.storage.k8s.io/volumesnapshot/name": "x"}), first)
        self.assert_code(CODES.ALREADY_EXISTS, self.controller.CreateSnapshot,
                         self.snapshot_request("two", name))
        self.restart_provisioner()
        self.assertEqual(self.snapshot_of("one", name), first)
        self.delete_snapshots(first.snapshot_id)
        second = self.snapshot_of("two", name)
        self.assertNotEqual(second.snapshot_id, first.snapshot_id)
        self.delete_snapshots(second.snapshot_id)
        for name in ("one", "two"):
            self.delete(name)


class FullShare(ControllerCase):
    """Orchestrators take RESOURCE_EXHAUSTED for the end: they neither ask again
    nor delete what they were never given."""

    @classmethod
    def start_lab(cls):
        cls.cluster.claim_folder()
        export = os.path.join(cls.cluster.folder, "export")
        os.mkdir(export)
        # Whatever is below the lab's folder is unmounted with it.
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none",
                        export], check=True, timeout=20)
        super().start_lab()

    def end_of(self, request):
        """The code of the answer that is more than that the work goes on."""
        try:
            self.settled(self.controller.CreateVolume, request)
        except grpc.RpcError as error:
            return error.code()
        return CODES.OK

    def copies(self):
        folder = os.path.join(self.cluster.export, ".claimfs", "copies")
        return os.listdir(folder) if os.path.exists(folder) else []

    def test_a_copy_without_room_leaves_nothing(self):
        original = self.create("original", size=20 << 20)
        path = os.path.join(self.folder_of(original), "large")
        with open(path, "wb") as f:
            f.write(bytes(16 << 20))
        request = self.create_request(
            "clone", size=20 << 20,
            volume_content_source=self.source(volume="original"))
        self.assertEqual(self.end_of(request), CODES.RESOURCE_EXHAUSTED)
        self.assertNotIn("clone", self.ctl("get", "pvc", "-n", NAMESPACE))
        wait_for(lambda: not self.copies(), "its copy to be gone")
        os.truncate(path, 1 << 20)
        self.assertEqual(self.end_of(request), CODES.OK)
        self.delete("clone")
        self.delete("original")
