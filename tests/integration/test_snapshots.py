# SPDX-License-Identifier: Apache-2.0
"""Snapshots, and claims that begin as a snapshot or another claim is."""

import contextlib
import glob
import json
import os
import shutil
import signal
import sqlite3

from lab import LabError, wait_for
from lab_case import CLAIM, LabCase


def tree(top):
    """{path: what it is}, of all that a copy has to keep."""
    found = {}
    for folder, folders, files in os.walk(top):
        for name in [*folders, *files]:
            path = os.path.join(folder, name)
            at = os.lstat(path)
            content = None
            if os.path.islink(path):
                content = os.readlink(path)
            elif name in files:
                with open(path, "rb") as f:
                    content = f.read()
            # Servers differ in whether a symlink's times can be set.
            mtime = None if os.path.islink(path) else at.st_mtime_ns
            found[os.path.relpath(path, top)] = (
                oct(at.st_mode), at.st_uid, at.st_gid, mtime, content)
    return found


class Snapshots(LabCase):

    @classmethod
    def set_up_lab(cls):
        cls.apply_class("fast")
        cls.apply_class("kept", trash_ttl="24h")

    # The record and the share

    def rows(self, table):
        path = f"file:{self.cluster.provisioner.state}/claimfs.db?mode=ro"
        with contextlib.closing(sqlite3.connect(path, uri=True,
                                                timeout=5)) as db:
            return db.execute(f"select * from {table}").fetchall()

    def hidden(self, *names):
        return os.path.join(self.cluster.export, ".claimfs", *names)

    def wait_until_clean(self):
        """No copy is left, in the record or on the share."""
        def is_clean():
            folder = self.hidden("copies")
            return not self.rows("copy") and (
                not os.path.isdir(folder) or not os.listdir(folder))
        wait_for(is_clean, "all copies to be made or gone", 30)

    def make_source(self, name, files=30):
        """A claim with some of everything; its volume's directory."""
        top = self.backing(self.apply_claim(name))
        os.makedirs(f"{top}/folder/empty")
        for number in range(files):
            with open(f"{top}/folder/{number}", "wb") as f:
                f.write(b"%d\n" % number * 1000)
        os.link(f"{top}/folder/0", f"{top}/again")
        os.symlink("folder/1", f"{top}/link")
        os.chmod(f"{top}/folder/0", 0o640)
        os.chown(f"{top}/folder/0", 1234, 5678)
        os.utime(f"{top}/folder", ns=(10**18 + 7, 10**18 + 9))
        return top

    def claim_from(self, name, source, size="1Gi", class_name="fast", more=""):
        self.ctl.apply(CLAIM.format(
            name=name, class_name=class_name, mode="ReadWriteMany",
            size=size) + f"  dataSource: {source}\n" + more)

    def events(self, name):
        return "".join(
            event["message"] for event in
            json.loads(self.ctl("get", "events", "-o", "json"))["items"]
            if event["involvedObject"]["name"] == name)

    # Clones

    def test_a_claim_begins_as_the_claim_that_it_names(self):
        source = self.make_source("origin")
        self.claim_from("twin", "{kind: PersistentVolumeClaim, name: origin}")
        claim = self.ctl.wait_phase("pvc", "twin", "Bound", seconds=30)
        twin = self.backing(claim["spec"]["volumeName"])
        self.assertEqual(tree(twin), tree(source))
        self.assertEqual(os.stat(f"{twin}/again").st_nlink, 2)
        with open(f"{twin}/folder/5", "w", encoding="utf-8") as f:
            f.write("mine")
        with open(f"{source}/folder/5", encoding="utf-8") as f:
            self.assertTrue(f.read().startswith("5\n"))
        self.wait_until_clean()

    def test_a_claim_waits_for_its_source(self):
        self.claim_from("early", "{kind: PersistentVolumeClaim, name: late}")
        wait_for(lambda: "error getting PVC late" in self.events("early"),
                 "the event", 10)
        self.make_source("late", files=2)
        self.ctl.wait_phase("pvc", "early", "Bound", seconds=60)
        self.ctl("delete", "pvc", "early", "late")
        self.wait_until_clean()

    def test_what_can_not_be_a_source_is_refused(self):
        self.make_source("large", files=1)
        for name, source, why, size in (
                ("thing", "{apiGroup: example.com, kind: Thing, name: x}",
                 "dataSource of kind", "1Gi"),
                ("small", "{kind: PersistentVolumeClaim, name: large}",
                 "greater than or equal in size", "1Mi")):
            self.claim_from(name, source, size)
            wait_for(lambda n=name, w=why: w in self.events(n), "the event",
                     10)
            self.assertEqual(json.loads(
                self.ctl("get", "pvc", name, "-o", "json"))["status"]["phase"],
                             "Pending")
            self.ctl("delete", "pvc", name)
        self.ctl("delete", "pvc", "large")

    def test_claimctl_clones_and_waits(self):
        source = self.make_source("model")
        out = self.ctl("clone", "model", "model-2", "--mode", "ReadWriteOnce")
        self.assertIn("persistentvolumeclaim/model-2 bound", out)
        claim = json.loads(self.ctl("get", "pvc", "model-2", "-o", "json"))
        self.assertEqual(claim["spec"]["accessModes"], ["ReadWriteOnce"])
        self.assertEqual(
            tree(self.backing(claim["spec"]["volumeName"])), tree(source))
        with self.assertRaisesRegex(LabError, "already exists"):
            self.ctl("clone", "model", "model-2")

    def test_what_could_never_be_cloned_is_refused(self):
        self.make_source("roomy")
        for args, why in (
                (("--size", "1Mi"), 'size "1Mi" must be at least 1Gi'),
                (("--size", "much"), 'size "much"'),
                (("--class", "nope"), '"nope" not found')):
            for more in ((), ("--dry-run",)):
                with self.subTest(args + more), \
                        self.assertRaisesRegex(LabError, why):
                    self.ctl("clone", "roomy", "cramped", *args, *more)
        self.assertIsNone(self.ctl.find("pvc", "cramped"))
        self.ctl("delete", "pvc", "roomy")

    # Snapshots

    def snapshot(self, name):
        return json.loads(self.ctl("get", f"snapshot/{name}", "-o", "json"))

    def test_a_snapshot_is_what_its_volume_was(self):
        source = self.make_source("data")
        before = tree(source)
        out = self.ctl("snapshot", "data", "first")
        self.assertIn("snapshot/first ready", out)
        found = self.snapshot("first")
        self.assertTrue(found["readyToUse"])
        self.assertEqual(found["claim"], "data")
        self.assertEqual(tree(self.hidden("snapshots", found["id"], "tree")),
                         before)
        self.wait_until_clean()
        # Its volume is one thing, the snapshot another.
        self.ctl("delete", "pvc", "data")
        self.ctl("restore", "snapshot/first", "--as", "back", "--class",
                 "kept")
        claim = json.loads(self.ctl("get", "pvc", "back", "-o", "json"))
        self.assertEqual(tree(self.backing(claim["spec"]["volumeName"])),
                         before)
        self.assertIn("first", self.ctl("get", "snapshots"))
        self.ctl("delete", "snapshot", "first")
        with self.assertRaisesRegex(LabError, "not found"):
            self.ctl("get", "snapshot", "first")
        self.wait_until_clean()
        self.assertEqual(
            [name for name in os.listdir(self.hidden("snapshots"))
             if found["id"] in name], [])

    def test_a_name_is_one_snapshots(self):
        self.make_source("one", files=1)
        self.make_source("two", files=1)
        self.ctl("snapshot", "one", "same")
        first = self.snapshot("same")["id"]
        self.ctl("snapshot", "one", "same")
        self.assertEqual(self.snapshot("same")["id"], first)
        with self.assertRaisesRegex(LabError, "is of volume"):
            self.ctl("snapshot", "two", "same")
        with self.assertRaisesRegex(LabError, "must be at most 253"):
            self.ctl("snapshot", "one", "No Name")
        self.ctl("delete", "snapshot/same")
        self.ctl("snapshot", "two", "same")
        self.assertNotEqual(self.snapshot("same")["id"], first)

    def test_a_manifest_names_a_snapshot_as_in_kubernetes(self):
        source = self.make_source("app", files=3)
        self.claim_from(
            "app-2", "{apiGroup: snapshot.storage.k8s.io, "
            "kind: VolumeSnapshot, name: app-s}")
        wait_for(lambda: "error getting snapshot app-s" in
                 self.events("app-2"), "the event", 10)
        before = tree(source)
        self.ctl("snapshot", "app", "app-s")
        claim = self.ctl.wait_phase("pvc", "app-2", "Bound", seconds=30)
        self.assertEqual(tree(self.backing(claim["spec"]["volumeName"])),
                         before)

    # What goes on meanwhile

    def make_large(self, name):
        """A claim whose copy takes a while."""
        top = self.backing(self.apply_claim(name))
        for number in range(40):
            os.makedirs(f"{top}/{number}")
            for file in range(100):
                with open(f"{top}/{number}/{file}", "wb") as f:
                    f.write(b"x" * 100)
        return top

    def copies(self):
        return json.loads(self.ctl("copies", "-o", "json"))["items"]

    def test_a_copy_is_stopped_resumed_and_cancelled(self):
        source = self.make_large("big")
        self.ctl("snapshot", "big", "slow", "--wait=false")
        name = self.snapshot("slow")["id"]
        self.ctl("copies", "stop", name)
        self.assertEqual([copy["state"] for copy in self.copies()],
                         ["stopped"])
        self.assertEqual(self.snapshot("slow")["state"], "stopped")
        # As long as it may be resumed, there is something to go on with.
        self.ctl("delete", "pvc", "big", "--wait=false")
        self.assertTrue(os.path.isdir(source))
        self.ctl("copies", "resume", "slow")
        wait_for(lambda: self.snapshot("slow")["readyToUse"],
                 "the snapshot", 60)
        wait_for(lambda: not os.path.lexists(source), "the volume to go", 60)
        self.ctl("restore", "snapshot/slow", "--as", "big-2", "--wait=false")
        wait_for(self.copies, "the copy to begin", 20)
        self.ctl("copies", "stop", "big-2")
        self.assertEqual([copy["state"] for copy in self.copies()],
                         ["stopped"])
        with self.assertRaisesRegex(LabError, "is being made from snapshot"):
            self.ctl("delete", "snapshot", "slow")
        with self.assertRaisesRegex(LabError, "nothing is copied for"):
            self.ctl("copies", "cancel", "other/big-2")
        self.ctl("copies", "cancel", "default/big-2")
        self.wait_until_clean()
        self.assertNotIn("big-2", self.ctl("get", "pvc"))
        self.ctl("delete", "snapshot", "slow")
        self.wait_until_clean()

    def test_a_restart_goes_on_where_it_was(self):
        source = self.make_large("huge")
        before = tree(source)
        self.ctl("snapshot", "huge", "whole", "--wait=false")
        wait_for(lambda: self.snapshot("whole")["files"] > 200 or
                 self.snapshot("whole")["readyToUse"], "some files", 30)
        provisioner = self.cluster.provisioner
        provisioner.process.stop(number=signal.SIGKILL)
        provisioner.start()
        wait_for(lambda: self.snapshot("whole")["readyToUse"],
                 "the snapshot", 60)
        self.ctl("restore", "snapshot/whole", "--as", "huge-2")
        claim = json.loads(self.ctl("get", "pvc", "huge-2", "-o", "json"))
        self.assertEqual(tree(self.backing(claim["spec"]["volumeName"])),
                         before)
        self.wait_until_clean()

    # What fits nothing

    def write_hidden(self, *names):
        os.makedirs(self.hidden(*names, "tree"))
        with open(self.hidden(*names, "tree", "file"), "wb") as f:
            f.write(b"x" * 100)

    def test_check_names_copies_that_are_nobodys_and_drops_them(self):
        self.make_large("busy")
        self.ctl("snapshot", "busy", "half", "--wait=false")
        half = self.snapshot("half")["id"]
        self.ctl("copies", "stop", half)
        with self.server_away():
            self.write_hidden("copies", "snap-orphan")
            self.write_hidden("copies", "pvc-old.dropped")
        found = self.ctl.run("check").stdout
        for name in ("snap-orphan", "pvc-old.dropped"):
            self.assertIn(f"has a copy {name} in .claimfs/copies", found)
        self.assertNotIn(half, found)
        asked = self.ctl.run("check", "--repair", "--yes")
        self.assertIn("remove what is left of copy snap-orphan", asked.stdout)
        wait_for(lambda: set(os.listdir(self.hidden("copies"))) <= {half},
                 "the orphans to go", 30)
        self.assertNotIn("cop", self.ctl.run("check").stdout)
        self.ctl("delete", "snapshot", "half")
        self.ctl("delete", "pvc", "busy")
        self.wait_until_clean()

    @contextlib.contextmanager
    def record_away(self):
        """The record, while nobody else has it."""
        provisioner = self.cluster.provisioner
        provisioner.process.stop()
        with contextlib.closing(sqlite3.connect(
                f"{provisioner.state}/claimfs.db")) as db, db:
            yield db
        provisioner.start()

    def test_check_names_what_a_share_has_lost(self):
        self.make_source("lossy", files=4)
        self.ctl("snapshot", "lossy", "taken")
        taken = self.snapshot("taken")["id"]
        with self.record_away() as db, self.server_away():
            db.execute("insert into copy (name, volume, source, target, state,"
                       " is_snapshot, files, bytes)"
                       " select 'pvc-none', volume, detail, detail, 'whole', 0, 0, 0"
                       " from snapshot where id = ?", (taken,))
            shutil.rmtree(self.hidden("snapshots", taken))
        found = self.ctl.run("check").stdout
        self.assertIn("copy pvc-none is whole, but share", found)
        self.assertIn(f"snapshot {taken} (default/taken) has lost", found)
        with self.record_away() as db:
            db.execute("delete from copy where name = 'pvc-none'")
        self.ctl("delete", "snapshot", "taken")
        self.ctl("delete", "pvc", "lossy")
        self.wait_until_clean()

    # The record

    def test_snapshots_are_made_again_from_the_share(self):
        source = self.make_source("lost", files=4)
        before = tree(source)
        self.ctl("snapshot", "lost", "found")
        known = self.snapshot("found")
        provisioner = self.cluster.provisioner
        provisioner.process.stop()
        for path in glob.glob(f"{provisioner.state}/claimfs.db*"):
            os.unlink(path)
        provisioner.start()
        self.set_up_lab()
        self.assertNotIn("found", self.ctl("get", "snapshots", "-A"))
        server = self.cluster.server
        out = self.ctl(
            "recover", "--server", "127.0.0.1", "--share",
            self.cluster.export, "--options",
            f"port={server.port},mountport={server.mount_port}")
        self.assertIn(f"snapshot {known['id']}: recovered", out)
        for key in ("filesPerSecond", "bytesPerSecond"):
            known.pop(key)
        again = self.snapshot("found")
        self.assertEqual({key: again[key] for key in known}, known)
        self.ctl("restore", "snapshot/found", "--as", "lost-2")
        claim = json.loads(self.ctl("get", "pvc", "lost-2", "-o", "json"))
        self.assertEqual(tree(self.backing(claim["spec"]["volumeName"])),
                         before)
