# SPDX-License-Identifier: Apache-2.0
"""The base of all integration tests: a lab per test class, with leak reports and
crashes of the daemons turned into failures, and a watchdog.

A test that hangs in a system call on a mount can't be interrupted from inside, so
the watchdog kills the node daemons: the kernel then ends every waiting call with
ENOTCONN, and the test fails."""

import contextlib
import glob
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import unittest
import urllib.request

HERE = os.path.dirname(os.path.realpath(__file__))
TESTS = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(os.path.dirname(TESTS), "deploy"))

from lab import Cluster  # noqa: E402

# The build directory whose programs are tested.
PROGRAMS = "build-test"


def configure(programs):
    global PROGRAMS
    PROGRAMS = programs


def sanitizer_environment(folder):
    """Reports go to FOLDER/report.<pid>."""
    report = f"log_path={folder}/report"
    return {
        "ASAN_OPTIONS": f"{report}:detect_leaks=1",
        "UBSAN_OPTIONS": f"{report}:print_stacktrace=1:halt_on_error=1",
        "LSAN_OPTIONS": f"suppressions={TESTS}/lsan.supp:"
                        "print_suppressions=0",
    }


def sanitizer_reports(folder):
    texts = []
    for path in sorted(glob.glob(folder + "/report.*")):
        with open(path, encoding="utf-8", errors="replace") as f:
            texts.append(f"{path}:\n{f.read()[:6000]}")
    return texts


CLASS = """\
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: {name}
  annotations:
    storageclass.kubernetes.io/is-default-class: "{is_default}"
provisioner: nfs.csi.k8s.io
parameters:
  server: nfs.example.com
  share: /exports/claims
  trashTTL: "0"
reclaimPolicy: {reclaim}
volumeBindingMode: Immediate
mountOptions:
  - nfsvers=4.1
"""

CLAIM = """\
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {name}
spec:
  accessModes: [{mode}]
  storageClassName: {class_name}
  resources:
    requests:
      storage: {size}
"""

STATIC = """\
apiVersion: v1
kind: PersistentVolume
metadata:
  name: {name}
spec:
  capacity:
    storage: {size}
  accessModes: [ReadWriteMany]
  persistentVolumeReclaimPolicy: Retain
  storageClassName: ""
  mountOptions:
    - nfsvers=4.1
  csi:
    driver: nfs.csi.k8s.io
    volumeHandle: handle-of-{name}
    volumeAttributes:
      server: nfs.example.com
      share: /exports/claims
      subDir: {name}
"""

POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: {name}
spec:
  nodeName: {node}
  containers:
    - name: app
      image: busybox
      volumeMounts:
        - name: data
          mountPath: /data
  volumes:
    - name: data
      persistentVolumeClaim:
        claimName: {claim}
        readOnly: {read_only}
