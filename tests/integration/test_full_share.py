# SPDX-License-Identifier: Apache-2.0
"""A share that is full, or over its quota: programs are told, nothing that was safe
is lost, nobody waits for ever, and all is well when there is space again."""

import contextlib
import errno
import functools
import json
import mmap
import os
import subprocess
import sys
import time

import hostile_server as hostile
from csi_case import CsiCase
from lab import wait_for
from proxied_case import ProxiedCase

KIB, MIB = 1 << 10, 1 << 20
SHARE = 24 * MIB
UNMOUNT_SECONDS = 5

# Writes to a full share for ever.
STUBBORN = """
import sys
with open(sys.argv[1], "wb", buffering=0) as f:
    while True:
        try:
            f.write(bytes(65536))
        except OSError:
            pass
        print("wrote", flush=True)
"""


def on_each_volume(test):
    """Runs it on one of self.mounts after the other."""
    @functools.wraps(test)
    def run(self):
        for kind, mnt in self.mounts.items():
            with self.subTest(kind):
                self.prepare(kind, mnt)
                test(self)
                wait_for(lambda: self.uncommitted() == 0,
                         "memory to be given back")
    return run


class ErrorCase(CsiCase):
    """Each test has a file: self.path, and self.back on the server."""

    def prepare(self, kind, mnt):
        self.mnt = mnt
        self.path = f"{mnt}/{self._testMethodName}"
        self.back = f"{self.backing(kind)}/{self._testMethodName}"

    @contextlib.contextmanager
    def told(self, *names):
        """What is inside ends with one of these errors."""
        with self.assertRaises(OSError) as caught:
            yield
        self.assertIn(errno.errorcode[caught.exception.errno], names)

    def close_quietly(self, fd):
        try:
            os.close(fd)
        except OSError:
            pass  # told, or closed by the test

    def open(self, flags=0):
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | flags, 0o644)
        self.addCleanup(self.close_quietly, fd)
        return fd

    @staticmethod
    def write_all(fd, data, at=0):
        """In pieces, as programs do; a short write is gone on with."""
        view = memoryview(data)
        while view:
            n = os.pwrite(fd, view[:256 * KIB], at)
            view, at = view[n:], at + n

    def uncommitted(self):
        with open(f"{self.mnt}/.meta/stats", encoding="ascii") as f:
            return json.load(f)["uncommitted_bytes"]

    def assert_server_has(self, data):
        with open(self.back, "rb") as f:
            self.assertTrue(f.read() == data)

    def write_again(self, fd, safe, more):
        """What the program was told of already must not come again."""
        with contextlib.suppress(OSError):
            os.fsync(fd)  # if write(2) told, fsync may, too
        self.write_all(fd, more, len(safe))
        os.fsync(fd)
        self.assert_server_has(safe + more[:])


