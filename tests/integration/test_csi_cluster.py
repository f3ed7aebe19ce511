# SPDX-License-Identifier: Apache-2.0
"""CSI Controller beside a cluster's controller: what csi-snapshotter needs, and no
second way to make the volumes of claims."""

import contextlib
import glob
import os

from csi_case import CODES, SECONDS, Client, grpc, make_stubs
from lab import free_port, wait_for
from lab_case import LabCase
from test_cluster_mode import OURS, Controller


class ClusterCsi(LabCase):

    @classmethod
    def set_up_lab(cls):
        cls.pb, stubs = make_stubs(cls.folder)
        cls.controller = Controller(cls.cluster.folder,
                                    cls.cluster.provisioner.url,
                                    cls.cluster.env)
        cls.socket = os.path.join(cls.controller.state, "csi.sock")
        cls.controller.argv += ["--csi-socket", cls.socket]
        cls.controller.start()
        cls.addClassCleanup(cls.controller.stop)
        client = Client(stubs, cls.socket)
        cls.addClassCleanup(client.channel.close)
        cls.csi = client.controller
        cls.identity = client.identity
        cls.ctl.apply(cls.cluster.adapt(cls.class_text("ours").replace(
            "nfs.csi.k8s.io", OURS)))
        wait_for(cls.is_ready, "it to lead", seconds=30)

    @classmethod
    def is_ready(cls):
        """Sidecars wait for this, and give up on a socket that is not there."""
        return cls.identity.Probe(cls.pb.ProbeRequest(), timeout=SECONDS,
                                  wait_for_ready=True).ready.value

    def call(self, method, /, **request):
        message = getattr(self.pb, method + "Request")
        return getattr(self.csi, method)(message(**request), timeout=SECONDS,
                                       wait_for_ready=True)

    def test_what_makes_volumes_is_not_offered(self):
        rpc = self.pb.ControllerServiceCapability.RPC
        names = {rpc.Type.Name(item.rpc.type) for item in
                 self.call("ControllerGetCapabilities").capabilities}
        self.assertLessEqual({"CREATE_DELETE_SNAPSHOT", "LIST_SNAPSHOTS",
                              "LIST_VOLUMES", "GET_CAPACITY"}, names)
        self.assertFalse({"CREATE_DELETE_VOLUME", "EXPAND_VOLUME",
                          "PUBLISH_UNPUBLISH_VOLUME", "CLONE_VOLUME",
                          "MODIFY_VOLUME"} & names)
        for name in ("CreateVolume", "DeleteVolume", "ControllerPublishVolume",
                     "ControllerExpandVolume", "ControllerModifyVolume"):
            with self.assertRaises(grpc.RpcError) as caught:
                self.call(name)
            self.assertEqual(caught.exception.code(), CODES.UNIMPLEMENTED)
            self.assertIn("claims", caught.exception.details())

    def test_a_claims_volume_is_listed_and_has_snapshots(self):
        volume = self.apply_claim("data", "ours")
        with open(f"{self.backing(volume)}/file", "w", encoding="ascii") as f:
            f.write("precious")
        wait_for(lambda: volume in [
            entry.volume.volume_id
            for entry in self.call("ListVolumes").entries], "the volume")
        found = self.call("ControllerGetVolume", volume_id=volume)
        self.assertFalse(found.status.volume_condition.abnormal)

        def ready():
            made = self.call("CreateSnapshot", source_volume_id=volume,
                             name="snapshot-1", parameters={
                                 "csi.storage.k8s.io/volumesnapshot/name": "x"})
            return made.snapshot if made.snapshot.ready_to_use else None
        snapshot = wait_for(ready, "the snapshot", seconds=30)
        listed = self.call("ListSnapshots", snapshot_id=snapshot.snapshot_id)
        self.assertEqual([entry.snapshot for entry in listed.entries],
                         [snapshot])
        self.call("DeleteSnapshot", snapshot_id=snapshot.snapshot_id)
        self.ctl("delete", "pvc", "data")

    def private(self, name):
        folder = f"{self.cluster.export}/.claimfs/{name}"
        return os.listdir(folder) if os.path.isdir(folder) else []

    def snapshot(self, volume, name):
        def ready():
            made = self.call("CreateSnapshot", source_volume_id=volume,
                             name=name)
            return made.snapshot if made.snapshot.ready_to_use else None
        return wait_for(ready, "the snapshot", seconds=60).snapshot_id

    def code_of(self, *args, **request):
        try:
            self.call(*args, **request)
        except grpc.RpcError as error:
            return error.code()
        return CODES.OK

    def fill(self, claim, files):
        volume = self.apply_claim(claim, "ours")
        with self.server_away():
            for i in range(files):
                with open(f"{self.backing(volume)}/{i}", "wb") as f:
                    f.write(b"x" * 100)
        return volume

    def test_what_was_deleted_stays_so_though_the_record_is_lost(self):
        """Which is in an emptyDir: the share is what a new pod believes."""
        volume = self.fill("lossy", 2000)
        snapshot = self.snapshot(volume, "lossy")
        self.call("DeleteSnapshot", snapshot_id=snapshot)
        self.controller.kill()
        self.assertNotEqual(self.private("copies"), [])
        for path in glob.glob(f"{self.controller.state}/claimfs.db*"):
            os.unlink(path)
        self.controller.start()
        wait_for(lambda: self.code_of("GetSnapshot", snapshot_id=snapshot) !=
                 CODES.UNAVAILABLE, "it to know all", seconds=30)
        self.assertEqual(self.code_of("GetSnapshot", snapshot_id=snapshot),
                         CODES.NOT_FOUND)
        self.assertEqual(self.private("snapshots"), [])
        wait_for(lambda: self.private("copies") == [], "the data to go",
                 seconds=60)
        self.ctl("delete", "pvc", "lossy")

    @contextlib.contextmanager
    def share_away(self):
        """A class is on a share that can't be reached since this one leads."""
        text = self.cluster.adapt(self.class_text("away").replace(
            "nfs.csi.k8s.io", OURS))
        self.ctl.apply(text.replace(f"- port={self.cluster.server.port}",
                                    f"- port={free_port()}"))
        self.controller.kill()
        self.controller.start()
        try:
            yield
        finally:
            self.ctl("delete", "sc", "away")
            self.controller.kill()
            self.controller.start()

    def test_a_share_that_is_away_holds_up_its_own_snapshots_only(self):
        volume = self.fill("near", 1)
        old = self.snapshot(volume, "old")
        with self.share_away():
            wait_for(lambda: self.code_of(
                "CreateSnapshot", source_volume_id=volume, name="new") ==
                CODES.OK, "a snapshot to be begun", seconds=30)
            new = self.snapshot(volume, "new")
            self.assertEqual(
                sorted(entry.snapshot.snapshot_id for entry in self.call(
                    "ListSnapshots", source_volume_id=volume).entries),
                sorted((old, new)))
            self.call("ListSnapshots", snapshot_id=old)
            # What is not known may be there.
            for method, request in (
                    ("ListSnapshots", {}),
                    ("ListSnapshots", {"snapshot_id": "snap-1"}),
                    ("GetSnapshot", {"snapshot_id": "snap-1"}),
                    ("DeleteSnapshot", {"snapshot_id": "snap-1"})):
                self.assertEqual(self.code_of(method, **request),
                                 CODES.UNAVAILABLE, (method, request))
            for snapshot in (old, new):
                self.call("DeleteSnapshot", snapshot_id=snapshot)
        self.ctl("delete", "pvc", "near")

    def test_a_socket_of_a_former_process_is_replaced(self):
        self.controller.kill()
        self.assertTrue(os.path.exists(self.socket))
        self.controller.start()

        def answers():
            try:
                self.call("ListVolumes")
            except grpc.RpcError:
                return False  # the connection is the former process's
            return True
        wait_for(answers, "an answer", seconds=30)
        self.assertEqual(os.stat(self.socket).st_mode & 0o777, 0o600)


class NotLeading(LabCase):
    """A controller whose cluster can't be asked."""

    def test_sidecars_are_told_to_wait(self):
        pb, stubs = make_stubs(self.folder)
        controller = Controller(self.cluster.folder,
                                f"http://127.0.0.1:{free_port()}",
                                self.cluster.env, name="waiting")
        path = os.path.join(controller.state, "csi.sock")
        controller.argv += ["--csi-socket", path]
        controller.start()
        self.addCleanup(controller.stop)
        client = Client(stubs, path)
        self.addCleanup(client.channel.close)
        probed = client.identity.Probe(pb.ProbeRequest(), timeout=SECONDS,
                                       wait_for_ready=True)
        self.assertFalse(probed.ready.value)
        with self.assertRaises(grpc.RpcError) as caught:
            client.controller.ListSnapshots(pb.ListSnapshotsRequest(),
                                            timeout=SECONDS)
        self.assertEqual(caught.exception.code(), CODES.UNAVAILABLE)
        self.assertIn("not ready", caught.exception.details())