"""


class LabCase(unittest.TestCase):
    """A class's tests share one lab: cluster, ctl, and what helps with claims."""

    maxDiff = 4000
    test_seconds = 120  # until the watchdog bites
    squashed = ()  # exports of the server besides the plain one
    nlm_port = None  # of the server's lock manager

    @classmethod
    def setUpClass(cls):
        # Not below the build directory: socket paths have at most 107 bytes.
        cls.folder = tempfile.mkdtemp(prefix="claimfs-", dir="/var/tmp")
        os.chmod(cls.folder, 0o755)
        cls.reports = os.path.join(cls.folder, "reports")
        os.mkdir(cls.reports)
        cls.cluster = Cluster(PROGRAMS, os.path.join(cls.folder, "lab"),
                              env=sanitizer_environment(cls.reports),
                              squashed=cls.squashed, nlm_port=cls.nlm_port)
        try:
            with cls.watched("the set-up of " + cls.__name__,
                             cls.test_seconds):
                cls.start_lab()
                cls.set_up_lab()
        except BaseException:
            cls.cluster.stop()
            cls.keep_logs()
            raise

    @classmethod
    def start_lab(cls):
        cls.cluster.start()
        cls.ctl = cls.cluster.ctl

    @classmethod
    def set_up_lab(cls):
        """What the class's tests need in the running lab."""

    @classmethod
    def tearDownClass(cls):
        statuses = cls.cluster.stop()
        bad = [f"{log}: ended with {status}" for log, status in
               statuses.items()
               if status not in (0, None) and "ganesha" not in log]
        problems = bad + sanitizer_reports(cls.reports)
        cls.keep_logs()
        if problems:
            raise AssertionError("\n".join(problems))

    @classmethod
    def keep_logs(cls):
        """Moves logs and reports into the build directory, drops the rest."""
        target = os.path.join(PROGRAMS, "integration", cls.__name__)
        shutil.rmtree(target, ignore_errors=True)
        os.makedirs(target)
        for path in glob.glob(cls.folder + "/lab/*/*.log") + \
                glob.glob(cls.reports + "/*"):
            name = os.path.relpath(path, cls.folder).replace("/", "-")
            shutil.copy(path, os.path.join(target, name))
        cls.cluster.down()
        shutil.rmtree(cls.folder)

    def run(self, result=None):
        with self.watched(self.id(), self.test_seconds):
            return super().run(result)

    @classmethod
    @contextlib.contextmanager
    def watched(cls, what, seconds):
        watchdog = threading.Timer(seconds, cls.kill_nodes, (what, seconds))
        watchdog.daemon = True
        watchdog.start()
        try:
            yield
        finally:
            watchdog.cancel()

    @classmethod
    def kill_nodes(cls, what, seconds):
        print(f"watchdog: {what} did not end within {seconds} s, killing the "
              "nodes", flush=True)
        for node in cls.cluster.nodes:
            node.process.signal(signal.SIGKILL)

    # Claims and pods

    @staticmethod
    def class_text(name="fast", reclaim="Delete", is_default="false",
                   trash_ttl="0"):
        return CLASS.format(name=name, reclaim=reclaim, is_default=is_default) \
            .replace('trashTTL: "0"', f'trashTTL: "{trash_ttl}"')

    @classmethod
    def apply_class(cls, *args, **kwargs):
        cls.ctl.apply(cls.cluster.adapt(cls.class_text(*args, **kwargs)))

    @classmethod
    def patch(cls, path, change):
        """As kubectl patch --type=merge; the path is below /api/v1."""
        request = urllib.request.Request(
            f"{cls.cluster.provisioner.url}/api/v1/{path}", method="PATCH",
            data=json.dumps(change).encode(),
            headers={"Content-Type": "application/merge-patch+json"})
        with urllib.request.urlopen(request, timeout=20):
            pass

    @classmethod
    def apply_claim(cls, name, class_name="fast", mode="ReadWriteMany",
                    size="1Gi"):
        """Returns the claim's volume name."""
        cls.ctl.apply(CLAIM.format(name=name, class_name=class_name, mode=mode,
                                   size=size))
        claim = cls.ctl.wait_phase("pvc", name, "Bound")
        return claim["spec"]["volumeName"]

    @classmethod
    def apply_pod(cls, name, claim, node="node-a", read_only=False):
        """Returns where the claim is mounted for the pod."""
        cls.ctl.apply(POD.format(name=name, claim=claim, node=node,
                                 read_only=str(read_only).lower()))
        cls.ctl.wait_phase("pod", name, "Running", seconds=30)
        return cls.ctl.pod_path(name, "data")

    @classmethod
    def apply_mounts(cls, name, mode):
        """A claim of this access mode, by the mounts of as many nodes as it
        allows."""
        cls.apply_claim(name, mode=mode)
        nodes = ("node-a", "node-b") if mode == "ReadWriteMany" else ("node-a",)
        return [cls.apply_pod(f"{name}-{node}", name, node) for node in nodes]

    @classmethod
    def delete_pods(cls, *names):
        cls.ctl("delete", "pod", *names)
        for name in names:
            cls.ctl.wait_phase("pod", name, None, seconds=30)

    def backing(self, volume):
        return os.path.join(self.cluster.export, volume)

    @contextlib.contextmanager
    def server_away(self):
        """For names that change behind the server: it would go on to answer from
        its cache of names for a while, some releases for very long."""
        self.cluster.server.stop()
        try:
            yield
        finally:
            self.cluster.server.start()
