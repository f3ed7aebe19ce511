# SPDX-License-Identifier: Apache-2.0
"""What is installed into Kubernetes: the chart, the manifests that are made from it,
examples, dashboard and alerts. No cluster is needed, and no helm: the chart is
rendered by helm's own engine (deploy/kubernetes/chart.go)."""

import glob
import json
import os
import re
import subprocess
import sys
import unittest
import urllib.request

import yaml

import lab_case
from lab import answers, free_port, wait_for
from lab.claimfs import program
from lab_case import LabCase, TESTS

DEPLOY = os.path.join(os.path.dirname(TESTS), "deploy")
KUBERNETES = os.path.join(DEPLOY, "kubernetes")
sys.path.insert(0, KUBERNETES)

import chart  # noqa: E402

# Everything that anybody of ours may do, and no more.
RIGHTS = {
    ("ClusterRole", "", "persistentvolumes"):
        "get list watch create update delete",
    ("ClusterRole", "", "persistentvolumes/status"): "update",
    ("ClusterRole", "", "persistentvolumeclaims"): "get list watch update",
    ("ClusterRole", "", "persistentvolumeclaims/status"): "update",
    ("ClusterRole", "", "nodes"): "get list watch patch",
    ("ClusterRole", "storage.k8s.io", "storageclasses"): "get list watch",
    ("ClusterRole", "storage.k8s.io", "volumeattributesclasses"):
        "get list watch",
    ("ClusterRole", "storage.k8s.io", "csinodes"): "get list watch",
    ("ClusterRole", "storage.k8s.io", "volumeattachments"):
        "get list watch update",
    ("ClusterRole", "storage.k8s.io", "volumeattachments/status"): "update",
    ("ClusterRole", "events.k8s.io", "events"): "create patch",
    ("ClusterRole", "snapshot.storage.k8s.io", "volumesnapshots"): "get",
    ("ClusterRole", "snapshot.storage.k8s.io", "volumesnapshotclasses"):
        "get list watch",
    ("ClusterRole", "snapshot.storage.k8s.io", "volumesnapshotcontents"):
        "get list watch update patch",
    ("ClusterRole", "snapshot.storage.k8s.io", "volumesnapshotcontents/status"):
        "update patch",
    ("ClusterRole", "", "events"): "list watch create update patch",
    ("Role", "coordination.k8s.io", "leases"): "get create update",
    ("Role", "storage.k8s.io", "csistoragecapacities"):
        "get list create update delete",
}
WORKLOADS = ("DaemonSet", "Deployment")
EVERYTHING = {
    "storageClasses": [{
        "name": "nfs", "isDefault": True, "mountOptions": ["hard"],
        "parameters": {"server": "nfs.example.com", "share": "/exports"}}],
    "inlineClasses": [{
        "name": "scratch",
        "parameters": {"server": "nfs.example.com", "share": "/exports"}}],
    "imagePullSecrets": [{"name": "mirror"}],
    "controller": {"hostNetwork": True},
    "snapshots": {"enabled": True},
    "networkPolicy": {"egress": [{"ports": [{"port": 2049}]}]},
    "monitoring": {kind: {"enabled": True, "labels": {"release": "p"}}
                   for kind in ("podMonitor", "rules", "dashboard")},
}


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as f:
        return f.read()


def metrics_in(text):
    return {re.sub(r"_(sum|count)$", "", name)
            for name in re.findall(r"\bclaimfs_[a-z_]+", text)}


class ChartCase(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        # What Go has compiled stays for the next run.
        folder = os.path.join(os.path.abspath(lab_case.PROGRAMS), "chart")
        os.makedirs(folder, exist_ok=True)
        cls.engine = chart.Engine(folder)

    def objects(self, changes=None):
        return chart.objects(self.engine.manifests(changes))

    def pods(self, changes=None):
        """{name: pod's spec}"""
        return {name: item["spec"]["template"]["spec"]
                for (kind, _, name), item in self.objects(changes).items()
                if kind in WORKLOADS}

    def assert_takes(self, container):
        done = subprocess.run(
            [program(lab_case.PROGRAMS, container["command"][0]),
             *container["args"], "--help"],
            text=True, capture_output=True, check=False, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))


