# SPDX-License-Identifier: Apache-2.0
"""Freeze and Thaw of claimfs.v1.Volume, and programs whose writes are to be held."""

import os
import subprocess
import sys
import time

import grpc
from csi_case import MountCase, SECONDS, make_stubs

STILL_S = 1.0  # that a frozen tree is looked at

# Numbered records: each is in A, and stable there, before it is in B. Prints the number
# of one that is in both.
WRITER = """
import os, sys
folder, first = sys.argv[1:]
a = os.open(folder + "/A", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
b = os.open(folder + "/B", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
number = int(first)
while True:
    for fd in (a, b):
        os.write(fd, b"%09d\\n" % number)
        os.fsync(fd)
    print(number, flush=True)
    number += 1
"""


class Freezer:
    """Stubs of the service on one node's socket."""

    def __init__(self, folder, channel):
        self.pb, stubs = make_stubs(folder, "claimfs")
        self.stub = stubs.VolumeStub(channel)

    def freeze(self, volume, token="t", seconds=30, timeout=SECONDS):
        self.stub.Freeze(self.pb.FreezeRequest(
            volume_id=volume, token=token, seconds=seconds), timeout=timeout)

    def begin(self, volume, token="t", seconds=100):
        """Waits for nothing."""
        return self.stub.Freeze.future(self.pb.FreezeRequest(
            volume_id=volume, token=token, seconds=seconds), timeout=120)

    def thaw(self, volume, token="t"):
        return self.stub.Thaw(self.pb.ThawRequest(
            volume_id=volume, token=token), timeout=SECONDS).was_frozen


def start_writer(test, folder, first=0):
    child = subprocess.Popen([sys.executable, "-c", WRITER, folder, str(first)],
                             stdout=subprocess.PIPE, text=True)
    test.addCleanup(child.communicate)
    test.addCleanup(child.kill)
    return child


def go_on(test, *writers):
    """Each writes ten records more, without an error."""
    for writer in writers:
        for _ in range(10):
            test.assertTrue(writer.stdout.readline())


def records(folder, name):
    with open(os.path.join(folder, name), "rb") as f:
        return f.read().split()


def tree_state(folder):
    """Everything that a change of the tree would change."""
    state = {}
    for path, folders, files in os.walk(folder):
        for name in sorted(folders + files):
            full = os.path.join(path, name)
            st = os.lstat(full)
            state[full] = (st.st_mode, st.st_size, st.st_mtime_ns,
                           st.st_ctime_ns, st.st_nlink)
            if name in files and os.path.isfile(full):
                with open(full, "rb") as f:
                    state[full] += (hash(f.read()),)
    return state


def run(code, path):
    return subprocess.Popen(
        [sys.executable, "-c", f"import os\np = {path!r}\n{code}"],
        stderr=subprocess.PIPE, text=True)


class FreezeCase(MountCase):

    @classmethod
    def start_lab(cls):
        super().start_lab()
        cls.freezers = [Freezer(cls.folder, client.channel)
                        for client in cls.clients]

    def freeze(self, volume, nodes=(0, 1), **options):
        for i in nodes:
            self.freezers[i].freeze(volume, **options)
            self.addCleanup(self.freezers[i].thaw, volume,
                            options.get("token", "t"))

    def thaw(self, volume, nodes=(0, 1)):
        return [self.freezers[i].thaw(volume) for i in nodes]

    def assert_still(self, folder, seconds=STILL_S):
        before = tree_state(folder)
        time.sleep(seconds)
        self.assertEqual(tree_state(folder), before)

    def assert_refused(self, code, call, *args, **kwargs):
        with self.assertRaises(grpc.RpcError) as raised:
            call(*args, **kwargs)
        self.assertEqual(raised.exception.code(), code,
                         raised.exception.details())
        return raised.exception.details()

    def go_on(self, *writers):
        go_on(self, *writers)
