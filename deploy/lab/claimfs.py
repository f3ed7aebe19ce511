# SPDX-License-Identifier: Apache-2.0
"""claimfs's own programs, run from a build directory."""

import contextlib
import glob
import json
import os
import signal
import subprocess

from .process import LabError, Process, answers, wait_for
from .mounts import unmount_below

PATH_ANNOTATION = "claimfs.io/path."


def program(build, name):
    """Path of a program in a build directory."""
    found = glob.glob(os.path.join(build, "*", name)) + \
        glob.glob(os.path.join(build, "*", "*", name))
    found = [path for path in found if os.access(path, os.X_OK)
             and os.path.isfile(path)]
    if not found:
        raise LabError(f"there is no {name} in {build}: build it first")
    return found[0]


class Keeper:
    """The claimfs-keeper of one node."""

    def __init__(self, build, state, options=(), env=None):
        self.socket = os.path.join(state, "keeper.sock")
        self.env = env
        self.argv = [program(build, "claimfs-keeper"), "--state-dir", state,
                     *options]
        self.process = Process("claimfs-keeper", state)

    def start(self):
        # What a killed one left would look like one that is ready.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.socket)
        self.process.start(self.argv, lambda: os.path.exists(self.socket),
                           env=self.env)
        return self

    def stop(self):
        return self.process.stop()


class Node:
    """One claimfs-node: a node of the cluster, on this machine."""

    def __init__(self, build, folder, name, options=(), env=None):
        self.name = name
        self.state = os.path.join(os.path.abspath(folder), name)
        self.socket = os.path.join(self.state, "csi.sock")
        self.meta = os.path.join(self.state, "meta")
        self.env = env
        self.argv = [program(build, "claimfs-node"), "--node-name", name,
                     "--state-dir", self.state, "--csi-socket", self.socket,
                     *options]
        self.process = Process("claimfs-node", self.state)

    def start(self):
        os.makedirs(self.state, exist_ok=True)
        self.process.start(self.argv, lambda: answers(self.socket),
                           env=self.env)
        return self

    def stop(self):
        """With all its volumes, which SIGTERM would leave to a keeper."""
        status = self.process.stop(number=signal.SIGINT)
        unmount_below(self.state)
        return status

    def __enter__(self):
        return self.start()

    def __exit__(self, *unused):
        self.stop()


class Provisioner:
    """The standalone provisioner over the given nodes."""

    def __init__(self, build, folder, nodes, listen=None, options=(),
                 env=None):
        self.state = os.path.join(os.path.abspath(folder), "provisioner")
        self.socket = self.socket_of(folder)
        self.url = f"http://127.0.0.1:{listen}" if listen else None
        self.env = env
        self.argv = [program(build, "claimfs-provisioner"), "--standalone",
                     "--state-dir", self.state, "--socket", self.socket]
        for node in nodes:
            self.argv += ["--node", f"{node.name}={node.socket}"]
        if listen:
            self.argv += ["--listen", f"127.0.0.1:{listen}"]
        self.argv += options
        self.process = Process("claimfs-provisioner", self.state)

    @staticmethod
    def socket_of(folder):
        return os.path.join(os.path.abspath(folder), "provisioner", "api.sock")

    def start(self):
        os.makedirs(self.state, exist_ok=True)
        self.process.start(self.argv, lambda: answers(self.socket),
                           env=self.env)
        return self

    def stop(self):
        status = self.process.stop()
        unmount_below(self.state)
        return status

    def __enter__(self):
        return self.start()

    def __exit__(self, *unused):
        self.stop()


class Ctl:
    """claimctl against one provisioner."""

    def __init__(self, build, socket, env=None, seconds=60):
        self.program = program(build, "claimctl")
        self.env = {**os.environ, **(env or {}),
                    "CLAIMFS_SERVER": "unix://" + socket}
        self.seconds = seconds

    def run(self, *args, stdin=None):
        """The finished process, whatever its exit status."""
        try:
            return subprocess.run(
                [self.program, *args], input=stdin, env=self.env, text=True,
                capture_output=True, timeout=self.seconds, check=False)
        except subprocess.TimeoutExpired:
            raise LabError(f"claimctl {' '.join(args)} did not end within "
                           f"{self.seconds} s") from None

    def __call__(self, *args, stdin=None):
        """Its output; an error if it failed."""
        done = self.run(*args, stdin=stdin)
        if done.returncode != 0:
            raise LabError(f"claimctl {' '.join(args)} ended with "
                           f"{done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def apply(self, text):
        return self("apply", "-f", "-", stdin=text)

    def find(self, kind, name, namespace=None):
        """The object as a dict; None if there is none."""
        where = ("-n", namespace) if namespace else ()
        done = self.run("get", kind, name, *where, "-o", "json")
        if done.returncode == 0:
            return json.loads(done.stdout)
        if "not found" in done.stderr:
            return None
        raise LabError(f"claimctl get {kind} {name} ended with "
                       f"{done.returncode}: {done.stderr.strip()}")

    def phase(self, kind, name, namespace=None):
        found = self.find(kind, name, namespace)
        return found and found.get("status", {}).get("phase")

    def wait_phase(self, kind, name, phase, seconds=15, namespace=None):
        """Waits for status.phase, or for None: that the object is gone."""
        seen = []

        def has_phase():
            seen[:] = [self.phase(kind, name, namespace)]
            return seen[0] == phase

        try:
            wait_for(has_phase, "it", seconds)
        except LabError:
            raise LabError(
                f"{kind} {name} is {seen[0] or 'absent'} after {seconds} s, "
                f"expected {phase or 'absent'}\n"
                + self.run("describe", kind, name).stdout) from None
        return self.find(kind, name, namespace)

    def pod_path(self, pod, volume):
        """Where the volume of a running pod is mounted on this machine."""
        found = self.find("pod", pod) or {}
        annotations = found.get("metadata", {}).get("annotations", {})
        path = annotations.get(PATH_ANNOTATION + volume)
        if not path:
            raise LabError(f"pod {pod} has no annotation "
                           f"{PATH_ANNOTATION}{volume}")
        return path
