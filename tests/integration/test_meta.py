# SPDX-License-Identifier: Apache-2.0
"""The virtual files: .meta in every view, and the node's own tree."""

import contextlib
import errno
import json
import os
import resource
import shutil

from lab import wait_for
from lab_case import LabCase


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def within_limit(path):
    try:
        return bool(read(path))
    except OSError:
        return False


class Meta(LabCase):

    @classmethod
    def set_up_lab(cls):
        cls.apply_class()
        cls.volume = cls.apply_claim("shared")
        cls.a = cls.apply_pod("pod-a", "shared", "node-a")
        cls.reader = cls.apply_pod("pod-ro", "shared", "node-b", True)
        cls.meta = cls.cluster.nodes[0].meta
        cls.here = cls.a + "/folder"
        os.mkdir(cls.here)

    def test_it_is_not_listed_but_can_be_entered(self):
        self.assertNotIn(".meta", os.listdir(self.a))
        self.assertLessEqual(
            {"claim", "mode", "volume", "stats", "quota", "health"},
            set(os.listdir(f"{self.a}/.meta")))

    def test_it_exists_at_the_root_only(self):
        self.assertFalse(os.path.exists(f"{self.here}/.meta"))

    def test_claim_and_mode(self):
        self.assertEqual(read(f"{self.a}/.meta/claim"), "default/shared\n")
        self.assertEqual(read(f"{self.a}/.meta/mode"), "rw ReadWriteMany\n")

    def test_a_read_only_pod_says_so(self):
        self.assertEqual(read(f"{self.reader}/.meta/mode"),
                         "ro ReadWriteMany\n")

    def test_the_volume_is_json_without_the_server(self):
        text = read(f"{self.a}/.meta/volume")
        volume = json.loads(text)
        self.assertEqual(volume["capacity"], 2**30)
        self.assertEqual(volume["class"], "fast")
        self.assertEqual(volume["reclaimPolicy"], "Delete")
        self.assertEqual(volume["accessModes"], ["ReadWriteMany"])
        quota = json.loads(read(f"{self.a}/.meta/quota"))
        self.assertEqual(quota["bytes"]["limit"], 2**30)
        self.assertNotIn("127.0.0.1", text)
        self.assertNotIn(self.cluster.export, text)

    def test_stats_move(self):
        before = read(f"{self.a}/.meta/stats")
        with open(f"{self.here}/file", "wb") as f:
            f.write(b"x" * 100000)
        self.assertNotEqual(read(f"{self.a}/.meta/stats"), before)

    def test_a_pod_can_not_fill_the_daemons_memory(self):
        path = f"{self.a}/.meta/stats"
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
        with contextlib.ExitStack() as opened:
            opened.callback(resource.setrlimit, resource.RLIMIT_NOFILE,
                            (soft, hard))
            with self.assertRaises(OSError) as caught:
                for _ in range(2000):
                    opened.enter_context(open(path, "rb"))
            self.assertEqual(caught.exception.errno, errno.ENFILE)
        # RELEASE is asynchronous.
        wait_for(lambda: within_limit(path), "files to be closed")

    def test_who_sends_what_is_there_is_told_to_read_it(self):
        """busybox's cat reads after a refusal, and takes nothing for the end. Where the
        kernel writes back, it would add zeros."""
        self.apply_claim("own", mode="ReadWriteOncePod")
        own = self.apply_pod("pod-own", "own", "node-a")
        there, here = os.pipe()
        self.addCleanup(os.close, there)
        self.addCleanup(os.close, here)
        for pod, text in ((self.a, b"default/shared\n"), (own, b"default/own\n")):
            with open(f"{pod}/.meta/claim", "rb", buffering=0) as f:
                for _ in range(2):
                    with self.assertRaises(OSError):
                        os.sendfile(here, f.fileno(), None, 1 << 16)
                self.assertEqual(f.read(), text)
            with open(f"{pod}/.meta/claim", "rb") as f:
                self.assertEqual(f.read(), text)
            copy = os.path.join(self.cluster.folder, "copy")
            shutil.copyfile(f"{pod}/.meta/claim", copy)
            with open(copy, "rb") as f:
                self.assertEqual(f.read(), text)

    def test_health_is_ok(self):
        self.assertTrue(read(f"{self.a}/.meta/health").startswith("ok"))

    def test_nothing_can_be_made_changed_or_removed_there(self):
        def attempt(function, *args):
            with self.assertRaises(OSError) as caught:
                function(*args)
            return caught.exception.errno
        refusals = (errno.EPERM, errno.EACCES, errno.EROFS, errno.ENOSYS,
                    errno.EXDEV, errno.EINVAL, errno.EEXIST)
        meta = f"{self.a}/.meta"
        with open(f"{self.here}/f", "w", encoding="ascii"):
            pass
        for call in ((os.mkdir, f"{meta}/new"), (os.unlink, f"{meta}/claim"),
                     (os.mkdir, meta), (os.rename, meta, f"{self.a}/x"),
                     (os.rename, f"{self.here}/f", f"{meta}/f"),
                     (os.link, f"{self.here}/f", f"{meta}/f"),
                     (os.chmod, f"{meta}/claim", 0o777),
                     (open, f"{meta}/claim", "w")):
            self.assertIn(attempt(*call), refusals, call)
        self.assertEqual(read(f"{meta}/claim"), "default/shared\n")

    def test_the_nodes_tree_lists_volumes_and_pods(self):
        self.assertLessEqual({"version", "metrics", "servers", "volumes"},
                             set(os.listdir(self.meta)))
        self.assertEqual(os.listdir(f"{self.meta}/volumes"), [self.volume])
        folder = f"{self.meta}/volumes/{self.volume}"
        self.assertIn("pod-a", read(f"{folder}/pods"))
        self.assertIn("127.0.0.1", read(f"{folder}/server"))
        self.assertTrue(read(f"{folder}/health").startswith("ok"))

    def test_metrics_are_prometheus_text(self):
        text = read(f"{self.meta}/metrics")
        self.assertIn("# TYPE claimfs_", text)
        for line in text.splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                self.assertRegex(name, r"^claimfs_[a-z0-9_]+(\{.*\})?$")
                float(value)

    def test_control_refuses_nonsense(self):
        with self.assertRaises(OSError) as caught:
            with open(f"{self.meta}/control", "w", encoding="ascii") as f:
                f.write("dance\n")
        self.assertEqual(caught.exception.errno, errno.EINVAL)

    def test_control_sets_the_log_level(self):
        for level in ("debug", "info"):
            with open(f"{self.meta}/control", "w", encoding="ascii") as f:
                f.write(f"log-level {level}\n")
