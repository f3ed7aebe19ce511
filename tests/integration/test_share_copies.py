# SPDX-License-Identifier: Apache-2.0
"""Copies of volumes' directories on a share, made by share_copier: they have all that
the source has, whatever stops them, and are nothing until they are whole."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import unittest

import copy_tree
import hostile_server as hostile
import lab_case
from lab import free_port, wait_for
from lab.ganesha import Ganesha
from share_copies import SECONDS, Copier, differences

KIB, MIB = 1 << 10, 1 << 20
STOPPED = "1"


class CopyCase(unittest.TestCase):
    """A server with one share, which each class has for itself."""

    maxDiff = 4000
    n_entries = 0  # of the volume "source"
    squashed = ()

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="claimfs-", dir="/var/tmp")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.export = f"{cls.folder}/export"
        cls.prepare_export()
        cls.server = Ganesha(f"{cls.folder}/ganesha", cls.export, free_port(),
                             free_port(), squashed=cls.squashed).start()
        cls.addClassCleanup(lambda: cls.server.stop())
        cls.copier = Copier(cls.server, f"{cls.folder}/reports")
        cls.where, cls.start = cls.copier.where, cls.copier.start
        cls.ask, cls.do = cls.copier.ask, cls.copier.do
        if cls.n_entries:
            copy_tree.make_tree(f"{cls.export}/source", cls.n_entries)
            cls.want = copy_tree.fingerprint(f"{cls.export}/source")

    @classmethod
    def prepare_export(cls):
        os.mkdir(cls.export)

    def tearDown(self):
        self.assertEqual(lab_case.sanitizer_reports(self.copier.reports), [])

    def refused(self, *args, where=None):
        out, said = self.ask(*args, where=where)
        self.assertNotIn(out[:1], (["0"], ["1"]))
        return said

    def copied(self, name, source="source"):
        """The copy becomes a volume, whose directory this is."""
        self.do("make", f"volume-of-{name}", name)
        self.do("drop", name)
        self.assertNotIn(name, os.listdir(f"{self.export}/.claimfs/copies"))
        return f"{self.export}/volume-of-{name}"

    def assert_same(self, folder, want=None, but=()):
        self.assertEqual(differences(want or self.want, folder, but), [])

    def write(self, path, data):
        path = f"{self.export}/{path}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(data)
        return path


class LargeTree(CopyCase):

    n_entries = 20_000

    def test_a_copy_has_everything(self):
        out = self.do("copy", "whole", "source")
        self.assertEqual(int(out[1]), len(self.want[0]))
        # Whole already: nothing is done again, the source is not even looked at.
        self.assertEqual(self.do("copy", "whole", "source")[1], "0")
        self.assert_same(self.copied("whole"))


class Interrupted(CopyCase):

    n_entries = 800

    def test_told_to_stop_it_repeats_nothing(self):
        n = n_turns = 0
        outcome = STOPPED
        while outcome == STOPPED:
            (outcome, entries, *_), said = self.ask("copy", "stopped", "source",
                                                    150)
            n, n_turns = n + int(entries), n_turns + 1
        self.assertEqual((outcome, said), ("0", ""))
        self.assertGreater(n_turns, 4)
        # Symlinks are done again: not all servers can set their times.
        self.assertLess(n, len(self.want[0]) + 60)
        # Reading changed those of what was read before.
        self.assert_same(self.copied("stopped"), but=("atime",))

    def test_killed_at_any_moment_it_goes_on(self):
        chance = random.Random(7)
        mark = f"{self.export}/.claimfs/copies/killed/copy.json"
        n_kills = 0
        while not os.path.exists(mark):
            with self.start("copy", "killed", "source") as process:
                # Later and later, so that it comes to an end.
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=0.1 + n_kills / 10 * chance.random())
                process.kill()
            n_kills += 1
            if not os.path.exists(mark):
                self.assertRegex(self.refused("make", "early", "killed"),
                                 "not whole|No such file")
        self.do("copy", "killed", "source")
        self.assertGreater(n_kills, 5)
        self.assert_same(self.copied("killed"), but=("atime",))

    def test_the_server_dies_and_comes_back(self):
        with self.start("copy", "orphan", "source") as process:
            wait_for(lambda: os.path.isdir(
                f"{self.export}/.claimfs/copies/orphan/tree/d3"),
                "the copy to begin")
            self.server.process.stop(number=signal.SIGKILL)
            _, said = process.communicate(timeout=SECONDS)
        self.assertIn("for copy orphan on share", said)
        self.server.start()
        self.do("copy", "orphan", "source")
        self.assert_same(self.copied("orphan"), but=("atime",))

    def test_connections_that_end_in_the_middle_of_data_corrupt_nothing(self):
        proxy = hostile.Proxy(self.server.port)
        self.addCleanup(proxy.close)
        proxy.every_nth = 120
        proxy.rule = lambda reply: hostile.close_in_the_middle(reply) \
            if reply.is_data() else hostile.pass_on(reply)
        n_failed = 0
        while self.ask("copy", "cut", "source",
                       where=self.where(port=proxy.port))[0][:1] != ["0"]:
            n_failed += 1
            if n_failed == 15:
                proxy.behave()
        self.assertGreater(n_failed, 2)
        self.assert_same(self.copied("cut"), but=("atime",))


class Content(CopyCase):
    """Each test has a volume of its own."""

    def test_a_large_file_goes_on_where_it_was(self):
        data = random.Random(1).randbytes(MIB) * 140
        self.write("large/file", data)
        os.utime(f"{self.export}/large/file", (10**9, 10**9))
        half = f"{self.export}/.claimfs/copies/long/tree/file"
        with self.start("copy", "long", "large") as process:
            # A mark: so much of it is stable.
            wait_for(lambda: os.path.exists(half) and
                     64 * MIB >> 16 <= os.stat(half).st_atime < 10**8,
                     "the first mark", SECONDS)
            process.kill()
        marked = int(os.stat(half).st_atime) << 16
        out = self.do("copy", "long", "large")
        self.assertEqual(int(out[2]), len(data) - marked)
        with open(self.copied("long") + "/file", "rb") as f:
            self.assertTrue(f.read() == data)

    def test_what_changed_between_two_runs_is_copied_again(self):
        for number in range(40):
            self.write(f"changing/{number}", b"old" * number)
        os.makedirs(f"{self.export}/changing/later")
        os.link(f"{self.export}/changing/7", f"{self.export}/changing/later/7")
        self.ask("copy", "changed", "changing", 6)
        for number in range(0, 40, 3):
            self.write(f"changing/{number}", b"newer" * number)
        for number in (1, 4):
            os.unlink(f"{self.export}/changing/{number}")
            os.mkdir(f"{self.export}/changing/{number}")
            self.write(f"changing/{number}/in", b"it")
        self.write("changing/later/7", b"both names")
        self.ask("copy", "changed", "changing", 6)
        # No longer one file.
        self.write("changing/new", b"another one")
        os.rename(f"{self.export}/changing/new",
                  f"{self.export}/changing/later/7")
        want = copy_tree.fingerprint(f"{self.export}/changing")
        self.do("copy", "changed", "changing")
        self.assert_same(self.copied("changed"), want, but=("atime",))

    def test_what_went_between_two_runs_is_in_no_copy(self):
        for number in range(150):
            self.write(f"leaving/{number}", b"here" * (number % 40))
            self.write(f"leaving/some/{number}", b"here")
        self.write("leaving/all/of/it", b"here")
        out, _ = self.ask("copy", "left", "leaving", 60)
        self.assertEqual(out[0], STOPPED)
        for number in range(0, 150, 2):
            os.unlink(f"{self.export}/leaving/{number}")
            os.unlink(f"{self.export}/leaving/some/{number}")
        os.rename(f"{self.export}/leaving/1", f"{self.export}/leaving/one")
        shutil.rmtree(f"{self.export}/leaving/all")
        want = copy_tree.fingerprint(f"{self.export}/leaving")
        self.do("copy", "left", "leaving")
        self.assert_same(self.copied("left"), want, but=("atime",))

    def replace(self, name, n):
        """As programs do that never want to be without: the name is always there."""
        new = self.write(f"busy/new{n % 3}", os.urandom(300 * KIB))
        os.rename(new, f"{self.export}/busy/{name}")
        os.symlink(f"target{n}", f"{new}.link")
        os.rename(f"{new}.link", f"{self.export}/busy/{name}.link")

    def test_a_source_that_never_rests_is_copied_all_the_same(self):
        for number in range(300):
            self.write(f"busy/still{number}", b"the same" * 100)
        self.replace("always", 0)
        done = threading.Event()

        def disturb():
            n = 0
            while not done.is_set():
                n += 1
                self.write(f"busy/loud{n % 5}", os.urandom(n % 1000 * 500))
                self.write(f"busy/come{n % 50}", b"x")
                self.replace("always", n)
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(f"{self.export}/busy/come{(n + 7) % 50}")

        writer = threading.Thread(target=disturb)
        writer.start()
        try:
            self.do("copy", "restless", "busy")
        finally:
            done.set()
            writer.join()
        folder = self.copied("restless")
        self.assertEqual(os.stat(f"{folder}/always").st_size, 300 * KIB)
        self.assertRegex(os.readlink(f"{folder}/always.link"), "^target")
        for number in range(300):
            with open(f"{folder}/still{number}", "rb") as f:
                self.assertEqual(f.read(), b"the same" * 100)

    def test_a_copy_from_another_share(self):
        other = f"{self.folder}/other"
        copy_tree.make_tree(f"{other}/source", 200)
        want = copy_tree.fingerprint(f"{other}/source")
        with Ganesha(f"{self.folder}/ganesha2", other, free_port(),
                     free_port()) as server:
            self.do("copy-from", f"127.0.0.1:{server.port}:"
                    f"{server.mount_port}:{other}", "foreign", "source")
        self.assert_same(self.copied("foreign"), want)

    def test_a_mount_below_the_source_is_not_entered(self):
        self.write("mounted/file", b"x")
        below = f"{self.export}/mounted/a/b"
        os.makedirs(below)
        subprocess.run(["mount", "-t", "tmpfs", "none", below], check=True,
                       timeout=20)
        self.addCleanup(subprocess.run, ["umount", "-l", below], check=True,
                        timeout=20)
        self.assertIn("another file system is mounted there",
                      self.refused("copy", "beyond", "mounted"))

    def test_a_symlink_is_no_source(self):
        os.symlink("/etc", f"{self.export}/led-away")
        self.assertIn("Not a directory",
                      self.refused("copy", "away", "led-away"))


class Snapshots(CopyCase):

    def test_it_is_there_whole_or_not_at_all_and_goes_at_once(self):
        copy_tree.make_tree(f"{self.export}/data", 300)
        want = copy_tree.fingerprint(f"{self.export}/data")
        self.ask("copy", "half", "data", 50)
        self.assertIn("it is not whole", self.refused("keep", "half", "snap-1"))
        self.assertEqual(self.do("each")[:-4], [])
        self.do("copy", "half", "data")
        for _ in range(2):
            self.do("keep", "half", "snap-1")
        self.assertEqual(self.do("each")[:-4],
                         ["snap-1", "whole", '{"a":1}'])
        # It does not depend on its volume.
        shutil.rmtree(f"{self.export}/data")
        self.do("copy-snapshot", "back", "snap-1")
        self.assert_same(self.copied("back"), want, but=("atime",))
        for _ in range(2):
            self.do("drop-snapshot", "snap-1")
            self.assertEqual(self.do("each")[:-4], [])
        for _ in range(2):
            self.do("drop", "snap-1")
        for name in ("copies", "snapshots"):
            self.assertEqual(os.listdir(f"{self.export}/.claimfs/{name}"), [])

    def test_what_is_in_a_volumes_place_is_not_replaced(self):
        self.write("origin/file", b"x")
        self.do("copy", "ready", "origin")
        self.write("taken/file", b"somebody's")
        self.assertIn("another one is in its place",
                      self.refused("make", "taken", "ready"))
        for _ in range(2):
            self.do("make", "free", "ready")

    def test_names_that_are_no_names(self):
        for name in ("", ".", "..", "a/b", ".hidden", "x" * 201):
            self.assertIn("letters, digits", self.refused("copy", name, "data"))
            self.assertIn("letters, digits", self.refused("drop", name))
            self.assertIn("letters, digits",
                          self.refused("drop-snapshot", name))


class FullTarget(CopyCase):

    @classmethod
    def prepare_export(cls):
        os.mkdir(cls.export)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none",
                        cls.export], check=True, timeout=20)
        cls.addClassCleanup(subprocess.run, ["umount", "-l", cls.export],
                            check=True, timeout=20)

    def n_free(self):
        status = os.statvfs(self.export)
        return status.f_bfree, status.f_ffree

    def test_it_says_so_and_nothing_is_left_when_it_is_dropped(self):
        for number in range(14):
            self.write(f"much/d{number % 3}/file{number}", bytes([7]) * MIB)
        self.do("drop", "none")
        before = self.n_free()
        said = self.refused("copy", "too-much", "much")
        self.assertRegex(said, r"^(write|make|copy) d\d/file\d+ for copy too-"
                         r"much on share .*: No space left on device")
        self.do("drop", "too-much")
        self.assertEqual(self.n_free(), before)
        os.unlink(f"{self.export}/much/d0/file0")
        for number in range(1, 14):
            os.truncate(f"{self.export}/much/d{number % 3}/file{number}",
                        100 * KIB)
        self.do("copy", "too-much", "much")


class Squashed(CopyCase):

    squashed = ("root_squash",)

    def test_a_server_that_lets_root_be_nobody_is_named(self):
        share = self.server.squashed_export("root_squash")
        os.chmod(share, 0o777)
        path = self.write("owned/file", b"x")
        os.chown(path, 1234, 1234)
        said = self.refused("copy-from", self.where(), "nobody", "owned",
                            where=self.where(share))
        self.assertIn("set owner and group (uid, gid) of file", said)
        self.assertIn("no_root_squash", said)
