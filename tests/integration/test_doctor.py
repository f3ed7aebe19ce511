# SPDX-License-Identifier: Apache-2.0
"""claimctl doctor on a real server: what is well, what is not, and what to change;
nothing is left on the share."""

import json
import os
import signal
import subprocess
import tempfile
import time
import unittest

import lab_case
from lab import Ganesha, free_port
from lab.claimfs import program
from wire import Wire, procedure

SECONDS = 30
MKDIR3 = 9
SHELF = ".claimfs-doctor"

# The wall clock of the program is ahead by this many seconds.
WRONG_CLOCK = """\
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t id, struct timespec *ts)
{
	long r = syscall(SYS_clock_gettime, id, ts);
	ts->tv_sec += id == CLOCK_REALTIME ? 90 : 0;
	return (int)r;
}
"""


class Slow(Wire):
    """Tells of the first MKDIR, and holds what comes after it for a moment."""

    def __init__(self, port):
        super().__init__(port)
        self.on_mkdir = None

    def passes(self, call):
        if procedure(call) == MKDIR3 and self.on_mkdir:
            on_mkdir, self.on_mkdir = self.on_mkdir, None
            on_mkdir()
        return True

    def answers(self, reply):
        return True


class Doctor(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="claimfs-", dir="/var/tmp")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        cls.reports = os.path.join(cls.folder, "reports")
        os.mkdir(cls.reports)
        cls.env = {**os.environ, **lab_case.sanitizer_environment(cls.reports)}
        cls.server = Ganesha(
            os.path.join(cls.folder, "server"),
            os.path.join(cls.folder, "export"), free_port(), free_port(),
            squashed=("root_squash", "all_squash", "read_only"))
        cls.server.start()
        cls.addClassCleanup(cls.server.stop)
        for squash in ("root_squash", "all_squash"):
            os.chmod(cls.server.squashed_export(squash), 0o777)

    @classmethod
    def tearDownClass(cls):
        reports = lab_case.sanitizer_reports(cls.reports)
        if reports:
            raise AssertionError("\n".join(reports))

    def tearDown(self):
        for name in ("root_squash", "all_squash", "read_only"):
            self.assertEqual(os.listdir(self.server.squashed_export(name)), [])
        self.assertEqual(os.listdir(self.server.export), [])

    def argv(self, share=None, server="127.0.0.1", port=None, mount_port=None,
             more=""):
        options = f"port={port or self.server.port}"
        if mount_port != "ask":
            options += f",mountport={mount_port or self.server.mount_port}"
        return [program(lab_case.PROGRAMS, "claimctl"), "doctor", "--server",
                server, "--share", share or self.server.export, "--options",
                options + more]

    def run_it(self, *more, env=None, **kinds):
        return subprocess.run(
            [*self.argv(**kinds), *more], env={**self.env, **(env or {})},
            text=True, capture_output=True, timeout=SECONDS, check=False)

    def visit(self, status, env=None, **kinds):
        """Findings by check, each with its level, text and remedy."""
        done = self.run_it("-o", "json", env=env, **kinds)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        found = json.loads(done.stdout)
        self.assertEqual(found["failures"] > 0, status == 1)
        return {finding["check"]: finding for finding in found["findings"]}

    def assert_only(self, found, level, check, *words):
        """All is well but for this check, whose line has all words."""
        bad = [f["check"] for f in found.values() if f["level"] != "ok"]
        self.assertEqual(bad, [check], found)
        self.assertEqual(found[check]["level"], level)
        line = found[check]["text"] + found[check].get("remedy", "")
        for word in words:
            self.assertIn(word, line)

    def test_a_share_that_is_well(self):
        found = self.visit(0)
        # How long calls take is the machine's business.
        self.assertIn("median", found.pop("latency")["text"])
        self.assertEqual({f["level"] for f in found.values()}, {"ok"}, found)
        self.assertLessEqual(
            {"name", "port", "version", "mount", "exports", "share", "sizes",
             "space", "write", "clock", "squash", "permissions", "rename",
             "data"}, set(found))

    def test_lines_for_people_have_no_colours_in_a_pipe(self):
        done = self.run_it()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("\033", done.stdout)
        self.assertRegex(done.stdout, r"(?m)^ok    squash +root is root")
        self.assertIn("can be served", done.stdout)

    def test_a_squashed_root(self):
        found = self.visit(0, share=self.server.squashed_export("root_squash"))
        self.assertEqual(found["squash"]["level"], "warn")
        self.assertIn("root is user 65534", found["squash"]["text"])
        self.assertIn("no_root_squash", found["squash"]["remedy"])
        self.assertIn("No_Root_Squash", found["squash"]["remedy"])

    def test_everybody_squashed(self):
        found = self.visit(0, share=self.server.squashed_export("all_squash"))
        self.assertEqual(found["squash"]["level"], "warn")
        self.assertIn("everybody is user 65534", found["squash"]["text"])
        self.assertIn("squash: all", found["squash"]["remedy"])

    def test_a_squashed_root_that_may_not_write(self):
        share = self.server.squashed_export("root_squash")
        os.chmod(share, 0o755)
        self.addCleanup(os.chmod, share, 0o777)
        found = self.visit(1, share=share)
        self.assert_only(found, "fail", "write", "Permission denied",
                         "no_root_squash", share)

    def test_a_read_only_export(self):
        found = self.visit(1, share=self.server.squashed_export("read_only"))
        self.assert_only(found, "fail", "write", "Read-only", "rw",
                         "Access_Type = RW;")

    def test_a_path_that_is_not_exported(self):
        found = self.visit(1, share=self.folder + "/nothing")
        self.assertEqual(found["exports"]["level"], "warn")
        self.assertIn(self.server.export, found["exports"]["text"])
        self.assertEqual(found["share"]["level"], "fail")
        self.assertIn(f'"{self.folder}/nothing *(rw', found["share"]["remedy"])
        self.assertNotIn("write", found)

    def test_a_closed_port(self):
        found = self.visit(1, port=free_port())
        self.assert_only(found, "fail", "port", "refused", "nfs-server",
                         "port=")

    def test_a_port_that_is_not_of_nfs(self):
        found = self.visit(1, port=self.server.mount_port)
        self.assert_only(found, "fail", "version", "vers3=y",
                         "Protocols = 3")

    def test_no_mount_service(self):
        found = self.visit(1, mount_port=free_port())
        self.assert_only(found, "fail", "mount", "refused", "[mountd]",
                         "MNT_Port", "mountport=")

    def test_an_unknown_server(self):
        found = self.visit(1, server="no-such-host.invalid")
        self.assert_only(found, "fail", "name", "no-such-host.invalid",
                         "/etc/hosts")

    def test_locks_without_a_lock_manager(self):
        found = self.visit(1, more=",lock")
        found.pop("latency")
        self.assert_only(found, "fail", "locks", "portmapper", "rpcbind",
                         "mount option lock")

    def test_a_clock_that_is_wrong(self):
        shim = os.path.join(self.folder, "clock.so")
        subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", shim],
                       input=WRONG_CLOCK, text=True, check=True)
        options = self.env["ASAN_OPTIONS"] + ":verify_asan_link_order=0"
        found = self.visit(0, env={"LD_PRELOAD": shim,
                                   "ASAN_OPTIONS": options})
        self.assertEqual(found["clock"]["level"], "warn")
        self.assertIn("behind this machine's", found["clock"]["text"])
        self.assertIn("chrony", found["clock"]["remedy"])

    def test_an_interrupted_visit_leaves_nothing(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            wire = Slow(self.server.port)
            self.addCleanup(wire.close)
            with self.subTest(number), subprocess.Popen(
                    self.argv(port=wire.port), env=self.env, text=True,
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
                wire.on_mkdir = lambda: child.send_signal(number)
                stdout, stderr = child.communicate(timeout=SECONDS)
                self.assertEqual(child.returncode, 1, stdout)
                self.assertIn("interrupted", stderr)
                self.assertEqual(os.listdir(self.server.export), [])

    def test_what_a_killed_one_left_goes_with_the_next(self):
        left = os.path.join(self.server.export, SHELF, "visit-0123")
        os.makedirs(os.path.join(left, "trash", "directory"))
        with open(os.path.join(left, "file"), "wb"):
            pass
        young = os.path.join(self.server.export, SHELF, "visit-4567")
        os.mkdir(young)
        os.utime(left, (time.time() - 7200,) * 2)
        self.visit(0)
        self.assertEqual(os.listdir(os.path.dirname(left)), ["visit-4567"])
        os.utime(young, (time.time() - 7200,) * 2)
        self.visit(0)

    def test_command_lines_that_make_no_sense(self):
        for args, word in (([], "--server"), (["--share", "x"], "begin with /"),
                           (["--options", "color"], "color"),
                           (["-o", "xml"], "xml"), (["now"], "now")):
            with self.subTest(args):
                done = subprocess.run(
                    [program(lab_case.PROGRAMS, "claimctl"), "doctor", *args],
                    env=self.env, text=True, capture_output=True,
                    timeout=SECONDS, check=False)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(word, done.stderr)


class FullShare(unittest.TestCase):

    def test_a_full_share(self):
        folder = tempfile.TemporaryDirectory(prefix="claimfs-", dir="/var/tmp")
        self.addCleanup(folder.cleanup)
        export = os.path.join(folder.name, "export")
        os.mkdir(export)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1M,nr_inodes=64",
                        "none", export], check=True, timeout=SECONDS)
        self.addCleanup(subprocess.run, ["umount", "-l", export], check=True,
                        timeout=SECONDS)
        with open(os.path.join(export, "ballast"), "wb", buffering=0) as f:
            f.truncate(1 << 20)
            os.posix_fallocate(f.fileno(), 0, 1 << 20)
        server = Ganesha(os.path.join(folder.name, "server"), export,
                         free_port(), free_port())
        with server:
            done = subprocess.run(
                [program(lab_case.PROGRAMS, "claimctl"), "doctor", "--server",
                 "127.0.0.1", "--share", export, "--options",
                 f"port={server.port},mountport={server.mount_port}"],
                text=True, capture_output=True, timeout=SECONDS, check=False,
                env={**os.environ,
                     **lab_case.sanitizer_environment(folder.name)})
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertRegex(done.stdout, r"(?m)^fail  space +0 of 1 MiB are free")
        self.assertRegex(done.stdout, r"-> make room")
        self.assertEqual(lab_case.sanitizer_reports(folder.name), [])
        self.assertEqual(os.listdir(export), ["ballast"])
