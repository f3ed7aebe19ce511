# SPDX-License-Identifier: Apache-2.0
"""A frozen volume: nothing of its nodes changes the share, and nobody notices but by
waiting."""

import mmap
import os
import signal
import threading
import time

from csi_case import CODES
from file_writer import FileWriter
from freeze_case import FreezeCase, records, run, start_writer, tree_state
from lab import wait_for

# What changes something, each in a process of its own: it waits.
CHANGES = {
    "write": "os.write(os.open(p + '/there', os.O_WRONLY), b'new')",
    "append": "os.write(os.open(p + '/there', os.O_WRONLY | os.O_APPEND), b'n')",
    "direct": "os.write(os.open(p + '/there', os.O_WRONLY | os.O_SYNC), b'new')",
    "truncate": "os.truncate(p + '/there', 1)",
    "open": "os.open(p + '/there2', os.O_WRONLY | os.O_TRUNC)",
    "create": "os.open(p + '/made', os.O_WRONLY | os.O_CREAT)",
    "exclusive": "os.open(p + '/made2', os.O_RDWR | os.O_CREAT | os.O_EXCL)",
    "mkdir": "os.mkdir(p + '/folder')",
    "symlink": "os.symlink('x', p + '/symlink')",
    "fifo": "os.mkfifo(p + '/fifo')",
    "link": "os.link(p + '/there', p + '/link')",
    "rename": "os.rename(p + '/name', p + '/other')",
    "replace": "os.rename(p + '/first', p + '/second')",
    "unlink": "os.unlink(p + '/gone')",
    "rmdir": "os.rmdir(p + '/empty')",
    "chmod": "os.chmod(p + '/mode', 0o700)",
    "times": "os.utime(p + '/mode', (1, 1))",
}
FILES = ("there", "there2", "name", "first", "second", "gone", "mode", "open")


