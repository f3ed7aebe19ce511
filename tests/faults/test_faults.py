# SPDX-License-Identifier: Apache-2.0
"""What happens to one volume, to busy ones and to many. tests/faults/run runs this."""

from fault_case import LENGTH, FaultCase


class OneVolume(FaultCase):
    """What a program sees of it that does nothing but read."""

    probe_pause = 0.0005
    counts = {"short": {"node_killed": 5}, "long": {"node_killed": 50}}

    def test_reads_stand_still_for_a_moment(self):
        self.go()


class BusyVolumes(FaultCase):
    n_volumes = n_loaded = n_probed = {"short": 2, "long": 10}[LENGTH]
    probe_pause = 0.005
    counts = {"short": {"node_killed": 8, "keeper_killed": 2,
                        "server_killed": 2, "link_cut": 5},
              "long": {"node_killed": 100, "keeper_killed": 20,
                       "server_killed": 20, "link_cut": 50}}

    def test_nobody_sees_an_error(self):
        self.go()


class ManyVolumes(FaultCase):
    n_volumes = {"short": 20, "long": 200}[LENGTH]
    n_loaded = 2
    n_probed = 8
    probe_pause = 0.005
    counts = {"short": {"node_killed": 3}, "long": {"node_killed": 20}}

    def test_all_of_them_are_taken_over(self):
        self.go()