class FullShare(ErrorCase):

    @classmethod
    def start_lab(cls):
        cls.cluster.claim_folder()
        export = os.path.join(cls.cluster.folder, "export")
        os.mkdir(export)
        # Whatever is below the lab's folder is unmounted with it.
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SHARE}", "none",
                        export], check=True, timeout=20)
        super().start_lab()

    @classmethod
    def set_up_lab(cls):
        cls.mounts = {}
        for name, mode in (("rwx", None),
                           ("rwo", cls.modes.SINGLE_NODE_WRITER)):
            os.mkdir(f"{cls.cluster.export}/{name}", 0o777)
            cls.mounts[name] = cls.mount(0, name, mode)

    def prepare(self, kind, mnt):
        super().prepare(kind, mnt)
        self.free()

    def tearDown(self):
        for name, mnt in self.mounts.items():
            for entry in os.listdir(self.backing(name)):
                os.unlink(f"{mnt}/{entry}")

    def ballast(self, size):
        with open(f"{self.cluster.export}/ballast", "wb") as f:
            if size:
                os.posix_fallocate(f.fileno(), 0, size)

    def leave(self, room):
        self.free()
        st = os.statvfs(self.cluster.export)
        self.ballast(st.f_bfree * st.f_bsize - room)

    def free(self):
        self.ballast(0)

    @on_each_volume
    def test_buffered_writes(self):
        safe, more = os.urandom(MIB), os.urandom(4 * MIB)
        fd = self.open()
        self.write_all(fd, safe)
        os.fsync(fd)
        self.leave(MIB)
        with self.told("ENOSPC"):
            self.write_all(fd, more, len(safe))
            os.fsync(fd)
        with open(self.back, "rb") as f:
            self.assertTrue(f.read(len(safe)) == safe)
        self.free()
        self.write_again(fd, safe, more)
        os.close(fd)

    @on_each_volume
    def test_close(self):
        self.leave(0)
        fd = self.open()
        with self.told("ENOSPC"):
            self.write_all(fd, b"x" * 100 * KIB)
            os.close(fd)
        if self.mnt == self.mounts["rwx"]:  # else the kernel owns the size
            with open(self.path, "rb") as f:
                self.assert_server_has(f.read())
        self.free()
        fd = self.open()
        self.write_all(fd, b"y" * 100 * KIB)
        os.close(fd)
        self.assert_server_has(b"y" * 100 * KIB)

    @on_each_volume
    def test_direct_writes(self):
        safe = mmap.mmap(-1, MIB)
        safe.write(os.urandom(MIB))
        fd = self.open(os.O_DIRECT)
        self.write_all(fd, safe)
        os.fsync(fd)
        self.leave(MIB)
        with self.told("ENOSPC"):
            for n in range(1, 4):
                self.write_all(fd, safe, n * MIB)
        self.free()
        for n in range(1, 4):
            self.write_all(fd, safe, n * MIB)
        os.fsync(fd)
        self.assert_server_has(safe[:] * 4)
        os.close(fd)

    @on_each_volume
    def test_a_shared_mapping(self):
        fd = self.open()
        self.write_all(fd, b"safe" * KIB)
        os.ftruncate(fd, 4 * MIB)
        os.fsync(fd)
        self.leave(0)
        with mmap.mmap(fd, 4 * MIB) as pages:
            pages[MIB:3 * MIB] = b"x" * 2 * MIB
            with self.told("ENOSPC"):
                pages.flush()
            self.free()
            pages[MIB:3 * MIB] = b"y" * 2 * MIB
            pages.flush()
        os.fsync(fd)
        os.close(fd)
        self.assert_server_has((b"safe" * KIB).ljust(MIB, b"\0") +
                               b"y" * 2 * MIB + bytes(MIB))

    @on_each_volume
    def test_other_files_are_what_they_were(self):
        data = os.urandom(MIB)
        with open(self.path, "wb") as f:
            f.write(data)
        self.leave(0)
        with self.told("ENOSPC"), open(f"{self.mnt}/more", "wb") as f:
            f.write(data)
        os.unlink(f"{self.mnt}/more")
        with open(self.path, "r+b", buffering=0) as f:
            f.write(data[::-1])  # over what is there, so it needs no space
        self.assert_server_has(data[::-1])

    def in_time(self, call):
        began = time.monotonic()
        call()
        self.assertLess(time.monotonic() - began, UNMOUNT_SECONDS)

    def test_a_volume_that_is_written_to_is_unmounted(self):
        for mode in (None, self.modes.SINGLE_NODE_WRITER):
            with self.subTest(mode):
                self.free()
                volume = f"busy-{mode}"
                os.mkdir(self.backing(volume), 0o777)
                target = self.mount(0, volume, mode)
                self.leave(0)
                child = subprocess.Popen(
                    [sys.executable, "-c", STUBBORN, f"{target}/file"],
                    stdout=subprocess.PIPE)
                self.addCleanup(child.wait, 20)
                self.addCleanup(child.kill)
                child.stdout.readline()
                self.in_time(lambda: self.unmount(0, volume, target))
                staging = f"{self.folder}/stage-0-{volume}"
                self.in_time(lambda: self.clients[0].node.NodeUnstageVolume(
                    self.pb.NodeUnstageVolumeRequest(
                        volume_id=volume, staging_target_path=staging),
                    timeout=20))
                with open("/proc/self/mountinfo", encoding="utf-8") as f:
                    self.assertNotIn(volume, f.read())


class Refused(ErrorCase, ProxiedCase):
    """The server says so at WRITE, or has taken the data and says so at COMMIT."""

    @classmethod
    def set_up_lab(cls):
        super().set_up_lab()
        cls.mounts = {"volume": cls.staging, "own": cls.stage(
            "own", volume_capability=cls.capability(
                cls.modes.SINGLE_NODE_WRITER))}

    def fail_once(self, data, flags, rule, name):
        fd = self.open(flags)
        self.proxy.rule = rule
        with self.told(name):
            self.write_all(fd, data)
            os.fsync(fd)
        self.proxy.behave()
        self.write_again(fd, b"", data)
        os.close(fd)

    @on_each_volume
    def test_fsync_tells_of_it_and_the_next_try_succeeds(self):
        data = mmap.mmap(-1, 3 * MIB)
        data.write(os.urandom(len(data)))
        for status, name in ((errno.ENOSPC, "ENOSPC"),
                             (hostile.DQUOT, "EDQUOT")):
            for proc in (hostile.WRITE, hostile.COMMIT):
                for flags in (0, os.O_DIRECT):
                    self.fail_once(data, flags, hostile.failing(proc, status),
                                   name)
