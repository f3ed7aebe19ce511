# SPDX-License-Identifier: Apache-2.0
"""What volumes cost that nobody uses: memory and threads of a node with 200."""

from lab import wait_for

from machine import status_of
from sides import CLAIM, CLASS

VOLUMES = 200
SECONDS = 180  # to mount them all


def mount_volumes(cluster, names):
    """A claim of each name in a pod of that name, on node-a."""
    cluster.ctl.apply(cluster.adapt(CLASS) + "".join(
        CLAIM.format(name=name, mode="ReadWriteMany") for name in names))

    def are_running():
        pods = [line.split() for line in cluster.ctl("get", "pod").splitlines()]
        return sum("Running" in pod and pod[0] in wanted for pod in pods) \
            == len(names)

    wanted = set(names)
    wait_for(are_running, f"{len(names)} pods", SECONDS)


def measure(cluster):
    """{volumes, rss_mib, n_threads} of node-a with VOLUMES idle ones more."""
    mount_volumes(cluster, [f"idle-{i}" for i in range(VOLUMES)])
    pid = cluster.nodes[0].process.pid
    return {"volumes": VOLUMES, "rss_mib": status_of(pid, "VmRSS") / 1024,
            "n_threads": status_of(pid, "Threads")}
