# SPDX-License-Identifier: Apache-2.0
"""The manual pages and claimctl's completion tell of all that the programs have."""

import glob
import os
import re
import shutil
import subprocess
import unittest

import lab_case
from lab.claimfs import program

SECONDS = 60


def made(name):
    return os.path.join(lab_case.PROGRAMS, "deploy", name)


def said(*argv):
    return subprocess.run(
        [program(lab_case.PROGRAMS, argv[0]), *argv[1:], "--help"], text=True,
        capture_output=True, timeout=SECONDS, check=True,
        env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}).stdout


def verbs():
    listed = said("claimctl").partition("\nVerbs:\n")[2].partition("\n\n")[0]
    return re.findall(r"(?m)^  ([a-z-]+)", listed)


class Manuals(unittest.TestCase):

    def test_every_option_is_in_its_programs_manual(self):
        for name in ("claimfs-node", "claimfs-keeper", "claimfs-provisioner"):
            with self.subTest(name), open(made(name + ".8"),
                                          encoding="utf-8") as f:
                page = f.read()
                options = re.findall(r"(?m)^  (?:-\w, |    )--([\w-]+)",
                                     said(name))
                self.assertIn("help", options)
                for option in options:
                    self.assertRegex(page, rf"(?m)^\.It .*Fl -{option}\b")

    def test_every_verb_is_in_claimctls_manual(self):
        with open(made("claimctl.1"), encoding="utf-8") as f:
            page = f.read()
        self.assertIn("doctor", verbs())
        self.assertEqual(re.findall(r"(?m)^\.Ss (.*)", page), verbs())
        for word in ("@", "Usage:"):
            self.assertNotIn(word, page)

    def test_manuals_are_good_mdoc(self):
        if not shutil.which("mandoc"):
            self.skipTest("there is no mandoc")
        pages = [path for number in (1, 8) for path in
                 glob.glob(made(f"claim*.{number}"))]
        self.assertEqual(len(pages), 4)
        done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning",
                               *pages], text=True, capture_output=True,
                              timeout=SECONDS, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, ""))


class OtherShells(unittest.TestCase):
    """What zsh and fish are told, if they are there, by themselves."""

    def all_options(self):
        return {(verb, option) for verb in verbs() for option in
                re.findall(r"(?m)^  (?:-\w, |    )--([\w-]+)",
                           said("claimctl", verb))}

    def test_zsh_is_told_of_every_option(self):
        with open(made("_claimctl"), encoding="utf-8") as f:
            text = f.read()
        cases = dict(re.findall(r"(?ms)^\t([a-z]+)\)\n(.*?)^\t\t;;", text))
        for verb, option in self.all_options():
            self.assertIn(f"--{option}", cases[verb], verb)
        self.check_syntax("zsh", "_claimctl")

    def test_fish_is_told_of_every_option(self):
        with open(made("claimctl.fish"), encoding="utf-8") as f:
            text = f.read()
        found = set(re.findall(r"(?m)_from ([a-z]+)'.* -l ([\w-]+)", text))
        self.assertEqual(found, self.all_options())
        self.check_syntax("fish", "claimctl.fish")

    def check_syntax(self, shell, name):
        if shutil.which(shell):
            subprocess.run([shell, "-n", made(name)], timeout=SECONDS,
                           check=True)


class Completion(lab_case.LabCase):

    @classmethod
    def set_up_lab(cls):
        cls.apply_class()

    def complete(self, *words):
        """What is offered for the last word."""
        script = 'source "$1"; shift; COMP_WORDS=("$@"); ' \
            'COMP_CWORD=$(($# - 1)); _claimctl; printf "%s\\n" ' \
            '"${COMPREPLY[@]}"'
        done = subprocess.run(
            ["bash", "-c", script, "bash", made("claimctl.bash"),
             self.ctl.program, *words], env=self.ctl.env, text=True,
            capture_output=True, timeout=SECONDS, check=False)
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_verbs(self):
        self.assertEqual(sorted(set(verbs()) - set(self.complete(""))), [])
        self.assertEqual(self.complete("desc"), ["describe"])

    def test_options_of_a_verb(self):
        for verb in verbs():
            with self.subTest(verb):
                options = re.findall(r"(?m)^  (?:-\w, |    )(--[\w-]+)",
                                     said("claimctl", verb))
                self.assertEqual(self.complete(verb, "--"), options)

    def test_kinds_and_names(self):
        self.assertIn("persistentvolumeclaim", self.complete("get", ""))
        self.apply_claim("data")
        self.assertEqual(self.complete("get", "pvc", ""), ["data"])
        self.assertEqual(self.complete("describe", "-n", "default", "pvc",
                                       "d"), ["data"])
        self.assertEqual(self.complete("tree", ""), ["fast"])
        self.assertEqual(self.complete("get", "pvc", "-o", "y"), ["yaml"])

    def test_files(self):
        self.assertEqual(self.complete("apply", "-f", "/etc/hostn"),
                         ["/etc/hostname"])
