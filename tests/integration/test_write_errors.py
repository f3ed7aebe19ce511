# SPDX-License-Identifier: Apache-2.0
"""Errors of data whose write(2) was answered long before: who is told of them, by
fsync(2) and close(2), and who is not. EIO and ENOSPC have the server's numbers."""

import ctypes
import errno
import json
import mmap
import os

import hostile_server as hostile
from file_writer import FileWriter
from keeper_case import KeeperCase
from lab import wait_for
from proxied_case import ProxiedCase

LIBC = ctypes.CDLL(None)
LIBC.mmap.restype = ctypes.c_void_p
LIBC.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int,
                      ctypes.c_int, ctypes.c_int, ctypes.c_long)
LIBC.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)


def map_shared(fd):
    """A page of it. (Python's own mapping keeps a descriptor open.)"""
    return LIBC.mmap(None, mmap.PAGESIZE, mmap.PROT_READ | mmap.PROT_WRITE,
                     mmap.MAP_SHARED, fd, 0)


class ErrorsCase(ProxiedCase):

    def open(self):
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT)
        self.addCleanup(self.close_quietly, fd)
        return fd

    @staticmethod
    def close_quietly(fd):
        try:
            os.close(fd)
        except OSError:
            pass # told, or closed by the test

    def told(self, call, fd):
        """Which error the call says, or None."""
        try:
            call(fd)
        except OSError as error:
            return errno.errorcode[error.errno]
        return None

    def assert_told(self, call, fd, name):
        self.assertEqual(self.told(call, fd), name)

    def assert_told_once(self, fd, name):
        self.assert_told(os.fsync, fd, name)
        self.assert_told(os.fsync, fd, None)

    def close_in_a_child(self, fd):
        """Returns what it was told. (A new program would have our threads wait
        until it has closed what it inherited, the proxy's among them.)"""
        pid = os.fork()
        if pid == 0:
            status = 0
            try:
                os.close(fd)
            except OSError as error:
                status = error.errno
            finally:
                os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return errno.errorcode.get(status)


class SharedVolume(ErrorsCase):

    def fail_to_write(self, fd, status=errno.EIO, proc=hostile.WRITE):
        """Unnoticed: the data is behind, and sent for who looks at the file."""
        self.proxy.rule = hostile.failing(proc, status)
        os.pwrite(fd, b"x" * 5000, 0)
        os.fstat(fd)
        self.proxy.behave()

    def test_fsync_tells_of_it_once(self):
        fd = self.open()
        self.fail_to_write(fd)
        self.assert_told_once(fd, "EIO")
        self.assert_told(os.close, fd, None)

    def test_every_descriptor_is_told(self):
        a, b = self.open(), self.open()
        self.fail_to_write(a)
        for fd in (a, b):
            self.assert_told_once(fd, "EIO")

    def test_everybody_is_told_of_what_fails_while_they_wait(self):
        """The server can't commit: found out by the fsync itself."""
        a, b = self.open(), self.open()
        for at in (0, 100000): # not one run, so there is a COMMIT
            os.pwrite(a, b"x" * 5000, at)
        self.proxy.rule = hostile.failing(hostile.COMMIT, hostile.DQUOT)
        self.assert_told(os.fsync, a, "EDQUOT")
        self.proxy.behave()
        self.assert_told(os.fsync, b, "EDQUOT")
        self.assert_told(os.fsync, a, None)

    def test_a_child_that_closes_what_it_inherited_takes_nothing_away(self):
        fd = self.open()
        self.fail_to_write(fd)
        self.assertEqual(self.close_in_a_child(fd), "EIO")
        self.assert_told_once(fd, "EIO")

    def test_close_tells_of_it_and_the_next_one_starts_afresh(self):
        fd = self.open()
        self.fail_to_write(fd)
        self.assert_told(os.close, fd, "EIO")
        fd = self.open()
        self.assert_told(os.fsync, fd, None)
        self.assert_told(os.close, fd, None)

    def test_who_only_reads_is_told_by_fsync_and_not_by_close(self):
        fd = self.open()
        readers = [os.open(self.path, os.O_RDONLY) for _ in range(2)]
        self.fail_to_write(fd)
        self.assert_told(os.close, readers[0], None)
        self.assert_told(os.fsync, readers[1], "EIO")
        self.assert_told(os.close, readers[1], None)
        self.assert_told(os.close, fd, "EIO")

    def test_the_next_opener_is_told_when_nobody_was(self):
        """Pages of a mapping come when nobody has it open any more."""
        fd = self.open()
        os.ftruncate(fd, mmap.PAGESIZE)
        pages = map_shared(fd)
        self.assert_told(os.close, fd, None)
        self.proxy.rule = hostile.failing(hostile.COMMIT, errno.ENOSPC)
        ctypes.memmove(pages, b"hello", 5)
        LIBC.munmap(pages, mmap.PAGESIZE)
        wait_for(lambda: self.uncommitted() == 0, "the last close")
        self.proxy.behave()
        a = self.open()
        self.assert_told_once(a, "ENOSPC")
        self.assert_told(os.fsync, self.open(), None)

    def uncommitted(self):
        with open(f"{self.staging}/.meta/stats", encoding="ascii") as f:
            return json.load(f)["uncommitted_bytes"]

    def test_a_full_disk_does_not_hide_a_worse_error_before_it(self):
        a, b = self.open(), self.open()
        self.fail_to_write(a)
        self.assert_told(os.fsync, a, "EIO")
        self.fail_to_write(a, errno.ENOSPC)
        self.assert_told(os.fsync, a, "ENOSPC")
        self.assert_told_once(b, "EIO")

    def test_writes_wait_for_the_server_until_the_error_was_told(self):
        fd = self.open()
        self.fail_to_write(fd, errno.ENOSPC)
        self.proxy.rule = hostile.failing(hostile.WRITE, hostile.DQUOT)
        write = lambda fd: os.pwrite(fd, b"y" * 5000, 0)
        self.assert_told(write, fd, "EDQUOT")
        self.assert_told(os.fsync, fd, "ENOSPC")
        self.assert_told(write, fd, None)
        self.assert_told(os.fsync, fd, "EDQUOT")
        self.proxy.behave()
        self.assert_told(write, fd, None)
        self.assert_told(os.fsync, fd, None)
        with open(self.back, "rb") as f:
            self.assertEqual(f.read(), b"y" * 5000)


