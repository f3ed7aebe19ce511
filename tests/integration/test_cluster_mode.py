# SPDX-License-Identifier: Apache-2.0
"""The provisioner as a cluster's controller. The cluster is a second provisioner,
standalone: it serves the API, binds, and plays the controller manager for a driver
that is not its own."""

import glob
import json
import os
import signal
import socket
import threading
import time
import urllib.parse

from lab import wait_for
from lab.claimfs import Ctl, program
from lab.process import Process, answers
from lab_case import CLAIM, LabCase
import lab_case

OURS = "nfs.claimfs.io"

KUBECONFIG = {
    "apiVersion": "v1", "kind": "Config", "current-context": "lab",
    "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "lab"}}],
    "users": [{"name": "lab", "user": {}}],
}


class Controller:
    """claimfs-provisioner --kubernetes."""

    def __init__(self, folder, server, env, name="controller"):
        self.state = os.path.join(folder, name)
        self.socket = os.path.join(self.state, "api.sock")
        self.env = env
        os.makedirs(self.state, exist_ok=True)
        kubeconfig = os.path.join(self.state, "kubeconfig")
        with open(kubeconfig, "w", encoding="ascii") as f:
            json.dump({**KUBECONFIG, "clusters": [
                {"name": "lab", "cluster": {"server": server}}]}, f)
        self.argv = [program(lab_case.PROGRAMS, "claimfs-provisioner"),
                     "--kubernetes", "--kubeconfig", kubeconfig,
                     "--state-dir", self.state, "--socket", self.socket]
        self.process = Process("claimfs-provisioner", self.state)

    def start(self):
        self.process.start(self.argv, lambda: answers(self.socket),
                           env=self.env)
        return self

    def stop(self):
        return self.process.stop()

    def kill(self):
        self.process.stop(number=signal.SIGKILL)


class SilentServer:
    """Passes on all connections to an API server, until a request has that text: nobody
    is answered any more, though everybody is accepted."""

    def __init__(self, target, text):
        self.target = ("127.0.0.1", urllib.parse.urlsplit(target).port)
        self.text = text
        self.is_silent = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(self.target)
            for ends in ((client, server), (server, client)):
                threading.Thread(target=self.pass_on, args=ends,
                                 daemon=True).start()

    def pass_on(self, source, target):
        try:
            while data := source.recv(65536):
                if self.text in data:
                    self.is_silent.set()
                if not self.is_silent.is_set():
                    target.sendall(data)
        except OSError:
            pass
        target.close()


