# SPDX-License-Identifier: Apache-2.0
"""A node daemon that is killed, stopped and started again while programs work on
its mounts, and a keeper that is: what was open stays open, and nobody sees an
error."""

import os
import signal
import socket
import struct
import subprocess
import sys
import threading

import hostile_server as hostile
from keeper_case import KeeperCase
from lab import wait_for

# Changes names and checks every outcome, until told to stop.
NAMES = """
import os, sys
folder, stop = sys.argv[1:]
os.mkdir(folder)
rounds = 0
log = os.open(folder + "/log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
while not os.path.exists(stop):
    a, b, c = (f"{folder}/{name}{rounds}" for name in "abc")
    os.mkdir(a)
    fd = os.open(a + "/file", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
    os.close(fd)
    assert os.stat(a + "/file").st_mode & 0o777 == 0o640
    os.rename(a + "/file", b)
    assert os.listdir(a) == [], os.listdir(a)
    os.link(b, c)
    assert os.stat(b).st_nlink == 2
    os.unlink(b)
    os.symlink("there", b)
    assert os.readlink(b) == "there"
    fd = os.open(c, os.O_RDONLY)
    os.rename(b, a + "/link")
    os.unlink(c)
    assert os.fstat(fd).st_size == 0
    os.close(fd)
    os.unlink(a + "/link")
    os.rmdir(a)
    os.write(log, b"%06d\\n" % rounds)
    rounds += 1
    print(rounds, flush=True)
os.close(log)
lines = open(folder + "/log").read().split()
assert lines == ["%06d" % n for n in range(rounds)], lines
# The last one set aside may not be gone yet: close(2) does not wait for it.
names = [name for name in os.listdir(folder) if not name.startswith(".nfs")]
assert names == ["log"], names
"""

# Large and small pieces, written past the kernel's cache and read back.
PIECES = """
import mmap, os, sys
path, stop = sys.argv[1:]
fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_DIRECT, 0o644)
buffer = mmap.mmap(-1, 1 << 20)
rounds = 0
while not os.path.exists(stop):
    size = (4096, 16384, 65536, 1 << 20)[rounds % 4]
    data = b"%015d\\n" % rounds * (size // 16)
    buffer[:size] = data
    at = rounds % 16 << 20
    assert os.pwritev(fd, [memoryview(buffer)[:size]], at) == size
    buffer[:size] = bytes(size)
    assert os.preadv(fd, [memoryview(buffer)[:size]], at) == size
    assert buffer[:size] == data, (rounds, buffer[:16])
    rounds += 1
    print(rounds, flush=True)
"""


def closing(port):
    """Connections from reserved ports to this one that nobody has any more."""
    with open("/proc/net/tcp", encoding="ascii") as f:
        lines = [line.split()[1:4] for line in f.readlines()[1:]]
    return [(local, state) for local, remote, state in lines
            if remote.endswith(f":{port:04X}") and state != "01"
            and int(local.split(":")[1], 16) < 1024]


EXCLUSIVE = """
import os, sys
try:
    os.close(os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640))
    print("made")
except OSError as error:
    print(error.errno)
"""


