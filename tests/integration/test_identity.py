# SPDX-License-Identifier: Apache-2.0
"""Whom callers are on the server: squash, uid and gid, and mount groups (fsGroup),
as the backing files show it, on exports that squash nobody, root and all."""

import os

from lab import wait_for
from csi_case import CODES, CsiCase, grpc
from lab_case import CLAIM, CLASS, POD, LabCase
from test_permissions import ALICE, BOB, READ, TEAM, WRITE, run_as

NOBODY = 65534
GROUP = 3000  # that volumes are mounted with
OTHER = 3001
MKDIR = "os.mkdir(sys.argv[1], 0o700)"
SECRET = ("fd = os.open(sys.argv[1], os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)\n"
          "os.write(fd, b'x')")


class IdentityCase(CsiCase):
    """Each test mounts a volume of its own, whose directory is self.behind."""

    squashed = ("root_squash", "all_squash")

    def setUp(self):
        self.volume = self._testMethodName
        self.staging = os.path.join(self.folder, "stage-" + self.volume)
        self.targets = []

    def tearDown(self):
        for target in self.targets:
            self.unmount(0, self.volume, target)
        self.clients[0].node.NodeUnstageVolume(self.pb.NodeUnstageVolumeRequest(
            volume_id=self.volume, staging_target_path=self.staging), timeout=30)

    def make_volume(self, export=None, mode=0o777, owner=(0, 0)):
        """On the plain export, or on one that squashes."""
        server = self.cluster.server
        self.share = server.squashed_export(export) if export else server.export
        self.behind = os.path.join(self.share, self.volume)
        os.mkdir(self.behind)
        os.chown(self.behind, *owner)
        os.chmod(self.behind, mode)

    def request(self, group="", **parameters):
        return {"volume_capability": self.capability(group=group),
                "volume_context": self.context(self.volume, share=self.share,
                                               **parameters)}

    def stage(self, **request):
        self.clients[0].node.NodeStageVolume(self.stage_request(
            self.volume, self.staging, **self.request(**request)), timeout=30)

    def publish(self, **request):
        target = os.path.join(self.folder, "pods", self.volume,
                              str(len(self.targets)), "mount")
        os.makedirs(os.path.dirname(target), exist_ok=True)
        self.clients[0].node.NodePublishVolume(self.publish_request(
            self.volume, self.staging, target, **self.request(**request)),
            timeout=30)
        self.targets.append(target)
        return target

    def mounted(self, **request):
        self.stage(**request)
        return self.publish(**request)

    def assert_behind(self, name, uid, gid, mode=None):
        status = os.stat(os.path.join(self.behind, name))
        self.assertEqual((status.st_uid, status.st_gid), (uid, gid), name)
        if mode is not None:
            self.assertEqual(oct(status.st_mode & 0o7777), oct(mode), name)

    def assert_refused(self, code, word, call, **request):
        with self.assertRaises(grpc.RpcError) as caught:
            call(**request)
        self.assertEqual(caught.exception.code(), code)
        self.assertIn(word, caught.exception.details())


