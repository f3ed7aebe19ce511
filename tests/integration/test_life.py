# SPDX-License-Identifier: Apache-2.0
"""What becomes of volumes when claims, volumes and classes go, in any order."""

import os
import time

import hostile_server as hostile
from lab import wait_for
from lab_case import CLAIM, STATIC, LabCase


class Life(LabCase):

    @classmethod
    def set_up_lab(cls):
        cls.apply_class("fast")
        cls.apply_class("keep", reclaim="Retain")

    def fill(self, folder):
        with open(self.backing(folder) + "/data", "w", encoding="ascii") as f:
            f.write("precious")

    def content(self, folder):
        with open(self.backing(folder) + "/data", encoding="ascii") as f:
            return f.read()

    def is_gone(self, folder):
        return not os.path.lexists(self.backing(folder))

    def test_a_volume_deleted_before_its_claim_waits_and_takes_its_folder(self):
        volume = self.apply_claim("second")
        self.fill(volume)
        self.ctl("delete", "pv", volume, "--wait=false")
        self.assertIn("Terminating", self.ctl("get", "pv", volume))
        self.assertEqual(self.ctl.phase("pvc", "second"), "Bound")
        self.assertEqual(self.content(volume), "precious")
        self.ctl("delete", "pvc", "second")
        self.ctl.wait_phase("pv", volume, None)
        wait_for(lambda: self.is_gone(volume), "the folder to go")

    def test_a_claim_whose_volume_is_taken_by_force_is_lost(self):
        volume = self.apply_claim("bereft", "keep")
        self.ctl("delete", "pv", volume, "--wait=false")
        self.patch(f"persistentvolumes/{volume}",
                   {"metadata": {"finalizers": None}})
        self.ctl.wait_phase("pvc", "bereft", "Lost")
        wait_for(lambda: "Bound claim has lost its PersistentVolume. Data on "
                 "the volume is lost!" in self.ctl("get", "events"),
                 "the event", 20)

    def test_a_released_volume_is_available_again_without_its_claimref(self):
        volume = self.apply_claim("first", "keep")
        self.fill(volume)
        self.ctl("delete", "pvc", "first")
        self.ctl.wait_phase("pv", volume, "Released")
        self.patch(f"persistentvolumes/{volume}", {"spec": {"claimRef": None}})
        self.ctl.wait_phase("pv", volume, "Available")
        self.assertEqual(self.apply_claim("heir", "keep"), volume)
        path = self.apply_pod("reader", "heir")
        with open(f"{path}/data", encoding="ascii") as f:
            self.assertEqual(f.read(), "precious")
        self.delete_pods("reader")

    def test_a_volume_does_not_need_its_class_any_more(self):
        self.apply_class("passing")
        volume = self.apply_claim("orphan", "passing")
        self.fill(volume)
        self.ctl("delete", "sc", "passing")
        path = self.apply_pod("visitor", "orphan")
        self.assertEqual(os.listdir(path), ["data"])
        self.delete_pods("visitor")
        self.ctl("delete", "pvc", "orphan")
        self.ctl.wait_phase("pv", volume, None)
        wait_for(lambda: self.is_gone(volume), "the folder to go")

    def test_a_class_made_anew_changes_nothing_of_its_old_volumes(self):
        self.apply_class("changing")
        volume = self.apply_claim("old", "changing")
        self.fill(volume)
        self.ctl("delete", "sc", "changing")
        self.ctl.apply(self.cluster.adapt(
            self.class_text("changing", reclaim="Retain").replace(
                "parameters:\n", "parameters:\n  onDelete: retain\n"
                "  subDir: elsewhere\n")))
        newer = self.apply_claim("new", "changing")
        self.ctl("delete", "pvc", "old", "new")
        self.ctl.wait_phase("pv", volume, None)
        wait_for(lambda: self.is_gone(volume), "the old folder to go")
        self.ctl.wait_phase("pv", newer, "Released")
        self.assertTrue(os.path.isdir(self.backing("elsewhere")))

    def test_a_static_volume_outlives_its_claim(self):
        os.mkdir(self.backing("films"))
        self.fill("films")
        self.ctl.apply(self.cluster.adapt(STATIC.format(name="films",
                                                        size="5Gi")))
        self.assertEqual(self.apply_claim("films", '""'), "films")
        self.ctl("delete", "pvc", "films")
        self.ctl.wait_phase("pv", "films", "Released")
        self.ctl("delete", "pv", "films")
        self.ctl.wait_phase("pv", "films", None)
        self.assertEqual(self.content("films"), "precious")

    def test_a_recycled_volume_is_empty_and_available_again(self):
        os.mkdir(self.backing("scratch"))
        self.ctl.apply(self.cluster.adapt(STATIC.format(
            name="scratch", size="7Gi").replace("Retain", "Recycle")))
        self.assertEqual(self.apply_claim("scratch", '""', size="7Gi"),
                         "scratch")
        path = self.apply_pod("messy", "scratch")
        os.makedirs(f"{path}/a/.b/c")
        os.symlink("/etc", f"{path}/a/link")
        for number in range(300):
            with open(f"{path}/.hidden-{number}", "wb"):
                pass
        self.delete_pods("messy")
        self.ctl("delete", "pvc", "scratch")
        self.ctl.wait_phase("pv", "scratch", "Available", seconds=30)
        self.assertEqual(os.listdir(self.backing("scratch")), [])
        self.assertTrue(os.path.exists("/etc/passwd"))
        self.assertIn("Volume recycled", self.ctl("get", "events"))
        self.assertEqual(self.apply_claim("again", '""', size="7Gi"),
                         "scratch")

    def test_a_slow_server_is_emptied_slice_by_slice(self):
        """To connect alone takes longer than the turn of a volume."""
        proxy = hostile.Proxy(self.cluster.server.port)
        self.addCleanup(proxy.close)

        def slowly(reply):
            time.sleep(0.06)
            return hostile.pass_on(reply)
        proxy.rule = slowly
        os.makedirs(self.backing("tardy/d"))
        for name in ("a", "d/b"):
            with open(self.backing(f"tardy/{name}"), "wb"):
                pass
        self.ctl.apply(self.cluster.adapt(STATIC.format(
            name="tardy", size="9Gi").replace("Retain", "Recycle")).replace(
                f"port={self.cluster.server.port}", f"port={proxy.port}", 1))
        self.assertEqual(self.apply_claim("tardy", '""', size="9Gi"), "tardy")
        self.ctl("delete", "pvc", "tardy")
        self.ctl.wait_phase("pv", "tardy", "Available", seconds=20)
        self.assertEqual(os.listdir(self.backing("tardy")), [])
        self.assertGreater(proxy.n_mangled, 0)

    def test_a_claim_of_the_same_name_gets_a_volume_of_its_own(self):
        """While its predecessor is still being removed, for want of a server."""
        volume = self.apply_claim("phoenix")
        self.fill(volume)
        with self.server_away():
            self.ctl("delete", "pvc", "phoenix")
            self.ctl.wait_phase("pv", volume, "Released")
            self.ctl.apply(CLAIM.format(name="phoenix", mode="ReadWriteMany",
                                        size="1Gi", class_name="fast"))
        claim = self.ctl.wait_phase("pvc", "phoenix", "Bound", seconds=40)
        newer = claim["spec"]["volumeName"]
        self.assertNotEqual(newer, volume)
        self.ctl.wait_phase("pv", volume, None, seconds=40)
        self.assertEqual(os.listdir(self.backing(newer)), [])

    def test_a_server_that_was_restarted_is_asked_over_a_new_connection(self):
        """The one that was kept is not noticed to be of no use."""
        self.apply_claim("before")
        self.cluster.server.stop()
        self.cluster.server.start()
        self.apply_claim("after")
        self.assertNotIn("ProvisioningFailed",
                         self.ctl("describe", "pvc", "after"))
