# SPDX-License-Identifier: Apache-2.0
"""Programs work on volumes and check all they get, while the node daemon, the keeper
and the server are killed and links are cut."""

import os
import random
import time

from faults import Faults, order
from keeper_case import KeeperCase
from lab import LabError
from link import Link
from load import Fio, Names, Probe
from stalls import HEAD, row

SEED = os.environ["FAULTS_SEED"]
LENGTH = os.environ["FAULTS_LENGTH"]
RESEND = os.environ["FAULTS_RESEND"]


class FaultCase(KeeperCase):
    """Volumes on one node that has a keeper; a link is between it and the server."""

    node_options = (f"--resend={RESEND}",)
    n_volumes = 1
    n_loaded = 0  # of them, with programs that write
    n_probed = 1
    probe_pause = 0.001
    counts = {}  # of faults, by length
    fault_pause = 0.4  # seconds at most, between one and the next
    test_seconds = {"short": 120, "long": 900}[LENGTH]

    @classmethod
    def set_up_lab(cls):
        cls.dice = random.Random(f"{SEED} {cls.__name__}")
        cls.link = Link(cls.cluster.server.port)
        cls.targets = []

    @classmethod
    def context(cls, subdir, **changes):
        """Who is told nothing asks again after three seconds."""
        server = cls.cluster.server
        options = f"nfsvers=3,port={cls.link.port}," \
                  f"mountport={server.mount_port},timeo=30"
        return super().context(subdir, **{"mountOptions": options, **changes})

    def setUp(self):
        for n in range(self.n_volumes):
            os.mkdir(self.backing(f"v{n}"))
            self.targets.append(self.mount(0, f"v{n}"))

    def tearDown(self):
        self.reconnect()
        for n, target in enumerate(self.targets):
            self.unmount(0, f"v{n}", target)
            self.unstage(0, f"v{n}")
        self.assertNotIn(self.folder + "/stage", self.mounts())

    @classmethod
    def tearDownClass(cls):
        try:
            super().tearDownClass()
        finally:
            cls.link.close()

    # The load

    def start_load(self):
        self.probes = [Probe(self.folder, f"v{n}", self.targets[n],
                             self.probe_pause) for n in range(self.n_probed)]
        loaded = range(self.n_loaded)
        self.names = [Names(self.folder, f"v{n}", self.targets[n],
                            self.backing(f"v{n}"), self.dice.randrange(1 << 30),
                            0.002) for n in loaded]
        self.fios = [Fio(f"v{n}", self.targets[n], self.dice.randrange(1 << 30))
                     for n in loaded]
        self.load = [*self.probes, *self.names, *self.fios]

    def end_load(self):
        return [error for program in self.load for error in program.end()[1]]

    def afterthoughts(self):
        """What else there is to complain of."""
        return []

    # The story

    def kinds(self):
        """Of the faults, one after the other."""
        return order(self.dice, self.counts[LENGTH])

    def inject(self, faults):
        """Until somebody complains; returns what was waited for in vain."""
        try:
            faults.wait_for_reads("their start", 0)
            for kind in self.kinds():
                faults.happen(kind)
                if faults.has_failed():
                    break
            faults.start_server()
        except LabError as error:
            return [str(error)]
        return []

    def tell(self, faults, errors, seconds):
        n_reads = sum(os.path.getsize(probe.record.path) // 16
                      for probe in self.probes)
        kinds = ", ".join(f"{n} {kind.replace('_', ' ')}" for kind, n in
                          faults.counts.items())
        print(f"\nfaults: seed {SEED}, {self.n_volumes} volumes, {kinds}, "
              f"{seconds:.0f} s; {n_reads} reads, "
              f"{sum(fio.n_runs for fio in self.fios)} runs of fio, "
              f"{sum(names.n_ops for names in self.names)} changes of names; "
              f"{len(errors)} errors, "
              f"{sum(names.n_left_over() for names in self.names)} names left, "
              f"{sum(names.n_half_made for names in self.names)} files half made "
              "by a killed server")
        print(HEAD)
        for kind, moments in faults.moments.items():
            stalls = [stall for probe in self.probes
                      for stall in probe.record.stalls(moments)]
            if stalls:
                print(row(kind.replace("_", " "), stalls), flush=True)

    def go(self):
        self.start_load()
        began = time.monotonic()
        faults = Faults(self.dice, self.node, self.keeper, self.cluster.server,
                        self.link, self.load, self.probes)
        faults.pause = self.fault_pause
        errors = self.inject(faults) + self.end_load()
        self.tell(faults, errors, time.monotonic() - began)
        errors += self.afterthoughts()
        self.assertEqual(errors, [], "the last faults: "
                         + ", ".join(faults.story[-12:]))
