# SPDX-License-Identifier: Apache-2.0
"""A claimfs installation below one folder: a private NFS server, nodes and a
standalone provisioner, with nothing outside the folder but ports on 127.0.0.1.

The quickstart, the integration tests and the benchmark are all built on it.
"""

from .claimfs import Ctl, Keeper, Node, Provisioner
from .cluster import Cluster, ForeignServer
from .ganesha import Ganesha
from .mounts import mounts_below, unmount_below
from .process import LabError, Process, answers, free_port, thread_states, \
    wait_for

__all__ = [
    "Cluster", "Ctl", "ForeignServer", "Ganesha", "Keeper", "LabError",
    "Node", "Process", "Provisioner", "answers", "free_port", "mounts_below",
    "thread_states", "unmount_below", "wait_for",
]