class Freeze(FreezeCase):

    def test_writers_of_two_nodes_stand_still_in_the_order_of_their_writes(self):
        folders = []
        for i, where in enumerate((self.here, self.there)):
            os.mkdir(f"{where}/{i}")
            folders.append(f"{self.behind}/{i}")
        writers = [start_writer(self, f"{self.here}/0"),
                   start_writer(self, f"{self.there}/1")]
        self.go_on(*writers)
        self.freeze("shared")
        self.assert_still(self.behind)
        for folder in folders:
            a, b = records(folder, "A"), records(folder, "B")
            self.assertEqual(a[:len(b)], b)
            self.assertLessEqual(len(a), len(b) + 1)
        self.assertEqual(self.thaw("shared"), [True, True])
        self.go_on(*writers)

    def test_what_was_written_before_is_on_the_server(self):
        writer = FileWriter(f"{self.here}/file")
        self.addCleanup(writer.stop)
        with open(f"{self.here}/mapped", "w+b") as f:
            f.truncate(1 << 20)
            with mmap.mmap(f.fileno(), 1 << 20) as mapping:
                for i in range(0, 1 << 20, 8192):
                    mapping[i:i + 4] = b"dirt"
                self.assertEqual(writer.write(0, b"data" * 1000), "ok")
                self.freeze("shared", nodes=(0,))
                with open(f"{self.behind}/file", "rb") as back:
                    self.assertEqual(back.read(), b"data" * 1000)
                with open(f"{self.behind}/mapped", "rb") as back:
                    self.assertEqual(back.read().count(b"dirt"), 128)
                self.thaw("shared", nodes=(0,))

    def test_every_change_waits_and_comes_to_its_end(self):
        for name in FILES:
            with open(f"{self.here}/{name}", "w", encoding="ascii") as f:
                f.write("old")
        os.mkdir(f"{self.here}/empty")
        self.freeze("shared", nodes=(0,))
        children = {name: run(code, self.here)
                    for name, code in CHANGES.items()}
        self.assert_still(self.behind)
        self.assertEqual([name for name, child in children.items()
                          if child.poll() is not None], [])
        self.assertEqual(self.thaw("shared", nodes=(0,)), [True])
        for name, child in children.items():
            self.assertEqual(child.communicate(timeout=30)[1], "", name)
        self.assertEqual(sorted(os.listdir(self.behind)), sorted(
            ["fifo", "folder", "link", "made", "made2", "mode", "open", "other",
             "second", "symlink", "there", "there2"]))

    def test_reads_and_meta_go_on(self):
        with open(f"{self.here}/file", "wb") as f:
            f.write(os.urandom(3 << 20))
        with open(f"{self.here}/busy", "wb") as f:
            f.write(b"x" * (2 << 20))
        self.freeze("shared", nodes=(0,))
        waiting = run("os.write(os.open(p + '/busy', os.O_WRONLY), b'y')",
                      self.here)
        code = ("assert len(open(p + '/file', 'rb').read()) == 3 << 20\n"
                # The very page that is written is locked by its writer.
                "f = open(p + '/busy', 'rb'); f.seek(1 << 20)\n"
                "assert f.read() == b'x' * (1 << 20)\n"
                "assert sorted(os.listdir(p)) == ['busy', 'file']\n"
                "os.stat(p + '/busy'); os.statvfs(p)\n"
                "os.fsync(os.open(p + '/file', os.O_RDWR))\n")
        self.assertEqual(run(code, self.here).communicate(timeout=10)[1], "")
        with open(f"{self.a}/.meta/health", encoding="ascii") as f:
            self.assertRegex(f.read(), "^ok\nfrozen 20[0-9TZ:-]+\n$")
        self.thaw("shared", nodes=(0,))
        self.assertEqual(waiting.communicate(timeout=10)[1], "")
        with open(f"{self.a}/.meta/health", encoding="ascii") as f:
            self.assertEqual(f.read(), "ok\n")

    def test_who_waits_can_be_killed(self):
        for name in FILES:
            with open(f"{self.here}/{name}", "w", encoding="ascii") as f:
                f.write("old")
        os.mkdir(f"{self.here}/empty")
        before = tree_state(self.behind)
        self.freeze("shared", nodes=(0,))
        children = [run(code, self.here) for code in CHANGES.values()]
        time.sleep(0.5)  # they wait, most of them for the server's answer
        began = time.monotonic()
        for child in children:
            child.kill()
        for child in children:
            self.assertEqual(child.wait(timeout=20), -signal.SIGKILL)
        self.assertLess(time.monotonic() - began, 15)
        self.assertEqual(self.thaw("shared", nodes=(0,)), [True])
        self.assertEqual(tree_state(self.behind), before)

    def test_a_file_that_is_set_aside_stays_until_the_thaw(self):
        holder = FileWriter(f"{self.here}/file")
        self.addCleanup(holder.stop)
        self.assertEqual(holder.write(0, b"data"), "ok")
        os.unlink(f"{self.here}/file")
        self.assertEqual(len(os.listdir(self.behind)), 1)
        self.freeze("shared", nodes=(0,))
        holder.stop()
        self.assert_still(self.behind)
        self.thaw("shared", nodes=(0,))
        wait_for(lambda: not os.listdir(self.behind), "the name's end", 10)

    def test_a_folder_whose_last_name_is_held_is_removed_after_it(self):
        server = self.cluster.server.process
        os.mkdir(f"{self.here}/folder")
        holder = FileWriter(f"{self.here}/folder/file")
        self.addCleanup(holder.stop)
        self.assertEqual(holder.write(0, b"data"), "ok")
        self.assertEqual(holder.ask("fsync"), "ok")
        os.unlink(f"{self.here}/folder/file")
        removing = threading.Thread(target=os.rmdir,
                                    args=(f"{self.here}/folder",))
        os.utime(self.a)  # or the freeze would have to ask the server for it
        server.pause()
        self.addCleanup(server.go_on)
        removing.start()
        time.sleep(0.2)  # it has passed the gate, which closes behind it
        freezing = self.freezers[0].begin("shared")
        time.sleep(0.3)
        holder.stop()
        server.go_on()
        freezing.result(timeout=10)
        self.assertEqual(self.thaw("shared", nodes=(0,)), [True])
        removing.join(10)
        self.assertFalse(os.path.exists(f"{self.behind}/folder"))

    def test_the_limit_thaws_and_is_told(self):
        writer = start_writer(self, self.here)
        self.go_on(writer)
        self.freeze("shared", nodes=(0,), seconds=2)
        self.assert_still(self.behind)
        self.go_on(writer)  # though nobody has said so
        self.assertEqual(self.thaw("shared", nodes=(0,)), [False])

    def test_a_frozen_volume_is_of_one_who_asked(self):
        freezer = self.freezers[0]
        self.freeze("shared", nodes=(0,), token="first")
        freezer.freeze("shared", token="first")
        self.assert_refused(CODES.ABORTED, freezer.freeze, "shared",
                            token="second")
        self.assertFalse(freezer.thaw("shared", token="second"))
        self.assertTrue(freezer.thaw("shared", token="first"))
        self.assertFalse(freezer.thaw("shared", token="first"))
        self.freeze("shared", nodes=(0,), token="second")

    def test_a_volume_that_is_not_here_is_not_found(self):
        self.assert_refused(CODES.NOT_FOUND, self.freezers[0].freeze, "other")

    def test_many_writers_are_held_and_reads_go_on(self):
        with open(f"{self.here}/file", "wb") as f:
            f.write(b"x" * (1 << 20))
        self.freeze("shared", nodes=(0,))
        code = ("import threading\n"
                "def work(i):\n"
                "    fd = os.open(p + '/file', os.O_WRONLY | os.O_DIRECT)\n"
                "    import mmap\n"
                "    os.pwrite(fd, mmap.mmap(-1, 1 << 20), i << 20)\n"
                "for i in range(100):\n"
                "    threading.Thread(target=work, args=(i,)).start()\n")
        many = run(code, self.here)
        self.assert_still(self.behind)
        code = "assert len(open(p + '/file', 'rb').read()) == 1 << 20"
        self.assertEqual(run(code, self.here).communicate(timeout=10)[1], "")
        self.thaw("shared", nodes=(0,))
        self.assertEqual(many.communicate(timeout=60)[1], "")
        self.assertEqual(os.path.getsize(f"{self.behind}/file"), 100 << 20)