class Base(ChartCase):

    def test_it_is_what_the_chart_renders(self):
        head, _, rest = read(KUBERNETES, "claimfs.yaml").partition("\n")
        self.assertIn("deploy/kubernetes/render", head)
        self.assertEqual(rest, self.engine.manifests())

    def test_versions_are_those_of_the_programs(self):
        version = re.search(r"^  version: '(.*)'", read(
            os.path.dirname(DEPLOY), "meson.build"), re.M)[1]
        described = chart.read_yaml("Chart.yaml")
        self.assertEqual((described["version"], described["appVersion"]),
                         (version, version))
        image, = yaml.safe_load(read(KUBERNETES, "kustomization.yaml"))[
            "images"]
        self.assertEqual(image["newTag"], version)

    def test_kustomize_has_all_files(self):
        listed = yaml.safe_load(read(KUBERNETES, "kustomization.yaml"))
        found = {os.path.basename(path)
                 for path in glob.glob(KUBERNETES + "/*.yaml")}
        self.assertEqual(set(listed["resources"]) | {"kustomization.yaml"},
                         found)

    def test_kustomize_replaces_every_image(self):
        image, = yaml.safe_load(read(KUBERNETES, "kustomization.yaml"))[
            "images"]
        for pod in self.pods().values():
            for container in pod["containers"]:
                self.assertEqual(container["image"].rpartition(":")[0],
                                 image["name"])

    def test_the_namespace_lets_nodes_be_privileged(self):
        namespace = yaml.safe_load(read(KUBERNETES, "namespace.yaml"))
        self.assertEqual(namespace["metadata"]["name"],
                         chart.RELEASE["Namespace"])
        self.assertEqual(namespace["metadata"]["labels"][
            "pod-security.kubernetes.io/enforce"], "privileged")


class CommandLines(ChartCase):

    def takes(self, name, changes=None):
        self.assert_takes(self.pods(changes)[name]["containers"][0])

    def test_the_node_takes_its_own(self):
        self.takes("claimfs-node")

    def test_the_keeper_takes_its_own(self):
        self.takes("claimfs-keeper")

    def test_the_controller_takes_its_own(self):
        self.takes("claimfs-controller")

    def test_the_node_takes_those_of_inline_volumes(self):
        self.takes("claimfs-node", EVERYTHING)

    def test_the_controller_takes_those_of_snapshots(self):
        self.takes("claimfs-controller", EVERYTHING)


