# SPDX-License-Identifier: Apache-2.0
"""Who is measured: claims of claimfs by access mode, the raw limit (raw_nfs, no
FUSE), and the peers whose programs were given. All of them use the same server,
or, as passthrough does, the file system that it exports.

A side has a name; those that are mounted have a folder to work in, and the pid of
the daemon behind it."""

import glob
import os
import subprocess

from lab import LabError, mounts_below, wait_for

from machine import make_urgent

CLASS = """\
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: bench
provisioner: nfs.csi.k8s.io
parameters:
  server: nfs.example.com
  share: /exports/claims
mountOptions:
  - nfsvers=4.1
"""

CLAIM = """\
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {name}
spec:
  accessModes: [{mode}]
  storageClassName: bench
  resources:
    requests:
      storage: 1Gi
---
apiVersion: v1
kind: Pod
metadata:
  name: {name}
spec:
  nodeName: node-a
  containers:
    - name: bench
      image: busybox
  volumes:
    - name: data
      persistentVolumeClaim:
        claimName: {name}
"""


class Raw:
    """libnfs's raw RPC on a number of connections, on a claim's data file."""

    def __init__(self, program, server, claim, connections):
        self.name = f"raw x{connections}"
        self.server = server
        self.argv = [program, "127.0.0.1", str(server.port),
                     str(server.mount_port), claim.share, "data"]
        self.connections = connections

    def beside(self, claim):
        """Another one like it, on another claim."""
        return Raw(self.argv[0], self.server, claim, self.connections)


class Mounted:
    """A folder and the daemon behind it."""

    def __init__(self, name, folder, pid):
        self.name = name
        self.folder = folder
        self.pid = pid


class Claim(Mounted):
    """A claim of one access mode; share is its folder on the server."""

    class_name = "bench"

    def __init__(self, cluster, name, mode):
        ctl = cluster.ctl
        ctl.apply(cluster.adapt(CLASS) + CLAIM.format(
            name=name.lower(), mode=mode).replace(
                "storageClassName: bench",
                f"storageClassName: {self.class_name}"))
        claim = ctl.wait_phase("pvc", name.lower(), "Bound")
        ctl.wait_phase("pod", name.lower(), "Running")
        self.share = os.path.join(cluster.export, claim["spec"]["volumeName"])
        super().__init__(name, ctl.pod_path(name.lower(), "data"),
                         cluster.nodes[0].process.pid)

    def beside(self, claim):
        return claim


def pid_that_mounted(folder):
    """A peer puts itself into the background: found by its mount point."""
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as f:
                words = f.read().split(b"\0")
        except OSError:
            continue
        if folder.encode() in words:
            return int(path.split("/")[2])
    raise LabError(f"no process has mounted {folder}")


class Peer(Mounted):
    """A foreign daemon, mounted on a folder by its own command line. It ends when
    the lab unmounts what is below its folder."""

    def __init__(self, name, folder, argv):
        os.makedirs(folder)
        try:
            subprocess.run(argv, check=True, timeout=20,
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
        except (OSError, subprocess.SubprocessError) as error:
            raise LabError(f"{name} does not start: {error}") from None
        wait_for(lambda: mounts_below(folder), f"the mount of {name}")
        super().__init__(name, folder, pid_that_mounted(folder))
        make_urgent(self.pid)


def fuse_nfs(program, server, share, folder):
    """sahlberg/fuse-nfs as fast as its options make it."""
    return Peer("fuse-nfs", folder, [
        program, "-n", f"nfs://127.0.0.1{share}?nfsport={server.port}"
        f"&mountport={server.mount_port}", "-m", folder, "-a",
        "-W", "131072", "-R", "131072", "-H", "1048576",
        "-T", "60", "-E", "60"])


def passthrough(program, source, folder):
    """libfuse's example passthrough_ll: what FUSE alone costs."""
    return Peer("passthrough", folder, [
        program, "-o", f"source={source},allow_other", folder])
