# SPDX-License-Identifier: Apache-2.0
"""A server that sends nonsense: correct data or an error, never wrong data; the daemon
lives (and its sanitizers are silent, see LabCase), and all is well when the server
behaves again."""

import errno
import itertools
import os
import random
import subprocess
import sys

import grpc

import hostile_server as hostile
from csi_case import CsiCase

KNOWN = 700000
SECONDS = 60

# What a client can put right: no error may come of it. The rest may end in EIO.
HARMLESS = (hostile.twice, hostile.byte_by_byte, hostile.in_fragments,
            hostile.wrong_xid, hostile.shorter_data)
HARMFUL = (hostile.truncated, hostile.without_a_body, hostile.empty_record,
           hostile.bad_head, hostile.unknown_status,
           hostile.in_too_many_fragments, hostile.huge_record,
           hostile.two_huge_fragments, hostile.a_call,
           hostile.another_procedure, hostile.longer_data, hostile.huge_count,
           hostile.bad_handle, hostile.broken_entries,
           hostile.listing_without_end,
           hostile.close_in_the_middle, hostile.close_instead, hostile.rubbish)


class Hostile(CsiCase):

    @classmethod
    def set_up_lab(cls):
        random.seed(1)
        server = cls.cluster.server
        cls.nfs = hostile.Proxy(server.port)
        cls.mountd = hostile.Proxy(server.mount_port)
        cls.addClassCleanup(cls.nfs.close)
        cls.addClassCleanup(cls.mountd.close)
        os.mkdir(f"{server.export}/hostile")
        cls.known = f"{server.export}/hostile/known"
        with open(cls.known, "wb") as f:
            f.write(random.randbytes(KNOWN))
        cls.staging = f"{cls.folder}/stage-hostile"
        cls.stage(cls.staging)

    @classmethod
    def stage(cls, staging):
        options = f"nfsvers=3,port={cls.nfs.port},mountport={cls.mountd.port}"
        cls.clients[0].node.NodeStageVolume(
            cls.stage_request(
                "hostile", staging, volume_context=cls.context(
                    "hostile", mountOptions=options + ",timeo=20")),
            timeout=SECONDS)

    def setUp(self):
        self.addCleanup(self.nfs.behave)
        self.addCleanup(self.mountd.behave)

    def work(self, rounds=1):
        """Returns what the work printed; it ends the test on wrong data."""
        done = subprocess.run(
            [sys.executable, os.path.dirname(__file__) + "/hostile_work.py",
             self.staging, self.known, str(rounds)],
            text=True, capture_output=True, check=False, timeout=SECONDS)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def work_against(self, rule, every_nth):
        self.nfs.rule, self.nfs.every_nth = rule, every_nth
        before = self.nfs.n_mangled
        printed = self.work()
        self.assertGreater(self.nfs.n_mangled, before)
        return printed

    def assert_well(self):
        self.nfs.behave()
        self.clients[0].identity.Probe(self.pb.ProbeRequest(), timeout=5)
        self.assertEqual(self.work(), "0 errors\n")

    def test_what_can_be_put_right_is_not_noticed(self):
        for rule in HARMLESS:
            with self.subTest(rule.__name__):
                self.assertEqual(self.work_against(rule, 2), "0 errors\n")

    def test_replies_in_any_order(self):
        self.nfs.is_reordering = True
        self.assertEqual(self.work(), "0 errors\n")

    def test_nonsense_now_and_then(self):
        for rule in HARMFUL:
            with self.subTest(rule.__name__):
                self.work_against(rule, 8)
                self.assert_well()

    def test_a_lost_answer_is_asked_for_again(self):
        self.assertEqual(self.work_against(hostile.silent, 20), "0 errors\n")

    def create_with_a_lost_answer(self, name, intruder=None):
        """Opens with O_EXCL; the answer to the first CREATE is lost. intruder()
        runs behind the LOOKUP that finds nothing."""
        lost = []

        def rule(reply):
            if reply.proc == hostile.LOOKUP and not reply.is_ok() and intruder:
                intruder()
            if reply.proc != hostile.CREATE or lost:
                return hostile.pass_on(reply)
            lost.append(reply)
            return [hostile.HANG_UP]

        self.nfs.rule, self.nfs.every_nth = rule, 1
        try:
            return os.open(f"{self.staging}/{name}",
                           os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o640)
        finally:
            self.assertEqual(len(lost), 1)
            self.nfs.behave()

    def test_an_exclusive_create_knows_its_own_file(self):
        os.close(self.create_with_a_lost_answer("own"))
        self.assertEqual(os.stat(f"{self.staging}/own").st_mode & 0o777, 0o640)

    def test_an_exclusive_create_knows_the_file_of_another(self):
        def intruder():
            with open(f"{os.path.dirname(self.known)}/foreign", "w",
                      encoding="ascii"):
                pass

        with self.assertRaises(FileExistsError):
            self.create_with_a_lost_answer("foreign", intruder)

    def test_a_listing_without_end_is_an_error(self):
        self.nfs.rule, self.nfs.every_nth = hostile.listing_without_end, 1
        with self.assertRaises(OSError) as failed:
            with os.scandir(self.staging) as entries:
                list(itertools.islice(entries, 10000))
        self.assertEqual(failed.exception.errno, errno.ELOOP)

    def test_nonsense_while_mounting(self):
        for proxy in (self.mountd, self.nfs):
            for rule in HARMLESS + HARMFUL:
                with self.subTest(rule.__name__, port=proxy.port):
                    proxy.rule, proxy.every_nth = rule, 1
                    self.stage_or_not()
                    proxy.behave()
        self.assert_well()

    def stage_or_not(self):
        """Another node's view of the same volume: mounted, or refused in time."""
        staging = f"{self.folder}/stage-now"
        node = self.clients[1].node
        options = f"nfsvers=3,port={self.nfs.port},mountport={self.mountd.port}"
        try:
            node.NodeStageVolume(
                self.stage_request("hostile", staging,
                                   volume_context=self.context(
                                       "hostile", mountOptions=options)),
                timeout=SECONDS)
        except grpc.RpcError:
            pass  # refused: as good as mounted
        node.NodeUnstageVolume(
            self.pb.NodeUnstageVolumeRequest(volume_id="hostile",
                                             staging_target_path=staging),
            timeout=SECONDS)
        self.clients[1].identity.Probe(self.pb.ProbeRequest(), timeout=5)