class Values(ChartCase):

    def refused(self, changes, *words):
        with self.assertRaises(chart.Refused) as caught:
            chart.values(changes)
        for word in words:
            self.assertIn(word, str(caught.exception))

    def test_what_is_not_known_is_refused(self):
        self.refused({"imageRegistry": "x"}, "imageRegistry")
        self.refused({"node": {"replicas": 2}}, "node", "replicas")
        self.refused({"storageClasses": [{
            "name": "a", "provisioner": "b",
            "parameters": {"server": "s", "share": "/"}}]}, "provisioner")

    def test_what_is_of_the_wrong_kind_is_refused(self):
        for changes in ({"controller": {"replicas": "two"}},
                        {"driverName": "no_such_name"},
                        {"kubeletDir": "var/lib/kubelet"},
                        {"node": {"httpPort": 0}},
                        {"node": {"maxUnavailable": "0%"}},
                        {"logLevel": "loud"},
                        {"image": {"registry": "https://mirror"}},
                        {"storageClasses": [{"name": "a", "parameters": {
                            "share": "/"}}]}):
            self.refused(changes, "values: ")

    def test_every_value_is_described(self):
        """A key that the schema does not list would be refused."""
        chart.values()
        chart.values(EVERYTHING)

    def test_one_value_is_the_registry_of_all(self):
        pods = self.pods({"image": {"registry": "mirror.example:5000/k8s"}})
        self.assertEqual(len(pods), 3)
        for pod in pods.values():
            for container in pod["containers"]:
                self.assertRegex(container["image"],
                                 "^mirror.example:5000/k8s/claimfs:")

    def test_everything_can_be_switched_on(self):
        kinds = {kind for kind, _, _ in self.objects(EVERYTHING)}
        self.assertLess({"StorageClass", "PodMonitor", "PrometheusRule",
                         "ConfigMap"}, kinds)
        for pod in self.pods(EVERYTHING).values():
            self.assertEqual(pod["imagePullSecrets"], [{"name": "mirror"}])

    def test_inline_volumes_are_of_the_classes_that_are_named(self):
        def modes(changes):
            return self.objects(changes)[("CSIDriver", None, "nfs.claimfs.io")][
                "spec"]["volumeLifecycleModes"]

        self.assertEqual(modes({}), ["Persistent"])
        self.assertEqual(modes(EVERYTHING), ["Persistent", "Ephemeral"])
        classes = yaml.safe_load_all(self.objects(EVERYTHING)[
            ("ConfigMap", "claimfs", "claimfs-inline")]["data"]["inline.yaml"])
        self.assertEqual([item["metadata"]["name"] for item in classes
                          if item], ["scratch"])

    def test_the_snapshotter_has_the_socket_that_the_controller_serves(self):
        pod = self.pods(EVERYTHING)["claimfs-controller"]
        controller, snapshotter = pod["containers"]
        self.assertIn("--csi-socket=/csi/csi.sock", controller["args"])
        self.assertIn("--csi-address=/csi/csi.sock", snapshotter["args"])
        for container in controller, snapshotter:
            self.assertIn({"name": "csi", "mountPath": "/csi"},
                          container["volumeMounts"])
        self.assertIn({"name": "csi", "emptyDir": {}}, pod["volumes"])

    def test_the_snapshot_class_is_of_the_driver(self):
        objects = self.objects({"driverName": "nfs.csi.k8s.io",
                                "snapshots": {"enabled": True,
                                              "className": "copies"}})
        self.assertEqual(objects[("VolumeSnapshotClass", None, "copies")][
            "driver"], "nfs.csi.k8s.io")
        self.assertFalse([key for key in self.objects(
            {"snapshots": {"enabled": True, "className": ""}})
            if key[0] == "VolumeSnapshotClass"])

    def test_the_driver_may_have_another_name(self):
        objects = self.objects({"driverName": "nfs.csi.k8s.io"})
        self.assertIn(("CSIDriver", None, "nfs.csi.k8s.io"), objects)
        self.assertNotIn("nfs.claimfs.io", str(objects))


class Security(ChartCase):

    def rules(self):
        for (kind, _, _), item in self.objects(EVERYTHING).items():
            for rule in item.get("rules", []):
                self.assertEqual(len(rule["apiGroups"]), 1)
                for resource in rule["resources"]:
                    yield (kind, rule["apiGroups"][0], resource), rule["verbs"]

    def test_rights_are_those_that_are_stated(self):
        given = dict(self.rules())
        self.assertLessEqual(set(given), set(RIGHTS))
        for key, verbs in given.items():
            self.assertLessEqual(set(verbs), set(RIGHTS[key].split()), key)

    def test_the_page_has_a_reason_for_each(self):
        page = read(DEPLOY, "KUBERNETES.md")
        for (_, _, resource), verbs in RIGHTS.items():
            self.assertRegex(page, rf"(?m)^\|[^|]*\b{resource}\b[^|]*\| "
                                   rf"{verbs.replace(' ', ', ')} \| \w")

    def test_only_the_controller_has_rights(self):
        for (kind, _, _), item in self.objects().items():
            if kind.endswith("Binding"):
                self.assertEqual([who["name"] for who in item["subjects"]],
                                 ["claimfs-controller"])

    def test_nodes_have_no_token(self):
        pods = self.pods()
        for name in ("claimfs-node", "claimfs-keeper"):
            self.assertIs(pods[name]["automountServiceAccountToken"], False)

    def test_only_the_node_is_privileged(self):
        for name, pod in self.pods().items():
            container, = pod["containers"]
            context = container["securityContext"]
            self.assertTrue(context["readOnlyRootFilesystem"], name)
            if name == "claimfs-node":
                continue
            self.assertFalse(context["allowPrivilegeEscalation"], name)
            self.assertEqual(context["capabilities"], {"drop": ["ALL"]}, name)
            self.assertNotIn("hostNetwork", pod)
            self.assertNotIn("hostPID", pod)

    def test_the_controller_is_not_root(self):
        pod = self.pods()["claimfs-controller"]
        self.assertTrue(pod["securityContext"]["runAsNonRoot"])


