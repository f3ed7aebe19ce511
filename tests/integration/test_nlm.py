# SPDX-License-Identifier: Apache-2.0
"""Advisory locks of a volume with `lock`: they hold between nodes, by the server's
lock manager. Its clients find it by rpcbind, so all of it is in namespaces."""

import contextlib
import errno
import fcntl
import glob
import json
import os
import pwd
import shutil
import signal
import struct
import subprocess
import sys
import unittest

import grpc

from csi_case import MountCase
from lab import Keeper, Process, answers, free_port, unmount_below, wait_for
from lab.claimfs import program
from lock_holder import SECONDS, can_lock, held, started
from namespaces import Namespaces

import lab_case

FLOCK = "hhqqi4x"
BOTH = ("flock", "posix")
SHARDS = 2  # of a node

# Takes an OFD lock, says so; closes the file when a line comes, and stays.
OFD_HOLDER = """\
import fcntl, os, struct, sys
F_OFD_SETLK = 37
fd = os.open(sys.argv[1], os.O_RDWR)
other = os.open(sys.argv[1], os.O_RDWR)
lock = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
fcntl.fcntl(fd, F_OFD_SETLK, lock)
os.close(other)
print("held", flush=True)
sys.stdin.readline()
os.close(fd)
print("closed", flush=True)
sys.stdin.read()
"""

# So many threads wait for one lock, each through an open file of its own.
CROWD = """\
import fcntl, os, resource, sys, threading
resource.setrlimit(resource.RLIMIT_NOFILE, (8192, 8192))
def wait():
    fcntl.flock(os.open(sys.argv[1], os.O_RDWR), fcntl.LOCK_EX)
threading.stack_size(1 << 16)
threads = [threading.Thread(target=wait) for _ in range(int(sys.argv[2]))]
for thread in threads:
    thread.start()
print("started", flush=True)
"""

