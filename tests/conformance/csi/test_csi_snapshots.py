# SPDX-License-Identifier: Apache-2.0
"""Snapshots, and volumes that begin as a copy of one or of another volume."""

import os
import subprocess
import sys

from controller_case import CODES, GIB, NAMESPACE, SECONDS, TIMES, ControllerCase
from lab import wait_for
from lab_case import TESTS

sys.path.insert(0, os.path.join(TESTS, "suites"))

from tree import change_tree, make_tree  # noqa: E402

# nfs-ganesha sets the times of a symlink to now, whatever it is asked for.
RSYNC = ("rsync", "--archive", "--hard-links", "--acls", "--xattrs", "--checksum",
         "--omit-link-times", "--delete", "--dry-run", "--itemize-changes")


class CopyCase(ControllerCase):

    @classmethod
    def filled(cls, name):
        """A volume with a tree of everything, and where that is."""
        volume = cls.create(name)
        make_tree(cls.folder_of(volume) + "/tree", n=60)
        return volume

    def assert_same(self, one, other):
        found = subprocess.run([*RSYNC, one + "/", other + "/"], text=True,
                               stdout=subprocess.PIPE, check=True, timeout=60)
        self.assertEqual(found.stdout[:2000], "")

    def copy_of(self, name, source, **changes):
        return self.create(name, volume_content_source=source, **changes)


class Snapshots(CopyCase):

    needs = ("CREATE_DELETE_SNAPSHOT", "LIST_SNAPSHOTS", "GET_SNAPSHOT")

    @classmethod
    def set_up_lab(cls):
        cls.volume = cls.create("source").volume_id
        cls.other = cls.create("other").volume_id

    def test_its_codes(self):
        made = self.snapshot_of(self.volume, "coded")
        for code, volume, name, parameters in (
                (CODES.INVALID_ARGUMENT, self.volume, "", {}),
                (CODES.INVALID_ARGUMENT, self.volume, "x" * 129, {}),
                (CODES.INVALID_ARGUMENT, self.volume, "a\x02b", {}),
                (CODES.INVALID_ARGUMENT, "", "x", {}),
                (CODES.INVALID_ARGUMENT, self.volume, "x", {"colour": "red"}),
                (CODES.NOT_FOUND, "nobody", "x", {}),
                (CODES.ALREADY_EXISTS, self.other, "coded", {})):
            with self.subTest(volume=volume, name=name):
                self.assert_code(
                    code, self.controller.CreateSnapshot,
                    self.snapshot_request(volume, name, **parameters))
        self.assert_code(CODES.INVALID_ARGUMENT,
                         self.controller.DeleteSnapshot,
                         self.pb.DeleteSnapshotRequest())
        for snapshot, code in (("", CODES.INVALID_ARGUMENT),
                               ("nobody", CODES.NOT_FOUND)):
            self.assert_code(code, self.controller.GetSnapshot,
                             self.pb.GetSnapshotRequest(snapshot_id=snapshot))
        self.delete_snapshots("nobody", "../..", made.snapshot_id)

    def test_ten_equal_requests_make_one(self):
        made = [self.snapshot_of(self.volume, "again") for _ in range(TIMES)]
        self.assertEqual(made, made[:1] * TIMES)
        self.assertEqual(self.snapshot_ids(), [made[0].snapshot_id])
        self.assertEqual(made[0].source_volume_id, self.volume)
        self.assertGreater(made[0].creation_time.seconds, 1_700_000_000)
        self.assertRegex(made[0].snapshot_id, r"^[A-Za-z0-9._-]{1,128}$")
        got = self.controller.GetSnapshot(
            self.pb.GetSnapshotRequest(snapshot_id=made[0].snapshot_id),
            timeout=SECONDS)
        self.assertEqual(got.snapshot, made[0])
        self.delete_snapshots(*[made[0].snapshot_id] * TIMES)
        self.assertEqual(self.snapshot_ids(), [])

    def test_names_are_any_text(self):
        names = ("n" * 127 + "a", "n" * 127 + "b", "ü" * 64, "../../etc", "/")
        ids = [self.snapshot_of(self.volume, name).snapshot_id
               for name in names]
        self.assertEqual(len(set(ids)), len(names))
        self.delete_snapshots(*ids)

    def test_lists_are_chosen_from_and_paged(self):
        ids = [self.snapshot_of(self.volume, f"p{number}").snapshot_id
               for number in range(5)]
        lone = self.snapshot_of(self.other, "lone").snapshot_id
        for size in (1, 2, 5, 6, 7):
            found = [entry.snapshot.snapshot_id for page in
                     self.pages(self.controller.ListSnapshots,
                                self.pb.ListSnapshotsRequest, size)
                     for entry in page]
            self.assertEqual(sorted(found), sorted([*ids, lone]))
        self.assertEqual(sorted(self.snapshot_ids(source_volume_id=self.volume)),
                         sorted(ids))
        self.assertEqual(self.snapshot_ids(snapshot_id=lone), [lone])
        self.assertEqual(self.snapshot_ids(snapshot_id="nobody"), [])
        self.assertEqual(self.snapshot_ids(source_volume_id="nobody"), [])
        self.assertEqual(self.snapshot_ids(snapshot_id=lone,
                                     source_volume_id=self.volume), [])
        self.assert_code(CODES.ABORTED, self.controller.ListSnapshots,
                         self.pb.ListSnapshotsRequest(starting_token="junk"))
        self.delete_snapshots(*ids, lone)

    def test_many_in_flight(self):
        requests = [self.snapshot_request(self.volume, f"crowd-{number % 20}")
                    for number in range(40)]
        self.all_settled(self.controller.CreateSnapshot, requests)
        ids = {self.snapshot_of(self.volume, f"crowd-{number}").snapshot_id
               for number in range(20)}
        self.assertEqual(set(self.snapshot_ids()), ids)
        self.delete_snapshots(*ids)
        kept = self.cluster.export + "/.claimfs/snapshots"
        wait_for(lambda: os.listdir(kept) == [], "the share to be empty",
                 seconds=30)


