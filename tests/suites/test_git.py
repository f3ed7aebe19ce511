# SPDX-License-Identifier: Apache-2.0
"""git on claims: many small files, renames into place, mapped packs."""

import os
import random

from suite_case import SuiteCase

N_FILES = 300
WHO = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1",
       "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com",
       "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com"}


def make_files(folder, numbers, chance):
    for number in numbers:
        below = f"{folder}/d{number % 40}"
        os.makedirs(below, exist_ok=True)
        with open(f"{below}/f{number}", "wb") as f:
            f.write(chance.randbytes(chance.randrange(3000)).hex().encode())


class Git(SuiteCase):

    def git(self, repository, *arguments):
        return self.run_program("git", "-C", repository, *arguments, **WHO)

    def commit(self, repository, text):
        self.git(repository, "add", "--all")
        self.git(repository, "commit", "--quiet", "-m", text)

    def make_history(self, repository):
        chance = random.Random(3)
        os.mkdir(repository)
        self.git(repository, "init", "--quiet", "-b", "main")
        make_files(repository, range(N_FILES), chance)
        self.commit(repository, "files")
        self.git(repository, "checkout", "--quiet", "-b", "side")
        make_files(repository, range(0, N_FILES, 5), chance)
        self.commit(repository, "change a fifth")
        self.git(repository, "checkout", "--quiet", "main")
        make_files(repository, range(N_FILES, N_FILES + 50), chance)
        self.commit(repository, "more files")
        self.git(repository, "merge", "--quiet", "-m", "merge", "side")

    def assert_sound(self, repository, commit):
        self.git(repository, "fsck", "--full", "--strict")
        self.assertEqual(self.git(repository, "status", "--porcelain"), "")
        self.assertEqual(self.git(repository, "rev-parse", "HEAD"), commit)

    def test_a_repository_stays_sound(self):
        for claim in self.mounts:
            with self.on(claim) as folders:
                one = f"{folders[0]}/one"
                self.make_history(one)
                commit = self.git(one, "rev-parse", "HEAD")
                self.assert_sound(one, commit)
                self.git(one, "gc", "--quiet", "--prune=now")
                self.assert_sound(one, commit)
                for how in ("--no-local", "--no-hardlinks", "--local"):
                    clone = f"{folders[0]}/clone{how}"
                    self.git(one, "clone", "--quiet", how, one, clone)
                    self.assert_sound(clone, commit)

    def test_two_nodes_push_and_pull_in_turn(self):
        with self.on("many") as folders:
            self.git(folders[0], "init", "--quiet", "--bare", "-b", "main",
                     "hub")
            works = [f"{folder}/work{i}" for i, folder in enumerate(folders)]
            for work, folder in zip(works, folders):
                self.git(folder, "clone", "--quiet", f"{folder}/hub", work)
                self.git(work, "checkout", "--quiet", "-B", "main")
            for number in range(4):
                work = works[number % 2]
                if number:
                    self.git(work, "pull", "--quiet", "--ff-only", "origin",
                             "main")
                make_files(work, range(number * 20, number * 20 + 40),
                           random.Random(number))
                self.commit(work, f"turn {number}")
                self.git(work, "push", "--quiet", "origin", "main")
            commit = self.git(works[1], "rev-parse", "HEAD")
            self.git(works[0], "pull", "--quiet", "--ff-only", "origin", "main")
            for work in works:
                self.assert_sound(work, commit)
