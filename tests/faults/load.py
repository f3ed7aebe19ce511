# SPDX-License-Identifier: Apache-2.0
"""Programs that work on a volume and check what they get, each a process of its own:
nothing is opened on a mount by whoever kills the daemon."""

import itertools
import json
import os
import random
import subprocess
import sys
import threading

from fio_verify import ENGINES, fio_verify
from stalls import Record

HERE = os.path.dirname(os.path.realpath(__file__))
END_SECONDS = 60


class Program:
    """A script of this folder that ends when its stop file appears."""

    def __init__(self, script, folder, name, *args):
        self.name = name
        self.stop = os.path.join(folder, f"stop-{name}")
        self.child = subprocess.Popen(
            [sys.executable, "-B", os.path.join(HERE, script),
             *(self.stop if arg is Program else str(arg) for arg in args)],
            text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def has_failed(self):
        return self.child.poll() not in (None, 0)

    def end(self):
        """Its output and what it complained of."""
        with open(self.stop, "w", encoding="ascii"):
            pass
        try:
            out, err = self.child.communicate(timeout=END_SECONDS)
        except subprocess.TimeoutExpired:
            self.child.kill()
            return "", [f"{self.name} did not end"]
        return out, [f"{self.name}: {err}"] if self.child.returncode else []


class Probe(Program):
    def __init__(self, folder, volume, target, pause):
        self.record = Record(os.path.join(folder, f"reads-{volume}"))
        super().__init__("probe.py", folder, f"probe-{volume}",
                         os.path.join(target, "probe"), self.record.path,
                         Program, pause)


class Names(Program):
    def __init__(self, folder, volume, target, backing, seed, pause):
        self.backing = os.path.join(backing, "names")
        self.n_ops = self.n_half_made = 0
        super().__init__("names.py", folder, f"names-{volume}",
                         os.path.join(target, "names"), Program, seed, pause)

    def end(self):
        out, errors = super().end()
        if not errors:
            model = json.loads(out)
            self.n_ops = model["ops"]
            self.n_half_made = model["half_made"]
            errors = list(self.differences(model["files"]))
        return out, errors

    def differences(self, files):
        """What the server has must be what the program believes."""
        for name, data in files.items():
            path = os.path.join(self.backing, name)
            try:
                found = self.content(path)
            except OSError as error:
                found = error.strerror
            if found != data:
                yield f"{self.name}: on the server {name} is {found[:60]!r}, " \
                      f"not {data[:60]!r}"

    @staticmethod
    def content(path):
        if os.path.islink(path):
            return os.readlink(path)
        with open(path, encoding="ascii") as f:
            return f.read()

    def n_left_over(self):
        """Names set aside whose file nobody has open any more."""
        return sum(name.startswith(".nfs") for name in os.listdir(self.backing))


class Fio(threading.Thread):
    """fio after fio, each with another engine."""

    def __init__(self, volume, target, seed):
        super().__init__(daemon=True)
        self.name = f"fio-{volume}"
        self.target = target
        self.dice = random.Random(seed)
        self.is_over = threading.Event()
        self.n_runs = 0
        self.errors = []
        self.start()

    def run(self):
        for engine in itertools.cycle(ENGINES):
            if self.is_over.is_set() or self.errors:
                return
            try:
                done = fio_verify(
                    self.target, engine, name=engine, size="3m", numjobs=1,
                    bsrange="4k-64k", fsync=16, verify_state_save=0,
                    randseed=self.dice.randrange(1 << 30))
            except subprocess.TimeoutExpired as error:
                self.errors.append(f"{self.name} {engine}: {error}")
                return
            if done.returncode != 0 or "err= 0" not in done.stdout:
                self.errors.append(f"{self.name} {engine}: "
                                   f"{done.stdout[-800:]}{done.stderr[-800:]}")
            self.n_runs += 1

    def has_failed(self):
        return bool(self.errors)

    def end(self):
        self.is_over.set()
        self.join(END_SECONDS)
        if self.is_alive():
            self.errors.append(f"{self.name} did not end")
        return "", self.errors