class Squash(IdentityCase):

    def test_all_makes_everybody_the_same_user(self):
        self.make_volume(mode=0o700, owner=(1234, 2345))
        here = self.mounted(squash="all", uid="1234", gid="2345")
        for uid in (0, ALICE):
            run_as(uid, uid, [TEAM], WRITE, f"{here}/of{uid}", "x")
            self.assert_behind(f"of{uid}", 1234, 2345)
        path = f"{here}/of{ALICE}"
        os.chmod(path, 0o600)
        self.assertEqual(run_as(BOB, BOB, [], READ, path), "x")
        self.assertEqual(run_as(BOB, BOB, [], WRITE, path, "y"), "written")
        self.assertEqual(run_as(BOB, BOB, [], READ, path), "y")
        self.assertEqual(run_as(0, 0, [], "os.chown(sys.argv[1], 1, 1)", path),
                         "EPERM")

    def test_all_is_still_bound_by_the_server_s_permissions(self):
        self.make_volume(mode=0o755)
        here = self.mounted(squash="all", uid="1234", gid="2345")
        self.assertEqual(run_as(0, 0, [], WRITE, f"{here}/file", "x"), "EACCES")
        with open(f"{self.behind}/secret", "w", encoding="ascii") as f:
            f.write("x")
        os.chmod(f"{self.behind}/secret", 0o600)
        self.assertEqual(run_as(0, 0, [], READ, f"{here}/secret"), "EACCES")

    def test_root_maps_root_only(self):
        self.make_volume()
        here = self.mounted(squash="root", uid="1234", gid="2345")
        run_as(0, 0, [], WRITE, f"{here}/root", "x")
        run_as(ALICE, ALICE, [], WRITE, f"{here}/alice", "x")
        run_as(BOB, 0, [], WRITE, f"{here}/wheel", "x")
        self.assert_behind("root", 1234, 2345)
        self.assert_behind("alice", ALICE, ALICE)
        self.assert_behind("wheel", BOB, 2345)

    def test_who_is_squashed_is_nobody_by_default(self):
        self.make_volume()
        here = self.mounted(squash="all")
        run_as(ALICE, ALICE, [], WRITE, f"{here}/file", "x")
        self.assert_behind("file", NOBODY, NOBODY)

    def test_uid_and_gid_alone_map_nobody(self):
        self.make_volume()
        here = self.mounted(uid="1234", gid="2345")
        run_as(ALICE, ALICE, [], WRITE, f"{here}/file", "x")
        run_as(0, 0, [], WRITE, f"{here}/root", "x")
        self.assert_behind("file", ALICE, ALICE)
        self.assert_behind("root", 0, 0)

    def test_the_server_may_squash_root_itself(self):
        self.make_volume("root_squash")
        here = self.mounted()
        run_as(0, 0, [], WRITE, f"{here}/root", "x")
        run_as(ALICE, ALICE, [], WRITE, f"{here}/alice", "x")
        self.assert_behind("root", NOBODY, NOBODY)
        self.assert_behind("alice", ALICE, ALICE)

    def test_all_works_where_the_server_squashes_all(self):
        self.make_volume("all_squash")
        here = self.mounted(squash="all")
        path = f"{here}/file"
        run_as(ALICE, ALICE, [], WRITE, path, "x")
        self.assert_behind("file", NOBODY, NOBODY)
        self.assertEqual(run_as(ALICE, ALICE, [], WRITE, path, "y"), "written")
        self.assertEqual(run_as(BOB, BOB, [], READ, path), "y")

    def test_bad_parameters_are_named(self):
        self.make_volume()
        for parameters, word in (
                ({"squash": "some"}, "squash"), ({"uid": "x", "gid": "1"}, "uid"),
                ({"uid": "1"}, "gid"), ({"gid": "1"}, "uid"),
                ({"squash": "root", "uid": "0", "gid": "1"}, "uid")):
            with self.subTest(parameters):
                self.assert_refused(CODES.INVALID_ARGUMENT, word, self.stage,
                                    **parameters)


class ManyGroups(IdentityCase):
    """A caller in 40 groups, of which AUTH_SYS carries 16."""

    MANY = list(range(5001, 5041))

    def check(self, group):
        directory = f"{self.behind}/{group}"
        os.mkdir(directory)
        os.chown(directory, ALICE, group)
        os.chmod(directory, 0o770)
        with open(f"{directory}/old", "w", encoding="ascii") as f:
            f.write("x")
        os.chown(f"{directory}/old", ALICE, group)
        os.chmod(f"{directory}/old", 0o660)
        here = f"{self.here}/{group}"
        self.assertEqual(run_as(BOB, BOB, self.MANY, READ, f"{here}/old"), "x")
        self.assertEqual(
            run_as(BOB, BOB, self.MANY, WRITE, f"{here}/old", "y"), "written")
        self.assertEqual(
            run_as(BOB, BOB, self.MANY, WRITE, f"{here}/new", "y"), "written")

    def test_the_group_of_the_object_at_hand_is_sent(self):
        self.make_volume()
        self.here = self.mounted()
        for group in (self.MANY[0], self.MANY[20], self.MANY[-1]):
            with self.subTest(group):
                self.check(group)
        code = "os.rename(sys.argv[1], sys.argv[2])\nprint('renamed')"
        self.assertEqual(
            run_as(BOB, BOB, self.MANY, code, f"{self.here}/5021/new",
                   f"{self.here}/5040/from"), "renamed")

    def test_a_mount_group_is_always_sent(self):
        self.make_volume(mode=0o770, owner=(ALICE, 5040))
        here = self.mounted(group="5040")
        run_as(BOB, BOB, self.MANY, WRITE, f"{here}/file", "x")
        self.assert_behind("file", BOB, 5040)


