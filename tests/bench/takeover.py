# SPDX-License-Identifier: Apache-2.0
"""How long reads stand still when claimfs-node is killed and started again at once:
from the signal until a read that began after it has ended, the daemon's end and its
start included. Nobody does anything else meanwhile."""

import os
import time

from faults import Faults
from lab import Cluster, wait_for
from load import Probe
from stalls import percentile

from idle import mount_volumes
from machine import make_urgent

KILLS = 20
PROBES = 8  # at most, each on a volume of its own
PAUSE_SECONDS = 0.001  # between a probe's reads
READ_SECONDS = 30


class Takeover:
    """A node with a keeper."""

    def __init__(self, cluster, folder):
        self.cluster = cluster
        self.folder = folder
        self.node = cluster.nodes[0]

    def wait_for_reads(self, probes, moment):
        wait_for(lambda: all(probe.record.last_began() > moment
                             for probe in probes),
                 "every probe to read again", READ_SECONDS)

    def kill(self, probes):
        moment = time.monotonic()
        Faults.kill(self.node.process)
        self.node.start()
        make_urgent(self.node.process.pid)
        self.wait_for_reads(probes, moment)
        time.sleep(0.2)
        return moment

    def stalls(self, names):
        """Milliseconds, in order."""
        probes = [Probe(self.folder, name,
                        self.cluster.ctl.pod_path(name, "data"), PAUSE_SECONDS)
                  for name in names[:PROBES]]
        try:
            self.wait_for_reads(probes, time.monotonic())
            moments = [self.kill(probes) for _ in range(KILLS)]
        finally:
            errors = [error for probe in probes for error in probe.end()[1]]
        assert not errors, errors
        return sorted(1000 * seconds for probe in probes
                      for seconds in probe.record.stalls(moments))

    def measure(self, n):
        names = [f"of-{n}-{i}" for i in range(n)]
        mount_volumes(self.cluster, names)
        ms = self.stalls(names)
        return {"n": len(ms), "max_ms": ms[-1],
                **{f"p{p}_ms": percentile(ms, p) for p in (50, 90, 99)}}


def measure(programs, folder, results):
    """One volume, and 200, on a lab of their own."""
    cluster = Cluster(programs, os.path.join(folder, "takeover"),
                      has_keepers=True)
    try:
        with cluster:
            takeover = Takeover(cluster, folder)
            for n, job in ((1, "killed, 1 volume"), (199, "killed, 200 volumes")):
                results.add(job, "node", takeover.measure(n))
    finally:
        cluster.down()
