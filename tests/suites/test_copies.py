# SPDX-License-Identifier: Apache-2.0
"""tar and rsync copy a tree to a claim and back, and compare everything: content,
modes, owners, times, links."""

import os
import shutil

from suite_case import SuiteCase
from tree import change_tree, make_tree

# nfs-ganesha sets the times of a symlink to now, whatever it is asked for.
RSYNC = ("rsync", "--archive", "--hard-links", "--omit-link-times")


class Copies(SuiteCase):

    def setUp(self):
        self.local = os.path.join(self.folder, self._testMethodName)
        os.mkdir(self.local)
        self.addCleanup(shutil.rmtree, self.local)
        self.tree = f"{self.local}/tree"
        make_tree(self.tree)

    def assert_same(self, one, other):
        """rsync finds nothing to do, neither by sizes and times nor by content."""
        for how in ((), ("--checksum",)):
            out = self.run_program(*RSYNC, *how, "--delete", "--dry-run",
                                   "--itemize-changes", one + "/", other + "/")
            self.assertEqual(out[:2000], "")

    def test_tar_gives_back_what_it_took(self):
        archive, again = f"{self.local}/a.tar", f"{self.local}/again.tar"
        self.run_program("tar", "--sparse", "-cf", archive, "-C", self.tree, ".")
        for claim in self.mounts:
            with self.on(claim) as folders:
                self.run_program("tar", "-xpf", archive, "-C", folders[0])
                back = f"{self.local}/back-{claim}"
                for folder in folders:
                    self.run_program("tar", "--compare", "-f", archive,
                                     "-C", folder)
                    self.run_program("tar", "-cf", again, "-C", folder, ".")
                    shutil.rmtree(back, ignore_errors=True)
                    os.mkdir(back)
                    self.run_program("tar", "-xpf", again, "-C", back)
                    self.assert_same(self.tree, back)

    def test_rsync_has_nothing_left_to_do(self):
        for claim in self.mounts:
            with self.on(claim) as folders:
                copy = f"{folders[0]}/copy"
                self.run_program(*RSYNC, "--sparse", self.tree + "/",
                                 copy + "/")
                for folder in folders:
                    self.assert_same(self.tree, f"{folder}/copy")

    def test_rsync_brings_changes_over(self):
        changed = f"{self.local}/changed"
        self.run_program("cp", "--archive", self.tree, changed)
        change_tree(changed)
        for claim in self.mounts:
            for how in ("--inplace", "--no-inplace"):
                with self.on(claim, how) as folders:
                    copy = f"{folders[0]}/copy"
                    self.run_program(*RSYNC, self.tree + "/", copy + "/")
                    self.run_program(*RSYNC, how, "--no-whole-file", "--delete",
                                     changed + "/", copy + "/")
                    for folder in folders:
                        self.assert_same(changed, f"{folder}/copy")
