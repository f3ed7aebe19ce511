# SPDX-License-Identifier: Apache-2.0
"""How fast a claim is copied into another one: many small files next to `cp -a` on a
mount of the same share, one large file next to what raw reading and raw writing of it
take one after the other; and how much memory the provisioner needs for it."""

import json
import os
import shutil
import time

from lab import wait_for

from machine import forget_names, status_of, timed, urgent
from sides import CLAIM, Claim

N_FILES = 10000
FOLDERS = 100  # files are spread over them
FILE_BYTES = 4096
SECONDS = 1800
SMALL, LARGE = f"copy of {N_FILES} files", "copy of one file"

# A claim that begins as a copy of another one.
COPY = CLAIM.split("---\n")[1].replace("spec:\n", """\
spec:
  dataSource:
    kind: PersistentVolumeClaim
    name: {source}
""", 1)


def make_tree(folder):
    """Through the mount, so that the server knows as much of it as a client made it
    know."""
    for number in range(FOLDERS):
        os.makedirs(f"{folder}/tree/{number}")
    for number in range(N_FILES):
        with open(f"{folder}/tree/{number % FOLDERS}/{number}", "wb") as f:
            f.write(os.urandom(FILE_BYTES))


def make_large(path, mib):
    with open(path, "wb") as f:
        block = os.urandom(1 << 20)
        for _ in range(mib):
            f.write(block)


def peak_mib(pid):
    return status_of(pid, "VmHWM") / 1024


def forget_peak(pid):
    with open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as f:
        f.write("5")


def copy(cluster, source):
    """Seconds until the copy is Bound, and the most memory meanwhile."""
    ctl, pid = cluster.ctl, cluster.provisioner.process.pid
    forget_peak(pid)
    began = time.monotonic()
    ctl.apply(COPY.format(name="copied", mode="ReadWriteMany", source=source))
    claim = ctl.wait_phase("pvc", "copied", "Bound", SECONDS)
    seconds = time.monotonic() - began
    peak = peak_mib(pid)
    volume = claim["spec"]["volumeName"]
    ctl("delete", "pvc", "copied", "--wait=false")
    wait_for(lambda: ctl.phase("pv", volume) is None, "the copy to go", SECONDS)
    return seconds, peak


def small_files(cluster, args, results):
    claim = Claim(cluster, "Small", "ReadWriteMany")
    make_tree(claim.folder)
    for _ in range(args.rounds):
        forget_names()
        seconds = timed(["cp", "-a", "tree", "by-hand"], cwd=claim.folder)
        results.add(SMALL, "cp -a", {"rate": N_FILES / seconds,
                                     "seconds": seconds})
        shutil.rmtree(f"{claim.share}/by-hand")
        forget_names()
        seconds, peak = copy(cluster, "small")
        results.add(SMALL, "claim", {"rate": N_FILES / seconds,
                                     "seconds": seconds, "peak_mib": peak})


def raw_mib_s(raw, direction, args):
    """MiB per second of raw_nfs with as many calls of 1 MiB as it likes best."""
    return max(json.loads(urgent([
        *raw.argv, direction, "sequential", str(1 << 20), str(depth),
        str(args.seconds), "1"]))["mib_s"] for depth in (4, 8, 16))


def large_file(cluster, raw, args, results):
    claim = Claim(cluster, "Large", "ReadWriteMany")
    make_large(f"{claim.share}/data", args.large)
    raw = raw.beside(claim)
    for _ in range(args.rounds):
        rates = [raw_mib_s(raw, direction, args)
                 for direction in ("read", "write")]
        results.add(LARGE, "raw read, write", {
            "rate": 1 / sum(1 / rate for rate in rates)})
        seconds, peak = copy(cluster, "large")
        results.add(LARGE, "claim", {"rate": args.large / seconds,
                                     "peak_mib": peak})


def measure(cluster, raw, args, results):
    small_files(cluster, args, results)
    large_file(cluster, raw, args, results)
