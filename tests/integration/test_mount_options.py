# SPDX-License-Identifier: Apache-2.0
"""Mount options whose effect can be seen: each test mounts a volume of its own with
the options in question, through a counter of calls where the wire tells more than
the file system does."""

import collections
import errno
import json
import os
import random
import signal
import struct
import subprocess
import time

from lab import wait_for
from csi_case import CODES, CsiCase, SECONDS, grpc
from wire import Wire, procedure

GETATTR, LOOKUP, ACCESS, WRITE = 1, 3, 4, 7
FILE_SYNC = 2


class Counter(Wire):
    """Counts the calls by procedure."""

    def __init__(self, port):
        self.calls = collections.Counter()
        self.largest = collections.Counter()
        self.writes_stable = set()
        super().__init__(port)

    def passes(self, call):
        proc = procedure(call)
        self.calls[proc] += 1
        self.largest[proc] = max(self.largest[proc], len(call))
        if proc == WRITE:
            # Behind credentials, verifier, handle, offset and count.
            at = 24
            for _ in range(2):
                at += 8 + struct.unpack_from(">I", call, at + 4)[0]
            at += 4 + struct.unpack_from(">I", call, at)[0]
            self.writes_stable.add(struct.unpack_from(">I", call, at + 12)[0])
        return True

    def during(self, action, *procs):
        """How many calls of the procedures an action makes."""
        before = sum(self.calls[proc] for proc in procs)
        action()
        return sum(self.calls[proc] for proc in procs) - before


def write(path, text, mode="w"):
    with open(path, mode, encoding="utf-8") as f:
        f.write(text)


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def read_only(path):
    """Without the fstat(2) that Python's files begin with."""
    fd = os.open(path, os.O_RDONLY)
    try:
        return os.read(fd, 4096)
    finally:
        os.close(fd)


class OptionsCase(CsiCase):

    def volume_request(self, options, mode=None, port=None):
        """A new directory on the share and what stages it."""
        volume = self._testMethodName.replace("test_", "") + \
            f"-{len(os.listdir(self.cluster.export))}"
        path = self.backing(volume)
        os.mkdir(path)
        os.chmod(path, 0o777)
        server = self.cluster.server
        changes = {"volume_context": self.context(
            volume, mountOptions=f"port={port or server.port},"
            f"mountport={server.mount_port},{options}")}
        if mode is not None:
            changes["volume_capability"] = self.capability(mode)
        return volume, self.stage_request(
            volume, f"{self.folder}/stage-{volume}", **changes)

    def staged(self, options, mode=None, port=None, node=0):
        """(staging path, backing directory); unstaged after the test."""
        volume, request = self.volume_request(options, mode, port)
        stubs = self.clients[node].node
        stubs.NodeStageVolume(request, timeout=SECONDS)
        self.addCleanup(
            stubs.NodeUnstageVolume,
            self.pb.NodeUnstageVolumeRequest(
                volume_id=volume,
                staging_target_path=request.staging_target_path),
            timeout=SECONDS)
        return request.staging_target_path, self.backing(volume)

    def counted(self, options, mode=None):
        counter = Counter(self.cluster.server.port)
        self.addCleanup(counter.close)
        return (*self.staged(options, mode, counter.port), counter)