class Openers(IdentityCase):
    """Bob is in the group TEAM, which lets him into Alice's things."""

    def setUp(self):
        super().setUp()
        self.make_volume(mode=0o2770, owner=(ALICE, TEAM))
        self.path = f"{self.behind}/file"
        with open(self.path, "w", encoding="ascii") as f:
            f.write("old")
        os.chown(self.path, ALICE, TEAM)
        os.chmod(self.path, 0o660)
        self.here = self.mounted()

    def assert_content(self, content):
        with open(self.path, encoding="ascii") as f:
            self.assertEqual(f.read(), content)

    def test_pages_of_a_mapping_are_written_with_the_opener_s_groups(self):
        code = ("import mmap\n"
                "with open(sys.argv[1], 'r+b') as f:\n"
                "    pages = mmap.mmap(f.fileno(), 3)\n"
                "pages[:] = b'new'\n"
                "pages.flush()\n"
                "print('flushed')")
        self.assertEqual(run_as(BOB, BOB, [TEAM], code, f"{self.here}/file"),
                         "flushed")
        self.assert_content("new")

    def test_a_descriptor_keeps_its_groups_when_another_user_has_it(self):
        code = ("os.setgroups([%d])\n"
                "os.setegid(%d)\n"
                "os.seteuid(%d)\n"
                "fd = os.open(sys.argv[1], os.O_RDWR)\n"
                "os.seteuid(0)\n"
                "os.setgroups([])\n"
                "os.setegid(4003)\n"
                "os.seteuid(4003)\n"
                "os.pwrite(fd, b'new', 0)\n"
                "os.fsync(fd)\n"
                "print('written')" % (TEAM, BOB, BOB))
        self.assertEqual(run_as(0, 0, [], code, f"{self.here}/file"), "written")
        self.assert_content("new")

    def test_a_name_that_was_set_aside_goes_with_its_remover_s_groups(self):
        code = ("f = open(sys.argv[1])\n"
                "os.unlink(sys.argv[1])\n"
                "print(f.read())")
        self.assertEqual(run_as(BOB, BOB, [TEAM], code, f"{self.here}/file"),
                         "old")
        wait_for(lambda: not os.listdir(self.behind), "no name is left")


class MountGroup(IdentityCase):

    def test_the_node_says_that_it_can(self):
        found = self.clients[0].node.NodeGetCapabilities(
            self.pb.NodeGetCapabilitiesRequest(), timeout=10)
        rpc = self.pb.NodeServiceCapability.RPC
        self.assertIn(rpc.VOLUME_MOUNT_GROUP,
                      {item.rpc.type for item in found.capabilities})

    def check_new_entries(self, here):
        run_as(ALICE, ALICE, [GROUP], SECRET, f"{here}/file")
        run_as(ALICE, ALICE, [GROUP], MKDIR, f"{here}/dir")
        self.assert_behind("file", ALICE, GROUP, 0o660)
        self.assert_behind("dir", ALICE, GROUP, 0o2770)
        run_as(BOB, BOB, [GROUP], WRITE, f"{here}/dir/file", "x")
        self.assert_behind("dir/file", BOB, GROUP)
        self.assertEqual(run_as(BOB, BOB, [GROUP], WRITE, f"{here}/file", "y"),
                         "written")
        self.assertEqual(run_as(ALICE, ALICE, [GROUP], READ, f"{here}/file"),
                         "y")

    def test_new_entries_have_the_group_and_it_may_write_them(self):
        self.make_volume()
        self.check_new_entries(self.mounted(group=str(GROUP)))

    def test_it_needs_no_root_on_the_server(self):
        self.make_volume("root_squash", 0o2770, (NOBODY, GROUP))
        self.check_new_entries(self.mounted(group=str(GROUP)))

    def test_root_is_in_the_group_where_the_server_squashes_root(self):
        self.make_volume("root_squash", 0o2770, (ALICE, GROUP))
        here = self.mounted(group=str(GROUP), squash="root")
        run_as(0, 0, [], SECRET, f"{here}/file")
        self.assert_behind("file", NOBODY, GROUP, 0o660)

    def test_entries_that_exist_stay_as_they_are(self):
        self.make_volume()
        path = f"{self.behind}/old"
        with open(path, "w", encoding="ascii") as f:
            f.write("x")
        os.chown(path, ALICE, TEAM)
        os.chmod(path, 0o640)
        here = self.mounted(group=str(GROUP))
        self.assert_behind("old", ALICE, TEAM, 0o640)
        self.assertEqual(run_as(BOB, BOB, [GROUP, TEAM], READ, f"{here}/old"),
                         "x")
        self.assertEqual(run_as(BOB, BOB, [GROUP], READ, f"{here}/old"),
                         "EACCES")

    def test_a_mode_that_is_set_later_stays(self):
        self.make_volume()
        here = self.mounted(group=str(GROUP))
        run_as(ALICE, ALICE, [GROUP], MKDIR, f"{here}/dir")
        run_as(ALICE, ALICE, [GROUP], "os.chmod(sys.argv[1], 0o700)",
               f"{here}/dir")
        self.assert_behind("dir", ALICE, GROUP, 0o700)

    def test_one_node_has_one_group_at_a_time(self):
        self.make_volume()
        self.mounted(group=str(GROUP))
        self.publish(group=str(GROUP))
        self.publish()
        self.assert_refused(CODES.FAILED_PRECONDITION, str(GROUP), self.publish,
                            group=str(OTHER))
        for target in self.targets[:2]:
            self.unmount(0, self.volume, target)
        here = self.publish(group=str(OTHER))
        run_as(ALICE, ALICE, [OTHER], WRITE, f"{here}/file", "x")
        self.assert_behind("file", ALICE, OTHER)

    def test_a_group_can_come_after_pods_without_one(self):
        self.make_volume()
        self.mounted()
        self.check_new_entries(self.publish(group=str(GROUP)))

    def test_a_group_is_a_number(self):
        self.make_volume()
        for group in ("staff", "-1", "4294967295"):
            with self.subTest(group):
                self.assert_refused(CODES.INVALID_ARGUMENT, group, self.stage,
                                    group=group)