class Sidecars(ChartCase):
    """What stands in the controller's place: examples/sidecars."""

    def objects_of(self, name):
        return [*yaml.safe_load_all(read(KUBERNETES, "examples", "sidecars",
                                         name))]

    def containers(self):
        workload, = self.objects_of("controller.yaml")
        ours, *others = workload["spec"]["template"]["spec"]["containers"]
        return ours, others

    def test_the_provisioner_takes_its_own(self):
        container, _ = self.containers()
        self.assert_takes(container)

    def test_all_have_the_socket_that_it_serves(self):
        ours, others = self.containers()
        self.assertIn("--csi-socket=/csi/csi.sock", ours["args"])
        self.assertEqual(len(others), 4)
        for container in others:
            self.assertIn("--csi-address=/csi/csi.sock", container["args"])
        for container in ours, *others:
            self.assertIn({"name": "csi", "mountPath": "/csi"},
                          container["volumeMounts"])

    def test_images_are_those_of_the_chart(self):
        ours, others = self.containers()
        controller, snapshotter = self.pods(
            {"snapshots": {"enabled": True}})["claimfs-controller"][
                "containers"]
        self.assertEqual(ours["image"], controller["image"])
        self.assertIn(snapshotter["image"],
                      [container["image"] for container in others])

    def test_they_may_do_as_little_as_the_controller(self):
        ours, others = self.containers()
        for container in ours, *others:
            context = container["securityContext"]
            self.assertTrue(context["readOnlyRootFilesystem"])
            self.assertFalse(context["allowPrivilegeEscalation"])
            self.assertEqual(context["capabilities"], {"drop": ["ALL"]})
        for item in self.objects_of("rbac.yaml"):
            self.assertNotIn("secrets", str(item.get("rules")))
            self.assertNotIn("'*'", str(item.get("rules")))


class Examples(LabCase):

    def test_the_standalone_mode_takes_them_all(self):
        for path in sorted(glob.glob(KUBERNETES + "/examples/*.yaml")):
            with self.subTest(os.path.basename(path)):
                self.ctl.apply(read(path))


class Metrics(LabCase):
    """Names of what nobody exports would be panels and alerts for nothing."""

    @classmethod
    def start_lab(cls):
        super().start_lab()
        provisioner = cls.cluster.provisioner
        provisioner.stop()
        cls.port = free_port()
        provisioner.argv += ["--http", f"127.0.0.1:{cls.port}"]
        provisioner.start()

    def controller_metrics(self):
        wait_for(lambda: answers(("127.0.0.1", self.port)), "its HTTP")
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics",
                                    timeout=20) as answer:
            return answer.read().decode()

    def test_dashboard_and_alerts_name_what_there_is(self):
        exported = metrics_in(self.controller_metrics()) | \
            metrics_in(read(self.cluster.nodes[0].meta, "metrics"))
        named = metrics_in(read(DEPLOY, "dashboards", "claimfs.json")) | \
            metrics_in(read(DEPLOY, "dashboards", "alerts.yaml"))
        self.assertLessEqual(named, exported)
        self.assertGreater(len(named), 8)

    def test_the_dashboard_has_panels_that_do_not_overlap(self):
        dashboard = json.loads(read(DEPLOY, "dashboards", "claimfs.json"))
        taken = set()
        for panel in dashboard["panels"]:
            at = panel["gridPos"]
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"])
                     for y in range(at["y"], at["y"] + at["h"])}
            self.assertFalse(cells & taken, panel["title"])
            self.assertLessEqual(at["x"] + at["w"], 24)
            taken |= cells