class CacheOptions(OptionsCase):

    def test_attributes_live_as_long_as_actimeo_says(self):
        here, behind, counter = self.counted("actimeo=1")
        write(f"{behind}/file", "x")
        os.stat(f"{here}/file")
        os.chmod(f"{behind}/file", 0o600)
        self.assertEqual(counter.during(
            lambda: [os.stat(f"{here}/file") for _ in range(50)],
            GETATTR, LOOKUP), 0)
        wait_for(lambda: os.stat(f"{here}/file").st_mode & 0o777 == 0o600,
                 "the new mode", 3)

    def test_files_and_directories_have_lifetimes_of_their_own(self):
        here, behind, counter = self.counted("acregmin=600,acregmax=600,"
                                             "acdirmin=0,acdirmax=0")
        os.mkdir(f"{behind}/folder")
        write(f"{behind}/file", "x")
        with open(f"{here}/file", encoding="utf-8") as f:
            os.fstat(f.fileno())
            os.stat(f"{here}/folder")
            self.assertEqual(counter.during(
                lambda: os.fstat(f.fileno()), GETATTR), 0)
        fd = os.open(f"{here}/folder", os.O_RDONLY | os.O_DIRECTORY)
        self.addCleanup(os.close, fd)
        self.assertEqual(counter.during(
            lambda: [os.fstat(fd) for _ in range(5)], GETATTR), 5)

    def test_what_stays_unchanged_is_believed_for_longer(self):
        here, _, counter = self.counted("acregmin=1,acregmax=600,"
                                        "acdirmin=600")
        write(f"{here}/file", "x")
        with open(f"{here}/file", encoding="utf-8") as f:
            def stat_for_6_s():
                end = time.monotonic() + 6
                while time.monotonic() < end:
                    os.fstat(f.fileno())
                    time.sleep(0.05)

            # At the ages of 1, 2 and 4 s, and then at 8; 6 would be without.
            self.assertIn(counter.during(stat_for_6_s, GETATTR), (2, 3))

    def test_noac_asks_each_time(self):
        here, behind, counter = self.counted(
            "noac", self.modes.SINGLE_NODE_WRITER)
        write(f"{here}/file", "x")
        self.assertGreaterEqual(counter.during(
            lambda: [os.stat(f"{here}/file") for _ in range(10)],
            GETATTR, LOOKUP), 10)
        self.assertEqual(counter.writes_stable, {FILE_SYNC})
        write(f"{behind}/file", "y")
        self.assertEqual(read(f"{here}/file"), "y")

    def test_noac_shows_foreign_data_in_an_open_file(self):
        here, behind = self.staged("noac")
        write(f"{here}/file", "before")
        with open(f"{here}/file", "rb", buffering=0) as f:
            self.assertEqual(f.read(), b"before")
            write(f"{behind}/file", "behind", "r+")
            f.seek(0)
            self.assertEqual(f.read(), b"behind")

    def test_cto_asks_at_each_open(self):
        here, _, counter = self.counted("actimeo=600")
        write(f"{here}/file", "x")
        self.assertEqual(counter.during(
            lambda: [read(f"{here}/file") for _ in range(10)], ACCESS), 10)

    def test_nocto_does_not_ask_while_attributes_are_fresh(self):
        here, behind, counter = self.counted("nocto,actimeo=2")
        write(f"{behind}/file", "one")
        self.assertEqual(read_only(f"{here}/file"), b"one")
        write(f"{behind}/file", "two")
        self.assertEqual(counter.during(
            lambda: self.assertEqual(read_only(f"{here}/file"), b"one"),
            *range(22)), 0)
        wait_for(lambda: read(f"{here}/file") == "two", "the new text", 4)

    def test_nocto_checks_permission_bits_all_the_same(self):
        here, behind = self.staged("nocto,actimeo=600")
        write(f"{behind}/file", "x")
        os.chmod(f"{behind}/file", 0o600)
        self.assertEqual(read(f"{here}/file"), "x")
        done = subprocess.run(["cat", f"{here}/file"], user=4242, check=False,
                              capture_output=True, timeout=SECONDS)
        self.assertIn(b"Permission denied", done.stderr)


