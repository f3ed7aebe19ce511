# SPDX-License-Identifier: Apache-2.0
"""What daemons have of a machine: memory, descriptors, threads, and memory files that
outlive them. Read from /proc, nothing is opened on a mount."""

import os
import struct
import threading
import time

MIB = 1 << 20
SECONDS = 0.5  # between samples

# The beginning of struct table_header and the openers of fs/inode_layout.h.
HEADER = struct.Struct("<QIIIIIIII")
OPENERS_OFFSET = 72 << 10
OPENERS_MAX = 1024
OPENER = struct.Struct("<I76x")


def fields(path, names):
    """Those of a file with lines "Name: NUMBER kB"; units are bytes."""
    with open(path, encoding="ascii") as f:
        lines = dict(line.split(":", 1) for line in f if ":" in line)
    return {name: int(lines[name].split()[0]) << 10 for name in names}


def of_process(pid):
    threads = len(os.listdir(f"/proc/{pid}/task"))
    return {**fields(f"/proc/{pid}/status", ("VmRSS", "RssAnon", "RssFile",
                                             "RssShmem")),
            **fields(f"/proc/{pid}/smaps_rollup", ("Pss",)),
            "threads": threads, "descriptors": len(os.listdir(f"/proc/{pid}/fd"))}


def memory_files(pid):
    """Its memory files, each once: (name, path)."""
    found = {}
    for number in os.listdir(f"/proc/{pid}/fd"):
        path = f"/proc/{pid}/fd/{number}"
        name = os.readlink(path)
        if name.startswith("/memfd:"):
            found[os.stat(path).st_ino] = (name.split()[0][7:], path)
    return found.values()


def of_table(path):
    """Of a node table: what was ever used at a time, and holds of credentials."""
    with open(path, "rb") as f:
        head = HEADER.unpack(f.read(HEADER.size))
        f.seek(OPENERS_OFFSET)
        slots = f.read(OPENER.size * head[6])
    return {"node slots": head[3], "credentials": head[6],
            "intents": head[7], "journal slots": head[8],
            "holds of credentials": sum(n for n, in OPENER.iter_unpack(slots))}


def of_files(pid):
    """What a keeper holds for all volumes together."""
    found = {}
    for name, path in memory_files(pid):
        part = {name: os.stat(path).st_blocks * 512, "memory files": 1}
        if name == "claimfs-nodes":
            part.update(of_table(path))
        for figure, value in part.items():
            found[figure] = found.get(figure, 0) + value
    return found


class Samples(threading.Thread):
    """(when, age of the process, pid, {figure: value}) for each name."""

    def __init__(self, processes):
        super().__init__(daemon=True)
        self.processes = processes  # name -> Process of deploy/lab
        self.born = {}  # pid -> when it was seen first
        self.of = {name: [] for name in (*processes, "files")}
        self.is_over = threading.Event()
        self.start()

    def run(self):
        while not self.is_over.wait(SECONDS):
            for name, process in self.processes.items():
                self.add(name, process.pid, of_process)
            self.add("files", self.processes["claimfs-keeper"].pid, of_files)

    def add(self, name, pid, measure):
        now = time.monotonic()
        age = now - self.born.setdefault(pid, now)
        try:
            self.of[name].append((now, age, pid, measure(pid)))
        except (OSError, KeyError, struct.error):
            pass  # it is just being killed

    def end(self):
        self.is_over.set()
        self.join(10)
