# SPDX-License-Identifier: Apache-2.0
"""A copy is killed before each of the changes that it makes to a share, and begun
again: it is nothing until it is whole, and whole in the end."""

import os
import shutil
import tempfile
import unittest

import copy_tree
import lab_case
from kill_case import IS_LONG
from killed import NEVER, Steps
from lab import free_port
from lab.ganesha import Ganesha
from share_copies import Copier, differences

STRIDE = 1 if IS_LONG else 3


def make_source(folder):
    """A few of each kind."""
    os.makedirs(f"{folder}/d/e")
    for name in ("one", "d/two", "d/e/three"):
        with open(f"{folder}/{name}", "wb") as f:
            f.write(name.encode() * 100)
    os.symlink("one", f"{folder}/link")
    os.link(f"{folder}/one", f"{folder}/d/one-again")
    os.mkfifo(f"{folder}/d/e/pipe")
    os.chown(f"{folder}/d/two", 12, 34)
    os.chmod(f"{folder}/d/two", 0o4711)
    os.chmod(f"{folder}/d/e", 0o2750)
    for path in ("one", "d/two", "d/e/three", "d/e/pipe", "d/e", "d", ""):
        os.utime(f"{folder}/{path}", ns=(10**18 + 1, 10**18 + len(path)))


class CopyKills(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="claimfs-", dir="/var/tmp")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.export = f"{cls.folder}/export"
        make_source(f"{cls.export}/source")
        cls.server = Ganesha(f"{cls.folder}/ganesha", cls.export, free_port(),
                             free_port()).start()
        cls.addClassCleanup(cls.server.stop)
        cls.copier = Copier(cls.server, f"{cls.folder}/reports")
        cls.want = copy_tree.fingerprint(f"{cls.export}/source")

    def told(self, name, at, *turns):
        """How many changes there were until it was killed before one of them; what
        was under way then is done again, as after a restart."""
        steps = Steps(f"{self.folder}/steps-{name}")
        self.addCleanup(steps.close)
        env = {"LD_PRELOAD": f"{lab_case.PROGRAMS}/tests/faults/kill_at.so",
               "KILL_AT": steps.path}
        steps.begin(at)
        for number, turn in enumerate(turns):
            if not self.copier.ask(*turn, env=env)[0]:
                self.look()
                for again in turns[number:]:
                    self.copier.do(*again)
                break
        return len(steps.taken())

    def look(self):
        """A snapshot is whole, or there is none."""
        found = self.copier.do("each")[:-4]
        self.assertLessEqual(set(found[1::3]), {"whole"}, found)

    def make(self, name, at):
        return self.told(name, at, ("copy", name, "source"),
                         ("make", f"pv-{name}", name), ("drop", name))

    def check(self, name):
        self.assertEqual(differences(self.want, f"{self.export}/pv-{name}",
                                     but=("atime",)), [])
        self.assertEqual(os.listdir(f"{self.export}/.claimfs/copies"), [])
        self.assertEqual(
            lab_case.sanitizer_reports(self.copier.reports), [])

    def test_killed_before_each_change_it_is_whole_in_the_end(self):
        n_steps = self.make("undisturbed", NEVER)
        self.check("undisturbed")
        self.assertGreater(n_steps, 30)
        for at in range(1, n_steps + 1, STRIDE):
            with self.subTest(at=at):
                self.make(f"at-{at}", at)
                self.check(f"at-{at}")

    def snapshot(self, name, at):
        """Made and deleted."""
        self.copier.do("copy", name, "source")
        return self.told(name, at, ("keep", name, name),
                         ("drop-snapshot", name), ("drop", name))

    def test_killed_before_each_change_a_snapshot_is_whole_or_gone(self):
        n_steps = self.snapshot("undisturbed-s", NEVER)
        self.assertGreater(n_steps, 10)
        for at in range(1, n_steps + 1, STRIDE):
            with self.subTest(at=at):
                self.snapshot(f"s-{at}", at)
                for place in ("copies", "snapshots"):
                    self.assertEqual(
                        os.listdir(f"{self.export}/.claimfs/{place}"), [])
