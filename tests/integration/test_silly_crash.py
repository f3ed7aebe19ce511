# SPDX-License-Identifier: Apache-2.0
"""Names set aside (.nfs*) of files that were removed while they were open, when the
node daemon dies: with a keeper they go at the last close, without one when the
volume is staged again, and nothing else ever goes. Nothing here is opened on a
mount by the test itself."""

import glob
import itertools
import os
import random
import signal
import subprocess
import sys
import threading

from csi_case import SECONDS, Client, CsiCase
from keeper_case import KeeperCase
from lab import wait_for
from wire import Wire, procedure

REMOVE, RENAME, LINK = 12, 14, 15
ALICE = 5001

# Does what it is told, a word and its arguments a line, and says how it went.
HANDS = """
import os, sys
files = []
def close():
    os.close(files.pop())
verbs = {
    "open": lambda path: files.append(os.open(path, os.O_RDONLY)),
    "read": lambda: os.pread(files[-1], 100, 0).decode(),
    "close": close,
    "unlink": os.unlink,
    "rename": os.rename,
}
for line in sys.stdin:
    verb, *args = line.split()
    try:
        print(verbs[verb](*args) or "done", flush=True)
    except OSError as error:
        print(error, flush=True)
"""

# Opens, removes or replaces, and closes, until told to stop by a file that appears.
CHURN = """
import os, sys
folder, stop = sys.argv[1:]
os.mkdir(folder)
rounds = 0
while not os.path.exists(stop):
    path = f"{folder}/file{rounds % 7}"
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    os.write(fd, b"%08d" % rounds)
    if rounds % 2:
        os.unlink(path)
    else:
        os.close(os.open(folder + "/new", os.O_WRONLY | os.O_CREAT, 0o644))
        os.rename(folder + "/new", path)
    got = os.pread(fd, 8, 0)
    assert got == b"%08d" % rounds, (rounds, got)
    os.close(fd)
    rounds += 1
    print(rounds, flush=True)
"""


class Cut(Wire):
    """The calls of one procedure do not come through, or else their replies."""

    def __init__(self, port):
        self.mend()
        super().__init__(port)

    def cut(self, proc, is_executed):
        self.is_executed = is_executed
        self.proc = proc

    def mend(self):
        self.proc = None
        self.xids = set()
        self.has_cut = threading.Event()

    def passes(self, call):
        if procedure(call) != self.proc:
            return True
        self.xids.add(call[:4])
        if not self.is_executed:
            self.has_cut.set()
        return self.is_executed

    def answers(self, reply):
        if reply[:4] not in self.xids or not self.is_executed:
            return True
        self.has_cut.set()
        return False


class Hands:
    """A program that has files open."""

    def __init__(self, case, user=None):
        self.child = subprocess.Popen(
            [sys.executable, "-c", HANDS], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, user=user)
        case.addCleanup(self.end)

    def begin(self, *words):
        self.child.stdin.write(" ".join(words) + "\n")
        self.child.stdin.flush()

    def result(self):
        return self.child.stdout.readline().strip()

    def do(self, *words):
        self.begin(*words)
        return self.result()

    def end(self):
        self.child.kill()
        self.child.communicate()


class Names:
    """What the cases below look at."""

    def left(self, folder=None):
        walk = os.walk(folder or self.backing(self.volume))
        return sorted(name for _, _, names in walk
                      for name in names if name.startswith(".nfs"))

    def wait_for_nothing_left(self):
        wait_for(lambda: not self.left(), "names set aside to go", 10)

    def make(self, *names):
        for name in names:
            with open(os.path.join(self.backing(self.volume), name), "w",
                      encoding="ascii") as f:
                f.write(f"this-is-{name}")

    def path(self, name):
        return os.path.join(self.target, name)

    def opened(self, name="file"):
        hands = Hands(self)
        self.assertEqual(hands.do("open", self.path(name)), "done")
        return hands


