# SPDX-License-Identifier: Apache-2.0
"""The caller's credentials reach the server: two users on one mount."""

import os
import subprocess
import sys

from csi_case import MountCase

ALICE, BOB = 4001, 4002
TEAM = 4100  # a group of both, supplementary for bob


def run_as(uid, gid, groups, code, *args):
    """Runs Python code as a user; returns its output or its errno's name."""
    wrapper = ("import os, sys, errno\n"
               "try:\n"
               + "".join(f"    {line}\n" for line in code.splitlines())
               + "except OSError as e:\n"
                 "    print(errno.errorcode[e.errno])\n")
    done = subprocess.run(
        ["setpriv", f"--reuid={uid}", f"--regid={gid}",
         "--groups=" + ",".join(map(str, groups)) if groups
         else "--clear-groups", sys.executable, "-c", wrapper, *args],
        text=True, timeout=60, capture_output=True, check=True)
    return done.stdout.strip()


READ = "print(open(sys.argv[1]).read())"
WRITE = "open(sys.argv[1], 'w').write(sys.argv[2])\nprint('written')"


class Permissions(MountCase):

    def setUp(self):
        super().setUp()
        os.chmod(self.here, 0o1777)

    def test_a_file_belongs_to_its_creator(self):
        for uid in (ALICE, BOB):
            run_as(uid, uid, [], WRITE, f"{self.here}/of{uid}", "x")
            status = os.stat(f"{self.behind}/of{uid}")
            self.assertEqual((status.st_uid, status.st_gid), (uid, uid))

    def test_a_private_file_is_private(self):
        path = f"{self.here}/private"
        run_as(ALICE, ALICE, [], WRITE, path, "secret")
        os.chmod(path, 0o600)
        self.assertEqual(run_as(ALICE, ALICE, [], READ, path), "secret")
        self.assertEqual(run_as(BOB, BOB, [], READ, path), "EACCES")
        self.assertEqual(run_as(BOB, BOB, [], WRITE, path, "x"), "EACCES")
        elsewhere = f"{self.there}/private"
        self.assertEqual(run_as(BOB, BOB, [], READ, elsewhere), "EACCES")
        self.assertEqual(run_as(ALICE, ALICE, [], READ, elsewhere), "secret")

    def test_a_supplementary_group_opens_the_file(self):
        path = f"{self.here}/team"
        run_as(ALICE, TEAM, [], WRITE, path, "for the team")
        os.chmod(path, 0o640)
        self.assertEqual(run_as(BOB, BOB, [TEAM], READ, path), "for the team")
        self.assertEqual(run_as(BOB, BOB, [], READ, path), "EACCES")
        self.assertEqual(run_as(BOB, BOB, [TEAM], WRITE, path, "x"), "EACCES")

    def test_a_folder_without_search_permission_hides_its_files(self):
        folder = f"{self.here}/closed"
        os.mkdir(folder)
        os.chown(folder, ALICE, ALICE)
        run_as(ALICE, ALICE, [], WRITE, f"{folder}/file", "x")
        os.chmod(folder, 0o700)
        self.assertEqual(run_as(BOB, BOB, [], READ, f"{folder}/file"),
                         "EACCES")
        listing = "print(os.listdir(sys.argv[1]))"
        self.assertEqual(run_as(BOB, BOB, [], listing, folder), "EACCES")

    def test_only_the_owner_may_change_mode_and_owner(self):
        path = f"{self.here}/file"
        run_as(ALICE, ALICE, [], WRITE, path, "x")
        self.assertEqual(run_as(BOB, BOB, [], "os.chmod(sys.argv[1], 0o777)",
                                path), "EPERM")
        self.assertEqual(run_as(ALICE, ALICE, [],
                                f"os.chown(sys.argv[1], {BOB}, -1)", path),
                         "EPERM")
        os.chown(path, BOB, BOB)
        self.assertEqual(os.stat(f"{self.there}/file").st_uid, BOB)

    def test_a_sticky_folder_protects_other_users_files(self):
        path = f"{self.here}/file"
        run_as(ALICE, ALICE, [], WRITE, path, "x")
        self.assertEqual(run_as(BOB, BOB, [], "os.unlink(sys.argv[1])", path),
                         "EPERM")
        run_as(ALICE, ALICE, [], "os.unlink(sys.argv[1])", path)
        self.assertFalse(os.path.exists(path))

    def test_a_write_takes_the_setuid_bit(self):
        path = f"{self.here}/tool"
        run_as(ALICE, ALICE, [], WRITE, path, "x")
        os.chmod(path, 0o4777)
        run_as(BOB, BOB, [], WRITE, path, "y")
        self.assertEqual(os.stat(path).st_mode & 0o7777, 0o777)

    def test_a_read_only_file_is_written_through_the_fd_that_made_it(self):
        code = ("fd = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY, 0o444)\n"
                "os.write(fd, b'once')\nos.close(fd)\n"
                "print(open(sys.argv[1]).read())")
        self.assertEqual(run_as(ALICE, ALICE, [], code, f"{self.here}/ro"),
                         "once")
