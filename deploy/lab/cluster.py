# SPDX-License-Identifier: Apache-2.0
"""A whole lab below one folder: server, two nodes, provisioner, claimctl."""

import concurrent.futures
import glob
import os
import re
import shutil
import signal

from .claimfs import Ctl, Keeper, Node, Provisioner
from .ganesha import Ganesha
from .mounts import unmount_below
from .process import SIGTERM, LabError, Process, free_port

# A folder is only ever emptied if a lab made this file in it.
MARKER = ".claimfs-lab"
DRIVER = "nfs.csi.k8s.io"


def at_once(do, parts):
    """Does it to all parts at the same time: starting and ending takes a while with
    sanitizers. Returns what it returned for each, in their order."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        return [*pool.map(do, parts)]


class ForeignServer:
    """A server of the user's: reached, never started, stopped or looked into."""

    export = None

    def __init__(self, host, share, port=None, mount_port=None):
        self.host = host
        self.share = share
        self.port = port
        self.mount_port = mount_port


class Cluster:
    """Two nodes, node-a and node-b, and a provisioner, on one share; with
    has_keepers each node has a claimfs-keeper besides."""

    def __init__(self, build, folder, foreign=None, env=None, shards=None,
                 squashed=(), nlm_port=None, has_keepers=False):
        self.folder = os.path.abspath(folder)
        self.foreign = foreign
        self.env = env
        self.build = build
        self.shards = shards
        self.squashed = squashed  # exports that the server has besides
        self.nlm_port = nlm_port  # of its lock manager, if it has one
        self.has_keepers = has_keepers
        self.server = None
        self.keepers = []
        self.nodes = []
        self.provisioner = None
        self.ctl = None

    @property
    def export(self):
        """The share's folder on this machine; None on a foreign server."""
        return self.server.export if self.server else None

    def claim_folder(self):
        os.makedirs(self.folder, exist_ok=True)
        marker = os.path.join(self.folder, MARKER)
        if os.listdir(self.folder) and not os.path.exists(marker):
            raise LabError(f"the folder {self.folder} is not empty and no "
                           "quickstart made it: give another --state-dir")
        with open(marker, "w", encoding="ascii"):
            pass

    def start_nodes(self):
        """The server and the nodes only."""
        self.claim_folder()
        if not self.foreign:
            self.server = Ganesha(os.path.join(self.folder, "server"),
                                  os.path.join(self.folder, "export"),
                                  free_port(), free_port(),
                                  squashed=self.squashed,
                                  nlm_port=self.nlm_port)
            self.server.start()
        options = ["--driver-name", DRIVER]
        if self.shards:
            options += ["--shards", str(self.shards)]
        self.nodes = [Node(self.build, self.folder, name, options, self.env)
                      for name in ("node-a", "node-b")]
        # A node daemon uses a keeper that is there when it starts.
        if self.has_keepers:
            self.keepers = [Keeper(self.build, node.state, env=self.env)
                            for node in self.nodes]
        at_once(Keeper.start, self.keepers)
        at_once(Node.start, self.nodes)
        return self

    def start_provisioner(self, *more):
        """Over the nodes that were started, and a claimctl for it."""
        options = ["--driver-name", DRIVER, *more]
        self.provisioner = Provisioner(
            self.build, self.folder, self.nodes, free_port(), options, self.env)
        self.provisioner.start()
        self.ctl = Ctl(self.build, self.provisioner.socket, self.env)

    def start(self):
        self.start_nodes()
        self.start_provisioner()
        return self

    def daemons(self):
        """Every daemon that may run below the folder, clients first, and the
        signal that ends it with all it has."""
        for name, where, number in (
                ("claimfs-provisioner", "provisioner", SIGTERM),
                ("claimfs-node", "node-a", signal.SIGINT),
                ("claimfs-node", "node-b", signal.SIGINT),
                ("claimfs-keeper", "node-a", SIGTERM),
                ("claimfs-keeper", "node-b", SIGTERM),
                ("ganesha", "server", SIGTERM)):
            yield Process(name, os.path.join(self.folder, where)), number
        # The story's web servers.
        for path in glob.glob(os.path.join(self.folder, "web", "*.pid")):
            yield Process(os.path.basename(path)[:-4],
                          os.path.dirname(path)), SIGTERM

    def stop(self):
        """Stops what start() began; returns {name: exit status}."""
        statuses = {}
        for alike in ([self.provisioner], self.nodes, self.keepers,
                      [self.server]):
            parts = [part for part in alike if part]
            statuses.update(zip((part.process.log_path for part in parts),
                                at_once(lambda part: part.stop(), parts)))
        return statuses

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *unused):
        self.stop()

    def adapt(self, manifest):
        """A manifest of deploy/examples for this lab's server."""
        host = self.foreign.host if self.foreign else "127.0.0.1"
        share = self.foreign.share if self.foreign else self.export
        ports = self.foreign or self.server
        more = ""
        if ports.port:
            more += f"\n\\1- port={ports.port}"
        if ports.mount_port:
            more += f"\n\\1- mountport={ports.mount_port}"
        adapted = (manifest.replace("nfs.example.com", host)
                   .replace("/exports/claims", share))
        return re.sub(r"^( *)- nfsvers=4\.1$", r"\g<0>" + more, adapted,
                      flags=re.M)

    def down(self):
        """Ends what an earlier run left below the folder; the folder stays."""
        for daemon, number in self.daemons():
            daemon.stop(number=number)
        left = unmount_below(self.folder)
        if left:
            raise LabError(f"{left[0]} can't be unmounted; nothing in "
                           f"{self.folder} was removed")

    def remove(self):
        """Removes the folder of a lab that is down."""
        if not os.path.exists(os.path.join(self.folder, MARKER)):
            return
        left = unmount_below(self.folder)
        if left:
            raise LabError(f"{left[0]} is still mounted; nothing in "
                           f"{self.folder} was removed")
        shutil.rmtree(self.folder)