class Kept(Names, KeeperCase):

    @classmethod
    def start_lab(cls):
        super().start_lab()
        cls.wire = Cut(cls.cluster.server.port)
        cls.addClassCleanup(cls.wire.close)
        cls.nfs_port = cls.wire.port

    def setUp(self):
        super().setUp()
        self.make("file", "other")

    def tearDown(self):
        self.wire.mend()
        super().tearDown()

    def die(self):
        self.kill_node()
        self.wire.mend()
        self.node.start()

    def die_within(self, hands, verb, *names, cut, is_executed):
        """The node dies when it has sent that call, and hands notice nothing."""
        self.wire.cut(cut, is_executed)
        hands.begin(verb, *map(self.path, names))
        self.assertTrue(self.wire.has_cut.wait(SECONDS))
        self.die()
        self.assertEqual(hands.result(), "done")

    def assert_open_until_closed(self, hands, name="file"):
        self.assertEqual(len(self.left()), 1)
        self.assertEqual(hands.do("read"), f"this-is-{name}")
        self.assertEqual(hands.do("close"), "done")
        self.wait_for_nothing_left()

    def test_a_removed_file_is_there_until_it_is_closed(self):
        hands = self.opened()
        self.assertEqual(hands.do("unlink", self.path("file")), "done")
        self.die()
        self.assert_open_until_closed(hands)

    def test_a_replaced_file_is_there_until_it_is_closed(self):
        hands = self.opened()
        self.assertEqual(
            hands.do("rename", self.path("other"), self.path("file")), "done")
        self.die()
        self.assert_open_until_closed(hands)

    def test_a_removal_that_is_cut_is_one_removal(self):
        for is_executed in (False, True):
            with self.subTest(is_executed=is_executed):
                name = f"removed-{is_executed}"
                self.make(name)
                hands = self.opened(name)
                self.die_within(Hands(self), "unlink", name, cut=RENAME,
                                is_executed=is_executed)
                self.assertFalse(name in os.listdir(self.target))
                self.assert_open_until_closed(hands, name)

    def test_a_replacement_that_is_cut_is_one_replacement(self):
        for cut, is_executed in itertools.product((LINK, RENAME),
                                                  (False, True)):
            with self.subTest(cut=cut, is_executed=is_executed):
                old, new = (f"{name}-{cut}-{is_executed}"
                            for name in ("old", "new"))
                self.make(old, new)
                hands = self.opened(old)
                self.die_within(Hands(self), "rename", new, old, cut=cut,
                                is_executed=is_executed)
                names = os.listdir(self.target)
                self.assertEqual((old in names, new in names), (True, False))
                self.assert_open_until_closed(hands, old)

    def test_the_remover_may_be_the_last_who_has_it_open(self):
        hands, remover = self.opened(), Hands(self)
        self.wire.cut(RENAME, True)
        remover.begin("unlink", self.path("file"))
        self.assertTrue(self.wire.has_cut.wait(SECONDS))
        self.kill_node()
        hands.begin("close")
        self.wire.mend()
        self.node.start()
        self.assertEqual(hands.result(), "done")
        self.assertEqual(remover.result(), "done")
        self.wait_for_nothing_left()

    def test_a_last_close_that_is_cut_is_finished(self):
        for is_executed in (False, True):
            with self.subTest(is_executed=is_executed):
                name = f"closed-{is_executed}"
                self.make(name)
                hands = self.opened(name)
                self.assertEqual(hands.do("unlink", self.path(name)), "done")
                self.wire.cut(REMOVE, is_executed)
                hands.begin("close")
                self.assertTrue(self.wire.has_cut.wait(SECONDS))
                self.die()
                self.assertEqual(hands.result(), "done")
                self.wait_for_nothing_left()

    def hand_over_within(self, hands, cut, *words):
        self.wire.cut(cut, False)
        hands.begin(*words)
        self.assertTrue(self.wire.has_cut.wait(SECONDS))
        self.assertEqual(self.node.process.stop(), 0)
        self.wire.mend()
        self.node.start()
        self.assertEqual(hands.result(), "done")

    def test_a_removal_that_is_handed_over_is_one_removal(self):
        hands = self.opened()
        self.hand_over_within(hands, RENAME, "unlink", self.path("file"))
        self.assert_open_until_closed(hands)

    def test_a_last_close_that_is_handed_over_is_finished(self):
        hands = self.opened()
        self.assertEqual(hands.do("unlink", self.path("file")), "done")
        self.hand_over_within(hands, REMOVE, "close")
        self.wait_for_nothing_left()

    def test_a_journal_that_is_lost_is_not_taken_for_anothers(self):
        first = self.opened()
        self.assertEqual(first.do("unlink", self.path("file")), "done")
        self.kill_node()
        (journal,) = glob.glob(os.path.join(self.node.state, "names-*"))
        os.unlink(journal)
        self.node.start()
        second = self.opened("other")
        self.assertEqual(second.do("unlink", self.path("other")), "done")
        self.assertEqual(first.do("close"), "done")
        wait_for(lambda: len(self.left()) == 1, "the first name to go")
        with open(journal, "rb") as f:
            self.assertNotEqual(f.read(8), bytes(8))
        self.assert_open_until_closed(second, "other")

    def test_nothing_is_left_after_many_kills(self):
        children = [self.worker(f"churn{n}", CHURN) for n in range(3)]
        for _ in range(20):
            for child, _ in children:
                self.rounds(child, random.randrange(1, 6))
            self.kill_node()
            self.node.start()
        for _, end in children:
            end()
        self.wait_for_nothing_left()