# Waits for a lock until SIGALRM has a handler interrupt it.
INTERRUPTED = """\
import ctypes, fcntl, os, signal, sys
libc = ctypes.CDLL(None, use_errno=True)
signal.signal(signal.SIGALRM, lambda *unused: None)
signal.siginterrupt(signal.SIGALRM, True)
fd = os.open(sys.argv[1], os.O_RDWR)
signal.alarm(1)
result = libc.flock(fd, fcntl.LOCK_EX)
print(result, ctypes.get_errno(), flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def script(text, *args):
    child = subprocess.Popen([sys.executable, "-c", text, *args],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield child
    finally:
        child.kill()
        child.wait(SECONDS)
        child.stdin.close()
        child.stdout.close()


class NlmCase(MountCase):

    @classmethod
    def setUpClass(cls):
        for program in ("rpcbind", "rpc.statd"):
            if not shutil.which(program):
                raise unittest.SkipTest(f"{program} is not installed")
        try:
            cls.namespaces = Namespaces(("/run", "/var/lib/nfs"))
        except (OSError, subprocess.SubprocessError) as error:
            raise unittest.SkipTest(f"no namespaces: {error}")
        cls.daemons = []
        try:
            super().setUpClass()
        except BaseException:
            cls.leave()
            raise

    @classmethod
    def tearDownClass(cls):
        try:
            super().tearDownClass()
        finally:
            cls.leave()

    @classmethod
    def leave(cls):
        for daemon in cls.daemons:
            daemon.stop()
        cls.namespaces.leave()

    @classmethod
    def start_lab(cls):
        rpcbind = Process("rpcbind", cls.folder)
        statd = Process("rpc.statd", cls.folder)
        cls.daemons = [statd, rpcbind]
        os.mkdir("/run/rpcbind")
        rpcbind.start(["rpcbind", "-f"],
                      lambda: answers(("127.0.0.1", 111)))
        for name in ("sm", "sm.bak"):
            os.mkdir(f"/var/lib/nfs/{name}")
            os.chown(f"/var/lib/nfs/{name}", pwd.getpwnam("statd").pw_uid, -1)
        port = free_port()
        statd.start(["rpc.statd", "--foreground", "--no-notify", "--port",
                     str(port)], lambda: answers(("127.0.0.1", port)))
        cls.cluster.nlm_port = free_port()
        cls.cluster.shards = SHARDS
        super().start_lab()
        wait_for(cls.has_lock_manager, "the server to register")

    @staticmethod
    def has_lock_manager():
        done = subprocess.run(["rpcinfo", "-t", "127.0.0.1", "nlockmgr", "4"],
                              capture_output=True, check=False, timeout=SECONDS)
        return done.returncode == 0

    @classmethod
    def context(cls, subdir, **changes):
        context = super().context(subdir)
        context["mountOptions"] += ",lock"
        return {**context, **changes}

    @classmethod
    def is_served(cls, number):
        try:
            cls.clients[number].identity.Probe(cls.pb.ProbeRequest(),
                                               timeout=SECONDS)
        except grpc.RpcError:
            return False
        return True

    def wait_until_free(self, path, how="posix"):
        wait_for(lambda: can_lock(how, path), "the lock to be free")


class Nlm(NlmCase):

    @classmethod
    def set_up_lab(cls):
        super().set_up_lab()
        cls.a2 = cls.mount(0, "shared")

    def setUp(self):
        super().setUp()
        name = os.path.join(self._testMethodName, "file")
        self.first = os.path.join(self.a, name)
        self.second = os.path.join(self.a2, name)
        self.elsewhere = os.path.join(self.b, name)
        with open(self.first, "wb") as f:
            f.write(bytes(100))

    def stat(self, name, mount=None):
        with open(f"{mount or self.a}/.meta/stats", encoding="utf-8") as f:
            return json.load(f)[name]

    def assert_all_free(self):
        wait_for(lambda: self.stat("locks") == 0 and
                 self.stat("locks", self.b) == 0, "all locks to be free")

    def test_exclusive_locks_exclude_the_other_node_and_pod(self):
        for how in BOTH:
            with self.subTest(how), held(how, self.first):
                for path in (self.second, self.elsewhere):
                    self.assertFalse(can_lock(how, path))
                    self.assertFalse(can_lock(how, path, fcntl.LOCK_SH))

    def test_shared_locks_exclude_only_exclusive_ones(self):
        for how in BOTH:
            with self.subTest(how), held(how, self.first, fcntl.LOCK_SH):
                self.assertTrue(can_lock(how, self.elsewhere, fcntl.LOCK_SH))
                self.assertFalse(can_lock(how, self.elsewhere))

    def test_ranges_that_do_not_touch_do_not_exclude(self):
        with held("posix", self.first, start=10, length=10):
            for args, want in (((19, 1), False), ((0, 10), True),
                               ((20, 9), True), ((0, 0), False)):
                self.assertEqual(
                    can_lock("posix", self.elsewhere, start=args[0],
                             length=args[1]), want, args)

    def test_a_part_is_given_back(self):
        with open(self.first, "r+b", buffering=0) as f:
            fcntl.lockf(f, fcntl.LOCK_EX, 100, 0)
            fcntl.lockf(f, fcntl.LOCK_UN, 10, 50)
            self.assertTrue(can_lock("posix", self.elsewhere, start=50,
                                     length=10))
            self.assertFalse(can_lock("posix", self.elsewhere, start=49,
                                      length=1))
            self.assertEqual(self.stat("locks"), 2)
            fcntl.lockf(f, fcntl.LOCK_SH, 100, 0)
            self.assertTrue(can_lock("posix", self.elsewhere, fcntl.LOCK_SH))
        self.assert_all_free()

    def test_closing_any_descriptor_drops_a_processes_posix_locks(self):
        with open(self.first, "r+b", buffering=0) as f:
            fcntl.lockf(f, fcntl.LOCK_EX)
            self.assertFalse(can_lock("posix", self.elsewhere))
            with open(self.first, "rb"):
                pass
            self.assertTrue(can_lock("posix", self.elsewhere))

    def test_a_flock_ends_with_the_last_copy_of_its_descriptor(self):
        first = os.open(self.first, os.O_RDWR)
        fcntl.flock(first, fcntl.LOCK_EX)
        copy = os.dup(first)
        os.close(first)
        self.assertFalse(can_lock("flock", self.elsewhere))
        os.close(copy)
        self.wait_until_free(self.elsewhere, "flock")

    def test_an_ofd_lock_ends_with_its_open_file(self):
        keep = os.open(self.first, os.O_RDWR)
        try:
            with script(OFD_HOLDER, self.first) as child:
                self.assertEqual(child.stdout.readline(), b"held\n")
                self.assertFalse(can_lock("posix", self.elsewhere))
                child.stdin.write(b"\n")
                child.stdin.flush()
                self.assertEqual(child.stdout.readline(), b"closed\n")
                self.wait_until_free(self.elsewhere)
        finally:
            os.close(keep)

    def test_a_doctor_can_lock(self):
        server = self.cluster.server
        done = subprocess.run(
            [program(lab_case.PROGRAMS, "claimctl"), "doctor", "--server",
             "127.0.0.1", "--share", server.export, "--options",
             f"port={server.port},lock"], text=True, capture_output=True,
            timeout=60, check=False,
            env={**os.environ, **self.cluster.env})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for line in (r"portmapper +the MOUNT service has TCP port "
                     f"{server.mount_port}", r"locks +files can be locked"):
            self.assertRegex(done.stdout, r"(?m)^ok    " + line)

    def test_a_lock_ends_with_its_process(self):
        for how in BOTH:
            with self.subTest(how), held(how, self.first) as child:
                child.send_signal(signal.SIGKILL)
                child.wait(SECONDS)
                self.wait_until_free(self.elsewhere, how)
        self.assert_all_free()

    def test_the_holder_is_named_on_its_node_only(self):
        ask = struct.pack(FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        with held("posix", self.first, start=10, length=10) as child:
            for path, pid in ((self.second, child.pid), (self.elsewhere, 0)):
                with open(path, "r+b") as f:
                    kind, _, start, length, holder = struct.unpack(
                        FLOCK, fcntl.fcntl(f, fcntl.F_GETLK, ask))
                self.assertEqual((kind, start, length, holder),
                                 (fcntl.F_WRLCK, 10, 10, pid))
        with open(self.elsewhere, "r+b") as f:
            kind = struct.unpack(FLOCK, fcntl.fcntl(f, fcntl.F_GETLK, ask))[0]
        self.assertEqual(kind, fcntl.F_UNLCK)

    # Waiting

    def test_who_waits_gets_the_lock_when_it_is_let_go(self):
        for how in BOTH:
            for path, mount in ((self.second, self.a), (self.elsewhere,
                                                        self.b)):
                with self.subTest(f"{how} {path}"), \
                        held(how, self.first) as child, \
                        started(how, path) as waiter:
                    wait_for(lambda: self.stat("in_flight", mount) > 0,
                             "a waiter")
                    child.stdin.close()
                    self.assertEqual(waiter.stdout.readline(), b"held\n")

    def test_who_waited_and_was_killed_does_not_get_it(self):
        for how in BOTH:
            with self.subTest(how), held(how, self.first) as child, \
                    started(how, self.elsewhere) as waiter:
                wait_for(lambda: self.stat("in_flight", self.b) > 0,
                         "a waiter")
                waiter.kill()
                self.assertEqual(waiter.wait(SECONDS), -signal.SIGKILL)
                child.stdin.close()
                child.wait(SECONDS)
                self.wait_until_free(self.second, how)
        self.assert_all_free()

    def test_a_signal_ends_the_wait(self):
        with held("flock", self.first), \
                script(INTERRUPTED, self.elsewhere) as child:
            self.assertEqual(child.stdout.readline().split(),
                             [b"-1", str(errno.EINTR).encode()])
        self.assert_all_free()

    def test_any_number_may_wait_and_the_volume_goes_on(self):
        n = SHARDS * 1100  # more than a shard takes at the very most
        with held("flock", self.first), \
                script(CROWD, self.second, str(n)) as crowd:
            self.assertEqual(crowd.stdout.readline(), b"started\n")
            wait_for(lambda: self.stat("in_flight") >= n, "a crowd", 30)
            subprocess.run(["ls", "-l", self.a], check=True, timeout=SECONDS,
                           stdout=subprocess.DEVNULL)
        wait_for(lambda: self.stat("in_flight") == 0, "all to be gone", 30)
        self.assert_all_free()

    # Data

    def test_what_was_written_under_a_lock_is_read_under_the_next(self):
        with open(self.first, "r+b", buffering=0) as here, \
                open(self.elsewhere, "r+b", buffering=0) as there:
            for number in range(20):
                text = f"{number:100}".encode()
                for f, other in ((here, there), (there, here)):
                    fcntl.lockf(f, fcntl.LOCK_EX)
                    os.pwrite(f.fileno(), text, 0)
                    fcntl.lockf(f, fcntl.LOCK_UN)
                    fcntl.lockf(other, fcntl.LOCK_SH)
                    self.assertEqual(os.pread(other.fileno(), 100, 0), text)
                    fcntl.lockf(other, fcntl.LOCK_UN)

    def test_what_was_written_under_a_lock_is_committed(self):
        with open(self.first, "r+b", buffering=0) as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            f.write(bytes(100000))
            self.assertGreater(self.stat("uncommitted_bytes"), 0)
            fcntl.flock(f, fcntl.LOCK_UN)
            self.assertEqual(self.stat("uncommitted_bytes"), 0)

    # Ends

    def extra_volume(self, name):
        os.mkdir(f"{self.cluster.export}/{name}")
        os.chmod(f"{self.cluster.export}/{name}", 0o777)
        with open(f"{self.cluster.export}/{name}/file", "wb") as f:
            f.write(bytes(10))

    def journals(self, number):
        return glob.glob(self.cluster.nodes[number].state + "/locks-*")

    def test_unmounting_drops_all(self):
        self.extra_volume("leaves")
        here = self.mount(0, "leaves")
        there = self.mount(1, "leaves")
        with held("posix", f"{here}/file", fcntl.LOCK_SH), \
                held("flock", f"{here}/file", fcntl.LOCK_SH):
            self.assertFalse(can_lock("posix", f"{there}/file"))
            self.unmount(0, "leaves", here)
            self.unstage(0, "leaves")
            self.wait_until_free(f"{there}/file")
        self.unmount(1, "leaves", there)
        self.unstage(1, "leaves")
        self.assertEqual(len(self.journals(0)), 1)  # the other volume's

    # The server's end

    def kill_server(self):
        """It ends slowly by itself while it has locks."""
        server = self.cluster.server
        server.process.signal(signal.SIGKILL)
        wait_for(lambda: not server.process.is_running(), "the server's end")

    def test_a_server_that_reboots_gets_locks_reclaimed(self):
        with held("posix", self.first) as child:
            self.kill_server()
            self.cluster.server.start()
            # Who asks in the grace period is answered at its end.
            self.assertFalse(can_lock("posix", self.elsewhere))
            child.stdin.close()
            self.wait_until_free(self.elsewhere)
        self.assert_all_free()

    def test_a_lock_manager_is_found_at_another_port(self):
        with held("posix", self.first) as child:
            self.kill_server()
            self.cluster.server.nlm_port = free_port()
            self.cluster.server.start()
            with started("posix", self.elsewhere) as waiter:
                child.stdin.close()
                child.wait(SECONDS * 3)
                self.assertEqual(waiter.stdout.readline(), b"held\n")
        self.assert_all_free()

    def test_a_waiter_can_be_killed_while_the_server_is_away(self):
        with held("posix", self.first) as child, \
                started("posix", self.elsewhere) as waiter:
            wait_for(lambda: self.stat("in_flight", self.b) > 0, "a waiter")
            self.kill_server()
            waiter.kill()
            try:
                self.assertEqual(waiter.wait(SECONDS), -signal.SIGKILL)
            finally:
                self.cluster.server.start()
            child.stdin.close()
            child.wait(SECONDS * 3)
        wait_for(lambda: self.stat("locks") == 0 and
                 self.stat("locks", self.b) == 0, "all to be free", 30)
        wait_for(lambda: can_lock("posix", self.second), "the lock", 30)


class NlmCrash(NlmCase):

    def test_what_a_crash_left_is_dropped_at_the_next_stage(self):
        node = self.cluster.nodes[0]
        there = f"{self.there}/file"
        with open(there, "wb") as f:
            f.write(bytes(10))
        with held("posix", f"{self.here}/file"):
            node.process.signal(signal.SIGKILL)
            wait_for(lambda: not node.process.is_running(), "its end")
        for path in glob.glob(f"{self.folder}/pod-0-*") + [
                f"{self.folder}/stage-0-shared"]:
            unmount_below(path)
        node.start()
        wait_for(lambda: self.is_served(0), "the node's socket")
        self.assertFalse(can_lock("posix", there))
        type(self).a = self.mount(0, "shared")
        self.assertTrue(can_lock("posix", there))


class NlmKeeper(NlmCase):

    @classmethod
    def start_lab(cls):
        super().start_lab()
        node = cls.cluster.nodes[0]
        node.stop()
        cls.daemons.append(Keeper(lab_case.PROGRAMS, node.state,
                                  env=cls.cluster.env).start())
        node.start()
        wait_for(lambda: cls.is_served(0), "the node's socket")

    def test_a_volume_with_locks_is_not_kept(self):
        node = self.cluster.nodes[0]
        there = f"{self.there}/file"
        with open(there, "wb") as f:
            f.write(bytes(10))
        with held("posix", f"{self.here}/file"):
            self.assertEqual(node.process.stop(), 0)
            with open("/proc/self/mountinfo", encoding="utf-8") as f:
                self.assertNotIn(f" {self.a} ", f.read())
            self.assertTrue(can_lock("posix", there))
        node.start()
        wait_for(lambda: self.is_served(0), "the node's socket")
        type(self).a = self.mount(0, "shared")