class Provisioned(LabCase):
    """From a class's parameters to the volume's directory and its callers."""

    squashed = ("root_squash",)

    def apply(self, name, share=None, **parameters):
        text = CLASS.format(name=name, reclaim="Delete", is_default="false")
        extra = "".join(f'  {key}: "{value}"\n'
                        for key, value in parameters.items())
        text = text.replace("reclaimPolicy:", extra + "reclaimPolicy:")
        if share:
            text = text.replace("/exports/claims", share)
        self.ctl.apply(self.cluster.adapt(text))

    def test_a_class_s_owner_mode_and_squash_reach_the_volume(self):
        self.apply("owned", uid=1234, gid=2345, squash="all",
                   mountPermissions="2770")
        volume = self.apply_claim("owned", "owned")
        status = os.stat(self.backing(volume))
        self.assertEqual((status.st_uid, status.st_gid), (1234, 2345))
        self.assertEqual(oct(status.st_mode & 0o7777), oct(0o2770))
        here = self.apply_pod("owned", "owned")
        run_as(0, 0, [], WRITE, f"{here}/file", "x")
        status = os.stat(f"{self.backing(volume)}/file")
        self.assertEqual((status.st_uid, status.st_gid), (1234, 2345))
        self.delete_pods("owned")

    def test_a_pod_s_fs_group_is_the_group_of_what_it_makes(self):
        self.apply("plain")
        volume = self.apply_claim("grouped", "plain")
        pod = POD.format(name="grouped", claim="grouped", node="node-a",
                         read_only="false")
        self.ctl.apply(pod.replace(
            "  containers:",
            f"  securityContext:\n    fsGroup: {GROUP}\n  containers:"))
        self.ctl.wait_phase("pod", "grouped", "Running", seconds=30)
        here = self.ctl.pod_path("grouped", "data")
        run_as(0, 0, [], SECRET, f"{here}/file")
        status = os.stat(f"{self.backing(volume)}/file")
        self.assertEqual((status.st_gid, oct(status.st_mode & 0o7777)),
                         (GROUP, oct(0o660)))
        self.delete_pods("grouped")
        for group in ("-1", "1.5", "staff", "2147483648"):
            with self.subTest(group):
                with self.assertRaisesRegex(Exception, "fsGroup"):
                    self.ctl.apply(pod.replace(
                        "  containers:",
                        f"  securityContext:\n    fsGroup: {group}\n"
                        "  containers:"))

    def test_a_server_that_squashes_root_does_not_take_an_owner(self):
        share = self.cluster.server.squashed_export("root_squash")
        os.chmod(share, 0o777)
        self.apply("unowned", share=share, uid=1234, gid=2345)
        self.ctl.apply(CLAIM.format(name="unowned", class_name="unowned",
                                    mode="ReadWriteMany", size="1Gi"))
        wait_for(lambda: "set owner and group (uid, gid)" in
                 self.ctl("describe", "pvc", "unowned"), "the event says why")
        self.ctl("delete", "pvc", "unowned")

    def test_a_bad_class_is_refused_when_it_is_made(self):
        for parameters, word in (({"squash": "some"}, "squash"),
                                 ({"uid": 5}, "gid")):
            with self.subTest(parameters):
                with self.assertRaisesRegex(Exception, word):
                    self.apply("bad", **parameters)