class ClusterMode(LabCase):

    @classmethod
    def set_up_lab(cls):
        cls.controller = Controller(cls.cluster.folder,
                                    cls.cluster.provisioner.url,
                                    cls.cluster.env).start()
        cls.addClassCleanup(cls.controller.stop)
        cls.own = Ctl(lab_case.PROGRAMS, cls.controller.socket, cls.cluster.env)
        for name, reclaim in (("ours", "Delete"), ("kept", "Retain")):
            cls.ctl.apply(cls.cluster.adapt(
                cls.class_text(name, reclaim=reclaim)
                .replace("nfs.csi.k8s.io", OURS)
                + "allowVolumeExpansion: true\n"))

    @classmethod
    def tearDownClass(cls):
        status = cls.controller.stop()
        super().tearDownClass()
        if status not in (0, None):
            raise AssertionError(f"the controller ended with {status}")

    def volume(self, name):
        return json.loads(self.ctl("get", "pv", name, "-o", "json"))

    def is_gone(self, folder):
        return not os.path.lexists(self.backing(folder))

    def delete_claim(self, claim, volume):
        self.ctl("delete", "pvc", claim)
        self.ctl.wait_phase("pv", volume, None)
        wait_for(lambda: self.is_gone(volume), "the folder to go")

    def test_a_claim_is_served_and_its_volume_says_by_whom(self):
        volume = self.apply_claim("plain", "ours")
        self.assertTrue(os.path.isdir(self.backing(volume)))
        pv = self.volume(volume)
        self.assertEqual(pv["spec"]["csi"]["driver"], OURS)
        self.assertEqual(
            pv["metadata"]["annotations"]["pv.kubernetes.io/provisioned-by"],
            OURS)
        self.assertIn(
            "external-provisioner.volume.kubernetes.io/finalizer",
            pv["metadata"]["finalizers"])
        done = f'"volume provisioned","volume":"{volume}"'
        self.assertEqual(self.controller.process.log().count(done), 1)
        self.delete_claim("plain", volume)

    def test_a_retained_volume_stays_with_its_folder(self):
        volume = self.apply_claim("precious", "kept")
        self.ctl("delete", "pvc", "precious")
        self.ctl.wait_phase("pv", volume, "Released")
        self.assertTrue(os.path.isdir(self.backing(volume)))

    def test_a_volume_deleted_before_its_claim_takes_its_folder(self):
        volume = self.apply_claim("second", "ours")
        self.ctl("delete", "pv", volume, "--wait=false")
        self.assertTrue(os.path.isdir(self.backing(volume)))
        self.delete_claim("second", volume)

    def test_a_claim_grows(self):
        volume = self.apply_claim("grower", "ours")
        self.ctl.apply(CLAIM.format(name="grower", class_name="ours",
                                    mode="ReadWriteMany", size="3Gi"))
        wait_for(lambda: self.volume(volume)["spec"]["capacity"]["storage"]
                 == "3Gi", "the volume to grow")
        self.delete_claim("grower", volume)

    def test_a_snapshot_outlives_the_controllers_record(self):
        """Which is in an emptyDir: a new pod finds what is on the shares."""
        volume = self.apply_claim("model", "ours")
        with open(f"{self.backing(volume)}/file", "w", encoding="ascii") as f:
            f.write("precious")
        self.own("snapshot", "model", "kept-one")
        self.controller.kill()
        for path in glob.glob(f"{self.controller.state}/claimfs.db*"):
            os.unlink(path)
        self.controller.start()
        self.ctl.apply(CLAIM.format(
            name="again", class_name="ours", mode="ReadWriteMany", size="1Gi")
            + "  dataSourceRef: {apiGroup: claimfs.io, kind: Snapshot, "
              "name: kept-one}\n")
        claim = self.ctl.wait_phase("pvc", "again", "Bound", seconds=30)
        again = claim["spec"]["volumeName"]
        with open(f"{self.backing(again)}/file", encoding="ascii") as f:
            self.assertEqual(f.read(), "precious")
        self.own("delete", "snapshot", "kept-one")
        self.delete_claim("again", again)
        self.delete_claim("model", volume)

    def test_a_claim_begins_as_another_one_is(self):
        volume = self.apply_claim("origin", "ours")
        with open(f"{self.backing(volume)}/file", "w", encoding="ascii") as f:
            f.write("precious")
        self.ctl.apply(CLAIM.format(
            name="twin", class_name="ours", mode="ReadWriteMany", size="1Gi")
            + "  dataSource: {kind: PersistentVolumeClaim, name: origin}\n")
        claim = self.ctl.wait_phase("pvc", "twin", "Bound", seconds=30)
        twin = claim["spec"]["volumeName"]
        with open(f"{self.backing(twin)}/file", encoding="ascii") as f:
            self.assertEqual(f.read(), "precious")
        self.delete_claim("twin", twin)
        self.delete_claim("origin", volume)

    def test_claims_of_other_drivers_are_left_alone(self):
        self.apply_class("theirs")
        volume = self.apply_claim("foreign", "theirs")
        self.assertNotIn(volume, self.controller.process.log())
        self.ctl("delete", "pvc", "foreign")
        self.ctl.wait_phase("pv", volume, None)

    def test_a_controller_that_is_killed_leaves_no_claim_and_no_folder(self):
        names = [f"many-{i}" for i in range(12)]
        for name in names:
            self.ctl.apply(CLAIM.format(name=name, class_name="ours",
                                        mode="ReadWriteMany", size="1Gi"))
            if name in ("many-3", "many-7"):
                self.controller.kill()
                self.controller.start()
        volumes = [self.ctl.wait_phase("pvc", name, "Bound")
                   ["spec"]["volumeName"] for name in names]
        self.ctl("delete", "pvc", *names, "--wait=false")
        self.controller.kill()
        self.controller.start()
        for volume in volumes:
            self.ctl.wait_phase("pv", volume, None)
            wait_for(lambda v=volume: self.is_gone(v), "the folder to go")

    def test_an_api_server_that_goes_and_comes_is_waited_for(self):
        before = self.apply_claim("before", "ours")
        self.cluster.provisioner.stop()
        self.cluster.provisioner.start()
        after = self.apply_claim("after", "ours")
        self.delete_claim("before", before)
        self.delete_claim("after", after)

    def test_it_ends_soon_though_the_api_server_answers_nothing(self):
        self.controller.stop()
        server = SilentServer(self.cluster.provisioner.url,
                              b"POST /api/v1/persistentvolumes")
        self.addCleanup(server.close)
        deaf = Controller(self.cluster.folder, server.url, self.cluster.env,
                          "deaf").start()
        self.addCleanup(deaf.stop)
        self.ctl.apply(CLAIM.format(name="unheard", class_name="ours",
                                    mode="ReadWriteMany", size="1Gi"))
        self.assertTrue(server.is_silent.wait(30))
        begun = time.monotonic()
        self.assertEqual(deaf.process.stop(grace=25), 0)
        self.assertLess(time.monotonic() - begun, 8)
        self.controller.start()
        claim = self.ctl.wait_phase("pvc", "unheard", "Bound", seconds=40)
        self.delete_claim("unheard", claim["spec"]["volumeName"])

    def test_a_controller_without_its_record_goes_on(self):
        volume = self.apply_claim("older", "ours")
        self.controller.stop()
        for name in os.listdir(self.controller.state):
            if name.startswith("claimfs.db"):
                os.unlink(os.path.join(self.controller.state, name))
        self.controller.start()
        self.delete_claim("older", volume)

    def test_its_own_socket_is_there_to_look_at(self):
        volume = self.apply_claim("seen", "ours")
        wait_for(lambda: volume in self.own("get", "pv"), "the mirror")
        self.assertIn("created", self.own("history", "pv", volume))
        done = self.own.run("delete", "pvc", "seen")
        self.assertEqual(done.returncode, 1)
        self.assertIn("claimfs runs in a Kubernetes cluster here", done.stderr)
        self.delete_claim("seen", volume)
