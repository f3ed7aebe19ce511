# SPDX-License-Identifier: Apache-2.0
"""A real C project, this one, is built with meson and ninja out of a checkout on a
claim, without the network."""

import os

from lab_case import TESTS
from suite_case import SuiteCase

ROOT = os.path.dirname(TESTS)
SOURCES = ("meson.build", "meson_options.txt", "base", "metadata", "fs",
           "provisioner", "deploy")
SECONDS = 240
PROGRAMS = ("fs/claimfs-node", "provisioner/claimfs-provisioner")


class Build(SuiteCase):

    def ninja(self, folder, *arguments):
        return self.run_program("ninja", "-C", folder, *arguments,
                                seconds=SECONDS, CCACHE_DISABLE="1")

    def check_programs(self, folder):
        for program in PROGRAMS:
            self.assertIn("0.", self.run_program(f"{folder}/build/{program}",
                                                 "--version"))

    def build(self, folder):
        self.run_program("cp", "--archive", *(f"{ROOT}/{name}" for name in
                                              SOURCES), folder)
        self.run_program("meson", "setup", "-Dtests=false", "--buildtype=plain",
                         "build", ".", cwd=folder, seconds=SECONDS)
        self.ninja(f"{folder}/build")

    def check_times(self, folder):
        """ninja goes by times: nothing to do now, and a little after a change."""
        self.assertIn("no work to do", self.ninja(f"{folder}/build"))
        os.utime(f"{folder}/base/parse.c")
        self.assertIn("parse.c", self.ninja(f"{folder}/build", "-v"))
        self.assertIn("no work to do", self.ninja(f"{folder}/build"))

    def test_a_build_on_a_shared_claim(self):
        with self.on("many") as (here, there):
            self.build(here)
            self.check_times(here)
            self.check_programs(here)
            self.check_programs(there)
            self.assertEqual("", self.run_program(
                "rsync", "--archive", "--checksum", "--dry-run",
                "--itemize-changes", here + "/", there + "/"))

    def test_a_build_on_a_claim_of_one_node(self):
        with self.on("one") as (here,):
            self.build(here)
            self.check_times(here)
            self.check_programs(here)
