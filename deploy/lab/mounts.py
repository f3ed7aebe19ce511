# SPDX-License-Identifier: Apache-2.0
"""The mounts below a folder. Nothing here ever stats a mount point: it may be
dead."""

import os
import re
import subprocess


def mounts_below(folder):
    """Mount points at or below folder, in the order of mounting."""
    folder = os.path.abspath(folder)
    found = []
    with open("/proc/self/mountinfo", encoding="utf-8",
              errors="surrogateescape") as f:
        for line in f:
            target = re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)),
                            line.split()[4])
            if target == folder or target.startswith(folder + "/"):
                found.append(target)
    return found


def unmount_below(folder):
    """Takes every mount below folder away, dead ones too."""
    for target in reversed(mounts_below(folder)):
        subprocess.run(["umount", "-l", target], timeout=20, check=False,
                       stderr=subprocess.DEVNULL)
    return mounts_below(folder)
