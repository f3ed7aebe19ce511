# SPDX-License-Identifier: Apache-2.0
"""One claim on two nodes: close-to-open consistency, as NFS promises it.

What was written is on the server when close(2) or fsync(2) returns, and an open(2)
shows the file's data and size as they are on the server then; only what has not
changed is kept in a cache. Appends go to the server's end. A missing name is looked
for each time; a name that changed hands may be believed for a second. The cases for
two mounts in tests/conformance add mappings, permissions and listings."""

import hashlib
import mmap
import os
import random

from csi_case import MountCase
from lab import wait_for


def write(path, text, mode="w"):
    with open(path, mode, encoding="utf-8") as f:
        f.write(text)


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


class TwoMounts(MountCase):

    def test_what_is_closed_here_is_read_there(self):
        for number in range(20):
            write(f"{self.here}/file", f"version {number}\n" * (number + 1))
            self.assertEqual(read(f"{self.there}/file"),
                             f"version {number}\n" * (number + 1))

    def test_a_cached_file_is_read_anew_after_a_change_elsewhere(self):
        write(f"{self.here}/file", "aaaa")
        self.assertEqual(read(f"{self.there}/file"), "aaaa")
        write(f"{self.here}/file", "bbbb")  # same size
        self.assertEqual(read(f"{self.there}/file"), "bbbb")

    def test_a_change_on_the_server_is_read_after_open(self):
        write(f"{self.here}/file", "one\n")
        self.assertEqual(read(f"{self.there}/file"), "one\n")
        write(f"{self.behind}/file", "two\n", "a")
        self.assertEqual(read(f"{self.here}/file"), "one\ntwo\n")
        self.assertEqual(read(f"{self.there}/file"), "one\ntwo\n")

    def test_appends_from_both_nodes_in_turn_all_survive(self):
        want = ""
        for number in range(50):
            folder = self.here if number % 2 else self.there
            write(f"{folder}/log", f"line {number}\n", "a")
            want += f"line {number}\n"
        self.assertEqual(read(f"{self.behind}/log"), want)

    def test_an_append_finds_the_end_that_the_other_node_made(self):
        with open(f"{self.here}/log", "ab", buffering=0) as here, \
                open(f"{self.there}/log", "ab", buffering=0) as there:
            for number in range(25):
                here.write(b"h%03d\n" % number)
                os.fsync(here.fileno())
                there.write(b"t%03d\n" % number)
                os.fsync(there.fileno())
        want = "".join(f"h{n:03}\nt{n:03}\n" for n in range(25))
        self.assertEqual(read(f"{self.behind}/log"), want)

    def test_a_rename_is_seen_on_the_other_node(self):
        write(f"{self.here}/old", "x")
        self.assertEqual(read(f"{self.there}/old"), "x")
        os.rename(f"{self.here}/old", f"{self.here}/new")
        self.assertEqual(read(f"{self.there}/new"), "x")
        self.assertIn("new", os.listdir(self.there))
        self.assertNotIn("old", os.listdir(self.there))

    def test_names_that_change_hands_are_believed_for_a_second_at_most(self):
        """As in NFS, an open checks the file, not the name: the old file is fine
        as long as it exists under any name."""
        write(f"{self.here}/a", "a")
        self.assertEqual(read(f"{self.there}/a"), "a")
        os.rename(f"{self.here}/a", f"{self.here}/b")
        write(f"{self.here}/a", "new")
        wait_for(lambda: read(f"{self.there}/a") == "new", "the new file", 3)

    def test_a_replaced_file_is_the_new_one_there(self):
        write(f"{self.here}/conf", "old")
        self.assertEqual(read(f"{self.there}/conf"), "old")
        write(f"{self.here}/conf.tmp", "new!")
        os.rename(f"{self.here}/conf.tmp", f"{self.here}/conf")
        self.assertEqual(read(f"{self.there}/conf"), "new!")

    def test_a_removed_file_is_gone_there(self):
        write(f"{self.here}/file", "x")
        self.assertEqual(read(f"{self.there}/file"), "x")
        os.unlink(f"{self.here}/file")
        with self.assertRaises(FileNotFoundError):
            read(f"{self.there}/file")

    def test_exclusive_creation_has_one_winner(self):
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
        for number in range(10):
            os.close(os.open(f"{self.here}/lock{number}", flags))
            with self.assertRaises(FileExistsError):
                os.open(f"{self.there}/lock{number}", flags)

    def test_a_truncation_is_seen_there(self):
        write(f"{self.here}/file", "0123456789")
        self.assertEqual(read(f"{self.there}/file"), "0123456789")
        os.truncate(f"{self.here}/file", 4)
        self.assertEqual(read(f"{self.there}/file"), "0123")

    def test_random_writes_are_the_same_from_everywhere(self):
        chance = random.Random(7)
        image = bytearray(3 << 20)
        with open(f"{self.here}/image", "w+b", buffering=0) as f:
            f.truncate(len(image))
            for _ in range(300):
                at = chance.randrange(len(image) - 70000)
                piece = chance.randbytes(chance.randrange(1, 70000))
                image[at:at + len(piece)] = piece
                f.seek(at)
                f.write(piece)
        want = hashlib.sha256(image).hexdigest()
        for folder in (self.here, self.there, self.behind):
            with open(f"{folder}/image", "rb") as f:
                found = hashlib.sha256(f.read()).hexdigest()
            self.assertEqual(found, want, folder)

    def test_a_file_that_grows_on_the_server_is_read_to_its_end(self):
        want = ""
        for number in range(20):
            write(f"{self.behind}/page", f"line {number}\n", "a")
            want += f"line {number}\n"
            for folder in (self.here, self.there, self.here):
                self.assertEqual(read(f"{folder}/page"), want)

    def test_what_is_synced_is_read_there_before_it_is_closed(self):
        with open(f"{self.here}/file", "wb", buffering=0) as f:
            for number in range(20):
                f.write(b"%03d\n" % number)
                os.fsync(f.fileno())
                with open(f"{self.there}/file", "rb") as g:
                    self.assertEqual(g.read()[-4:], b"%03d\n" % number)

    def test_own_writes_do_not_hide_a_change_elsewhere(self):
        write(f"{self.here}/file", "0" * 20000)
        for number in range(10):
            with open(f"{self.here}/file", "r+b", buffering=0) as f:
                self.assertEqual(len(f.read()), 20000)
                with open(f"{self.there}/file", "r+b") as g:
                    g.write(b"%03d" % number)
                os.pwrite(f.fileno(), b"%03d" % number, 19000)
            text = read(f"{self.here}/file")
            self.assertEqual((text[:3], text[19000:19003]),
                             (f"{number:03}", f"{number:03}"))

    def test_the_size_is_the_one_that_the_other_node_made(self):
        for size in (10, 5000, 3, 70000):
            write(f"{self.here}/file", "x" * size)
            with open(f"{self.there}/file", "rb") as f:
                self.assertEqual(os.fstat(f.fileno()).st_size, size)
                self.assertEqual(f.seek(0, os.SEEK_END), size)

    def test_a_name_that_was_missing_is_found_once_it_was_made_there(self):
        for number in range(10):
            with self.assertRaises(FileNotFoundError):
                read(f"{self.here}/file{number}")
            write(f"{self.there}/file{number}", "x")
            self.assertEqual(read(f"{self.here}/file{number}"), "x")

    def test_emptied_at_open_is_empty_there(self):
        for _ in range(5):
            write(f"{self.here}/file", "0123456789")
            self.assertEqual(read(f"{self.there}/file"), "0123456789")
            open(f"{self.here}/file", "wb").close()
            self.assertEqual(read(f"{self.there}/file"), "")

    def test_direct_reads_see_what_was_written_elsewhere_without_an_open(self):
        page = mmap.mmap(-1, 4096)
        write(f"{self.here}/file", "0" * 4096)
        fd = os.open(f"{self.there}/file", os.O_RDONLY | os.O_DIRECT)
        try:
            for number in range(10):
                write(f"{self.here}/file", f"{number}" * 4096)
                os.preadv(fd, [page], 0)
                self.assertEqual(page[:], b"%d" % number * 4096)
        finally:
            os.close(fd)

    def test_an_open_file_shows_a_change_when_the_kernel_asks_again(self):
        write(f"{self.here}/file", "old!")
        with open(f"{self.there}/file", "rb", buffering=0) as f:
            self.assertEqual(f.read(), b"old!")
            write(f"{self.here}/file", "new!")
            wait_for(lambda: os.pread(f.fileno(), 9, 0) == b"new!",
                     "the change in an open file", 10)
