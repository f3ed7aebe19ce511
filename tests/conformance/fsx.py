# SPDX-License-Identifier: Apache-2.0
"""The random checker fsx (fsx.c) as cases: one per set of operations."""

import os
import subprocess

from suite import Skip, case

RUNS = (
    ("buffered reads and writes agree with memory", []),
    ("mappings and descriptors agree with memory", ["--mmap"]),
    ("direct and buffered I/O agree with memory", ["--direct"]),
    ("appends agree with memory", ["--append"]),
)


def load(programs, seed, operations):
    program = os.path.join(programs, "tests", "conformance", "fsx")

    def register(sentence, arguments):
        @case(sentence)
        def run_it():
            if not os.access(program, os.X_OK):
                raise Skip(f"{program} is not built")
            done = subprocess.run(
                [program, f"--seed={seed}", f"--operations={operations}",
                 *arguments, "file"], stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, check=False)
            if done.returncode:
                raise AssertionError(done.stdout[-2500:])

    for sentence, arguments in RUNS:
        register(sentence, arguments)
