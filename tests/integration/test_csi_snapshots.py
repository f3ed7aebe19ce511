# SPDX-License-Identifier: Apache-2.0
"""CSI Controller: snapshots, and volumes that begin as one or as another volume."""

import os
import subprocess

from csi_case import CODES, SECONDS, ControllerCase, grpc
from lab import wait_for

NAMESPACE = "claimfs-csi"


class Snapshots(ControllerCase):

    def snapshot_request(self, volume, name, **parameters):
        return self.pb.CreateSnapshotRequest(
            source_volume_id=volume, name=name, parameters=parameters)

    def snapshot(self, *args, **parameters):
        """Ready to use."""
        request = self.snapshot_request(*args, **parameters)

        def ready():
            found = self.controller.CreateSnapshot(
                request, timeout=SECONDS).snapshot
            return found if found.ready_to_use else None
        return wait_for(ready, "the snapshot", seconds=30)

    def delete_snapshot(self, snapshot):
        self.controller.DeleteSnapshot(
            self.pb.DeleteSnapshotRequest(snapshot_id=snapshot),
            timeout=SECONDS)

    def list(self, **request):
        return self.controller.ListSnapshots(
            self.pb.ListSnapshotsRequest(**request), timeout=SECONDS)

    def source(self, snapshot=None, volume=None):
        source = self.pb.VolumeContentSource
        if snapshot is not None:
            return source(snapshot=source.SnapshotSource(snapshot_id=snapshot))
        return source(volume=source.VolumeSource(volume_id=volume))

    def create_patiently(self, name, **changes):
        """Copying may take longer than a call."""
        def made():
            try:
                return self.create(name, **changes)
            except grpc.RpcError as error:
                if error.code() != CODES.ABORTED:
                    raise
                return None
        return wait_for(made, "the volume", seconds=60)

    def write(self, volume, text):
        with open(self.backing(volume) + "/file", "w", encoding="ascii") as f:
            f.write(text)

    def read(self, volume):
        with open(self.backing(volume) + "/file", encoding="ascii") as f:
            return f.read()

    def test_a_volume_begins_as_a_snapshot_was(self):
        self.create("source", size=5 << 20)
        self.write("source", "then")
        snapshot = self.snapshot("source", "s")
        self.assertEqual(snapshot.source_volume_id, "source")
        self.assertEqual(snapshot.size_bytes, 5 << 20)
        self.assertTrue(snapshot.creation_time.seconds)
        self.write("source", "now")
        source = self.source(snapshot=snapshot.snapshot_id)
        volume = self.create_patiently("copy", size=0,
                                       volume_content_source=source)
        self.assertEqual(volume.content_source, source)
        self.assertEqual(volume.capacity_bytes, 5 << 20)
        self.assertEqual(self.read("copy"), "then")
        # Nobody depends on anybody any more.
        self.delete("source")
        self.delete_snapshot(snapshot.snapshot_id)
        again = self.create("copy", size=0, volume_content_source=source)
        self.assertEqual(again, volume)
        self.assert_code(CODES.ALREADY_EXISTS, self.controller.CreateVolume,
                         self.create_request("copy", size=0))
        self.delete("copy")

    def test_a_volume_begins_as_another_one_is(self):
        self.create("original")
        self.write("original", "text")
        source = self.source(volume="original")
        volume = self.create_patiently("clone", volume_content_source=source)
        self.assertEqual(volume.content_source, source)
        self.assertEqual(self.read("clone"), "text")
        self.delete("original")
        self.delete("clone")

    def test_a_claims_volume_is_a_source_as_well(self):
        self.apply_class()
        volume = self.apply_claim("mine", size="2Mi")
        self.write(volume, "mine")
        self.create_patiently("theirs", size=0, limit=4 << 20,
                              volume_content_source=self.source(volume=volume))
        self.assertEqual(self.read("theirs"), "mine")
        snapshot = self.snapshot(volume, "of a claim")
        self.delete_snapshot(snapshot.snapshot_id)
        self.delete("theirs")
        self.ctl("delete", "pvc", "mine")

    def test_a_frozen_snapshot_says_for_how_long_at_most(self):
        self.create("still")
        self.write("still", "then")
        self.delete_snapshot(
            self.snapshot("still", "cold", freeze="30").snapshot_id)
        for seconds in ("0", "601", "x", ""):
            with self.assertRaises(grpc.RpcError) as raised:
                self.controller.CreateSnapshot(self.snapshot_request(
                    "still", "other", freeze=seconds), timeout=SECONDS)
            self.assertEqual(raised.exception.code(), CODES.INVALID_ARGUMENT)

    def test_a_delete_is_answered_when_the_share_says_so(self):
        self.create("kept")
        self.write("kept", "precious")
        snapshot = self.snapshot("kept", "going").snapshot_id
        request = self.pb.DeleteSnapshotRequest(snapshot_id=snapshot)
        with self.server_away():
            for _ in range(2):
                self.assertIn("pending", self.assert_code(
                    CODES.ABORTED, self.controller.DeleteSnapshot, request))
        self.assertEqual(list(self.list(snapshot_id=snapshot).entries), [])

        def is_deleted():
            try:
                self.delete_snapshot(snapshot)
            except grpc.RpcError as error:
                self.assertEqual(error.code(), CODES.ABORTED)
                return False
            return True
        wait_for(is_deleted, "the delete", seconds=60)
        self.assertFalse(os.path.exists(
            f"{self.cluster.export}/.claimfs/snapshots/{snapshot}"))
        self.delete("kept")

    def test_a_name_is_for_one_snapshot(self):
        for name in ("one", "two"):
            self.create(name)
        name = "ü" * 64
        first = self.snapshot("one", name)
        self.assertEqual(self.snapshot("one", name, **{
            "csi.storage.k8s.io/volumesnapshot/name": "x"}), first)
        self.assert_code(CODES.ALREADY_EXISTS, self.controller.CreateSnapshot,
                         self.snapshot_request("two", name))
        self.restart_provisioner()
        self.assertEqual(self.snapshot("one", name), first)
        for _ in range(2):
            self.delete_snapshot(first.snapshot_id)
        second = self.snapshot("two", name)
        self.assertNotEqual(second.snapshot_id, first.snapshot_id)
        self.delete_snapshot(second.snapshot_id)
        for name in ("one", "two"):
            self.delete(name)

    def test_what_is_wrong_is_refused(self):
        self.create("right", size=2 << 20)
        snapshot = self.snapshot("right", "right")
        create = self.controller.CreateSnapshot
        for code, request in (
                (CODES.NOT_FOUND, self.snapshot_request("nothing", "n")),
                (CODES.INVALID_ARGUMENT, self.snapshot_request("", "n")),
                (CODES.INVALID_ARGUMENT, self.snapshot_request("right", "")),
                (CODES.INVALID_ARGUMENT,
                 self.snapshot_request("right", "x" * 129)),
                (CODES.INVALID_ARGUMENT,
                 self.snapshot_request("right", "n", colour="red"))):
            self.assert_code(code, create, request)
        for code, changes in (
                (CODES.NOT_FOUND, {"volume_content_source":
                                   self.source(snapshot="no-such")}),
                (CODES.NOT_FOUND, {"volume_content_source":
                                   self.source(volume="no-such")}),
                (CODES.INVALID_ARGUMENT, {"volume_content_source":
                                          self.source(volume="")}),
                (CODES.INVALID_ARGUMENT, {"volume_content_source":
                                          self.pb.VolumeContentSource()}),
                (CODES.OUT_OF_RANGE, {
                    "size": 0, "limit": 1 << 20, "volume_content_source":
                    self.source(snapshot=snapshot.snapshot_id)})):
            self.assert_code(code, self.controller.CreateVolume,
                             self.create_request("wrong", **changes))
        self.assertIsNone(self.ctl.find("pvc", "wrong", NAMESPACE))
        self.assert_code(CODES.INVALID_ARGUMENT, self.controller.DeleteSnapshot,
                         self.pb.DeleteSnapshotRequest())
        self.delete_snapshot("no-such")
        get = self.controller.GetSnapshot
        self.assert_code(CODES.INVALID_ARGUMENT, get,
                         self.pb.GetSnapshotRequest())
        self.assert_code(CODES.NOT_FOUND, get,
                         self.pb.GetSnapshotRequest(snapshot_id="no-such"))
        self.assertEqual(get(self.pb.GetSnapshotRequest(
            snapshot_id=snapshot.snapshot_id), timeout=SECONDS).snapshot,
            snapshot)
        self.delete_snapshot(snapshot.snapshot_id)
        self.delete("right")

    def test_snapshots_are_listed_page_by_page(self):
        for name in ("left", "right"):
            self.create(name)
        made = {self.snapshot(name, f"{name}-{i}").snapshot_id: name
                for name in ("left", "right") for i in range(3)}
        found = [e.snapshot.snapshot_id for e in self.list().entries]
        self.assertEqual(found, sorted(made))
        names, token = [], ""
        while True:
            page = self.list(max_entries=2, starting_token=token)
            self.assertEqual(len(page.entries), 2)
            names += [e.snapshot.snapshot_id for e in page.entries]
            token = page.next_token
            if not token:
                break
        self.assertEqual(names, found)
        of_left = self.list(source_volume_id="left")
        self.assertEqual([e.snapshot.snapshot_id for e in of_left.entries],
                         [i for i in found if made[i] == "left"])
        one = self.list(snapshot_id=found[0])
        self.assertEqual([e.snapshot.snapshot_id for e in one.entries],
                         found[:1])
        for request in ({"snapshot_id": "no"}, {"source_volume_id": "no"}):
            self.assertEqual(list(self.list(**request).entries), [])
        self.assert_code(CODES.ABORTED, self.controller.ListSnapshots,
                         self.pb.ListSnapshotsRequest(
                             starting_token="invalid-token"))
        for snapshot in found:
            self.delete_snapshot(snapshot)
        self.assertEqual(list(self.list().entries), [])
        for name in ("left", "right"):
            self.delete(name)
        wait_for(lambda: os.listdir(self.cluster.export + "/.claimfs/snapshots")
                 == [], "the share to be empty", seconds=30)


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

    def answer(self, request):
        """Its code, when it is more than that the work goes on."""
        try:
            self.controller.CreateVolume(request, timeout=SECONDS)
            return CODES.OK
        except grpc.RpcError as error:
            return None if error.code() == CODES.ABORTED else error.code()

    def settled(self, request):
        return wait_for(lambda: self.answer(request), "an answer", 60)

    def copies(self):
        folder = os.path.join(self.cluster.export, ".claimfs", "copies")
        return os.listdir(folder) if os.path.exists(folder) else []

    def test_a_copy_without_room_leaves_nothing(self):
        original = self.create("original", size=20 << 20)
        path = os.path.join(self.cluster.export,
                            original.volume_context["subDir"], "large")
        with open(path, "wb") as f:
            f.write(bytes(16 << 20))
        source = self.pb.VolumeContentSource
        request = self.create_request(
            "clone", size=20 << 20, volume_content_source=source(
                volume=source.VolumeSource(volume_id="original")))
        self.assertEqual(self.settled(request), CODES.RESOURCE_EXHAUSTED)
        self.assertNotIn("clone", self.ctl("get", "pvc", "-n", NAMESPACE))
        wait_for(lambda: not self.copies(), "its copy to be gone")
        os.truncate(path, 1 << 20)
        self.assertEqual(self.settled(request), CODES.OK)
        self.delete("clone")
        self.delete("original")
