# SPDX-License-Identifier: Apache-2.0
"""The disk with the provisioner's record is full: it says so in a sentence, loses
nothing and goes on when there is room, killed or not."""

import contextlib
import os
import subprocess

from kill_case import IS_LONG, WORKERS, KillCase
from killed import FULL, WRITES, Refused
from lab import LabError, Process
from stories import Create, Delete, Story, bound, claim

SENTENCE = r'database ".*claimfs\.db": database or disk is full'


class FullDisk(KillCase):

    @contextlib.contextmanager
    def on_a_small_disk(self, name, is_started=True):
        with self.new_run(name) as run:
            # Its log has room.
            run.provisioner.process = Process("claimfs-provisioner", run.folder)
            os.mkdir(run.provisioner.state)
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs",
                            run.provisioner.state], check=True)
            if is_started:
                run.start()
            yield run

    @staticmethod
    def fill(run):
        """To the last byte."""
        with contextlib.suppress(OSError), \
                open(f"{run.provisioner.state}/ballast", "wb", 0) as f:
            while f.write(bytes(4096)):
                pass

    @staticmethod
    def make_room(run):
        os.unlink(f"{run.provisioner.state}/ballast")

    def assert_refused(self, run):
        with self.assertRaisesRegex(Refused, SENTENCE) as caught:
            for number in range(100):  # the log may have room yet
                run.create("claim", f"c{number}", **claim("none"))
        self.assertNotIn("\n", caught.exception.answer["message"])
        return number

    def test_it_says_so_and_goes_on_when_there_is_room(self):
        with self.on_a_small_disk("says") as run:
            Story.before(run)
            self.fill(run)
            n_made = self.assert_refused(run)
            bound(run, "neighbour")
            self.assertIsNone(run.get("claim", f"c{n_made}"))
            self.make_room(run)
            run.create("claim", "c", **claim("story"))
            bound(run, "c")
            run.check_database()
            for number in range(n_made):
                self.assertTrue(run.get("claim", f"c{number}"))

    def test_a_first_start_says_so(self):
        with self.on_a_small_disk("first", is_started=False) as run:
            self.fill(run)
            self.assert_not_started(run)
            self.make_room(run)
            run.start()
            Story.before(run)

    def assert_not_started(self, run):
        with self.assertRaisesRegex(LabError, f"provisioner: {SENTENCE}"):
            run.start()
        self.assertEqual(run.provisioner.process.child.returncode, 1)

    def start_when_full(self, run):
        """With the log's index that the kill left it may read what it has."""
        run.start()
        bound(run, "neighbour")
        run.kill()
        self.make_room(run)
        os.unlink(f"{run.provisioner.state}/claimfs.db-shm")
        self.fill(run)
        self.assert_not_started(run)

    def test_a_kill_while_it_is_full_loses_nothing(self):
        with self.on_a_small_disk("killed") as run:
            Story.before(run)
            self.fill(run)
            n_made = self.assert_refused(run)
            run.kill()
            run.check_database()
            self.fill(run)
            self.start_when_full(run)
            self.make_room(run)
            run.start()
            bound(run, "neighbour")
            for number in range(n_made):
                self.assertTrue(run.get("claim", f"c{number}"))
            run.create("claim", "c", **claim("story"))
            bound(run, "c")

    def test_from_any_write_on_it_may_be_full(self):
        self.tell(Create, 1 if IS_LONG else 12, FULL)

    def test_from_any_write_of_a_removal_on_it_may_be_full(self):
        self.tell(Delete, 1 if IS_LONG else 12, FULL)

    def start_and_die(self, at):
        """Whether there was such a step in the first start of all."""
        with self.new_run(f"first-{at}") as run:
            run.steps.begin(at, WRITES)
            try:
                run.start()
            except LabError:
                run.revive()
            run.steps.end()
            Story.before(run)
            return run.n_faults > 0

    def test_the_record_is_made_again_after_a_kill_in_the_first_start(self):
        at, stride = 1, 3 * WORKERS if IS_LONG else 20 * WORKERS
        died = True
        while died:
            done = self.each(range(at, at + stride, stride // WORKERS),
                             self.start_and_die)
            self.fail_for(error for _, error in done)
            died = done[-1][0]
            at += stride
