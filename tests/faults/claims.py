# SPDX-License-Identifier: Apache-2.0
"""Claims and pods that come and go while something happens to their node: the load of
a provisioner, and volumes that are staged and unstaged beside those that stay."""

import contextlib
import json
import subprocess
import threading

from killed import UnixConnection
from lab import LabError
from lab_case import CLAIM, POD

WATCHED_CHANGES = 2048  # of a KiB and more: DEFAULT_BYTES of watch_hub.c
SECONDS = 60  # until whatever was done to server and node is over


class Claims(threading.Thread):
    """One after the other, each with a pod that writes a file and reads it."""

    name = "claims"

    def __init__(self, ctl, class_name, node):
        super().__init__(daemon=True)
        self.ctl = ctl
        self.class_name = class_name
        self.node = node
        self.is_over = threading.Event()
        self.n_told = 0
        self.errors = []
        self.start()

    def run(self):
        while not self.is_over.is_set() and not self.errors:
            try:
                self.tell(f"soak-{self.n_told}")
            except (LabError, subprocess.SubprocessError) as error:
                self.errors.append(f"claims: {error}")
            self.n_told += 1

    def tell(self, name):
        ctl = self.ctl
        ctl.apply(CLAIM.format(name=name, mode="ReadWriteMany", size="1Gi",
                               class_name=self.class_name))
        volume = ctl.wait_phase("pvc", name, "Bound",
                                SECONDS)["spec"]["volumeName"]
        ctl.apply(POD.format(name=name, claim=name, node=self.node,
                             read_only="false"))
        ctl.wait_phase("pod", name, "Running", SECONDS)
        self.work(f"{ctl.pod_path(name, 'data')}/file")
        for kind, each in (("pod", name), ("pvc", name)):
            ctl("delete", kind, each)
            ctl.wait_phase(kind, each, None, SECONDS)
        ctl.wait_phase("pv", volume, None, SECONDS)

    @staticmethod
    def work(path):
        """A process of its own: nothing is open on a mount in ours."""
        subprocess.run(
            ["dd", "if=/dev/urandom", f"of={path}", "bs=64k", "count=20",
             "conv=fsync"], check=True, capture_output=True, timeout=SECONDS)
        subprocess.run(["cmp", path, path], check=True, capture_output=True,
                       timeout=SECONDS)

    def has_failed(self):
        return bool(self.errors)

    def end(self):
        self.is_over.set()
        self.join(3 * SECONDS)
        if self.is_alive():
            self.errors.append("claims did not end")
        return "", self.errors


def fill_watches(provisioner, volume):
    """A provisioner remembers its last changes for who watches: that is full before
    anything is measured."""
    change = {"metadata": {"annotations": {}}}
    connection = UnixConnection(provisioner.socket)
    with contextlib.closing(connection):
        for number in range(WATCHED_CHANGES):
            change["metadata"]["annotations"]["soak"] = str(number)
            connection.request(
                "PATCH", f"/api/v1/persistentvolumes/{volume}",
                json.dumps(change),
                {"Content-Type": "application/merge-patch+json"})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise LabError(f"a change of {volume} ended with "
                               f"{answer.status}")
