# SPDX-License-Identifier: Apache-2.0
"""Programs at work and faults of all kinds for as long as one likes, after which no
process has more memory, descriptors or threads than before, nor have the memory files
that outlive them. tests/faults/run --soak MINUTES runs this, and only this."""

import os
import time

from claims import Claims, fill_watches
from fault_case import FaultCase
from growth import HEAD, SIXTHS, Growth, has_grown, row
from memory import Samples

MINUTES = float(os.environ["FAULTS_SOAK"] or 0)
WEIGHTS = {"node_killed": 10, "keeper_killed": 2, "server_killed": 2,
           "link_cut": 5}
CALM = 0.5  # of each sixth: the node daemon lives


class Soak(FaultCase):
    n_volumes = n_loaded = n_probed = 4
    probe_pause = 0.005
    fault_pause = 4.0
    test_seconds = MINUTES * 60 + 400

    @classmethod
    def start_lab(cls):
        super().start_lab()
        cls.cluster.start_provisioner()
        cls.ctl = cls.cluster.ctl

    @classmethod
    def set_up_lab(cls):
        super().set_up_lab()
        cls.apply_class("soak")
        fill_watches(cls.cluster.provisioner, cls.apply_claim("watched", "soak"))

    def start_load(self):
        super().start_load()
        self.claims = Claims(self.ctl, "soak", "node-a")
        self.load.append(self.claims)
        self.samples = Samples({
            "claimfs-node": self.node.process,
            "claimfs-keeper": self.keeper.process,
            "claimfs-provisioner": self.cluster.provisioner.process})
        self.began = time.monotonic()
        self.ended = self.began + MINUTES * 60

    def kinds(self):
        while (now := time.monotonic()) < self.ended:
            part = (now - self.began) / (MINUTES * 60) * SIXTHS % 1
            left = {kind: n for kind, n in WEIGHTS.items()
                    if part < 1 - CALM or kind != "node_killed"}
            yield self.dice.choices(list(left), list(left.values()))[0]

    def end_load(self):
        self.samples.end()
        return super().end_load()

    def afterthoughts(self):
        growth = Growth(self.began, self.ended, CALM)
        rows = list(growth.rows(self.samples.of))
        print(f"{self.claims.n_told} claims came and went\n{HEAD}")
        print("\n".join(row(*each) for each in rows), flush=True)
        return [row(*each) for each in rows if has_grown(*each[1:])]

    def test_nothing_grows(self):
        self.go()


if not MINUTES:
    del Soak
