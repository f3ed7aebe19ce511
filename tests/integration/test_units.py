# SPDX-License-Identifier: Apache-2.0
"""The systemd units: systemd has nothing to say against them, and the programs take
the command lines that are in them."""

import glob
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import unittest

import lab_case
from lab.claimfs import program
from test_upgrade import WRONG_VERSION

UNITS = os.path.join(os.path.dirname(lab_case.TESTS), "deploy", "systemd")


class Units(unittest.TestCase):

    def setUp(self):
        """Copies that name the programs of the build directory."""
        self.folder = tempfile.mkdtemp(prefix="claimfs-units-", dir="/var/tmp")
        self.addCleanup(shutil.rmtree, self.folder)
        self.units = {}
        for path in glob.glob(f"{UNITS}/*.service"):
            with open(path, encoding="utf-8") as f:
                text = re.sub(r"^ExecStart=(\S+)", lambda match: "ExecStart="
                              + program(lab_case.PROGRAMS, match[1]),
                              f.read(), flags=re.M)
            name = os.path.basename(path)
            self.units[name] = text
            with open(f"{self.folder}/{name}", "w", encoding="utf-8") as f:
                f.write(text)
        self.assertEqual(len(self.units), 3)

    def test_systemd_takes_them(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("systemd-analyze is not installed")
        for name in self.units:
            done = subprocess.run(
                ["systemd-analyze", "verify", "--man=no",
                 f"{self.folder}/{name}"],
                text=True, capture_output=True, check=False, timeout=60)
            self.assertEqual((done.returncode, done.stdout + done.stderr),
                             (0, ""), name)

    def test_programs_take_their_command_lines(self):
        for name, text in self.units.items():
            line = re.search(r"^ExecStart=(.*)", text, re.M)[1]
            done = subprocess.run(
                [*shlex.split(line.replace("%H", "host")), "--help"],
                text=True, capture_output=True, check=False, timeout=60)
            self.assertEqual((done.returncode, done.stderr), (0, ""), name)

    def test_what_a_restart_does_not_mend_is_not_restarted(self):
        for name, text in self.units.items():
            line = re.search(r"^ExecStart=(.*)", text, re.M)[1]
            done = subprocess.run(
                [*shlex.split(line.replace("%H", "host")), "--no-such-option"],
                capture_output=True, check=False, timeout=60)
            self.assertIn(str(done.returncode), self.final_statuses(text), name)
        self.assertIn(str(WRONG_VERSION), self.final_statuses(
            self.units["claimfs-node.service"]))

    @staticmethod
    def final_statuses(unit):
        return re.search(r"^RestartPreventExitStatus=(.*)", unit,
                         re.M)[1].split()

    def test_restarts_of_the_node_leave_the_keeper_alone(self):
        for name, text in self.units.items():
            binds = re.findall(r"^(?:Requires|BindsTo|PartOf|PropagatesStopTo|"
                               r"Conflicts)=.*", text, re.M)
            self.assertEqual(binds, [], name)
        node = self.units["claimfs-node.service"]
        self.assertRegex(node, r"(?m)^After=.*claimfs-keeper\.service")
