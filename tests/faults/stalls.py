# SPDX-License-Identifier: Apache-2.0
"""How long reads stood still: from a fault until a read that began after it has
ended."""

import bisect
import os
import struct

READ = struct.Struct("<dd")


class Record:
    """What a probe wrote."""

    def __init__(self, path):
        self.path = path

    def last_began(self):
        """When the last read that has ended had begun; 0 = none has."""
        try:
            with open(self.path, "rb") as f:
                n = os.fstat(f.fileno()).st_size // READ.size
                if n == 0:
                    return 0.0
                f.seek((n - 1) * READ.size)
                return READ.unpack(f.read(READ.size))[0]
        except FileNotFoundError:
            return 0.0

    def stalls(self, faults):
        """Seconds for each moment of faults."""
        with open(self.path, "rb") as f:
            data = f.read()
        reads = list(READ.iter_unpack(data[:len(data) // READ.size
                                           * READ.size]))
        begins = [began for began, _ in reads]
        for moment in faults:
            at = bisect.bisect_left(begins, moment)
            if at < len(reads):
                yield reads[at][1] - moment


def percentile(values, percent):
    return values[min(len(values) - 1, len(values) * percent // 100)]


HEAD = f"{'stall after':<24}{'n':>5}{'median':>9}{'p90':>9}{'p99':>9}" \
       f"{'max':>9}  ms"


def row(name, seconds):
    ms = sorted(1000 * value for value in seconds)
    figures = (percentile(ms, 50), percentile(ms, 90), percentile(ms, 99),
               ms[-1])
    return f"{name:<24}{len(ms):>5}" + "".join(f"{x:>9.1f}" for x in figures)
