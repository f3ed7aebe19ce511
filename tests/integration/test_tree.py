# SPDX-License-Identifier: Apache-2.0
"""A tree of 5,000 files, copied in on one node and compared on the other."""

import hashlib
import os
import random
import shutil
import subprocess
import tempfile

from csi_case import MountCase

N_FILES = 5000


def make_tree(folder):
    """5,000 files in 100 folders: most small, some large, some odd."""
    chance = random.Random(1)
    for number in range(N_FILES):
        where = f"{folder}/dir{number % 10}/sub{number // 500}"
        os.makedirs(where, exist_ok=True)
        size = chance.choice([0, 1, 100, 3000, 4096, 9000])
        if number % 500 == 0:
            size = (1 << 20) + 12345
        with open(f"{where}/file {number}.data", "wb") as f:
            f.write(chance.randbytes(size))
    os.symlink("dir1/sub0", f"{folder}/link")
    os.chmod(f"{folder}/dir0/sub0/file 0.data", 0o640)


def fingerprint(folder):
    """{relative path: (type and mode, checksum or link target)}."""
    found = {}
    for top, folders, names in os.walk(folder):
        for name in folders + names:
            path = os.path.join(top, name)
            status = os.lstat(path)
            if os.path.islink(path):
                content = os.readlink(path)
            elif os.path.isdir(path):
                content = ""
            else:
                with open(path, "rb") as f:
                    content = hashlib.sha256(f.read()).hexdigest()
            found[os.path.relpath(path, folder)] = (status.st_mode, content)
    return found


class Tree(MountCase):

    def test_copied_in_here_it_is_the_same_there_and_can_be_removed(self):
        with tempfile.TemporaryDirectory() as source:
            make_tree(source)
            want = fingerprint(source)
            self.assertGreater(len(want), N_FILES)
            subprocess.run(["cp", "-a", source, f"{self.here}/tree"],
                           check=True, timeout=100)
            self.assertEqual(fingerprint(f"{self.there}/tree"), want)
            self.assertEqual(fingerprint(f"{self.behind}/tree"), want)
        shutil.rmtree(f"{self.there}/tree")
        self.assertEqual(os.listdir(self.here), [])
        self.assertEqual(os.listdir(self.behind), [])