class LookupCache(OptionsCase):

    def n_lookups(self, options, name, mode=None):
        here, behind, counter = self.counted(options, mode)
        write(f"{behind}/there", "x")
        os.path.exists(f"{here}/{name}")
        return counter.during(
            lambda: [os.path.exists(f"{here}/{name}") for _ in range(10)],
            LOOKUP)

    def test_all_believes_both(self):
        self.assertEqual(
            self.n_lookups("lookupcache=all,actimeo=60", "there"), 0)
        self.assertEqual(
            self.n_lookups("lookupcache=all,actimeo=60", "missing"), 0)

    def test_positive_believes_what_is_there(self):
        for word in ("pos", "positive"):
            options = f"lookupcache={word},actimeo=60"
            self.assertEqual(self.n_lookups(options, "there"), 0)
            self.assertEqual(self.n_lookups(
                options, "missing", self.modes.SINGLE_NODE_WRITER), 10)

    def test_none_asks_for_every_name(self):
        options = "lookupcache=none,actimeo=60"
        self.assertEqual(self.n_lookups(options, "there"), 10)
        self.assertEqual(self.n_lookups(options, "missing"), 10)

    def test_without_it_the_access_mode_decides(self):
        self.assertEqual(self.n_lookups("hard", "missing"), 10)
        self.assertEqual(self.n_lookups(
            "hard", "missing", self.modes.SINGLE_NODE_WRITER), 0)

    def test_a_name_that_was_missing_can_be_made(self):
        here, _ = self.staged("lookupcache=all,actimeo=60")
        self.assertFalse(os.path.exists(f"{here}/file"))
        write(f"{here}/file", "x")
        self.assertEqual(read(f"{here}/file"), "x")
        self.assertFalse(os.path.exists(f"{here}/other"))
        os.rename(f"{here}/file", f"{here}/other")
        self.assertEqual(read(f"{here}/other"), "x")
        self.assertFalse(os.path.exists(f"{here}/file"))


class MountFlags(OptionsCase):

    def mount_options(self, target):
        with open("/proc/self/mountinfo", encoding="utf-8") as f:
            for line in f:
                fields = line.split()
                if fields[4] == target:
                    return set(fields[5].split(","))
        return None

    def published(self, options):
        volume, request = self.volume_request(options)
        target = f"{self.folder}/pod-{volume}"
        stubs = self.clients[0].node
        stubs.NodeStageVolume(request, timeout=SECONDS)
        stubs.NodePublishVolume(self.publish_request(
            volume, request.staging_target_path, target,
            volume_context=request.volume_context), timeout=SECONDS)
        return target, request.staging_target_path

    def assert_read_only(self, path):
        with self.assertRaises(OSError) as caught:
            write(f"{path}/file", "x")
        self.assertEqual(caught.exception.errno, errno.EROFS)
        with self.assertRaises(OSError) as caught:
            os.mkdir(f"{path}/folder")
        self.assertEqual(caught.exception.errno, errno.EROFS)

    def test_ro_refuses_writes_on_every_mount(self):
        for path in self.published("ro"):
            self.assert_read_only(path)
            self.assertIn("ro", self.mount_options(path))
            self.assertEqual(read(f"{path}/.meta/mode"), "ro ReadWriteMany\n")

    def test_a_read_only_mode_refuses_writes_where_it_is_staged(self):
        here, _ = self.staged("hard", self.modes.MULTI_NODE_READER_ONLY)
        self.assert_read_only(here)

    def test_atime_options_are_shown(self):
        target, _ = self.published("noatime,nodiratime")
        self.assertLessEqual({"noatime", "nodiratime"},
                             self.mount_options(target))

    def test_the_version_in_use_is_told(self):
        log = self.cluster.nodes[0].process.log_path
        for version, is_logged in (("3", False), ("4.1", True)):
            begin = os.path.getsize(log)
            here, _ = self.staged(f"nfsvers={version}")
            volume = json.loads(read(f"{here}/.meta/volume"))
            self.assertEqual(volume["nfsVersion"], "3")
            with open(log, encoding="utf-8") as f:
                f.seek(begin)
                self.assertEqual("served by nfs version 3" in f.read(),
                                 is_logged)

    def test_what_can_not_be_done_is_refused_by_name(self):
        for options in ("sec=krb5", "sec=krb5p", "proto=udp", "proto=rdma",
                        "nfsvers=2", "udp", "fsc"):
            _, request = self.volume_request(options)
            with self.assertRaises(grpc.RpcError) as caught:
                self.clients[0].node.NodeStageVolume(request, timeout=SECONDS)
            self.assertEqual(caught.exception.code(), CODES.INVALID_ARGUMENT)
            self.assertIn(f'mount option "{options}"',
                          caught.exception.details())


