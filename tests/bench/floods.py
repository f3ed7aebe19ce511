# SPDX-License-Identifier: Apache-2.0
"""Fair shares: random reads of 4 KiB of one volume, one at a time, alone and then
beside another volume of the same server, which floods it.

On the raw side both have a connection of their own: its slowdown is the server's
and the machine's. What claimfs's is above that is due to what its volumes share.
A sample has slowdown, by which the reads got fewer, the same of their p50 and p99,
and what the flood did meanwhile."""

import time

from jobs import Direct, flow_of
from machine import Background

HEAD_START = 1  # seconds until a flood has filled every queue


class Buffered(Direct):
    """A flood through the page cache; raw has none, and takes what Direct does."""

    def __init__(self, direction, depth):
        super().__init__(1 << 20, direction, "sequential", depth, ())
        self.name = f"1M buffered {direction}"

    def _fio(self, side, args, seconds):
        return [*(word for word in super()._fio(side, args, seconds)
                  if word != "--direct=1"), "--invalidate=1"]


class Flooded:
    """Reads beside a flood, which is a job itself."""

    reads = Direct(4096, "read", "random", 1, ())
    sides = ("raw x1", "RWX")

    def __init__(self, flood):
        self.name = f"reads beside {flood.name}"
        self.flood = flood

    def measure(self, side, args):
        alone = self.reads.measure(side, args)
        seconds = args.seconds + 2 * HEAD_START
        with Background(self.flood.command(
                side.neighbour, args, seconds)) as flood:
            time.sleep(HEAD_START)
            beside = self.reads.measure(side, args)
            flow = flow_of(flood.output(), self.flood)
        return {**beside, "flood_mib_s": flow,
                "slowdown": alone["rate"] / beside["rate"],
                "slowdown_p50": beside["p50_us"] / alone["p50_us"],
                "slowdown_p99": beside["p99_us"] / alone["p99_us"]}


FLOODS = [Flooded(flood) for flood in (
    Direct(1 << 20, "write", "sequential", 32, ()),
    Direct(1 << 20, "read", "sequential", 32, ()),
    Direct(4096, "read", "random", 64, ()),
    Direct(4096, "write", "random", 64, ()),
    Buffered("write", 1),
)]
