# SPDX-License-Identifier: Apache-2.0
"""What becomes of the directories of deleted claims: the trash, and its removal in
the background."""

import contextlib
import json
import os
import sqlite3
import subprocess
import threading

from lab import LabError, wait_for
from lab_case import CLAIM, LabCase


class TrashCase(LabCase):
    """Looks into the record and the share."""

    @classmethod
    def set_up_lab(cls):
        cls.apply_class("kept", trash_ttl="24h")
        cls.apply_class("gone", trash_ttl="0")

    def rows(self, columns="volume, state"):
        path = f"file:{self.cluster.provisioner.state}/claimfs.db?mode=ro"
        with contextlib.closing(sqlite3.connect(path, uri=True,
                                                timeout=5)) as db:
            return db.execute(f"select {columns} from trash").fetchall()

    def expire(self, volume):
        path = f"{self.cluster.provisioner.state}/claimfs.db"
        with contextlib.closing(sqlite3.connect(path, timeout=10)) as db, db:
            db.execute("update trash set expires = 1 where volume = ?",
                       (volume,))

    def trash(self, name=""):
        return os.path.join(self.cluster.export, ".claimfs/trash", name)

    def fill(self, volume, files=20, folders=3):
        for folder in range(folders):
            top = f"{self.backing(volume)}/{folder}"
            os.makedirs(top)
            for number in range(files):
                with open(f"{top}/{number}", "wb") as f:
                    f.write(bytes(5000))

    def delete_claim(self, name, volume):
        self.ctl("delete", "pvc", name)
        self.ctl.wait_phase("pv", volume, None, seconds=30)

    def make_trashed(self, name, **kind):
        volume = self.apply_claim(name, "kept")
        self.fill(volume, **kind)
        self.delete_claim(name, volume)
        return volume

    def wait_until_gone(self, volume, seconds=30):
        def is_gone():
            return not os.path.lexists(self.trash(volume)) and \
                not os.path.lexists(self.trash(volume + ".json")) and \
                volume not in [row[0] for row in self.rows()]
        wait_for(is_gone, f"{volume} to leave the trash", seconds)


class FullTrash(TrashCase):
    """There is no room to say in the trash what lies there."""

    @classmethod
    def start_lab(cls):
        cls.cluster.claim_folder()
        export = os.path.join(cls.cluster.folder, "export")
        os.mkdir(export)
        # Whatever is below the lab's folder is unmounted with it.
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none",
                        export], check=True, timeout=20)
        super().start_lab()

    def fill_share(self, volume):
        with open(f"{self.backing(volume)}/large", "wb", buffering=0) as f, \
                contextlib.suppress(OSError):
            while True:
                f.write(bytes(4096))
        self.assertEqual(os.statvfs(self.cluster.export).f_bfree, 0)

    def test_what_filled_the_share_is_removed(self):
        volume = self.apply_claim("removed", "gone")
        self.fill_share(volume)
        self.delete_claim("removed", volume)
        self.wait_until_gone(volume)

    def test_what_filled_the_share_is_in_the_trash_until_that_is_emptied(self):
        volume = self.apply_claim("emptied", "kept")
        self.fill_share(volume)
        self.delete_claim("emptied", volume)
        self.assertIn(volume, self.ctl("trash"))
        self.ctl("trash", "empty", volume)
        self.wait_until_gone(volume)

    def test_what_filled_the_share_can_be_restored(self):
        volume = self.apply_claim("restored", "kept")
        self.fill_share(volume)
        self.delete_claim("restored", volume)
        with self.assertRaisesRegex(LabError, "No space left on device"):
            self.ctl("restore", volume)
        self.assertTrue(os.path.exists(self.trash(volume + "/large")))
        os.truncate(self.trash(volume + "/large"), 4096)
        self.ctl("restore", volume)
        self.assertTrue(os.path.exists(f"{self.backing(volume)}/large"))
        self.ctl("delete", "pv", volume)


