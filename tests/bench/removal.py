# SPDX-License-Identifier: Apache-2.0
"""How fast a deleted claim's files are gone, next to rm -rf of the same files on a
mount of the same share. Both trees are made through the mount, so that the server
knows as much of one as of the other; of a claim all that lies between its deletion and
the end of its volume is counted."""

import os
import time

from lab import wait_for

from machine import timed
from sides import CLASS, Claim

FOLDERS = 100  # files are spread over them
SECONDS = 1800

REMOVED = CLASS.replace("name: bench", "name: removed").replace(
    "parameters:\n", 'parameters:\n  trashTTL: "0"\n')


class Removed(Claim):
    class_name = "removed"


def make_tree(folder, n_files):
    for number in range(FOLDERS):
        os.makedirs(f"{folder}/tree/{number}")
    for number in range(n_files):
        with open(f"{folder}/tree/{number % FOLDERS}/{number}", "wb"):
            pass


def delete_claim(ctl, name, volume):
    """Seconds until the volume is gone, and with it its data."""
    ctl("delete", "pod", name)
    wait_for(lambda: ctl.phase("pod", name) is None, "the pod to go", 60)
    began = time.monotonic()
    ctl("delete", "pvc", name, "--wait=false")
    wait_for(lambda: ctl.phase("pv", volume) is None, "the volume to go",
             SECONDS)
    return time.monotonic() - began


def measure(cluster, n_files, results):
    cluster.ctl.apply(cluster.adapt(REMOVED))
    claim = Removed(cluster, "Removed", "ReadWriteMany")
    make_tree(claim.folder, n_files)
    seconds = timed(["rm", "-rf", "tree"], cwd=claim.folder)
    results.add("removal", "rm -rf", {"seconds": seconds,
                                      "rate": n_files / seconds})
    make_tree(claim.folder, n_files)
    seconds = delete_claim(cluster.ctl, "removed",
                           os.path.basename(claim.share))
    results.add("removal", "trash", {"seconds": seconds,
                                     "rate": n_files / seconds})
