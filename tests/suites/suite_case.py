# SPDX-License-Identifier: Apache-2.0
"""What public programs run on: a claim of many nodes, mounted on two of them, and a
claim of one node."""

import contextlib
import os
import shutil
import subprocess

from lab_case import LabCase

CLAIMS = {"many": "ReadWriteMany", "one": "ReadWriteOnce"}
PROGRAM_SECONDS = 120


class SuiteCase(LabCase):

    test_seconds = 400

    @classmethod
    def set_up_lab(cls):
        cls.apply_class()
        cls.mounts = {name: cls.apply_mounts(name, mode)
                      for name, mode in CLAIMS.items()}

    @contextlib.contextmanager
    def on(self, claim, what=""):
        """A sub-test in a fresh folder of a claim; gives its path on each node."""
        name = f"{self._testMethodName}{what}"
        folders = [os.path.join(mount, name) for mount in self.mounts[claim]]
        with self.subTest(claim + what):
            os.mkdir(folders[0])
            yield folders
        shutil.rmtree(folders[0], ignore_errors=True)

    def run_program(self, *argv, cwd=None, seconds=PROGRAM_SECONDS, **env):
        """Runs it to its end, which has to be a success; returns its output."""
        done = subprocess.run(
            argv, cwd=cwd or self.folder, env={**os.environ, **env}, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, check=False, timeout=seconds)
        if done.returncode:
            self.fail(f"{' '.join(argv)} ended with {done.returncode}:\n"
                      f"{done.stdout[-4000:]}")
        return done.stdout