class Copies(CopyCase):

    needs = ("CREATE_DELETE_SNAPSHOT", "CLONE_VOLUME")

    def test_a_snapshot_outlives_its_volume(self):
        volume = self.filled("mortal")
        kept = os.path.join(self.folder, "kept")
        subprocess.run(["cp", "-a", self.folder_of(volume), kept], check=True)
        snapshot = self.snapshot_of(volume.volume_id, "immortal").snapshot_id
        change_tree(self.folder_of(volume) + "/tree")
        self.delete(volume.volume_id)
        for name in ("first", "second"):
            restored = self.copy_of(name, self.source(snapshot))
            self.assertEqual(restored.content_source, self.source(snapshot))
            self.assert_same(kept, self.folder_of(restored))
            self.delete(restored.volume_id)
        self.delete_snapshots(snapshot)

    def test_a_clone_is_equal_and_on_its_own(self):
        volume = self.filled("model")
        source = self.source(volume=volume.volume_id)
        clones = [self.copy_of("clone", source) for _ in range(TIMES)]
        self.assertEqual(clones, clones[:1] * TIMES)
        self.assertEqual(clones[0].content_source, source)
        self.assert_same(self.folder_of(volume), self.folder_of(clones[0]))
        self.delete(volume.volume_id)
        self.assertTrue(os.path.isdir(self.folder_of(clones[0]) + "/tree"))
        self.delete(clones[0].volume_id)

    def test_its_codes(self):
        wire = self.pb.VolumeContentSource
        for code, source in (
                (CODES.NOT_FOUND, self.source("nobody")),
                (CODES.NOT_FOUND, self.source(volume="nobody")),
                (CODES.INVALID_ARGUMENT, wire()),
                (CODES.INVALID_ARGUMENT,
                 wire(snapshot=wire.SnapshotSource())),
                (CODES.INVALID_ARGUMENT, wire(volume=wire.VolumeSource()))):
            with self.subTest(source):
                self.assert_code(code, self.controller.CreateVolume,
                                 self.create_request(
                                     "copy", volume_content_source=source))
        self.assertIsNone(self.ctl.find("pvc", "copy", NAMESPACE))

    def test_a_copy_has_room_for_all_that_is_copied(self):
        volume = self.create("roomy", size=2 * GIB).volume_id
        snapshot = self.snapshot_of(volume, "roomy").snapshot_id
        for source in (self.source(snapshot), self.source(volume=volume)):
            self.assert_code(CODES.OUT_OF_RANGE, self.controller.CreateVolume,
                             self.create_request(
                                 "copy", limit=GIB,
                                 volume_content_source=source))
            copy = self.copy_of("copy", source, size=GIB)
            self.assertGreaterEqual(copy.capacity_bytes, 2 * GIB)
            self.delete(copy.volume_id)
        self.delete_snapshots(snapshot)
        self.delete(volume)

    def test_the_same_name_from_elsewhere_exists_already(self):
        volume = self.create("one").volume_id
        plain = self.create("plain").volume_id
        copy = self.copy_of("copied", self.source(volume=volume)).volume_id
        for name, changes in (
                ("copied", {}),
                ("copied",
                 {"volume_content_source": self.source(volume=plain)}),
                ("plain",
                 {"volume_content_source": self.source(volume=volume)})):
            self.assert_code(CODES.ALREADY_EXISTS,
                             self.controller.CreateVolume,
                             self.create_request(name, **changes))
        self.delete(volume, plain, copy)