class Killed(KeeperCase):

    def test_a_program_goes_on_after_the_node_was_killed(self):
        child, end = self.worker()
        for _ in range(5):
            self.rounds(child, 5)
            self.kill_node()
            self.node.start()
        self.rounds(child, 5)
        end()
        self.node_log_has("volumes taken over")

    def test_the_ports_of_a_killed_node_are_free_at_once(self):
        child, end = self.worker()
        self.rounds(child, 5)
        self.kill_node()
        self.assertEqual(closing(self.cluster.server.port), [])
        self.node.start()
        end()

    def test_names_change_once_however_often_the_node_is_killed(self):
        children = [self.worker(f"names{n}", NAMES) for n in range(3)]
        for _ in range(20):
            for child, _ in children:
                self.rounds(child, 3)
            self.kill_node()
            self.node.start()
        for child, end in children:
            end()

    def test_what_was_stored_is_not_stored_again(self):
        """One small file, which close(2) makes stable, and whom others then change."""
        path = os.path.join(self.target, "file")
        subprocess.run(["sh", "-c", 'printf ours > "$0"', path], timeout=30,
                       check=True)
        with open(os.path.join(self.backing(self.volume), "file"), "w",
                  encoding="ascii") as f:
            f.write("theirs")
        self.kill_node()
        self.node.start()
        self.node_log_has("volumes taken over")
        done = subprocess.run(["dd", f"if={path}", "iflag=direct", "status=none"],
                              timeout=30, check=True, stdout=subprocess.PIPE)
        self.assertEqual(done.stdout, b"theirs")

    def test_the_volume_is_there_as_it_was_published(self):
        self.kill_node()
        self.node.start()
        with open(f"{self.node.meta}/volumes/{self.volume}/pods",
                  encoding="utf-8") as f:
            self.assertIn(self.target, f.read())

    def test_publishing_again_is_the_same_request(self):
        self.kill_node()
        self.node.start()
        self.reconnect()
        staging = os.path.join(self.folder, f"stage-0-{self.volume}")
        node = self.clients[0].node
        node.NodeStageVolume(self.stage_request(self.volume, staging),
                             timeout=30)
        node.NodePublishVolume(
            self.publish_request(self.volume, staging, self.target),
            timeout=30)
        self.assertEqual(self.mounts().count(self.target), 1)

    def test_a_virtual_file_that_was_open_says_so(self):
        child = subprocess.Popen(
            [sys.executable, "-c",
             "import os, sys\n"
             f"fd = os.open({self.target + '/.meta/health'!r}, os.O_RDONLY)\n"
             "print('open', flush=True)\n"
             "sys.stdin.readline()\n"
             "try:\n"
             "    os.read(fd, 10)\n"
             "except OSError as error:\n"
             "    print(error.errno)\n"
             "os.close(fd)\n"
             f"print(open({self.target + '/.meta/health'!r}).read())\n"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(child.kill)
        self.assertEqual(child.stdout.readline(), "open\n")
        self.kill_node()
        self.node.start()
        out, _ = child.communicate("\n", timeout=60)
        self.assertEqual(out.split(), ["116", "ok"])  # ESTALE

    def test_the_server_may_be_away_when_the_node_comes_back(self):
        child, end = self.worker()
        self.rounds(child, 5)
        self.cluster.server.stop()
        self.kill_node()
        self.node.start()
        self.cluster.server.start()
        self.rounds(child, 20)
        end()

    def test_df_answers_after_it_with_the_server_away(self):
        def size():
            return subprocess.run(
                ["stat", "-f", "-c", "%b %f", self.target], text=True,
                capture_output=True, check=True, timeout=20).stdout
        before = size()
        self.cluster.server.stop()
        try:
            self.kill_node()
            self.node.start()
            self.assertEqual(size(), before)
        finally:
            self.cluster.server.start()

    def test_nobody_waits_for_a_keeper_that_hangs(self):
        child, end = self.worker()
        self.rounds(child, 5)
        os.mkdir(self.backing("second"))
        self.keeper.process.pause()
        try:
            self.rounds(child, 20)
            target = self.mount(0, "second")
            self.unmount(0, "second", target)
            self.unstage(0, "second")
        finally:
            self.keeper.process.go_on()
        end()

    def test_a_new_keeper_is_told_of_everything(self):
        child, end = self.worker()
        self.rounds(child, 5)
        self.keeper.process.signal(signal.SIGKILL)
        wait_for(lambda: not self.keeper.process.is_running(), "its end")
        self.rounds(child, 5)
        seen = self.node.process.log().count("a keeper is here")
        type(self).keeper = self.new_keeper()
        wait_for(lambda: self.node.process.log().count("a keeper is here")
                 > seen, "the node to see it")
        self.kill_node()
        self.node.start()
        self.rounds(child, 5)
        end()


class KilledWhileReading(KeeperCase):
    """Requests, from the kernel, which copies large ones for long."""

    def test_no_request_is_half_read(self):
        children = [self.worker(f"pieces{n}", PIECES) for n in range(3)]
        for _ in range(15):
            for child, _ in children:
                self.rounds(child, 2)
            self.kill_node()
            self.node.start()
        for _, end in children:
            end()


class KilledWhileCreating(KeeperCase):
    """With O_EXCL, on a server that does not keep an atime as it was set: the call is
    EXCLUSIVE then, and a SETATTR takes its verifier away."""

    @classmethod
    def start_lab(cls):
        super().start_lab()
        cls.proxy = hostile.Proxy(cls.cluster.server.port)
        cls.addClassCleanup(cls.proxy.close)
        cls.nfs_port = cls.proxy.port

    def create(self, name):
        return subprocess.Popen(
            [sys.executable, "-c", EXCLUSIVE, os.path.join(self.target, name)],
            stdout=subprocess.PIPE, text=True)

    def die_in_setattr(self, name):
        """The server has executed it."""
        has_come = threading.Event()

        def rule(reply):
            if reply.proc != hostile.SETATTR:
                return hostile.pass_on(reply)
            has_come.set()
            return None

        self.proxy.rule = hostile.other_atime
        self.assertEqual(self.create("first").communicate(timeout=30)[0],
                         "made\n")
        self.proxy.rule = rule
        child = self.create(name)
        self.addCleanup(child.kill)
        self.assertTrue(has_come.wait(30))
        self.kill_node()
        self.proxy.behave()
        return child

    def test_an_exclusive_create_knows_its_own_file(self):
        child = self.die_in_setattr("file")
        self.node.start()
        self.assertEqual(child.communicate(timeout=30)[0], "made\n")

    def test_an_exclusive_create_knows_another_file(self):
        child = self.die_in_setattr("file")
        with self.server_away():
            folder = self.backing(self.volume)
            os.rename(f"{folder}/first", f"{folder}/file")
        self.node.start()
        self.assertEqual(child.communicate(timeout=30)[0], "17\n")  # EEXIST


class KilledAlone(Killed):
    """The same on volumes of one node, whose pages the kernel keeps back."""

    @classmethod
    def capability(cls, mode=None, flags=(), group=""):
        return super().capability(cls.modes.SINGLE_NODE_WRITER
                                  if mode is None else mode, flags, group)


class Stopped(KeeperCase):

    def test_sigterm_hands_the_volumes_over(self):
        child, end = self.worker()
        for _ in range(3):
            self.rounds(child, 5)
            self.assertEqual(self.node.process.stop(), 0)
            self.assertTrue(self.target in self.mounts())
            self.node.start()
        self.rounds(child, 5)
        end()

    def test_a_start_that_fails_leaves_everything_to_the_next_one(self):
        child, end = self.worker()
        self.rounds(child, 5)
        self.cluster.server.process.signal(signal.SIGSTOP)
        try:
            self.kill_node()
            argv = self.node.argv
            bad = subprocess.run(
                [*argv, "--csi-socket", f"{self.folder}/no/such/folder"],
                env={**os.environ, **self.node.env}, capture_output=True,
                text=True, timeout=60, check=False)
            self.assertEqual(bad.returncode, 1, bad.stderr)
            self.node.start()
        finally:
            self.cluster.server.process.signal(signal.SIGCONT)
        self.rounds(child, 5)
        end()

    def test_a_server_that_is_silent_does_not_hold_it_up(self):
        child, end = self.worker()
        self.rounds(child, 5)
        self.cluster.server.process.signal(signal.SIGSTOP)
        try:
            self.assertEqual(self.node.process.stop(), 0)
            self.node.start()
        finally:
            self.cluster.server.process.signal(signal.SIGCONT)
        self.rounds(child, 5)
        end()


class Late(KeeperCase):

    @classmethod
    def start_lab(cls):
        super().start_lab()
        cls.keeper.stop()
        cls.node.stop()
        cls.node.start()
        cls.reconnect()
        cls.keeper = cls.new_keeper()

    def test_a_keeper_that_comes_later_gets_no_volumes(self):
        self.node_log_has("restart this process to use it")
        self.assertEqual(self.node.process.stop(), 0)
        self.assertFalse(self.target in self.mounts())
        self.node.start()


class Awaited(KeeperCase):
    """The two are started together, and the keeper comes last."""

    node_options = ("--keeper-wait", "60")

    @classmethod
    def new_keeper(cls):
        cls.node.process.start(cls.node.argv, lambda: True, env=cls.node.env)
        keeper = super().new_keeper()
        # Its socket answers a moment before it says so.
        wait_for(lambda: '"keeper":"yes"' in cls.node.process.log(),
                 "the node to be ready", 20)
        cls.node.process.signal(signal.SIGKILL)
        wait_for(lambda: not cls.node.process.is_running(), "the node's end")
        return keeper

    def test_a_node_waits_for_its_keeper(self):
        log = self.node.process.log()
        self.assertEqual(log.count('"keeper":"yes"'), 2)
        with open(self.node.meta + "/metrics", encoding="utf-8") as f:
            self.assertIn("\nclaimfs_keeper_connected 1\n", f.read())
        child, end = self.worker()
        self.rounds(child, 5)
        self.kill_node()
        self.node.start()
        self.rounds(child, 5)
        end()


class Garbage(KeeperCase):

    def test_a_peer_that_talks_nonsense_is_sent_away(self):
        for text in (b"", b"x", b"x" * 16, b"x" * 4096,
                     struct.pack("<IHHII", 0x72706b63, 1, 2, 7, 0)):
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as peer:
                peer.settimeout(10)
                peer.connect(self.keeper.socket)
                peer.send(text)
                if text:
                    self.assertEqual(peer.recv(100), b"")
        self.kill_node()
        self.node.start()
        self.node_log_has("volumes taken over")


class Deadline(KeeperCase):

    keeper_options = ("--abort-after", "1")

    def test_who_waits_is_freed_when_no_node_daemon_comes(self):
        child, end = self.worker()
        self.rounds(child, 5)
        self.kill_node()
        _, err = child.communicate(timeout=30)
        self.assertRegex(err, "not connected|connection abort")
        self.node.start()
        self.reconnect()
        staging = os.path.join(self.folder, f"stage-0-{self.volume}")
        node = self.clients[0].node
        node.NodeStageVolume(self.stage_request(self.volume, staging),
                             timeout=30)
        node.NodePublishVolume(
            self.publish_request(self.volume, staging, self.target),
            timeout=30)
