# SPDX-License-Identifier: Apache-2.0
"""What volumes cost that nobody uses: memory and threads of a node with 200."""

from lab import wait_for

from machine import status_of
from sides import CLAIM, CLASS

VOLUMES = 200
SECONDS = 180  # to mount them all


def measure(cluster):
    """{volumes, rss_mib, n_threads} of node-a with VOLUMES idle ones more."""
    names = [f"idle-{i}" for i in range(VOLUMES)]
    cluster.ctl.apply(cluster.adapt(CLASS) + "".join(
        CLAIM.format(name=name, mode="ReadWriteMany") for name in names))

    def are_running():
        pods = cluster.ctl("get", "pod").splitlines()
        return sum(" Running" in line for line in pods) >= VOLUMES

    wait_for(are_running, f"{VOLUMES} pods", SECONDS)
    pid = cluster.nodes[0].process.pid
    return {"volumes": VOLUMES, "rss_mib": status_of(pid, "VmRSS") / 1024,
            "n_threads": status_of(pid, "Threads")}
