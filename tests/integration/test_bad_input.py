# SPDX-License-Identifier: Apache-2.0
"""Bad input: one clear sentence, the right exit status, and nothing changed."""

import json
import os
import sqlite3
import subprocess
import urllib.error
import urllib.request

from lab import free_port, wait_for
from lab.claimfs import program
import lab_case
from lab_case import CLAIM, CLASS, LabCase


class BadInput(LabCase):

    @classmethod
    def set_up_lab(cls):
        cls.apply_class()
        cls.good_class = cls.cluster.adapt(CLASS.format(
            name="bad", reclaim="Delete", is_default="false"))
        cls.good_claim = CLAIM.format(name="bad", mode="ReadWriteMany",
                                      size="1Gi", class_name="fast")

    def everything(self):
        return self.ctl("get", "sc,pv,pvc,pods", "-A", "-o", "name")

    def assert_sentence(self, done, status, *words):
        """One line on stderr with all words, and this exit status."""
        self.assertEqual(done.returncode, status, done.stderr)
        lines = done.stderr.strip().splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        for word in words:
            self.assertIn(word, lines[0])

    def refuse(self, manifest, *words):
        before = self.everything()
        done = self.ctl.run("apply", "-f", "-", stdin=manifest)
        self.assert_sentence(done, 1, *words)
        self.assertEqual(self.everything(), before)

    def test_unknown_kind(self):
        self.refuse("apiVersion: v1\nkind: Sandwich\nmetadata:\n  name: x\n",
                    "Sandwich")

    def test_bad_quantity(self):
        self.refuse(self.good_claim.replace("1Gi", "1Gibi"), "1Gibi",
                    "storage")

    def test_missing_field(self):
        for gone, field in (("  accessModes: [ReadWriteMany]\n",
                             "accessModes"),
                            ("  name: bad\n", "metadata"),
                            ("kind: PersistentVolumeClaim\n", "kind")):
            with self.subTest(field):
                self.refuse(self.good_claim.replace(gone, ""), field)

    def test_unknown_access_mode(self):
        self.refuse(self.good_claim.replace("ReadWriteMany", "ReadSometimes"),
                    "ReadSometimes", "accessModes")

    def test_yaml_that_is_none_names_the_line(self):
        self.refuse("apiVersion: v1\nkind: [oops\n", ":")

    def test_duplicate_name(self):
        self.apply_claim("twice")
        done = self.create(self.cluster.provisioner.url + "/api/v1/namespaces/"
                           "default/persistentvolumeclaims", {
                               "apiVersion": "v1",
                               "kind": "PersistentVolumeClaim",
                               "metadata": {"name": "twice"},
                               "spec": {"accessModes": ["ReadWriteMany"],
                                        "resources": {"requests": {
                                            "storage": "1Gi"}}}})
        self.assertEqual(done["code"], 409)
        self.assertEqual(done["reason"], "AlreadyExists")
        self.assertIn("twice", done["message"])

    def create(self, url, body):
        request = urllib.request.Request(
            url, json.dumps(body).encode(),
            {"Content-Type": "application/json"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with self.assertRaises(urllib.error.HTTPError) as caught:
            opener.open(request, timeout=20)
        with caught.exception as answer:
            return json.loads(answer.read())

    def test_a_claims_spec_can_not_change(self):
        self.apply_claim("fixed")
        done = self.ctl.run("apply", "-f", "-", stdin=CLAIM.format(
            name="fixed", mode="ReadWriteOnce", size="1Gi", class_name="fast"))
        self.assert_sentence(done, 1, "spec")

    def test_subdir_that_climbs(self):
        for bad in ("../up", "a/../../b", "/absolute", "a//b", ".claimfs/x"):
            with self.subTest(bad):
                self.refuse(self.good_class.replace(
                    "parameters:\n", f"parameters:\n  subDir: {bad}\n"),
                    "subDir", bad)

    def test_unknown_parameter(self):
        self.refuse(self.good_class.replace(
            "parameters:\n", "parameters:\n  colour: red\n"), "colour")

    def test_unknown_mount_option(self):
        self.refuse(self.good_class.replace("nfsvers=4.1", "sparkle"),
                    "sparkle")
        self.refuse(self.good_class.replace("nfsvers=4.1", "port=70000"),
                    "port", "70000")

    def pending_with_event(self, name, class_text, *words):
        self.ctl.apply(class_text)
        self.ctl.apply(CLAIM.format(name=name, mode="ReadWriteMany",
                                    size="1Gi", class_name=name))

        def events():
            found = json.loads(self.ctl("get", "events", "-o", "json"))
            return [event["message"] for event in found["items"]
                    if event["involvedObject"].get("name") == name
                    and event["type"] == "Warning"]
        message = wait_for(events, f"a warning about {name}", 30)[0]
        for word in words:
            self.assertIn(word, message)
        self.assertEqual(self.ctl.phase("pvc", name), "Pending")
        self.ctl("delete", "pvc", name)
        self.ctl("delete", "sc", name)

    def test_a_server_that_can_not_be_reached(self):
        text = self.good_class.replace("name: bad", "name: away").replace(
            f"port={self.cluster.server.port}", f"port={free_port()}").replace(
            f"mountport={self.cluster.server.mount_port}",
            f"mountport={free_port()}")
        self.pending_with_event("away", text, "127.0.0.1")

    def test_a_share_that_does_not_exist(self):
        text = self.good_class.replace("name: bad", "name: noshare").replace(
            f"share: {self.cluster.export}", "share: /no/such/share")
        self.pending_with_event("noshare", text, "/no/such/share")

    def start_provisioner(self, state):
        return subprocess.run(
            [program(lab_case.PROGRAMS, "claimfs-provisioner"), "--standalone",
             "--state-dir", state, "--socket", f"{state}/other.sock"],
            text=True, capture_output=True, timeout=30, check=False,
            env={**os.environ, **self.cluster.env})

    def test_a_second_provisioner_on_the_state_dir(self):
        state = self.cluster.provisioner.state
        done = self.start_provisioner(state)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(state, done.stderr)
        self.assertLessEqual(len(done.stderr.strip().splitlines()), 1)
        self.everything()

    def test_a_database_that_is_not_ours(self):
        state = os.path.join(self.folder, "foreign")
        os.mkdir(state)
        path = os.path.join(state, "claimfs.db")
        database = sqlite3.connect(path)
        database.execute("CREATE TABLE song (title TEXT)")
        database.commit()
        database.close()
        with open(path, "rb") as f:
            before = f.read()
        done = self.start_provisioner(state)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("claimfs.db", done.stderr)
        with open(path, "rb") as f:
            self.assertEqual(f.read(), before)

    def test_bad_command_lines(self):
        for name in ("claimfs-node", "claimfs-provisioner", "claimctl"):
            with self.subTest(name):
                done = subprocess.run(
                    [program(lab_case.PROGRAMS, name), "--no-such-option"],
                    text=True, capture_output=True, timeout=20, check=False,
                    env={**os.environ, **self.cluster.env})
                self.assert_sentence(done, 2, name, "no-such-option")

    def test_help_and_version(self):
        for name in ("claimfs-node", "claimfs-provisioner", "claimctl"):
            for option in ("--help", "--version"):
                with self.subTest(f"{name} {option}"):
                    done = subprocess.run(
                        [program(lab_case.PROGRAMS, name), option], text=True,
                        capture_output=True, timeout=20, check=False,
                        env={**os.environ, **self.cluster.env})
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertIn(name, done.stdout)
                    self.assertEqual(done.stderr, "")

    def test_bad_verbs_and_names_of_claimctl(self):
        self.assert_sentence(self.ctl.run("dance"), 2, "dance")
        self.assert_sentence(self.ctl.run("get", "sandwiches"), 2,
                             "sandwiches")
        self.assert_sentence(self.ctl.run("get", "pvc", "nobody"), 1, "nobody",
                             "not found")
        self.assert_sentence(self.ctl.run("apply", "-f", "/no/such/file"), 1,
                             "/no/such/file")
        self.assert_sentence(self.ctl.run("get", "pvc", "-o", "xml"), 2, "xml")
        done = self.ctl.run("get", "pvc", "--server", "unix:///no/such.sock")
        self.assert_sentence(done, 1, "/no/such.sock")

    def test_a_provisioner_wants_its_nodes_well_formed(self):
        done = subprocess.run(
            [program(lab_case.PROGRAMS, "claimfs-provisioner"), "--standalone",
             "--node", "a=nonsense"], text=True, capture_output=True, timeout=20,
            check=False, env={**os.environ, **self.cluster.env})
        self.assert_sentence(done, 2, "a=nonsense")
