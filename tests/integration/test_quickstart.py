# SPDX-License-Identifier: Apache-2.0
"""The quickstart itself: the whole story with --check, and up, twice, and down."""

import os
import shutil
import subprocess
import tempfile
import unittest

import lab_case
from lab import mounts_below
from lab_case import sanitizer_environment, sanitizer_reports

QUICKSTART = os.path.join(os.path.dirname(lab_case.TESTS), "deploy",
                          "quickstart")


class Quickstart(unittest.TestCase):

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="claimfs-", dir="/var/tmp")
        os.chmod(self.folder, 0o755)
        self.state = os.path.join(self.folder, "state")
        self.reports = os.path.join(self.folder, "reports")
        os.mkdir(self.reports)

    def tearDown(self):
        self.quickstart("--down")
        self.assertEqual(mounts_below(self.folder), [])
        reports = sanitizer_reports(self.reports)
        shutil.rmtree(self.folder)
        self.assertEqual(reports, [])

    def quickstart(self, *args):
        return subprocess.run(
            [QUICKSTART, "--state-dir", self.state, "--programs",
             lab_case.PROGRAMS, *args], text=True, capture_output=True,
            timeout=300, check=False,
            env={**os.environ, **sanitizer_environment(self.reports)})

    def test_check_tells_the_story_and_leaves_nothing(self):
        done = self.quickstart("--check")
        self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr)
        self.assertIn("Every step held", done.stdout)
        self.assertFalse(os.path.exists(self.state))

    def test_it_can_be_run_twice_and_taken_down(self):
        for _ in range(2):
            done = self.quickstart()
            self.assertEqual(done.returncode, 0,
                             done.stdout[-3000:] + done.stderr)
            self.assertIn("What to try next", done.stdout)
            self.assertTrue(mounts_below(self.state))
        done = self.quickstart("--down")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse(os.path.exists(self.state))
        self.assertEqual(mounts_below(self.folder), [])

    def test_a_folder_of_somebody_else_is_left_alone(self):
        os.mkdir(self.state)
        with open(f"{self.state}/precious", "w", encoding="ascii"):
            pass
        for args in ((), ("--check",), ("--down",)):
            self.quickstart(*args)
            self.assertEqual(os.listdir(self.state), ["precious"])
        done = self.quickstart("--check")
        self.assertEqual(done.returncode, 1)
        self.assertIn("not empty", done.stderr)