class OneNode(ErrorsCase):
    """The kernel keeps the pages, and tells of those that it could not write; we
    of what was not committed."""

    @classmethod
    def stage(cls, volume, **changes):
        return super().stage(volume, volume_capability=cls.capability(
            cls.modes.SINGLE_NODE_WRITER), **changes)

    def setUp(self):
        super().setUp()
        self.fds = [self.open(), self.open()]
        os.pwrite(self.fds[0], os.urandom(3 << 20), 0)

    def assert_both_are_told(self, proc, status, name):
        self.proxy.rule = hostile.failing(proc, status)
        self.assert_told(os.fsync, self.fds[0], name)
        self.proxy.behave()
        self.assert_told(os.fsync, self.fds[0], None)
        self.assert_told_once(self.fds[1], name)

    def test_every_descriptor_is_told_of_pages_that_were_not_written(self):
        self.assert_both_are_told(hostile.WRITE, errno.ENOSPC, "ENOSPC")

    def test_every_descriptor_is_told_of_what_was_not_committed(self):
        self.assert_both_are_told(hostile.COMMIT, errno.EIO, "EIO")

    def test_a_child_that_closes_takes_nothing_away(self):
        for proc in (hostile.WRITE, hostile.COMMIT):
            os.pwrite(self.fds[0], os.urandom(3 << 20), 0)
            self.proxy.rule = hostile.failing(proc, errno.EIO)
            self.assertEqual(self.close_in_a_child(self.fds[0]), "EIO")
            self.proxy.behave()
            self.assert_told_once(self.fds[0], "EIO")


class TakenOver(KeeperCase):

    @classmethod
    def set_up_lab(cls):
        cls.proxy = hostile.Proxy(cls.cluster.server.port)
        cls.addClassCleanup(cls.proxy.close)

    @classmethod
    def context(cls, subdir, **changes):
        context = super().context(subdir, **changes)
        context["mountOptions"] = context["mountOptions"].replace(
            f",port={cls.cluster.server.port}", f",port={cls.proxy.port}")
        return context

    def test_the_next_process_tells_of_it(self):
        writer = FileWriter(f"{self.target}/file")
        self.addCleanup(writer.stop)
        self.proxy.rule = hostile.failing(hostile.WRITE, errno.EIO)
        self.assertEqual(writer.write(0, b"x" * 5000), "ok")
        self.proxy.behave()
        self.kill_node()
        self.node.start()
        self.assertEqual(writer.ask("fsync"), os.strerror(errno.EIO))
        self.kill_node()
        self.node.start()
        self.assertEqual(writer.ask("fsync"), "ok")
        writer.stop()
