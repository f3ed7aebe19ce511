# SPDX-License-Identifier: Apache-2.0
"""Claims and volumes beyond what the quickstart's story tells."""

import json
import os
import stat

from lab import wait_for
from lab_case import CLAIM, STATIC, LabCase


class Claims(LabCase):

    @classmethod
    def set_up_lab(cls):
        cls.apply_class("fast", is_default="true")
        cls.apply_class("keep", reclaim="Retain")

    def apply_static(self, name, size="5Gi"):
        os.mkdir(self.backing(name))
        self.ctl.apply(self.cluster.adapt(STATIC.format(name=name, size=size)))
        self.ctl.wait_phase("pv", name, "Available")

    def test_a_claim_without_a_class_gets_the_default_one(self):
        self.ctl.apply(CLAIM.replace("  storageClassName: {class_name}\n", "")
                       .format(name="plain", mode="ReadWriteOnce", size="1.5G"))
        claim = self.ctl.wait_phase("pvc", "plain", "Bound")
        self.assertEqual(claim["spec"]["storageClassName"], "fast")
        self.assertIn(claim["status"]["capacity"]["storage"],
                      ("1500M", "1.5G"))

    def test_a_static_volume_is_bound_and_its_data_is_there(self):
        self.apply_static("photos")
        with open(self.backing("photos") + "/a.jpg", "w", encoding="ascii") as f:
            f.write("picture")
        volume = self.apply_claim("photos", '""', size="2Gi")
        self.assertEqual(volume, "photos")
        path = self.apply_pod("viewer", "photos", "node-b", read_only=True)
        self.assertEqual(os.listdir(path), ["a.jpg"])
        self.delete_pods("viewer")
        self.ctl("delete", "pvc", "photos")
        self.ctl.wait_phase("pv", "photos", "Released")
        self.assertTrue(os.path.exists(self.backing("photos") + "/a.jpg"))

    def test_the_smallest_volume_that_fits_is_taken(self):
        self.apply_static("large", "200Gi")
        self.apply_static("medium", "100Gi")
        self.assertEqual(self.apply_claim("fit", '""', size="60Gi"), "medium")

    def test_a_new_class_serves_a_claim_that_waited(self):
        self.ctl.apply(CLAIM.format(name="early", mode="ReadWriteMany",
                                    size="1Gi", class_name="later"))
        self.ctl.wait_phase("pvc", "early", "Pending")
        self.apply_class("later")
        self.ctl.wait_phase("pvc", "early", "Bound")

    def test_the_folder_is_removed_with_all_that_is_in_it(self):
        volume = self.apply_claim("full")
        path = self.apply_pod("filler", "full")
        os.makedirs(f"{path}/a/b/c")
        for number in range(300):
            with open(f"{path}/a/b/{number}", "wb") as f:
                f.write(b"x")
        os.symlink("/etc", f"{path}/a/link")
        self.delete_pods("filler")
        self.ctl("delete", "pvc", "full")
        self.ctl.wait_phase("pv", volume, None, seconds=30)
        self.assertFalse(os.path.lexists(self.backing(volume)))
        self.assertTrue(os.path.exists("/etc/passwd"))

    def test_a_folder_that_is_not_ours_is_never_removed(self):
        volume = self.apply_claim("swapped")
        with self.server_away():
            os.rename(self.backing(volume), self.backing(volume) + ".aside")
            os.mkdir(self.backing(volume))
            with open(self.backing(volume) + "/foreign", "w",
                      encoding="ascii"):
                pass
        self.ctl("delete", "pvc", "swapped", "--wait=false")
        self.ctl.wait_phase("pv", volume, "Released", seconds=20)
        wait_for(lambda: "VolumeFailedDelete" in
                 self.ctl("get", "events", "-A", "-o", "json"), "an event", 20)
        self.assertTrue(os.path.exists(self.backing(volume) + "/foreign"))

    def test_a_restart_of_the_provisioner_loses_nothing(self):
        volume = self.apply_claim("lasting", "keep")
        path = self.apply_pod("stayer", "lasting")
        provisioner = self.cluster.provisioner
        provisioner.process.stop()
        with open(f"{path}/file", "w", encoding="ascii") as f:
            f.write("meanwhile")
        provisioner.start()
        self.assertEqual(self.ctl.phase("pvc", "lasting"), "Bound")
        self.ctl.wait_phase("pod", "stayer", "Running")
        self.assertEqual(self.ctl.pod_path("stayer", "data"), path)
        self.delete_pods("stayer")
        self.assertFalse(os.path.exists(path))
        self.ctl("delete", "pvc", "lasting")
        self.ctl.wait_phase("pv", volume, "Released")

    def test_the_folder_is_for_the_pods_users(self):
        volume = self.apply_claim("mode")
        mode = stat.S_IMODE(os.stat(self.backing(volume)).st_mode)
        self.assertEqual(mode & 0o700, 0o700)

    def test_get_speaks_all_its_formats(self):
        self.apply_claim("formats")
        found = json.loads(self.ctl("get", "pvc", "formats", "-o", "json"))
        self.assertEqual(found["metadata"]["name"], "formats")
        self.assertIn("kind: PersistentVolumeClaim",
                      self.ctl("get", "pvc", "formats", "-o", "yaml"))
        self.assertEqual(self.ctl("get", "pvc", "formats", "-o", "name"),
                         "persistentvolumeclaim/formats\n")
        self.assertIn("formats", self.ctl("get", "pvc", "-A"))
        self.assertNotIn("formats", self.ctl("get", "pvc", "-n", "other"))

    def test_what_yaml_was_got_can_be_applied_again(self):
        self.apply_claim("again")
        out = self.ctl.apply(self.ctl("get", "pvc", "again", "-o", "yaml"))
        self.assertRegex(out, "unchanged|configured")

    def test_claims_are_protected_while_a_pod_uses_them(self):
        self.apply_claim("busy")
        path = self.apply_pod("user", "busy")
        self.ctl("delete", "pvc", "busy", "--wait=false")
        self.assertIn("Terminating", self.ctl("get", "pvc", "busy"))
        with open(f"{path}/still", "w", encoding="ascii") as f:
            f.write("writable")
        self.delete_pods("user")
        self.ctl.wait_phase("pvc", "busy", None)

    def test_a_pod_that_is_gone_leaves_no_mount(self):
        self.apply_claim("short")
        path = self.apply_pod("guest", "short")
        self.delete_pods("guest")

        def is_unmounted():
            with open("/proc/self/mountinfo", encoding="utf-8") as f:
                return path not in f.read()
        wait_for(is_unmounted, "the pod's mount to go")
        self.assertFalse(os.path.exists(path))
