# SPDX-License-Identifier: Apache-2.0
"""A volume whose folder is not there any more: the server came up without the disk
that has it, or somebody removed it. Programs are told so at once, all goes on when the
disk is back, and the volume can be taken away meanwhile."""

import os
import subprocess
import time

from csi_case import CsiCase

SECONDS = 10
UNMOUNT_SECONDS = 5
DISK_BYTES = 32 << 20


def run(*argv):
    """Nothing is opened on a mount by the test itself."""
    return subprocess.run(argv, text=True, capture_output=True, check=False,
                          timeout=SECONDS)


class StaleRoot(CsiCase):

    @classmethod
    def set_up_lab(cls):
        cls.disk = f"{cls.folder}/disk"
        with open(cls.disk, "wb") as f:
            f.truncate(DISK_BYTES)
        subprocess.run(["mkfs.ext4", "-q", cls.disk], check=True,
                       timeout=SECONDS)
        cls.cluster.server.stop()
        cls.attach()
        cls.cluster.server.start()

    @classmethod
    def attach(cls):
        subprocess.run(["mount", "-o", "loop", cls.disk,
                        cls.cluster.server.export], check=True, timeout=SECONDS)

    @classmethod
    def detach(cls):
        subprocess.run(["umount", cls.cluster.server.export], check=True,
                       timeout=SECONDS)

    @classmethod
    def tearDownClass(cls):
        cls.cluster.server.stop()
        cls.detach()
        super().tearDownClass()

    def setUp(self):
        self.volume = self._testMethodName[5:45]
        os.mkdir(self.backing(self.volume))
        self.target = self.mount(0, self.volume)
        with open(f"{self.target}/file", "w", encoding="ascii") as f:
            f.write("content")

    def remove_folder(self):
        with self.server_away():
            os.unlink(f"{self.backing(self.volume)}/file")
            os.rmdir(self.backing(self.volume))

    def assert_stale(self):
        for argv in (["ls", self.target], ["cat", f"{self.target}/file"],
                     ["touch", f"{self.target}/new"]):
            done = run(*argv)
            self.assertNotEqual(done.returncode, 0, argv)
            self.assertIn("Stale file handle", done.stderr, argv)

    def take_away(self):
        began = time.monotonic()
        self.unmount(0, self.volume, self.target)
        self.unstage(0, self.volume)
        self.assertLess(time.monotonic() - began, UNMOUNT_SECONDS)
        with open("/proc/self/mountinfo", encoding="utf-8") as f:
            self.assertNotIn(self.volume, f.read())

    def test_all_goes_on_when_the_disk_is_back(self):
        with self.server_away():
            self.detach()
        self.assert_stale()
        with self.server_away():
            self.attach()
        self.assertEqual(run("cat", f"{self.target}/file").stdout, "content")
        self.assertEqual(run("ls", self.target).stdout, "file\n")
        self.assertEqual(run("touch", f"{self.target}/new").returncode, 0)
        self.take_away()

    def test_a_volume_whose_folder_was_removed_can_be_taken_away(self):
        self.remove_folder()
        self.assert_stale()
        self.take_away()

    def test_a_folder_in_its_place_is_taken_at_the_next_stage(self):
        """Until then it is not this volume's: it may be anybody's."""
        self.remove_folder()
        os.mkdir(self.backing(self.volume))
        self.assert_stale()
        self.take_away()
        self.target = self.mount(0, self.volume)
        self.assertEqual(run("touch", f"{self.target}/new").returncode, 0)
        self.assertEqual(os.listdir(self.backing(self.volume)), ["new"])
        self.take_away()
