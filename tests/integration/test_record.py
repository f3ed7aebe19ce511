# SPDX-License-Identifier: Apache-2.0
"""The record beside objects: history, and what comes back from a share."""

import glob
import json
import os

from lab import wait_for
from lab_case import CLAIM, LabCase


class Record(LabCase):
    test_seconds = 300  # no test has a pod, so nothing can hang on a mount

    def setUp(self):
        self.apply_classes()

    def apply_classes(self):
        self.apply_class("fast", is_default="true")
        self.apply_class("keep", reclaim="Retain")
        self.apply_class("trashed", trash_ttl="24h")

    def ctl_share(self, verb, *more):
        """A verb about the lab's share."""
        server = self.cluster.server
        return self.ctl.run(
            verb, "--server", "127.0.0.1", "--share", self.cluster.export,
            "--options", f"port={server.port},mountport={server.mount_port}",
            *more)

    def write(self, volume, text):
        with open(f"{self.backing(volume)}/precious", "w",
                  encoding="ascii") as f:
            f.write(text)

    def read(self, volume):
        with open(f"{self.backing(volume)}/precious", encoding="ascii") as f:
            return f.read()

    def lose_database(self):
        provisioner = self.cluster.provisioner
        provisioner.process.stop()
        for path in glob.glob(f"{provisioner.state}/claimfs.db*"):
            os.unlink(path)
        provisioner.start()

    def policy(self, volume):
        return self.ctl.find("pv", volume)["spec"][
            "persistentVolumeReclaimPolicy"]

    def test_history_tells_a_claims_life_after_its_end(self):
        volume = self.apply_claim("mortal")
        self.ctl("delete", "pvc", "mortal")
        self.ctl.wait_phase("pv", volume, None)
        told = json.loads(self.ctl("history", "pvc", "mortal", "-o", "json"))
        words = [(item["who"], item["what"]) for item in told["items"]]
        self.assertEqual(words[0], ("claimctl", "created"))
        self.assertIn(("reconciler", "phase Bound"), words)
        self.assertIn(("claimctl", "deletion requested"), words)
        self.assertEqual(words[-1], ("reconciler", "deleted"))
        told = self.ctl("history", f"pv/{volume}")
        for part in ("provision begun", "provision done", "phase Released",
                     "reclaim done", "deleted"):
            self.assertIn(part, told)
        self.assertIn("no history of", self.ctl.run("history", "pvc",
                                                    "nobody").stderr)

    def test_all_is_bound_again_after_the_database_was_lost(self):
        volumes = {name: self.apply_claim(name, class_name) for name, class_name
                   in (("a", "fast"), ("b", "keep"), ("c", "fast"))}
        for name, volume in volumes.items():
            self.write(volume, name)
        before = {name: self.policy(volume) for name, volume in
                  volumes.items()}
        self.lose_database()
        dry = self.ctl_share("recover", "--dry-run")
        self.assertEqual(dry.returncode, 0, dry.stderr)
        self.assertIn("claim default/a: would be recovered", dry.stdout)
        self.assertIsNone(self.ctl.find("pvc", "a"))
        done = self.ctl_share("recover")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("claim default/a: recovered", done.stdout)
        for name, volume in volumes.items():
            claim = self.ctl.wait_phase("pvc", name, "Bound")
            self.assertEqual(claim["spec"]["volumeName"], volume)
            self.ctl.wait_phase("pv", volume, "Bound")
            self.assertEqual(self.read(volume), name)
            self.assertEqual(self.policy(volume), before[name])
        again = self.ctl_share("recover").stdout
        self.assertIn("claim default/a: is there already", again)
        self.assertRegex(again, r"(?m)^0 recovered")
        # And they are what they were: a claim that goes takes its volume along.
        self.ctl("delete", "pvc", "a", "b", "c")
        self.ctl.wait_phase("pv", volumes["a"], None)
        self.ctl.wait_phase("pv", volumes["b"], "Released")

    def release(self, name, class_name="keep"):
        volume = self.apply_claim(name, class_name)
        self.write(volume, name)
        self.ctl("delete", "pvc", name)
        self.ctl.wait_phase("pv", volume, "Released")
        return volume

    def descriptor(self, volume):
        with open(f"{self.cluster.export}/.claimfs/volumes/{volume}.json",
                  encoding="utf-8") as f:
            return json.load(f)

    def wait_described(self, volume, phase, policy):
        def is_described():
            found = self.descriptor(volume)
            spec = found["record"]["persistentVolume"]["spec"]
            return (found.get("phase"), spec["persistentVolumeReclaimPolicy"]
                    ) == (phase, policy)
        wait_for(is_described, f"{volume} to be described as {phase}")

    def apply_fixed(self):
        """A class whose volumes are all in one directory."""
        self.ctl.apply(self.cluster.adapt(
            self.class_text("fixed", reclaim="Retain").replace(
                "parameters:\n", "parameters:\n  subDir: fixed\n")))

    def wait_pending_with(self, name, text):
        self.ctl.apply(CLAIM.format(name=name, class_name="fixed",
                                    mode="ReadWriteMany", size="1Gi"))
        wait_for(lambda: text in self.ctl("get", "events", "-o", "json"),
                 f"an event with {text}", 20)
        self.assertEqual(self.ctl.phase("pvc", name), "Pending")

    def test_what_the_record_has_lost_is_not_given_to_another_claim(self):
        self.apply_fixed()
        volume = self.apply_claim("owner-of-fixed", "fixed")
        self.write("fixed", "mine")
        self.lose_database()
        self.apply_fixed()
        self.wait_pending_with("thief", f"volume {volume}, which claim "
                               "default/owner-of-fixed has")
        self.assertEqual(self.ctl_share("recover").returncode, 0)
        claim = self.ctl.wait_phase("pvc", "owner-of-fixed", "Bound")
        self.assertEqual(claim["spec"]["volumeName"], volume)
        self.ctl("delete", "pvc", "thief", "owner-of-fixed")
        self.wait_described(volume, "Released", "Retain")
        self.ctl("delete", "pv", volume)
        self.apply_claim("heir", "fixed")
        self.assertEqual(self.read("fixed"), "mine")

    def test_what_was_released_is_released_again_and_bound_to_nobody(self):
        volume = self.release("former")
        self.wait_described(volume, "Released", "Retain")
        self.lose_database()
        self.assertIn("claim default/former: recovered as Released",
                      self.ctl_share("recover").stdout)
        self.ctl.wait_phase("pv", volume, "Released")
        self.assertEqual(self.policy(volume), "Retain")
        self.assertIsNone(self.ctl.find("pvc", "former"))
        self.assertEqual(self.read(volume), "former")

    def test_what_was_rescued_is_available_again(self):
        volume = self.release("rescued")
        self.patch(f"persistentvolumes/{volume}", {"spec": {"claimRef": None}})
        self.ctl.wait_phase("pv", volume, "Available")
        self.wait_described(volume, "Available", "Retain")
        self.lose_database()
        self.assertIn(f"volume {volume}, directory {volume}: "
                      "recovered as Available", self.ctl_share("recover").stdout)
        self.ctl.wait_phase("pv", volume, "Available")
        self.ctl.apply(CLAIM.format(name="rescuer", class_name="keep",
                                    mode="ReadWriteMany", size="1Gi"))
        self.assertEqual(self.ctl.wait_phase("pvc", "rescuer", "Bound")
                         ["spec"]["volumeName"], volume)
        self.wait_described(volume, "Bound", "Retain")
        self.assertEqual(self.descriptor(volume)["claim"]["name"], "rescuer")

    def test_a_policy_that_was_changed_is_the_one_that_is_recovered(self):
        volume = self.apply_claim("dear")
        self.write(volume, "dear")
        self.patch(f"persistentvolumes/{volume}", {"spec": {
            "persistentVolumeReclaimPolicy": "Retain"}})
        self.wait_described(volume, "Bound", "Retain")
        self.lose_database()
        self.ctl_share("recover")
        self.ctl.wait_phase("pvc", "dear", "Bound")
        self.assertEqual(self.policy(volume), "Retain")
        self.ctl("delete", "pvc", "dear")
        self.ctl.wait_phase("pv", volume, "Released")
        self.assertEqual(self.read(volume), "dear")

    def test_a_volume_that_grew_is_recovered_at_its_size(self):
        """With access modes that no class could tell."""
        self.ctl.apply(self.cluster.adapt(self.class_text("growing") +
                                        "allowVolumeExpansion: true\n"))
        volume = self.apply_claim("grown", "growing", mode="ReadWriteOnce")
        self.patch("namespaces/default/persistentvolumeclaims/grown", {
            "spec": {"resources": {"requests": {"storage": "3Gi"}}}})
        wait_for(lambda: self.ctl.find("pvc", "grown")["status"]["capacity"]
                 ["storage"] == "3Gi", "the claim to grow")
        self.lose_database()
        self.ctl_share("recover")
        claim = self.ctl.wait_phase("pvc", "grown", "Bound")
        self.assertEqual(claim["status"]["capacity"]["storage"], "3Gi")
        self.assertEqual(claim["spec"]["accessModes"], ["ReadWriteOnce"])
        self.assertEqual(self.ctl.find("pv", volume)["spec"]["capacity"],
                         {"storage": "3Gi"})

    def trashed(self):
        found = json.loads(self.ctl("trash", "-o", "json"))["items"]
        return {item["volume"]: item for item in found}

    def trash_claim(self, name):
        volume = self.apply_claim(name, "trashed")
        self.write(volume, name)
        self.ctl("delete", "pvc", name)
        self.ctl.wait_phase("pv", volume, None)
        wait_for(lambda: "files" in self.trashed()[volume], "the count")
        return volume

    def test_the_trash_is_made_again_with_its_deadlines(self):
        volume = self.trash_claim("binned")
        stopped = self.trash_claim("stopped")
        self.ctl("trash", "stop", stopped)
        before = self.trashed()
        self.lose_database()
        self.assertEqual(self.trashed(), {})
        dry = self.ctl_share("recover", "--dry-run").stdout
        self.assertIn("claim default/binned: would be recovered into the trash",
                      dry)
        self.assertEqual(self.trashed(), {})
        self.assertIn("claim default/binned: recovered into the trash",
                      self.ctl_share("recover").stdout)
        after = self.trashed()
        for each in (volume, stopped):
            self.assertEqual(
                {**after[each], "filesPerSecond": 0, "secondsLeft": 0},
                {**before[each], "filesPerSecond": 0, "secondsLeft": 0})
        self.assertIn("claim default/binned: is there already",
                      self.ctl_share("recover").stdout)
        self.ctl("restore", volume)
        self.ctl.wait_phase("pv", volume, "Available")
        self.assertEqual(self.read(volume), "binned")
        self.assertEqual(self.apply_claim("binned", "trashed"), volume)

    def test_what_was_restored_waits_for_its_claim_again(self):
        volume = self.trash_claim("returned")
        self.ctl("restore", volume)
        self.ctl.wait_phase("pv", volume, "Available")
        self.lose_database()
        self.assertIn("claim default/returned: recovered as Available",
                      self.ctl_share("recover").stdout)
        self.ctl.wait_phase("pv", volume, "Available")
        self.assertEqual(self.policy(volume), "Delete")
        self.apply_classes()
        self.assertEqual(self.apply_claim("returned", "trashed"), volume)
        self.assertEqual(self.read(volume), "returned")

    def test_what_a_share_has_no_directory_of_is_not_in_the_trash(self):
        volume = self.trash_claim("taken")
        other = self.trash_claim("swapped")
        self.lose_database()
        top = f"{self.cluster.export}/.claimfs/trash"
        with self.server_away():
            os.rename(f"{top}/{volume}", self.backing("taken"))
            os.rename(f"{top}/{other}", self.backing("swapped"))
            os.mkdir(f"{top}/{other}")
        done = self.ctl_share("recover").stdout
        self.assertNotIn(volume, self.trashed())
        self.assertIn(f"volume {other}, directory {other}, claim "
                      "default/swapped: left alone: what lies in the trash "
                      "is not the one that was made for it", done)
        self.assertNotIn(other, self.trashed())

    def test_a_claim_that_has_another_volume_by_now_loses_neither(self):
        old = self.apply_claim("twice")
        self.write(old, "old")
        self.lose_database()
        self.apply_classes()
        new = self.apply_claim("twice")
        self.assertNotEqual(new, old)
        done = self.ctl_share("recover")
        self.assertIn("recovered as Released: its claim has another volume",
                      done.stdout)
        self.ctl.wait_phase("pv", old, "Released")
        self.assertEqual(self.policy(old), "Retain")
        self.ctl("delete", "pvc", "twice")
        self.ctl.wait_phase("pv", new, None)
        self.assertEqual(self.read(old), "old")

    def test_what_nobody_has_any_more_is_not_emptied(self):
        old = self.apply_claim("scrubbed")
        self.write(old, "old")
        self.patch(f"persistentvolumes/{old}", {"spec": {
            "persistentVolumeReclaimPolicy": "Recycle"}})
        self.wait_described(old, "Bound", "Recycle")
        self.lose_database()
        self.apply_classes()
        self.apply_claim("scrubbed")
        self.ctl_share("recover")
        self.ctl.wait_phase("pv", old, "Released")
        self.assertEqual(self.policy(old), "Retain")
        self.assertEqual(self.read(old), "old")

    def test_a_claim_that_waits_gets_its_old_volume(self):
        """As where manifests were applied again before anybody thought of
        recover, and the class was not among them."""
        old = self.apply_claim("patient", "keep")
        self.write(old, "old")
        self.lose_database()
        self.ctl.apply(CLAIM.format(
            name="patient", class_name="keep", mode="ReadWriteMany", size="1Gi"))
        self.ctl.wait_phase("pvc", "patient", "Pending")
        self.assertIn("default/patient: recovered", self.ctl_share("recover").stdout)
        claim = self.ctl.wait_phase("pvc", "patient", "Bound")
        self.assertEqual(claim["spec"]["volumeName"], old)
        self.ctl("delete", "pvc", "patient")
        self.ctl.wait_phase("pv", old, "Released")

    def test_what_can_not_be_recovered_is_left_alone_and_named(self):
        volume = self.apply_claim("moved")
        self.lose_database()
        with self.server_away():
            os.rename(self.backing(volume), self.backing("aside"))
            os.mkdir(self.backing(volume))
            with open(f"{self.cluster.export}/.claimfs/volumes/pvc-x.json",
                      "w", encoding="ascii") as f:
                f.write("no JSON")
        done = self.ctl_share("recover")
        self.assertEqual(done.returncode, 0)
        self.assertIn("left alone: the directory in its place is not the one",
                      done.stdout)
        self.assertIn("volume pvc-x: left alone: its descriptor can't be read",
                      done.stdout)
        self.assertIsNone(self.ctl.find("pv", volume))
        with self.server_away():
            os.unlink(f"{self.cluster.export}/.claimfs/volumes/pvc-x.json")

    def test_a_share_that_can_not_be_read_is_an_error(self):
        done = self.ctl.run("recover", "--server", "127.0.0.1", "--share",
                            "/nowhere", "--options", "port=1,mountport=1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("127.0.0.1 port 1", done.stderr)
        done = self.ctl.run("recover", "--share", "/x")
        self.assertEqual((done.returncode, done.stderr),
                         (2, "claimctl: --server is missing\n"))

    def make_directory(self, name):
        os.makedirs(self.backing(name))
        self.write(name, name)

    def test_directories_of_other_provisioners_keep_their_volumes_names(self):
        volume = "pvc-0d8ae0ae-25b9-4d2b-9a2c-2a1c3f0b1a1e"
        other = "pvc-1d8ae0ae-25b9-4d2b-9a2c-2a1c3f0b1a1e"
        for name, directory, expected in (
                ("csi", volume, volume),
                ("subdir", f"default-subdir-{other}", other),
                ("plain", "photos/2024", "adopted-default-plain")):
            self.make_directory(directory)
            self.ctl("adopt", directory, "--claim", f"default/{name}",
                     "--class", "fast", "--size", "3Gi")
            claim = self.ctl.wait_phase("pvc", name, "Bound")
            self.assertEqual(claim["spec"]["volumeName"], expected)
            self.assertEqual(claim["status"]["capacity"]["storage"], "3Gi")
            self.assertEqual(self.policy(expected), "Retain")
            again = self.ctl("adopt", directory, "--claim", f"default/{name}")
            self.assertIn(f"is volume {expected}", again)
            self.ctl("delete", "pvc", name)
            self.ctl.wait_phase("pv", expected, "Released")
            self.assertEqual(self.read(directory), directory)

    def test_a_directory_of_another_volume_is_not_adopted(self):
        volume = self.apply_claim("owner")
        os.makedirs(f"{self.backing(volume)}/inner")
        for directory in (volume, f"{volume}/inner"):
            done = self.ctl.run("adopt", directory, "--claim", "default/thief")
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"overlaps with that of volume {volume}",
                          done.stderr)
        for directory, part in (("../etc", "subDir"), ("none", "no directory"),
                                (".claimfs", "")):
            done = self.ctl.run("adopt", directory, "--claim", "default/thief")
            self.assertEqual(done.returncode, 1, directory)
            self.assertIn(part, done.stderr)
        self.assertIsNone(self.ctl.find("pvc", "thief"))

    def test_a_claim_with_a_volume_adopts_nothing(self):
        self.apply_claim("settled")
        self.make_directory("spare")
        done = self.ctl.run("adopt", "spare", "--claim", "default/settled")
        self.assertIn("has another volume already", done.stderr)

    def test_check_names_what_does_not_fit_and_repairs_what_can_be(self):
        kept = self.apply_claim("known")
        orphan = self.apply_claim("orphan", "keep")
        self.write(orphan, "orphan")
        self.ctl("delete", "pvc", "orphan")
        self.ctl.wait_phase("pv", orphan, "Released")
        self.ctl("delete", "pv", orphan)
        with self.server_away():
            os.unlink(f"{self.cluster.export}/.claimfs/volumes/{kept}.json")
            os.mkdir(self.backing("stray"))
        found = self.ctl.run("check")
        self.assertEqual(found.returncode, 1)
        for part in (f"directory {orphan} on share {self.cluster.export} "
                     f"belongs to volume {orphan} of claim default/orphan, "
                     "which is not there",
                     f"volume {kept} has no descriptor",
                     "directory stray on share"):
            self.assertIn(part, found.stdout)
        asked = self.ctl.run("check", "--repair", stdin="n\n" * 50)
        self.assertIn("[y/n/q]", asked.stdout)
        self.assertEqual(self.ctl.run("check").stdout, found.stdout)
        self.ctl.run("check", "--repair", "--yes")
        self.ctl.wait_phase("pv", orphan, "Released")
        self.assertEqual(self.read(orphan), "orphan")
        left = self.ctl.run("check").stdout
        self.assertNotIn(orphan, left)
        self.assertNotIn(kept, left)
        self.assertIn("stray", left)
        os.rmdir(self.backing("stray"))

    def test_check_forgets_a_descriptor_without_anything(self):
        volume = self.apply_claim("ghost", "keep")
        self.ctl("delete", "pvc", "ghost")
        self.ctl.wait_phase("pv", volume, "Released")
        self.ctl("delete", "pv", volume)
        with self.server_away():
            os.rename(self.backing(volume), f"{self.folder}/taken")
        self.assertIn(f"descriptor of volume {volume}, but neither",
                      self.ctl.run("check").stdout)
        self.ctl.run("check", "--repair", "--yes")
        self.assertFalse(os.path.exists(
            f"{self.cluster.export}/.claimfs/volumes/{volume}.json"))
