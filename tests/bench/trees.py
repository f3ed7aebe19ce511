# SPDX-License-Identifier: Apache-2.0
"""Work on many small files: untar, find, ls -lR, rm -rf of a tree of 5,000 files,
and a git clone of 1,000. The tree and the repository are made from a seed, on a
local disk, once per run.

A job as in jobs.py; a sample is seconds. Names are dropped from the kernel's cache
before find and ls, so that they ask the daemon; untar and rm -rf are timed as they
come, after each other. The jobs depend on each other in the order of TREES."""

import os
import random
import shutil
import subprocess

from machine import cpu_us, forget_names, timed

SEED = 20
FOLDERS = 110
FILES = 5000
CLONED_FILES = 1000
GIT = ["git", "-c", "user.name=bench", "-c", "user.email=bench@example.com",
       "-c", "init.defaultBranch=main"]


def write_files(root, n_files, n_folders):
    """Files of 0 to 11 KiB in folders of two levels."""
    source = random.Random(SEED)
    folders = [os.path.join(root, f"d{i % 10}", f"e{i}")
               for i in range(n_folders)]
    for folder in folders:
        os.makedirs(folder)
    for i in range(n_files):
        with open(f"{folders[i % n_folders]}/file-{i}.c", "wb") as f:
            f.write(source.randbytes(source.randrange(11 << 10)))


class Sources:
    """What the works read: an archive and a repository below a local folder."""

    def __init__(self, folder):
        self.archive = os.path.join(folder, "tree.tar")
        self.repository = os.path.join(folder, "repository")
        tree = os.path.join(folder, "tree")
        write_files(tree, FILES, FOLDERS)
        subprocess.run(["tar", "cf", self.archive, "-C", folder, "tree"],
                       check=True)
        shutil.rmtree(tree)
        write_files(self.repository, CLONED_FILES, FOLDERS // 5)
        for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "1"],
                      ["gc", "-q"]):
            subprocess.run([*GIT, *words], cwd=self.repository, check=True)


class TreeJob:
    """A command in the side's folder."""

    sides = ("RWX", "RWO", "fuse-nfs", "passthrough")

    def __init__(self, name, argv, is_cold=False, removes=None):
        self.name = name
        self.argv = argv
        self.is_cold = is_cold
        self.removes = removes

    def measure(self, side, args):
        argv = [word.format(**vars(args.sources)) for word in self.argv]
        if self.removes:
            shutil.rmtree(os.path.join(side.folder, self.removes),
                          ignore_errors=True)
        if self.is_cold:
            forget_names()
        before = cpu_us(side.pid)
        seconds = timed(argv, cwd=side.folder)
        return {"seconds": seconds, "rate": 1 / seconds,
                "cpu_us": cpu_us(side.pid) - before}


TREES = [
    TreeJob("untar", ["tar", "xf", "{archive}"], removes="tree"),
    TreeJob("find", ["find", "tree"], is_cold=True),
    TreeJob("ls -lR", ["ls", "-lR", "tree"], is_cold=True),
    TreeJob("rm -rf", ["rm", "-rf", "tree"]),
    TreeJob("git clone", ["git", "clone", "-q", "{repository}", "clone"],
            removes="clone"),
]
