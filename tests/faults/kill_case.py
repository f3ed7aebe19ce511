# SPDX-License-Identifier: Apache-2.0
"""A story is told without a kill, then with one at each of its steps, and its outcomes
are compared."""

import collections
import concurrent.futures
import contextlib
import difflib
import json
import os
import time

from csi_case import make_stubs
from killed import KILL, NEVER, Run
from lab import LabError, wait_for
from lab_case import LabCase

import lab_case

LENGTH = os.environ.get("FAULTS_LENGTH", "short")
IS_LONG = LENGTH == "long"
SEED = int(os.environ.get("FAULTS_SEED", "0"))
WORKERS = 3  # they wait most of the time


def difference(expected, found):
    def text(value):
        return json.dumps(value, indent=1, sort_keys=True).splitlines()
    return "\n".join(difflib.unified_diff(text(expected), text(found),
                                          "without the kill", "with it",
                                          lineterm="", n=4))


def open_ones(intents):
    return [intent for intent in intents if intent.endswith(": None")]


class KillCase(LabCase):
    test_seconds = {"short": 120, "long": 900}[LENGTH]

    @classmethod
    def start_lab(cls):
        cls.cluster.start_nodes()
        cls.module = os.path.join(lab_case.PROGRAMS, "tests", "faults",
                                  "kill_at.so")
        cls.csi = make_stubs(cls.cluster.folder)

    def new_run(self, name, has_nodes=False):
        return Run(self.cluster, lab_case.PROGRAMS, self.module, name,
                   self.cluster.env, has_nodes)

    @contextlib.contextmanager
    def told(self, story, at, mode):
        """A run in which the story was told."""
        name = f"{story.__name__}-{mode}-{at}"
        with self.new_run(name, story.has_nodes) as run:
            if story.has_csi:
                run.serve_csi(*self.csi)
            run.dies_full = at % 2 == 0
            run.start()
            story.before(run)
            run.steps.begin(at, mode)
            story.act(run)
            self.wait_until_quiet(run)
            run.steps.end()
            yield run

    @staticmethod
    def wait_until_quiet(run):
        """What was begun is finished, or the next step was the last."""
        seen = [0, time.monotonic()]

        def is_quiet():
            run.look_for_room()
            n = len(run.steps.taken())
            if n != seen[0]:
                seen[:] = [n, time.monotonic()]
            return run.is_dead() or \
                time.monotonic() - seen[1] > 0.5 and not run.steps.is_full
        wait_for(is_quiet, "the story to end", 30)

    @staticmethod
    def outcome(run, story):
        found = run.outcome()
        if story.is_chance:
            found["intents"] = open_ones(found["intents"])
        return found

    def without_a_kill(self, story, mode):
        """What comes of it, and its steps."""
        with self.told(story, NEVER, mode) as run:
            run.wait_for_all_keys()
            expected = self.outcome(run, story)
            self.assertEqual(open_ones(expected["intents"]), [])
            self.assertTrue(run.steps.taken(), f"{self.module} counts none")
            return expected, run.steps.taken()

    def with_a_kill(self, story, at, mode, expected):
        """The step it was killed before; None if the story had no such step."""
        with self.told(story, at, mode) as run:
            if run.is_dead():
                run.revive()
            self.wait_for_outcome(run, story, expected)
            run.wait_for_all_keys()
            self.wait_for_outcome(run, story, expected, 0)
            return run.steps.taken()[-1] if run.n_faults else None

    def wait_for_outcome(self, run, story, expected, seconds=15):
        found = []

        def is_as_expected():
            try:
                found[:] = [self.outcome(run, story)]
            except FileNotFoundError:
                return False  # it went while we looked
            return found[0] == expected
        try:
            wait_for(is_as_expected, "the outcome", seconds)
        except LabError:
            raise LabError(difference(expected, found[0] if found else {}) +
                           "\n" + run.provisioner.process.log_tail(20)) \
                from None

    @staticmethod
    def each(numbers, what):
        """What what(number) returned, and how many could not."""
        def attempt(number):
            try:
                return what(number), None
            except (LabError, AssertionError, KeyError) as error:
                return "", f"step {number}: {error!r:.6000}"
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            return list(pool.map(attempt, numbers))

    def fail_for(self, errors):
        found = [error for error in errors if error]
        if found:
            self.fail("\n".join(found[:5]))

    def tell(self, story, stride=1, mode=KILL):
        """With a stride other than 1 the seed says which steps are taken."""
        expected, steps = self.without_a_kill(story, mode)
        numbers = range(1 + SEED % stride, len(steps) + 3, stride)
        began = time.monotonic()

        def kill(numbers):
            return self.each(numbers, lambda at: self.with_a_kill(
                story, at, mode, expected))
        done = kill(numbers)
        # How many changes share a commit is chance, and so is how many there are.
        while stride == 1 and done[-1][0] and len(done) < 2 * len(steps) + 10:
            done += kill(range(len(done) + 1, len(done) + 1 + WORKERS))
        hit = collections.Counter(what for what, _ in done if what)
        print(f"{story.__name__}: {len(steps)} steps; it stopped before "
              + ", ".join(f"{n} {what}" for what, n in hit.items())
              + f" ({time.monotonic() - began:.0f} s)", flush=True)
        self.fail_for(error for _, error in done)
        if stride == 1:
            self.assertIsNone(done[-1][0], "there are more steps")