class Trash(TrashCase):
    test_seconds = 300  # no test has a pod, so nothing can hang on a mount

    def test_a_deleted_claims_data_lies_in_the_trash_for_a_day(self):
        volume = self.make_trashed("day")
        self.assertFalse(os.path.lexists(self.backing(volume)))
        self.assertEqual(sorted(os.listdir(self.trash(volume))),
                         ["0", "1", "2"])
        [times] = [row[1:] for row in self.rows("volume, expires - trashed")
                   if row[0] == volume]
        self.assertEqual(times, (86400,))
        self.assertIn("VolumeTrashed", self.ctl("get", "events", "-A", "-o",
                                                "json"))

    def test_its_descriptor_says_what_it_was(self):
        volume = self.make_trashed("described")
        with open(self.trash(volume + ".json"), encoding="utf-8") as f:
            found = json.load(f)
        self.assertEqual(found["claim"]["name"], "described")
        self.assertEqual(found["path"], volume)
        self.assertEqual(found["fileid"],
                         str(os.stat(self.trash(volume)).st_ino))
        self.assertEqual(found["trash"]["object"]["spec"]["claimRef"]["name"],
                         "described")

    def test_what_is_in_the_trash_is_counted(self):
        volume = self.apply_claim("counted", "kept")
        with self.server_away():
            self.fill(volume, files=20, folders=3)
        self.delete_claim("counted", volume)

        def count():
            return [row[1:] for row in self.rows("volume, files, bytes")
                    if row[0] == volume][0]
        wait_for(lambda: count()[0] is not None, "the count")
        self.assertEqual(count()[0], 60 + 3 + 1)
        self.assertGreaterEqual(count()[1], 60 * 4096)

    def test_with_a_ttl_of_0_a_volume_is_gone_when_its_data_is(self):
        volume = self.apply_claim("brief", "gone")
        self.fill(volume, files=100)
        self.delete_claim("brief", volume)
        self.assertFalse(os.path.lexists(self.backing(volume)))
        self.assertFalse(os.path.lexists(self.trash(volume)))
        self.wait_until_gone(volume, 5)

    def test_many_names_at_every_level_are_removed(self):
        volume = self.apply_claim("broad", "gone")
        for number in range(40):
            top = f"{self.backing(volume)}/{number}"
            for path in (f"{top}/a/b", f"{top}/c", f"{top}/d/e/f/g"):
                os.makedirs(path)
                os.symlink("/etc/passwd", f"{path}/link")
                os.mkfifo(f"{path}/fifo")
                os.link(f"{path}/fifo", f"{path}/second")
        self.fill(volume + "/0", files=700)
        self.delete_claim("broad", volume)
        self.wait_until_gone(volume, 5)
        self.assertTrue(os.path.exists("/etc/passwd"))

    def test_claims_are_bound_while_a_large_one_is_removed(self):
        volume = self.apply_claim("large", "gone")
        self.fill(volume, files=1500, folders=2)
        self.ctl("delete", "pvc", "large", "--wait=false")
        self.apply_claim("meanwhile", "gone")
        self.ctl.wait_phase("pv", volume, None, seconds=60)

    def test_a_restart_goes_on_where_it_was(self):
        volume = self.apply_claim("restarted", "gone")
        self.fill(volume, files=1000, folders=3)
        self.ctl("delete", "pvc", "restarted", "--wait=false")
        wait_for(lambda: (volume, "removing") in self.rows(), "its removal")
        provisioner = self.cluster.provisioner
        provisioner.process.stop()
        self.assertTrue(os.path.exists(self.trash(volume)))
        provisioner.start()
        self.ctl.wait_phase("pv", volume, None, seconds=60)
        self.wait_until_gone(volume, 5)

    def test_a_volume_tells_how_far_its_removal_is(self):
        volume = self.apply_claim("telling", "gone")
        with self.server_away():
            self.fill(volume, files=4000, folders=2)
        seen = set()

        def look():
            with contextlib.suppress(LabError):
                found = self.ctl.find("pv", volume)
                seen.add((found or {}).get("status", {}).get("message", ""))
            return self.ctl.phase("pv", volume) is None
        self.ctl("delete", "pvc", "telling", "--wait=false")
        wait_for(lambda: (volume, "removing") in self.rows(), "its removal")
        self.ctl("trash", "stop", volume)
        look()
        self.assertTrue(any("files, " in text and "removed" in text
                            for text in seen), seen)
        # Only what goes on for longer is worth the time that counting takes.
        self.assertIsNone(self.item(volume).get("files"))
        self.ctl("trash", "resume", volume)
        wait_for(look, "the volume to go", 90)
        self.assertTrue(any("of 8003 files" in text for text in seen), seen)

    def test_a_tenant_who_goes_on_writing_does_not_stop_it(self):
        volume = self.apply_claim("busy", "gone")
        self.fill(volume, files=400)
        top = self.trash(volume)
        self.ctl("delete", "pvc", "busy", "--wait=false")
        wait_for(lambda: os.path.exists(top), "it to be in the trash")
        stop = threading.Event()

        def rearrange():
            for number in range(200):
                with contextlib.suppress(OSError):
                    os.makedirs(f"{top}/new{number}/x")
                    os.rename(f"{top}/new{number}", f"{top}/1/moved{number}")
                if stop.is_set():
                    return
        tenant = threading.Thread(target=rearrange)
        tenant.start()
        try:
            self.ctl.wait_phase("pv", volume, None, seconds=60)
        finally:
            stop.set()
            tenant.join()

    def test_a_name_of_255_bytes_is_removed(self):
        volume = self.apply_claim("wide", "gone")
        os.makedirs(f"{self.backing(volume)}/{'d' * 255}")
        for name in ("f" * 255, "\u00e9" * 127, "line\nbreak", "\x01\x7f"):
            with open(f"{self.backing(volume)}/{'d' * 255}/{name}", "wb"):
                pass
        self.delete_claim("wide", volume)

    def test_a_claim_of_the_same_name_gets_a_directory_of_its_own(self):
        first = self.apply_claim("twice", "kept")
        self.fill(first)
        self.ctl("delete", "pvc", "twice")
        second = self.apply_claim("twice", "kept")
        self.assertNotEqual(first, second)
        self.ctl.wait_phase("pv", first, None)
        self.assertEqual(os.listdir(self.backing(second)), [])
        self.assertTrue(os.path.exists(self.trash(f"{first}/0/0")))

    # The verbs

    def item(self, volume):
        items = json.loads(self.ctl("trash", "-o", "json"))["items"]
        return [item for item in items if item["volume"] == volume][0]

    def dry_run(self, kind, name):
        return self.ctl("delete", kind, name, "--dry-run")

    def test_a_dry_run_says_how_much_would_go_and_where(self):
        volume = self.apply_claim("looked", "kept")
        with self.server_away():
            self.fill(volume, files=20, folders=3)
        out = self.dry_run("pvc", "looked")
        self.assertIn('persistentvolumeclaim "looked" would be deleted', out)
        self.assertIn(f"directory {volume} on share {self.cluster.export} of "
                      "server 127.0.0.1 (64 files, ", out)
        self.assertIn("would lie in the trash until 20", out)
        self.assertIn("when claim default/looked is gone, directory",
                      self.dry_run("pv", volume))
        self.assertEqual(self.ctl.phase("pvc", "looked"), "Bound")
        self.assertEqual(len(os.listdir(self.backing(volume))), 3)
        self.assertIn("persistentvolumeclaims \"nobody\" not found",
                      self.ctl.run("delete", "pvc", "nobody",
                                   "--dry-run").stderr)

    def test_what_has_two_names_counts_once(self):
        volume = self.apply_claim("linked", "kept")
        first = f"{self.backing(volume)}/first"
        with self.server_away(), open(first, "wb") as f:
            f.write(os.urandom(1 << 20))
            os.fsync(f.fileno())
            os.link(first, f"{self.backing(volume)}/second")
        self.assertIn("(3 files, 1.0 MiB)", self.dry_run("pvc", "linked"))

    def test_a_dry_run_says_what_would_stay(self):
        retained = self.apply_claim("retained", "kept")
        self.patch(f"persistentvolumes/{retained}", {
            "spec": {"persistentVolumeReclaimPolicy": "Retain"}})
        self.assertIn("would stay: the volume's reclaim policy is Retain",
                      self.dry_run("pvc", "retained"))
        foreign = self.apply_claim("foreign", "kept")
        os.unlink(f"{self.cluster.export}/.claimfs/volumes/{foreign}.json")
        self.cluster.server.stop()
        self.cluster.server.start()
        self.assertIn("would stay: nothing on the share says",
                      self.dry_run("pvc", "foreign"))
        self.apply_claim("quick", "gone")
        self.assertIn("(1 file, 0 B) would be removed at once",
                      self.dry_run("pvc", "quick"))

    def test_a_restored_volume_is_there_for_its_claim_again(self):
        volume = self.make_trashed("back")
        self.assertIn(volume, self.ctl("trash"))
        out = self.ctl("restore", "--dry-run", volume)
        self.assertIn("would be restored", out)
        self.assertTrue(os.path.exists(self.trash(volume)))
        self.assertIn("default/back", self.ctl("restore", volume))
        self.ctl.wait_phase("pv", volume, "Available")
        self.wait_until_gone(volume, 5)
        self.assertEqual(self.apply_claim("back", "kept"), volume)
        self.assertTrue(os.path.exists(self.backing(f"{volume}/2/19")))
        # And it can be deleted as before.
        self.delete_claim("back", volume)
        self.assertTrue(os.path.exists(self.trash(f"{volume}/2/19")))

    def test_what_is_emptied_is_removed_before_its_time(self):
        volume = self.make_trashed("early")
        out = self.ctl("trash", "empty", "--dry-run", volume)
        self.assertIn(f"would remove .claimfs/trash/{volume}", out)
        self.assertIn("default/early", out)
        self.assertTrue(os.path.exists(self.trash(volume)))
        self.ctl("trash", "empty", volume)
        self.wait_until_gone(volume)

    def test_what_is_stopped_stays_until_it_is_resumed(self):
        volume = self.make_trashed("stopped")
        self.ctl("trash", "stop", volume)
        self.assertEqual(self.item(volume)["state"], "stopped")
        self.expire(volume)
        self.cluster.provisioner.process.stop()
        self.cluster.provisioner.start()
        self.assertEqual(self.item(volume)["state"], "stopped")
        self.assertTrue(os.path.exists(self.trash(volume)))
        self.ctl("trash", "resume", volume)
        self.wait_until_gone(volume)

    def test_a_place_that_was_taken_since_is_kept_by_who_has_it(self):
        volume = self.make_trashed("moved")
        os.mkdir(self.backing(volume))
        with self.assertRaisesRegex(LabError, "another one is in its place"):
            self.ctl("restore", volume)
        self.assertEqual(os.listdir(self.backing(volume)), [])
        self.assertIn("another one is in its place", self.item(volume)["error"])
        with open(self.trash(volume + ".json"), encoding="utf-8") as f:
            self.assertEqual(json.load(f)["trash"]["state"], "stopped")
        # Somebody wants it: the end of its time is none any more.
        self.expire(volume)
        self.cluster.provisioner.process.stop()
        self.cluster.provisioner.start()
        self.assertEqual(self.item(volume)["state"], "stopped")
        self.assertTrue(os.path.exists(self.trash(f"{volume}/2/19")))
        os.rmdir(self.backing(volume))
        self.ctl("restore", volume)
        self.assertTrue(os.path.exists(self.backing(f"{volume}/2/19")))

    def make_rivals(self, path):
        """A volume comes back while another claim comes to its path; which of the
        two have it then."""
        self.ctl.apply(self.cluster.adapt(
            self.class_text(path, trash_ttl="24h").replace(
                "parameters:\n", f"parameters:\n  subDir: {path}\n")))
        volume = self.apply_claim(f"first-{path}", path)
        self.delete_claim(f"first-{path}", volume)
        second = f"second-{path}"
        restored = []
        thread = threading.Thread(
            target=lambda: restored.append(self.ctl.run("restore", volume)))
        thread.start()
        wait_for(lambda: (volume, "restoring") in self.rows(), "the restore")
        self.ctl.apply(CLAIM.format(name=second, class_name=path,
                                    mode="ReadWriteMany", size="1Gi"))
        thread.join()
        wait_for(lambda: self.ctl.phase("pvc", second) == "Bound" or
                 "overlaps with that of" in self.ctl("describe", "pvc", second),
                 f"what becomes of {second}", 30)
        return (restored[0].returncode == 0,
                self.ctl.phase("pvc", second) == "Bound")

    def test_who_comes_while_a_volume_is_restored_does_not_get_its_path(self):
        self.apply_claim("before", "kept")
        with self.server_away():
            for number in range(100):
                with open(f"{self.cluster.export}/.claimfs/volumes/"
                          f"{number}.json", "w", encoding="ascii") as f:
                    f.write("{}")
        for path in ("path-a", "path-b", "path-c"):
            self.assertEqual(sum(self.make_rivals(path)), 1, path)

    def test_what_is_not_in_the_trash_can_not_be_restored(self):
        with self.assertRaisesRegex(LabError, "not in the trash"):
            self.ctl("restore", "pvc-never")
        volume = self.apply_claim("alive", "kept")
        with self.assertRaisesRegex(LabError, "not in the trash"):
            self.ctl("restore", volume)

    def test_what_somebody_put_in_its_place_is_not_removed(self):
        volume = self.make_trashed("swapped")
        with self.server_away():
            os.rename(self.trash(volume), self.trash("aside"))
            os.makedirs(self.trash(f"{volume}/precious"))
        self.ctl("trash", "empty", volume)
        wait_for(lambda: "not the one" in self.item(volume).get("error", ""),
                 "an error")
        self.assertTrue(os.path.exists(self.trash(f"{volume}/precious")))
        with self.assertRaisesRegex(LabError, "not the one"):
            self.ctl("trash", "stop", volume)
            self.ctl("restore", volume)
        self.assertTrue(os.path.exists(self.trash(f"{volume}/precious")))
