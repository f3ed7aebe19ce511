# SPDX-License-Identifier: Apache-2.0
"""Where directories are, who may have them, and tenants who would like them to be
elsewhere: each CVE of drivers of this class that is about paths or removal has a test
that names it."""

import contextlib
import os
import threading

from lab import LabError, wait_for
from lab_case import CLAIM, LabCase

STATIC = """\
apiVersion: v1
kind: PersistentVolume
metadata:
  name: {name}
spec:
  capacity:
    storage: 1Gi
  accessModes: [ReadWriteMany]
  persistentVolumeReclaimPolicy: Delete
  storageClassName: ""
  mountOptions:
    - nfsvers=4.1
  csi:
    driver: nfs.csi.k8s.io
    volumeHandle: "{handle}"
    volumeAttributes:
      server: nfs.example.com
      share: /exports/claims
      subDir: "{subdir}"
      trashTTL: "0"
"""


class Places(LabCase):

    @classmethod
    def set_up_lab(cls):
        for name, parameters in {
                "labelled": "subDir: k8s/${pvc.labels['team']}",
                "noted": "subDir: ${.PVC.namespace}/${.PVC.annotations.nfs.io/p}",
                "named": "subDir: by/${pvc.metadata.name}",
                "topmost": "subDir: ${pvc.metadata.name}",
                "lonely": "subDir: lonely",
                "shared": 'subDir: common\n  shared: "true"',
                "archive": "subDir: ${pvc.metadata.annotations['n']}\n"
                           "  onDelete: archive"}.items():
            share = "  share: /exports/claims\n"
            cls.ctl.apply(cls.cluster.adapt(cls.class_text(name).replace(
                share, f"{share}  {parameters}\n")))

    def apply_with(self, name, class_name, metadata):
        self.ctl.apply(CLAIM.format(
            name=name, class_name=class_name, mode="ReadWriteMany",
            size="1Gi").replace(f"  name: {name}\n",
                                f"  name: {name}\n  {metadata}\n"))

    def wait_event(self, text, seconds=20):
        wait_for(lambda: text in self.ctl("get", "events", "-A", "-o", "json"),
                 f"an event with {text}", seconds)

    def make_victim(self, name):
        top = self.backing(name)
        os.makedirs(f"{top}/precious")
        with open(f"{top}/precious/file", "w", encoding="ascii") as f:
            f.write("data")
        return top

    def assert_unhurt(self, victim):
        with open(f"{victim}/precious/file", encoding="ascii") as f:
            self.assertEqual(f.read(), "data")

    # Templates

    def test_labels_and_annotations_name_a_directory(self):
        self.apply_with("red", "labelled", "labels: {team: red}")
        self.ctl.wait_phase("pvc", "red", "Bound")
        self.assertTrue(os.path.isdir(self.backing("k8s/red")))
        self.apply_with("deep", "noted", "annotations: {nfs.io/p: a/b}")
        self.ctl.wait_phase("pvc", "deep", "Bound")
        self.assertTrue(os.path.isdir(self.backing("default/a/b")))

    def test_cve_2025_62878_a_value_does_not_lead_out(self):
        """And CVE-2026-3864 and CVE-2026-3865: ".." in what users may choose."""
        victim = self.make_victim("victim-of-values")
        before = sorted(os.listdir(self.cluster.export))
        for number, value in enumerate((
                "..", "../victim-of-values", "a/../../victim-of-values",
                "/victim-of-values", "..\\\\victim-of-values", "")):
            self.apply_with(f"out{number}", "noted",
                            f'annotations: {{nfs.io/p: "{value}"}}')
        wait_for(lambda: self.ctl("get", "events", "-A", "-o", "json")
                 .count("subDir: Invalid value") >= 6, "six refusals", 20)
        for number in range(6):
            self.assertEqual(self.ctl.phase("pvc", f"out{number}"), "Pending")
            self.ctl("delete", "pvc", f"out{number}")
        self.assertEqual([name for name in os.listdir(self.cluster.export)
                          if name not in before and name != "default"], [])
        self.assert_unhurt(victim)

    def test_a_claim_without_the_label_is_refused(self):
        self.apply_with("plain", "labelled", "labels: {other: x}")
        self.wait_event("the claim has no label")
        self.assertEqual(self.ctl.phase("pvc", "plain"), "Pending")

    # Handles and static volumes

    def test_cve_2026_3864_a_path_in_a_handle_is_not_looked_at(self):
        victim = self.make_victim("victim-of-handles")
        os.mkdir(self.backing("static"))
        self.ctl.apply(self.cluster.adapt(STATIC.format(
            name="static", subdir="static",
            handle="nfs.example.com#exports/claims#../victim-of-handles#x#")))
        self.apply_claim("static", '""')
        self.ctl("delete", "pvc", "static")
        self.ctl.wait_phase("pv", "static", "Released", seconds=20)
        self.assert_unhurt(victim)
        for subdir in ("../victim-of-handles", "a/../../victim-of-handles",
                       "/etc", ".claimfs/volumes", ".CLAIMFS"):
            with self.assertRaisesRegex(LabError, "subDir"):
                self.ctl.apply(self.cluster.adapt(STATIC.format(
                    name="leaving", subdir=subdir, handle="h")))

    # Symlinks

    def test_cve_2017_1002101_a_symlink_on_the_way_is_not_followed(self):
        victim = self.make_victim("victim-of-links")
        os.makedirs(f"{victim}/linked")
        volume = self.apply_claim("linked", "named")
        with self.server_away():
            os.rename(self.backing("by"), self.backing("by-aside"))
            os.symlink(victim, self.backing("by"))
        self.ctl("delete", "pvc", "linked", "--wait=false")
        self.wait_event("VolumeFailedDelete")
        self.assert_unhurt(victim)
        self.assertTrue(os.path.isdir(f"{victim}/linked"))
        with self.server_away():
            os.unlink(self.backing("by"))
            os.rename(self.backing("by-aside"), self.backing("by"))
        self.ctl.wait_phase("pv", volume, None, seconds=60)

    def test_cve_2021_25741_a_swap_during_the_removal_leads_nowhere(self):
        victim = self.make_victim("victim-of-swaps")
        self.apply_class("gone")
        volume = self.apply_claim("swapping", "gone")
        for number in range(30):
            os.makedirs(f"{self.backing(volume)}/{number}/precious")
            for file in range(20):
                with open(f"{self.backing(volume)}/{number}/{file}", "wb"):
                    pass
        trash = os.path.join(self.cluster.export, ".claimfs/trash", volume)
        stop = threading.Event()

        def swap():
            while not stop.is_set():
                for number in range(30):
                    with contextlib.suppress(OSError):
                        os.rename(f"{trash}/{number}", f"{trash}/away")
                        os.symlink(victim, f"{trash}/{number}")
                        os.rename(f"{trash}/away", f"{trash}/x{number}")
        tenant = threading.Thread(target=swap)
        tenant.start()
        try:
            self.ctl("delete", "pvc", "swapping", "--wait=false")
            self.ctl.wait_phase("pv", volume, None, seconds=60)
        finally:
            stop.set()
            tenant.join()
        self.assert_unhurt(victim)

    def test_hard_links_go_and_what_they_link_to_stays(self):
        victim = self.make_victim("victim-of-hard-links")
        self.apply_class("gone")
        volume = self.apply_claim("linking", "gone")
        for number in range(3000):
            os.link(f"{victim}/precious/file",
                    f"{self.backing(volume)}/{number}")
        self.ctl("delete", "pvc", "linking")
        self.ctl.wait_phase("pv", volume, None, seconds=60)
        self.assert_unhurt(victim)
        self.assertEqual(os.stat(f"{victim}/precious/file").st_nlink, 1)

    # One directory, several claims

    def test_one_directory_is_one_claims(self):
        volume = self.apply_claim("alone", "lonely")
        self.ctl.apply(CLAIM.format(name="second", class_name="lonely",
                                    mode="ReadWriteMany", size="1Gi"))
        self.wait_event(f"overlaps with that of volume {volume}")
        self.assertEqual(self.ctl.phase("pvc", "second"), "Pending")
        self.ctl("delete", "pvc", "second")
        self.assertTrue(os.path.isdir(self.backing("lonely")))

    def test_a_volume_does_not_get_a_directory_that_awaited_its_name(self):
        """Whoever reads a pending claim's uid knows what its volume will be called."""
        self.ctl.apply(CLAIM.format(name="awaited", class_name="late",
                                    mode="ReadWriteMany", size="1Gi"))
        name = "pvc-" + self.ctl.find("pvc", "awaited")["metadata"]["uid"]
        trap = self.apply_claim(name, "topmost")
        self.assertTrue(os.path.isdir(self.backing(name)))
        self.apply_class("late")
        self.wait_event(f"overlaps with that of volume {trap}")
        self.assertEqual(self.ctl.phase("pvc", "awaited"), "Pending")
        self.ctl("delete", "pvc", name)
        self.ctl.wait_phase("pvc", "awaited", "Bound", seconds=60)

    def test_a_shared_directory_goes_with_the_last_claim(self):
        volumes = [self.apply_claim(name, "shared")
                   for name in ("one", "two", "three")]
        with open(self.backing("common/data"), "wb"):
            pass
        for name, volume in zip(("two", "one"), (volumes[1], volumes[0])):
            self.ctl("delete", "pvc", name)
            self.ctl.wait_phase("pv", volume, None)
            self.assertTrue(os.path.exists(self.backing("common/data")))
        self.ctl("delete", "pvc", "three")
        self.ctl.wait_phase("pv", volumes[2], None)
        self.assertFalse(os.path.exists(self.backing("common")))

    def test_a_name_of_255_bytes_can_be_archived(self):
        long = "\u00e4" * 127 + "x"
        self.apply_with("long", "archive", f"annotations: {{n: {long}}}")
        volume = self.ctl.wait_phase("pvc", "long",
                                     "Bound")["spec"]["volumeName"]
        with open(self.backing(f"{long}/data"), "wb"):
            pass
        self.ctl("delete", "pvc", "long")
        self.ctl.wait_phase("pv", volume, None)
        [found] = [name for name in os.listdir(self.cluster.export)
                   if name.startswith("archived-\u00e4")]
        self.assertTrue(os.path.exists(self.backing(f"{found}/data")))

    def test_a_successor_of_the_same_name_and_place_keeps_its_data(self):
        volume = self.apply_claim("again", "named")
        for number in range(300):
            with open(self.backing(f"by/again/{number}"), "wb"):
                pass
        self.ctl("delete", "pvc", "again", "--wait=false")
        wait_for(lambda: self.ctl.phase("pvc", "again") is None, "it to go")
        self.apply_claim("again", "named")
        with open(self.backing("by/again/new"), "wb"):
            pass
        self.ctl.wait_phase("pv", volume, None, seconds=60)
        self.assertEqual(os.listdir(self.backing("by/again")), ["new"])