class KeptAlone(Kept):
    """The same on volumes of one node, whose pages the kernel keeps back."""

    @classmethod
    def capability(cls, mode=None, flags=(), group=""):
        return super().capability(cls.modes.SINGLE_NODE_WRITER
                                  if mode is None else mode, flags, group)


class Alone(Names, CsiCase):
    """Without a keeper the mount goes with the daemon."""

    squashed = ("root_squash",)

    def setUp(self):
        self.volume = self._testMethodName[5:45]
        os.mkdir(self.backing(self.volume))
        self.make("file", "other")
        self.staging = os.path.join(self.folder, "stage-" + self.volume)
        self.target = self.staging
        self.stage()

    def tearDown(self):
        self.unstage()

    def stage(self, **changes):
        self.clients[0].node.NodeStageVolume(
            self.stage_request(self.volume, self.staging, **changes),
            timeout=SECONDS)

    def unstage(self):
        self.clients[0].node.NodeUnstageVolume(
            self.pb.NodeUnstageVolumeRequest(
                volume_id=self.volume, staging_target_path=self.staging),
            timeout=SECONDS)

    def die(self):
        node = self.cluster.nodes[0]
        node.process.signal(signal.SIGKILL)
        wait_for(lambda: not node.process.is_running(), "the node's end")
        node.start()
        self.clients[0].channel.close()
        type(self).clients[0] = Client(sys.modules["csi_pb2_grpc"],
                                       node.socket)

    def set_aside(self):
        """What a file is called that is open and removed."""
        self.assertEqual(
            self.opened().do("unlink", self.path("file")), "done")
        (name,) = self.left()
        return os.path.join(self.backing(self.volume), name)

    def test_the_next_stage_removes_what_was_open(self):
        hands = self.opened()
        self.opened("other").do("rename", self.path("file"),
                                self.path("other"))
        hands.do("unlink", self.path("other"))
        self.assertEqual(len(self.left()), 2)
        self.die()
        self.unstage()
        self.assertEqual(len(self.left()), 2)
        self.stage()
        self.wait_for_nothing_left()

    def test_what_has_the_name_now_stays(self):
        name = self.set_aside()
        self.die()
        self.unstage()
        with self.server_away():
            os.unlink(name)
            with open(name, "w", encoding="ascii") as f:
                f.write("another")
        self.stage()
        said = f'left over","volume":"{self.volume}","removed":0,"kept":1'
        wait_for(lambda: said in self.cluster.nodes[0].process.log(),
                 "it to be looked at")
        self.assertTrue(os.path.exists(name))

    def test_another_nodes_names_stay(self):
        mine = self.set_aside()
        self.make("file")
        staging = os.path.join(self.folder, "there-" + self.volume)
        node = self.clients[1].node
        node.NodeStageVolume(self.stage_request(self.volume, staging),
                             timeout=SECONDS)
        hands = Hands(self)
        self.assertEqual(hands.do("open", staging + "/file"), "done")
        self.assertEqual(hands.do("unlink", staging + "/file"), "done")
        self.die()
        self.unstage()
        self.stage()
        wait_for(lambda: not os.path.exists(mine), "the name to go")
        self.assertEqual(len(self.left()), 1)
        self.assertEqual(hands.do("read"), "this-is-file")
        hands.do("close")
        self.wait_for_nothing_left()
        node.NodeUnstageVolume(
            self.pb.NodeUnstageVolumeRequest(
                volume_id=self.volume, staging_target_path=staging),
            timeout=SECONDS)

    def test_it_goes_on_behalf_of_who_has_removed_it(self):
        self.unstage()
        share = self.cluster.server.squashed_export("root_squash")
        folder = f"{share}/{self.volume}"
        os.mkdir(folder, 0o700)
        with open(folder + "/file", "w", encoding="ascii"):
            pass
        os.chown(folder, ALICE, -1)
        os.chown(folder + "/file", ALICE, -1)
        context = {**self.context(self.volume), "share": share}
        self.stage(volume_context=context)
        hands = Hands(self, ALICE)
        self.assertEqual(hands.do("open", self.path("file")), "done")
        self.assertEqual(hands.do("unlink", self.path("file")), "done")
        self.die()
        self.unstage()
        self.assertEqual(len(self.left(folder)), 1)
        self.stage(volume_context=context)
        wait_for(lambda: not self.left(folder), "the name to go")
