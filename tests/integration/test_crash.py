# SPDX-License-Identifier: Apache-2.0
"""A provisioner that is killed again and again while claims and pods come and go.
At the end, when everything was deleted, nothing may be left: no object, no open
intent, nothing on the share, no mount and no folder of a pod."""

import glob
import json
import os
import random
import shutil
import signal
import sqlite3
import time
import urllib.error
import urllib.request

from lab import wait_for
from lab_case import CLAIM, CLASS, LabCase

CLAIMS = "/api/v1/namespaces/default/persistentvolumeclaims"
VOLUMES = "/api/v1/persistentvolumes"
PODS = "/api/v1/namespaces/default/pods"

# CLAIMFS_CRASH_SCALE=N makes it N times as much.
SCALE = int(os.environ.get("CLAIMFS_CRASH_SCALE", "1"))
N_CLAIMS = 80 * SCALE
N_KILLS = 8 * SCALE
SEED = int(os.environ.get("CLAIMFS_CRASH_SEED", "0")) or time.time_ns() % 10**6


def claim(name):
    return {"metadata": {"name": name},
            "spec": {"accessModes": ["ReadWriteMany"],
                     "storageClassName": random.choice(["fast", "named"]),
                     "resources": {"requests": {"storage": "1Gi"}}}}


def pod(name, claim_name, node=None):
    return {"metadata": {"name": name},
            "spec": {"nodeName": node or random.choice(["node-a", "node-b"]),
                     "volumes": [{"name": "data", "persistentVolumeClaim": {
                         "claimName": claim_name}}]}}


