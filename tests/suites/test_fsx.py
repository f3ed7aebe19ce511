# SPDX-License-Identifier: Apache-2.0
"""The random checker of the conformance cases, for longer and with other seeds."""

import os
import subprocess
import sys

import lab_case
from suite_case import SuiteCase

sys.path.append(os.path.join(lab_case.TESTS, "conformance"))

import fsx  # noqa: E402

N_OPERATIONS = 8000
SEEDS = (11, 12)
SECONDS = 240


class Fsx(SuiteCase):

    def start(self, folder, seed, number, arguments):
        return subprocess.Popen(
            [os.path.join(lab_case.PROGRAMS, "tests", "conformance", "fsx"),
             f"--seed={seed}", f"--operations={N_OPERATIONS}", *arguments,
             f"{folder}/file-{seed}-{number}"], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def check(self, claim):
        with self.on(claim) as folders:
            processes = [self.start(folders[0], seed, number, arguments)
                         for number, (_, arguments) in enumerate(fsx.RUNS)
                         for seed in SEEDS]
            for process in processes:
                self.addCleanup(process.kill)
            for process in processes:
                out = process.communicate(timeout=SECONDS)[0]
                self.assertEqual(process.returncode, 0, out[-4000:])

    def test_a_shared_claim_agrees_with_memory(self):
        self.check("many")

    def test_a_claim_of_one_node_agrees_with_memory(self):
        self.check("one")
