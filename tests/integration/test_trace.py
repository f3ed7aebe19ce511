# SPDX-License-Identifier: Apache-2.0
"""The live trace of a volume: `.meta/ops`, the administrator's, and the log's."""

import errno
import os
import re
import select
import signal
import subprocess
import threading
import time

from lab import wait_for
from csi_case import MountCase

SECONDS = 5
READERS = 16  # of a volume, in pods
RECORDS = 1024  # that a reader may be behind
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z [a-z]+ .*result=\S+ "
                  r"us=\d+( uid=\d+ pid=\d+)?")


class Trace:
    """An open trace that is read without waiting."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.text = ""

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        os.close(self.fd)

    def read(self):
        """All there has been so far."""
        try:
            while True:
                self.text += os.read(self.fd, 65536).decode("ascii")
        except BlockingIOError:
            return self.text

    def lines(self):
        return self.read().splitlines()

    def wait_for(self, pattern):
        """The first line that matches; a line comes right after its answer."""
        wait_for(lambda: re.search(pattern, self.read()), f"a line {pattern}",
                 SECONDS)
        return re.search(f".*{pattern}.*", self.text)[0]


class LiveTrace(MountCase):

    def setUp(self):
        super().setUp()
        self.ops = f"{self.a}/.meta/ops"
        self.tree = self.cluster.nodes[0].meta
        self.admin_ops = f"{self.tree}/volumes/{self.volume}/ops"
        self.ino = os.stat(self.here).st_ino

    def touch(self, name):
        """An operation of which there is no other in any trace."""
        self.assertFalse(os.path.exists(f"{self.here}/{name}"))

    def command(self, text):
        """Gives it to `control`; the errno, or 0."""
        try:
            with open(f"{self.tree}/control", "w", encoding="ascii") as f:
                f.write(text)
        except OSError as error:
            return error.errno
        return 0

    def start_cat(self, path, **options):
        """A cat that waits in read(2)."""
        cat = subprocess.Popen(["cat", path], stdout=subprocess.PIPE, text=True,
                               **options)
        self.addCleanup(cat.stdout.close)
        self.addCleanup(cat.wait, SECONDS)
        self.addCleanup(cat.kill)

        def is_reading():
            with open(f"/proc/{cat.pid}/syscall", encoding="ascii") as f:
                call = f.read().split()
            link = f"/proc/{cat.pid}/fd/{int(call[1], 16)}" \
                if call[0] == "0" else ""
            return link and os.readlink(link).endswith("/ops")

        wait_for(is_reading, "cat to read")
        return cat

    # What is shown

    def test_each_operation_has_its_line(self):
        with Trace(self.ops) as trace:
            with open(f"{self.here}/f", "wb", buffering=0) as f:
                f.write(b"hello")
                os.fsync(f.fileno())
                ino = os.fstat(f.fileno()).st_ino
            os.rename(f"{self.here}/f", f"{self.here}/g h")
            self.touch("missing")
            fd = os.open(f"{self.here}/g h", os.O_RDONLY | os.O_DIRECT)
            os.read(fd, 4096)
            os.close(fd)
            for pattern in (
                    f'create ino={self.ino} name="f" found={ino} result=0 ',
                    f"write ino={ino} offset=0 len=5 result=5 ",
                    f"fsync ino={ino} result=0 ",
                    f'rename ino={self.ino} name="f" to_ino={self.ino} '
                    'to_name="g h" result=0 ',
                    f'lookup ino={self.ino} name="missing" result=ENOENT ',
                    f"open ino={ino} result=0 ",
                    f"read ino={ino} offset=0 len=4096 result=5 ",
                    f"release ino={ino} result=0 "):
                self.assertRegex(trace.wait_for(pattern), LINE)
            for line in trace.lines():
                self.assertRegex(line, f"^{LINE.pattern}$")

    def test_callers_are_the_administrators_to_see(self):
        with Trace(self.ops) as pods, Trace(self.admin_ops) as admins:
            self.touch("who")
            line = pods.wait_for('name="who"')
            self.assertNotRegex(line, r"\b(uid|gid|pid)=")
            line = admins.wait_for('name="who"')
            self.assertRegex(line, f"uid={os.getuid()} pid=\\d+$")
        mode = os.stat(self.admin_ops).st_mode
        self.assertEqual(mode & 0o777, 0o400)

    def test_names_of_others_are_not_shown_to_a_user(self):
        cat = self.start_cat(self.ops, user=1234, group=1234, extra_groups=[])
        self.touch("secret")
        line = cat.stdout.readline()
        self.assertIn(f"lookup ino={self.ino} result=ENOENT", line)
        self.assertNotIn("secret", line)

    def test_other_volumes_are_not_shown(self):
        os.mkdir(self.backing("other"))
        target = self.mount(0, "other")
        with Trace(self.ops) as trace, \
                Trace(f"{target}/.meta/ops") as others:
            self.touch("mine")
            trace.wait_for('name="mine"')
            self.assertEqual(others.read(), "")
        self.unmount(0, "other", target)

    # Reading

    def test_a_read_waits_for_the_next_operation(self):
        cat = self.start_cat(self.ops)
        time.sleep(0.1)
        self.assertIsNone(cat.poll())
        self.touch("next")
        self.assertIn('name="next"', cat.stdout.readline())

    def test_who_begins_to_read_sees_nothing_old(self):
        with Trace(self.ops):
            self.touch("old")
        with Trace(self.ops) as trace:
            self.touch("new")
            trace.wait_for('name="new"')
            self.assertNotIn("old", trace.text)

    def test_lines_can_be_read_in_pieces(self):
        with Trace(self.ops) as trace:
            self.touch("pieces")
            wait_for(lambda: select.select([trace.fd], [], [], 0)[0], "a line")
            text = b""
            while not text.endswith(b"\n"):
                text += os.read(trace.fd, 1)
            self.assertRegex(text.decode(), f'^{LINE.pattern}\n$')
            with self.assertRaises(OSError) as caught:
                os.lseek(trace.fd, 0, os.SEEK_SET)
            self.assertEqual(caught.exception.errno, errno.ESPIPE)

    def test_poll_waits_for_a_line(self):
        with Trace(self.ops) as trace:
            poll = select.poll()
            poll.register(trace.fd, select.POLLIN)
            # What the test before closed may be told late.
            while poll.poll(50):
                os.read(trace.fd, 1 << 16)
            later = threading.Timer(0.2, self.touch, ["polled"])
            later.start()
            self.assertEqual(poll.poll(SECONDS * 1000),
                             [(trace.fd, select.POLLIN)])
            later.join()
            trace.wait_for('name="polled"')
            self.assertEqual(poll.poll(50), [])

    def test_a_slow_reader_loses_lines_and_is_told(self):
        n = 3 * RECORDS
        with Trace(self.ops) as trace:
            for i in range(n):
                os.path.exists(f"{self.here}/slow-{i}")
            last = f'name="slow-{n - 1}"'
            trace.wait_for(last)
            lines = trace.lines()
            lost = re.fullmatch(r"\.\.\. (\d+) lines lost", lines[0])
            # Operations of others may come behind it.
            end = next(i for i, line in enumerate(lines) if last in line)
            self.assertLessEqual(end, RECORDS)
            self.assertGreaterEqual(int(lost[1]) + end, n)
            self.assertIn("name=\"slow-", lines[1])

    def test_readers_are_limited_and_pods_first(self):
        traces = [Trace(self.ops) for _ in range(READERS)]
        with self.assertRaises(OSError) as caught:
            Trace(self.ops)
        self.assertEqual(caught.exception.errno, errno.EBUSY)
        traces.append(Trace(self.admin_ops))
        for trace in traces:
            os.close(trace.fd)
        # RELEASE is asynchronous.
        wait_for(self.can_open, "room for a reader")

    def can_open(self):
        try:
            os.close(Trace(self.ops).fd)
        except OSError:
            return False
        return True

    # Its end

    def test_a_waiting_reader_can_be_interrupted_and_killed(self):
        for path in (self.ops, self.admin_ops):
            for number in (signal.SIGINT, signal.SIGKILL):
                cat = self.start_cat(path)
                cat.send_signal(number)
                self.assertEqual(cat.wait(SECONDS), -number)

    def test_a_volume_goes_while_somebody_reads(self):
        os.mkdir(self.backing("leaving"))
        target = self.mount(0, "leaving")
        cats = [self.start_cat(path) for path in (
            f"{target}/.meta/ops", f"{self.tree}/volumes/leaving/ops")]
        began = time.monotonic()
        self.unmount(0, "leaving", target)
        self.unstage(0, "leaving")
        self.assertLess(time.monotonic() - began, 2)
        for cat in cats:
            self.assertEqual(cat.wait(SECONDS), 0)

    # The log

    def logged(self, text):
        log = self.cluster.nodes[0].process.log()
        return [line for line in log.splitlines()
                if "operation traced" in line and text in line]

    def test_the_log_traces_a_volume_while_it_is_asked_to(self):
        self.touch("before")
        self.assertEqual(self.command(f"trace {self.volume} on\n"), 0)
        self.touch("traced")
        line = wait_for(lambda: self.logged("traced\""), "a line")[0]
        self.assertIn(f'"volume":"{self.volume}"', line)
        self.assertIn('"operation":"lookup"', line)
        self.assertIn('"result":"ENOENT"', line)
        self.assertEqual(self.command(f"trace {self.volume} off\n"), 0)
        self.touch("behind-it")
        self.assertEqual(self.command(f"trace {self.volume} off\n"), 0)
        self.assertEqual(self.logged("before") + self.logged("behind-it"), [])

    def test_bad_commands_are_refused(self):
        for text, number in ((f"trace {self.volume}", errno.EINVAL),
                             (f"trace {self.volume} maybe", errno.EINVAL),
                             ("trace  on", errno.EINVAL),
                             ("trace nobody on", errno.ENOENT),
                             ("trace nobody off", errno.ENOENT)):
            self.assertEqual(self.command(text), number, text)