class Crash(LabCase):

    @classmethod
    def set_up_lab(cls):
        cls.apply_class("fast")
        # A directory that the next claim of the name gets, too.
        cls.apply_class_with_subdir("named", "by-name/${pvc.metadata.name}")
        cls.apply_class_with_subdir("shared", "shared")

    @classmethod
    def apply_class_with_subdir(cls, name, subdir):
        text = CLASS.format(name=name, reclaim="Delete", is_default="false")
        share = "  share: /exports/claims\n"
        cls.ctl.apply(cls.cluster.adapt(
            text.replace(share, f"{share}  subDir: {subdir}\n")))

    def call(self, method, path, body=None):
        """The answer; None if the provisioner is away or does not want to."""
        request = urllib.request.Request(
            self.cluster.provisioner.url + path, method=method,
            data=body and json.dumps(body).encode(),
            headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)
        except (urllib.error.URLError, OSError, ValueError):
            return None

    def names(self, path):
        found = self.call("GET", path)
        return None if found is None else \
            [item["metadata"]["name"] for item in found["items"]]

    def kill_and_restart(self):
        process = self.cluster.provisioner.process
        process.signal(signal.SIGKILL)
        process.child.wait()
        self.cluster.provisioner.start()

    def make_or_delete(self, number):
        """One step of the disorder; names come back, as people's do."""
        name = f"c{number % (N_CLAIMS // 2)}"
        self.call("POST", CLAIMS, claim(name))
        if random.random() < 0.5:
            self.call("POST", PODS, pod(f"p{number}", name))
        for path, chance in ((CLAIMS, 0.5), (PODS, 0.4)):
            there = self.names(path)
            if there and random.random() < chance:
                self.call("DELETE", f"{path}/{random.choice(there)}")
        self.fill_one(number)
        time.sleep(random.random() * 0.15)

    def fill_one(self, number):
        """Removing what is not empty takes a while, so kills come into it."""
        top = self.cluster.export
        there = [name for name in os.listdir(top) if name.startswith("pvc-")]
        try:
            folder = os.path.join(top, random.choice(there), f"d{number}")
            os.makedirs(folder)
            for i in range(random.choice((1, 200))):
                with open(f"{folder}/{i}", "wb"):
                    pass
        except (IndexError, OSError):
            """There was none, or it was just removed."""

    def delete_everything(self):
        def is_gone():
            left = 0
            for path in (PODS, CLAIMS, VOLUMES):
                if path != VOLUMES:
                    self.call("DELETE", path)
                names = self.names(path)
                left += 1 if names is None else len(names)
            return left == 0
        wait_for(is_gone, "everything to go", 60 * SCALE)

    def open_intents(self):
        path = f"file:{self.cluster.provisioner.state}/claimfs.db?mode=ro"
        with sqlite3.connect(path, uri=True, timeout=5) as db:
            return db.execute("select step, detail from intent "
                              "where outcome is null").fetchall()

    def on_the_share(self):
        """What is there beyond the folders that every share has."""
        top = self.cluster.export
        return [os.path.join(folder, name)
                for folder, dirs, files in os.walk(top)
                for name in dirs + files
                if os.path.relpath(os.path.join(folder, name), top) not in
                (".claimfs", ".claimfs/trash", ".claimfs/volumes", "by-name")]

    def mounts(self):
        with open("/proc/self/mountinfo", encoding="utf-8") as f:
            return [line for line in f if self.cluster.provisioner.state in line]

    def pod_folders(self):
        top = self.cluster.provisioner.state + "/nodes"
        return [folder for folder, _, _ in os.walk(top)
                if "/pods/" in folder or "/globalmount" in folder]

    def wait_for_nothing_left(self):
        self.delete_everything()
        wait_for(lambda: not self.open_intents(), "intents to be closed", 30)
        wait_for(lambda: not self.on_the_share(), "the trash to be empty", 30)

    def test_half_a_descriptor_goes_with_its_claim(self):
        volume = self.apply_claim("model")
        provisioner = self.cluster.provisioner
        with open(f"{self.cluster.export}/.claimfs/volumes/{volume}.json",
                  encoding="utf-8") as f:
            whole = f.read()
        provisioner.process.stop()
        with sqlite3.connect(f"{provisioner.state}/claimfs.db") as db:
            db.execute(
                "insert into intent (step, volume, detail) select step, "
                "'pvc-half', replace(replace(detail, volume, 'pvc-half'), "
                "'\"model\"', '\"half\"') from intent where volume = ?",
                (volume,))
        db.close()
        with open(f"{self.cluster.export}/.claimfs/volumes/pvc-half.tmp", "w",
                  encoding="utf-8") as f:
            f.write(whole[:20])
        provisioner.start()
        self.wait_for_nothing_left()

    def test_a_claim_that_wanted_anothers_directory_leaves_no_trace(self):
        volume = self.apply_claim("first", "shared")
        with open(self.backing("shared") + "/data", "w", encoding="ascii"):
            pass
        self.ctl.apply(CLAIM.format(name="second", mode="ReadWriteMany",
                                    class_name="shared", size="1Gi"))
        wait_for(lambda: f"overlaps with that of volume {volume}" in
                 self.ctl("get", "events", "-o", "json"), "an event", 20)
        self.ctl("delete", "pvc", "second")
        wait_for(lambda: not self.open_intents(), "its intent to be closed")
        self.assertTrue(os.path.exists(self.backing("shared") + "/data"))
        self.wait_for_nothing_left()

    def test_what_lies_in_the_trash_is_looked_at_before_it_goes(self):
        volume = self.apply_claim("trashed")
        foreign = f"{self.cluster.export}/.claimfs/trash/{volume}"
        with self.server_away():
            os.makedirs(f"{foreign}/precious")
        self.ctl("delete", "pvc", "trashed")
        wait_for(lambda: "what lies in the trash" in
                 self.ctl("get", "events", "-A", "-o", "json"), "an event", 20)
        self.assertTrue(os.path.exists(f"{foreign}/precious"))
        with self.server_away():
            shutil.rmtree(foreign)
        self.wait_for_nothing_left()

    def test_a_pod_without_its_finalizer_leaves_no_mount(self):
        self.apply_claim("forced")
        self.apply_pod("forced", "forced")
        request = urllib.request.Request(
            f"{self.cluster.provisioner.url}{PODS}/forced", method="PATCH",
            data=b'{"metadata":{"finalizers":null}}',
            headers={"Content-Type": "application/merge-patch+json"})
        with urllib.request.urlopen(request, timeout=10):
            """It has no finalizer any more."""
        self.call("DELETE", f"{PODS}/forced")
        wait_for(lambda: not self.mounts(), "the mount to go")
        self.wait_for_nothing_left()
        self.assertEqual(self.pod_folders(), [])

    def test_a_folder_deeper_than_any_path_is_removed(self):
        volume = self.apply_claim("deep")
        top = os.open(self.backing(volume), os.O_RDONLY)
        for _ in range(4500):
            os.mkdir("d", dir_fd=top)
            below = os.open("d", os.O_RDONLY, dir_fd=top)
            os.close(top)
            top = below
        os.close(os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=top))
        os.close(top)
        self.wait_for_nothing_left()

    def test_a_node_that_hangs_does_not_keep_it_from_ending(self):
        volume = self.apply_claim("hung")
        self.apply_claim("warm")
        self.apply_pod("warm", "warm")  # there is a connection now
        node = self.cluster.nodes[0].process
        provisioner = self.cluster.provisioner
        node.signal(signal.SIGSTOP)
        try:
            self.call("POST", PODS, pod("hung", "hung", "node-a"))
            wait_for(lambda: glob.glob(f"{provisioner.state}/nodes/node-a"
                                       f"/plugins/*/*/*/{volume}/globalmount"),
                     "the pod's volume to be staged")
            began = time.monotonic()
            self.assertEqual(provisioner.process.stop(), 0)
            self.assertLess(time.monotonic() - began, 3)
        finally:
            node.signal(signal.SIGCONT)
            provisioner.start()
        self.ctl.wait_phase("pod", "hung", "Running")
        self.delete_everything()

    def test_nothing_is_left_after_kills(self):
        print(f"seed {SEED}", flush=True)
        random.seed(SEED)
        kills = sorted(random.sample(range(N_CLAIMS), N_KILLS))
        for number in range(N_CLAIMS):
            self.make_or_delete(number)
            if number in kills:
                # At any moment of what the last steps have begun.
                time.sleep(random.random() * 0.1)
                self.kill_and_restart()
        self.kill_and_restart()
        self.wait_for_nothing_left()
        self.assertEqual(self.mounts(), [])
        self.assertEqual(self.pod_folders(), [])
