# SPDX-License-Identifier: Apache-2.0
"""Reading and writing: direct I/O at a depth, which raw can do as well, and the
sequential work of ordinary programs through the page cache.

A job has a name and the names of the sides that it is for, and measure(side)
returns a sample: rate (operations or MiB per second), and p50_us and cpu_us (of
one operation) where there are such."""

import json
import os

from machine import cpu_us, urgent

FIO = ["fio", "--name=bench", "--output-format=json", "--fallocate=none",
       "--randrepeat=0", "--norandommap", "--thread",
       # Of the whole: io_submit(2) may take longer than what it has submitted.
       "--clat_percentiles=0", "--lat_percentiles=1"]


def fio(side, direction, argv):
    """The job's figures and the daemon's CPU time per operation."""
    before = cpu_us(side.pid)
    found = json.loads(urgent([*FIO, *argv]))["jobs"][0][direction]
    spent = cpu_us(side.pid) - before
    return found, spent / max(found["total_ios"], 1)


class Direct:
    """O_DIRECT at a depth, for a time."""

    def __init__(self, block, direction, order, depth, sides):
        size = "4k" if block == 4096 else "1M"
        self.name = f"{size} {order[:4]} {direction} q{depth}"
        self.block = block
        self.direction = direction
        self.order = order
        self.depth = depth
        self.sides = sides

    def command(self, side, args, seconds):
        if hasattr(side, "connections"):
            return [*side.argv, self.direction, self.order, str(self.block),
                    str(self.depth), str(seconds), str(side.connections)]
        return [*FIO, *self._fio(side, args, seconds)]

    def _fio(self, side, args, seconds):
        return [f"--filename={side.folder}/data", "--direct=1", "--time_based",
                "--ioengine=libaio", f"--iodepth={self.depth}",
                f"--rw={'rand' if self.order == 'random' else ''}"
                f"{self.direction}", f"--bs={self.block}",
                f"--runtime={seconds}s", f"--size={args.size}m"]

    def measure(self, side, args):
        if hasattr(side, "connections"):
            found = json.loads(urgent(self.command(side, args, args.seconds)))
            return {"rate": found["iops"], "p50_us": found["p50_us"],
                    "p99_us": found["p99_us"],
                    "cpu_us": found["cpu_us_per_op"]}
        found, spent = fio(side, self.direction,
                           self._fio(side, args, args.seconds))
        times = found["lat_ns"]["percentile"]
        return {"rate": found["iops"], "cpu_us": spent,
                "p50_us": times["50.000000"] / 1000,
                "p99_us": times["99.000000"] / 1000}


def flow_of(output, job):
    """MiB per second, from what a command of a Direct printed."""
    found = json.loads(output)
    if "mib_s" in found:
        return found["mib_s"]
    return found["jobs"][0][job.direction]["bw"] / 1024


class BufferedRead:
    """The whole file once, in blocks of 1 MiB, from a cold page cache."""

    name = "1M buffered read"

    def __init__(self, sides):
        self.sides = sides

    def measure(self, side, args):
        found, spent = fio(side, "read", [
            f"--filename={side.folder}/data", "--rw=read", "--bs=1m",
            "--ioengine=psync", "--invalidate=1", f"--size={args.size}m"])
        return {"rate": found["iops"], "cpu_us": spent}


class BufferedWrite:
    """A new file in blocks, with the fsync at its end in the time."""

    def __init__(self, block, mib, sides):
        size = "4k" if block == 4096 else "1M"
        self.name = f"{size} buffered write"
        self.block = block
        self.mib = mib
        self.sides = sides

    def measure(self, side, args):
        path = f"{side.folder}/written"
        if os.path.exists(path):
            os.unlink(path)
        found, spent = fio(side, "write", [
            f"--filename={path}", "--rw=write", f"--bs={self.block}",
            "--ioengine=psync", "--end_fsync=1", f"--size={self.mib}m"])
        return {"rate": found["iops"] * self.block / 4096 / 256,
                "cpu_us": spent}


JOBS = [
    Direct(4096, "read", "random", 1, ("raw x1", "RWX")),
    Direct(4096, "read", "random", 16, ("raw x1", "raw x4", "RWX", "fuse-nfs")),
    Direct(4096, "read", "random", 64, ("raw x1", "raw x4", "RWX", "fuse-nfs")),
    Direct(4096, "write", "random", 1, ("raw x1", "RWX")),
    Direct(4096, "write", "random", 16, ("raw x1", "raw x4", "RWX")),
    Direct(4096, "write", "random", 64, ("raw x1", "raw x4", "RWX")),
    Direct(1 << 20, "read", "sequential", 1, ("raw x1", "RWX")),
    Direct(1 << 20, "read", "sequential", 8, ("raw x1", "raw x4", "RWX")),
    Direct(1 << 20, "write", "sequential", 1, ("raw x1", "RWX")),
    Direct(1 << 20, "write", "sequential", 8, ("raw x1", "raw x4", "RWX")),
    BufferedRead(("RWX", "fuse-nfs", "passthrough")),
    BufferedWrite(1 << 20, 128, ("RWO", "RWX", "fuse-nfs", "passthrough")),
    BufferedWrite(4096, 32, ("RWO", "RWX", "fuse-nfs", "passthrough")),
]
