# SPDX-License-Identifier: Apache-2.0
"""A volume of one node has the kernel's write-back cache: what that must not
change, and what it is for."""

import json
import mmap
import os
import time

from csi_case import CsiCase


class WriteBack(CsiCase):

    @classmethod
    def set_up_lab(cls):
        os.mkdir(cls.cluster.export + "/own")
        os.chmod(cls.cluster.export + "/own", 0o777)
        cls.mnt = cls.mount(0, "own", cls.modes.SINGLE_NODE_WRITER)

    def setUp(self):
        self.path = f"{self.mnt}/{self._testMethodName}"
        self.back = f"{self.backing('own')}/{self._testMethodName}"

    def behind(self):
        with open(self.back, "rb") as f:
            return f.read()

    def count(self, operation):
        with open(f"{self.mnt}/.meta/stats", encoding="ascii") as f:
            return json.load(f)["operations"].get(
                operation, {"count": 0})["count"]

    def test_small_writes_become_large_ones(self):
        before = self.count("write")
        with open(self.path, "wb", buffering=0) as f:
            for _ in range(1024):
                f.write(b"x" * 1024)
            os.fsync(f.fileno())
        self.assertEqual(self.behind(), b"x" * (1 << 20))
        self.assertLess(self.count("write") - before, 32)

    def test_everything_is_there_after_close(self):
        data = os.urandom(3000001)
        with open(self.path, "wb") as f:
            f.write(data)
        self.assertEqual(self.behind(), data)

    def test_a_part_of_a_page_through_a_handle_that_may_not_read(self):
        with open(self.path, "wb") as f:
            f.write(b"a" * 10000)
        os.chmod(self.path, 0o666)
        fd = os.open(self.path, os.O_WRONLY)
        os.pwrite(fd, b"B", 5000)
        os.close(fd)
        self.assertEqual(self.behind(), b"a" * 5000 + b"B" + b"a" * 4999)

    def test_a_writer_who_may_not_read(self):
        with open(self.path, "wb") as f:
            f.write(b"a" * 10000)
        os.chmod(self.path, 0o622)
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                os.setgroups([])
                os.setresgid(4242, 4242, 4242)
                os.setresuid(4242, 4242, 4242)
                fd = os.open(self.path, os.O_WRONLY)
                os.pwrite(fd, b"B", 5000)
                os.close(fd)
                status = 0
            finally:
                os._exit(status)
        self.assertEqual(os.waitpid(pid, 0)[1], 0)
        self.assertEqual(self.behind(), b"a" * 5000 + b"B" + b"a" * 4999)

    def test_appends_go_to_the_end(self):
        for i in range(50):
            with open(self.path, "ab") as f:
                f.write(b"%03d\n" % i)
        self.assertEqual(self.behind(),
                         b"".join(b"%03d\n" % i for i in range(50)))

    def test_times_are_those_of_the_writes_and_stay(self):
        with open(self.path, "wb") as f:
            time.sleep(0.05) # within a tick of the clock the kernel sends nothing
            f.write(b"x")
        before = os.stat(self.path).st_mtime_ns
        self.assertEqual(os.stat(self.back).st_mtime_ns, before)
        os.utime(self.path, ns=(123456789, 987654321))
        self.assertEqual(os.stat(self.back).st_mtime_ns, 987654321)
        self.assertEqual(os.stat(self.path).st_mtime_ns, 987654321)

    def test_mapped_pages_and_truncation(self):
        with open(self.path, "w+b") as f:
            f.truncate(8192)
            with mmap.mmap(f.fileno(), 8192) as m:
                m[0:4] = b"head"
                m[8188:8192] = b"tail"
                m.flush()
            f.truncate(5)
            f.truncate(8192)
        self.assertEqual(self.behind(), b"head" + bytes(8188))

    def test_direct_and_cached_see_each_other(self):
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT)
        direct = os.open(self.path, os.O_RDWR | os.O_DIRECT)
        page = mmap.mmap(-1, 4096)
        os.pwrite(fd, b"c" * 4096, 0)
        self.assertEqual(os.preadv(direct, [page], 0), 4096)
        self.assertEqual(page[:], b"c" * 4096)
        page[:] = b"d" * 4096
        os.pwritev(direct, [page], 0)
        self.assertEqual(os.pread(fd, 4096, 0), b"d" * 4096)
        os.close(direct)
        os.close(fd)

    def test_a_reopened_file_is_read_from_the_cache(self):
        data = os.urandom(1 << 20)
        with open(self.path, "wb") as f:
            f.write(data)
        before = self.count("read")
        with open(self.path, "rb") as f:
            self.assertEqual(f.read(), data)
        self.assertEqual(self.count("read"), before)
