# SPDX-License-Identifier: Apache-2.0
"""Volumes on a server that accepts connections and never answers: what the node owes
to others goes on meanwhile, with the threads that it is allowed."""

import os
import re
import socket
import time

from csi_case import CsiCase

SECONDS = 5
N_STAGES = 6
THREADS = 12  # besides the shards


class DeadServer(CsiCase):

    def setUp(self):
        # The kernel accepts for it as many as it is asked to.
        self.dead = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.addCleanup(self.dead.close)

    def n_threads(self):
        """Threads of the first node besides its shards."""
        pid = self.cluster.nodes[0].process.pid
        names = []
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/comm", encoding="ascii") as f:
                names.append(f.read())
        return len([n for n in names if not re.match("shard-", n)])

    def stage_on_dead_server(self, i):
        port = self.dead.getsockname()[1]
        request = self.stage_request(
            f"dead-{i}", f"{self.folder}/stage-dead-{i}",
            volume_context=self.context(
                "x", mountOptions=f"nfsvers=3,port={port},mountport={port}"))
        return self.clients[0].node.NodeStageVolume.future(request, timeout=60)

    def test_stages_that_wait_hold_up_no_others(self):
        os.mkdir(self.backing("well"))
        target = self.mount(0, "well")
        waiting = [self.stage_on_dead_server(i) for i in range(N_STAGES)]
        time.sleep(0.5)  # they are on their way in any case
        began = time.monotonic()
        for _ in range(20):
            self.clients[0].identity.Probe(self.pb.ProbeRequest(),
                                           timeout=SECONDS)
        self.unmount(0, "well", target)
        self.assertLess(time.monotonic() - began, SECONDS)
        self.assertFalse(any(stage.done() for stage in waiting))
        self.assertLessEqual(self.n_threads(), THREADS)
        for stage in waiting:
            stage.cancel()
