# SPDX-License-Identifier: Apache-2.0
"""What is done to a node: its daemon, its keeper and its server are killed and started
again, and its link is cut, in an order that a seed decides."""

import os
import select
import signal
import time

from lab import wait_for

# nfs-ganesha's write verifier is the second in which it was started: one that is back
# in the same second looks as if it had lost nothing.
SERVER_SECONDS = 1.1
READ_SECONDS = 60


def order(dice, counts):
    kinds = [kind for kind, n in counts.items() for _ in range(n)]
    dice.shuffle(kinds)
    return kinds


class Faults:
    """What they happen to are node, keeper, server (of deploy/lab) and link; load are
    the programs that work meanwhile, and probes those of them that read."""

    def __init__(self, dice, node, keeper, server, link, load, probes):
        self.dice = dice
        self.node = node
        self.keeper = keeper
        self.server = server
        self.link = link
        self.load = load
        self.probes = probes
        self.pause = 0.4  # seconds at most, between one and the next
        self.server_started = 0.0
        self.counts = {}  # kind of fault -> how many there were
        self.moments = {}  # kind of fault -> when, and nothing else was wrong
        self.story = []  # what happened, for whom it may concern
        self.is_server_away = False

    @staticmethod
    def kill(process):
        """wait(30) would look for the end at ever longer intervals."""
        fd = os.pidfd_open(process.child.pid)
        process.signal(signal.SIGKILL)
        select.select([fd], [], [], 30)
        os.close(fd)
        process.child.wait(1)

    def node_killed(self):
        self.kill(self.node.process)
        if self.dice.random() < 0.2:
            # Once more in the middle of taking over.
            self.note("twice")
            self.node.process.start(self.node.argv, lambda: True,
                                    env=self.node.env)
            time.sleep(self.dice.uniform(0, 0.1))
            self.kill(self.node.process)
        moment = time.monotonic()
        self.node.start()
        return moment

    def keeper_killed(self):
        """Not together with the node daemon: there would be nobody left."""
        moment = time.monotonic()
        self.kill(self.keeper.process)
        n_seen = self.n_keepers_seen()
        self.keeper.start()
        wait_for(lambda: self.n_keepers_seen() > n_seen,
                 "the node daemon to see the new keeper", READ_SECONDS)
        return moment

    def n_keepers_seen(self):
        return self.node.process.log().count("a keeper is here")

    def server_killed(self):
        moment = time.monotonic()
        if self.is_server_away:
            self.start_server()
        self.kill(self.server.process)
        self.is_server_away = True
        # Every third time something else happens meanwhile.
        if self.dice.random() < 0.67:
            self.start_server()
        return moment

    def start_server(self):
        if not self.is_server_away:
            return
        wait_for(lambda: time.monotonic() - self.server_started
                 > SERVER_SECONDS, "another second")
        self.server.start()
        self.note("server started")
        self.server_started = time.monotonic()
        self.is_server_away = False

    def link_cut(self):
        moment = time.monotonic()
        verb = self.dice.choice(("cut", "tear", "hold", "hole"))
        number = self.dice.randrange(200000 if verb == "tear" else 500)
        self.note(f"{verb} {number}")
        self.link.tell(f"{verb} {number}")
        return moment

    def note(self, what):
        self.story.append(f"{time.strftime('%T')} {what}")

    def happen(self, kind):
        """The fault, and what a former one left away comes back."""
        was_away = self.is_server_away
        self.note(kind)
        self.counts[kind] = self.counts.get(kind, 0) + 1
        moment = getattr(self, kind)()
        if was_away:
            self.start_server()
        if not self.is_server_away:
            if not was_away:
                self.moments.setdefault(kind, []).append(moment)
            self.wait_for_reads(kind, moment)
        time.sleep(self.dice.uniform(0, self.pause))

    def wait_for_reads(self, kind, moment):
        """Everybody goes on, or has a complaint."""
        wait_for(lambda: self.has_failed() or
                 all(probe.record.last_began() > moment
                     for probe in self.probes),
                 f"every probe to read again after {kind}", READ_SECONDS)

    def has_failed(self):
        return any(program.has_failed() for program in self.load)
