# SPDX-License-Identifier: Apache-2.0
"""A node daemon that is killed where the kernel can't be asked for the requests that
it has not answered: they are read from the log."""

import signal

import test_keeper
from keeper_case import KeeperCase

WITHOUT_RESEND = ("--resend=never",)


def n_replays(node):
    return node.process.log().count("requests are executed again")


class Killed(test_keeper.Killed):
    node_options = WITHOUT_RESEND

    def test_requests_survive_several_deaths(self):
        children = [self.worker(f"pieces{n}", test_keeper.PIECES)
                    for n in range(4)]
        children += [self.worker("names", test_keeper.NAMES),
                     self.worker("file")]
        for child, _ in children:
            self.rounds(child, 5)
        self.cluster.server.process.signal(signal.SIGSTOP)
        try:
            for _ in range(3):
                before = n_replays(self.node)
                self.kill_node()
                self.node.start()
                self.assertEqual(n_replays(self.node), before + 1)
        finally:
            self.cluster.server.process.signal(signal.SIGCONT)
        for child, _ in children:
            self.rounds(child, 5)
        for _, end in children:
            end()


class KilledWhileReading(test_keeper.KilledWhileReading):
    node_options = WITHOUT_RESEND


class KilledWhileCreating(test_keeper.KilledWhileCreating):
    node_options = WITHOUT_RESEND


class Stopped(test_keeper.Stopped):
    node_options = WITHOUT_RESEND

    def test_nothing_is_left_of_a_server_that_answers(self):
        child, end = self.worker()
        before = n_replays(self.node)
        self.rounds(child, 5)
        self.assertEqual(self.node.process.stop(), 0)
        self.node.start()
        self.rounds(child, 5)
        end()
        self.assertEqual(n_replays(self.node), before)


class Upgraded(KeeperCase):
    """By a process that is told otherwise."""

    def test_both_ways_follow_each_other(self):
        children = [self.worker(f"pieces{n}", test_keeper.PIECES)
                    for n in range(2)]
        plain = list(self.node.argv)
        for options in (WITHOUT_RESEND, WITHOUT_RESEND, (), WITHOUT_RESEND):
            for child, _ in children:
                self.rounds(child, 5)
            self.kill_node()
            self.node.argv[:] = [*plain, *options]
            self.node.start()
        for child, end in children:
            self.rounds(child, 5)
            end()


del KeeperCase