class Transfers(OptionsCase):
    """Data is the same whatever sizes and connections carry it."""

    def check_data(self, here, behind):
        chance = random.Random(11)
        image = bytearray(3 << 20)
        with open(f"{here}/image", "w+b", buffering=0) as f:
            f.truncate(len(image))
            for _ in range(60):
                piece = chance.randbytes(chance.randrange(1, 200000))
                at = chance.randrange(len(image) - len(piece))
                image[at:at + len(piece)] = piece
                f.seek(at)
                f.write(piece)
        with open(f"{behind}/image", "rb") as f:
            self.assertEqual(f.read(), image)
        # Read from the server, not from the cache.
        os.rename(f"{behind}/image", f"{behind}/copy")
        with open(f"{here}/copy", "rb") as f:
            os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            self.assertEqual(f.read(), image)

    def test_odd_sizes(self):
        for rsize, wsize in ((4096, 4096), (5000, 70001), (1024, 1048576),
                             (1000448, 3333)):
            with self.subTest(rsize=rsize, wsize=wsize):
                here, behind, counter = self.counted(
                    f"rsize={rsize},wsize={wsize}")
                self.check_data(here, behind)
                self.assertLessEqual(
                    counter.largest[WRITE],
                    max(wsize - wsize % 1024, 4096) + 300)

    def test_several_connections(self):
        here, behind, counter = self.counted("nconnect=4")
        with open(f"{behind}/file", "wb") as f:
            f.truncate(64 << 20)
        readers = [subprocess.Popen(
            ["dd", f"if={here}/file", "of=/dev/null", "bs=64k", "iflag=direct",
             f"skip={i * 64}", "count=64", "status=none"]) for i in range(8)]
        for reader in readers:
            self.assertEqual(reader.wait(SECONDS), 0)
        self.assertGreaterEqual(counter.n_connections, 4)
        self.check_data(here, behind)


class SoftAndHard(OptionsCase):
    """On a server that is stopped: it accepts connections and says nothing."""

    def setUp(self):
        self.addCleanup(self.go_on)

    def pause(self):
        self.cluster.server.process.pause()

    def go_on(self):
        self.cluster.server.process.go_on()

    def test_soft_gives_up_after_timeo_times_retrans(self):
        for option in ("soft", "softerr"):
            here, behind = self.staged(f"{option},timeo=10,retrans=3")
            write(f"{behind}/file", "x")
            self.pause()
            began = time.monotonic()
            done = subprocess.run(["cat", f"{here}/file"], timeout=SECONDS,
                                  capture_output=True, check=False)
            seconds = time.monotonic() - began
            self.go_on()
            self.assertIn(b"Connection timed out", done.stderr)
            self.assertGreater(seconds, 2.8)
            self.assertLess(seconds, 8)
            wait_for(lambda: subprocess.run(
                ["cat", f"{here}/file"], timeout=SECONDS, check=False,
                capture_output=True).stdout == b"x", "the server's answer")

    def test_soft_tells_of_data_that_was_not_written(self):
        here, _ = self.staged("soft,timeo=5,retrans=2")
        write(f"{here}/file", "x")
        with open(f"{here}/file", "ab", buffering=0) as f:
            self.pause()
            try:
                with self.assertRaises(OSError) as caught:
                    f.write(b"y")
                    os.fsync(f.fileno())
            finally:
                self.go_on()
            self.assertIn(caught.exception.errno,
                          (errno.ETIMEDOUT, errno.EIO))

    def test_hard_waits_until_the_server_goes_on(self):
        here, behind = self.staged("hard,timeo=5,retrans=1")
        write(f"{behind}/file", "x")
        self.pause()
        reader = subprocess.Popen(["cat", f"{here}/file"],
                                  stdout=subprocess.PIPE)
        with self.assertRaises(subprocess.TimeoutExpired):
            reader.wait(3)
        self.go_on()
        self.assertEqual(reader.communicate(timeout=SECONDS)[0], b"x")

    def test_hard_can_be_killed(self):
        here, behind = self.staged("hard,timeo=5,retrans=1")
        write(f"{behind}/file", "x")
        self.pause()
        reader = subprocess.Popen(["cat", f"{here}/file"],
                                  stdout=subprocess.DEVNULL)
        with self.assertRaises(subprocess.TimeoutExpired):
            reader.wait(1)
        reader.kill()
        self.assertEqual(reader.wait(SECONDS), -signal.SIGKILL)
        self.go_on()
