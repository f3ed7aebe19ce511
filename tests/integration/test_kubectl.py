# SPDX-License-Identifier: Apache-2.0
"""An unmodified kubectl against --listen."""

import glob
import json
import os
import re
import shutil
import subprocess

import lab_case
from lab_case import CLAIM, CLASS, POD, LabCase


def find_kubectl():
    """The one on the PATH; else Debian's, unpacked beside the build, because on
    some machines its package conflicts with another one's files."""
    found = shutil.which("kubectl")
    if found:
        return found
    folder = os.path.join(lab_case.PROGRAMS, "kubectl")
    path = os.path.join(folder, "usr/bin/kubectl")
    os.makedirs(folder, exist_ok=True)
    for package in ("kubectl", "kubernetes-client"):  # Debian 13's, 12's
        if os.path.exists(path):
            return path
        subprocess.run(["apt-get", "download", "-q", package], cwd=folder,
                       capture_output=True, check=False)
        for found in glob.glob(f"{folder}/{package}_*.deb"):
            subprocess.run(["dpkg", "-x", found, folder], check=True)
    return path if os.path.exists(path) else None


class Kubectl(LabCase):

    @classmethod
    def set_up_lab(cls):
        cls.program = find_kubectl()
        cls.home = os.path.join(cls.folder, "home")
        os.mkdir(cls.home)

    def setUp(self):
        if not self.program:
            self.skipTest("there is no kubectl, and apt can't download one")

    def run_kubectl(self, *args, stdin=None):
        return subprocess.run(
            [self.program, "--server", self.cluster.provisioner.url, *args],
            input=stdin, text=True, capture_output=True, check=False,
            timeout=60, env={"HOME": self.home, "PATH": os.environ["PATH"],
                             "NO_PROXY": "*"})

    def kubectl(self, *args, stdin=None):
        done = self.run_kubectl(*args, stdin=stdin)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def refused(self, *args, stdin=None):
        done = self.run_kubectl(*args, stdin=stdin)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        return done.stderr

    def same_description(self, kind, name):
        """claimctl's is kubectl's, but for blanks, ages, and the order of what
        happened within a second."""
        def words(text):
            lines = [re.sub(r"\b\d+[smh]\b", "AGE", " ".join(line.split()))
                     for line in text.splitlines() if line.strip()]
            n = next((i for i, line in enumerate(lines)
                      if line.startswith("Events:")), len(lines))
            return lines[:n] + sorted(lines[n:])
        self.assertEqual(words(self.cluster.ctl("describe", kind, name)),
                         words(self.kubectl("describe", kind, name)))

    def apply(self, text):
        return self.kubectl("apply", "-f", "-", stdin=text)

    def test_a_claims_conditions_are_described(self):
        self.apply(CLAIM.format(name="stuck", mode="ReadWriteMany", size="1Gi",
                                class_name="none"))
        condition = {"type": "ControllerResizeError", "status": "True",
                     "lastProbeTime": None, "message": "no room on the share",
                     "lastTransitionTime": "2026-02-03T04:05:06Z"}
        self.kubectl("patch", "pvc", "stuck", "--subresource=status",
                     "--type=merge", "-p",
                     json.dumps({"status": {"conditions": [condition]}}))
        self.same_description("pvc", "stuck")
        self.assertIn("Tue, 03 Feb 2026 04:05:06 +0000",
                      self.cluster.ctl("describe", "pvc", "stuck"))

    def test_a_claim_from_apply_to_delete(self):
        text = self.cluster.adapt(CLASS.format(
            name="fast", reclaim="Delete", is_default="true"))
        self.assertIn("created", self.apply(text))
        self.assertIn("unchanged", self.apply(text))
        self.apply(CLAIM.format(name="web", mode="ReadWriteMany", size="1Gi",
                                class_name="fast"))
        self.cluster.ctl.wait_phase("pvc", "web", "Bound")
        self.apply(POD.format(name="web-1", claim="web", node="node-a",
                              read_only="false"))
        self.cluster.ctl.wait_phase("pod", "web-1", "Running")
        lines = self.kubectl("get", "pvc").splitlines()
        self.assertRegex(lines[0], r"^NAME +STATUS +VOLUME +CAPACITY +ACCESS "
                         r"MODES +STORAGECLASS")
        self.assertRegex(lines[1], r"^web +Bound +pvc-[0-9a-f-]+ +1Gi +RWX "
                         r"+fast")
        self.assertIn("default/web", self.kubectl("get", "pv"))
        found = json.loads(self.kubectl("get", "pvc", "web", "-o", "json"))
        self.assertEqual(found["status"]["phase"], "Bound")
        self.assertIn("fast (default)", self.kubectl("get", "sc"))
        self.same_description("pvc", "web")
        self.same_description("pv", found["spec"]["volumeName"])
        self.assertIn("Bound", self.kubectl("describe", "pvc", "web"))
        self.assertIn("web-1", self.kubectl("get", "pods", "-A"))
        self.kubectl("delete", "pod", "web-1", "--timeout=30s")
        self.kubectl("delete", "pvc", "web", "--timeout=30s")
        self.cluster.ctl.wait_phase("pv", found["spec"]["volumeName"], None)
        self.assertNotIn("web", self.kubectl("get", "pvc,pods"))

    def test_apply_finds_a_misspelt_field(self):
        text = CLAIM.format(name="typo", mode="ReadWriteMany", size="1Gi",
                            class_name="none")
        refused = self.refused("apply", "-f", "-", stdin=text.replace(
            "accessModes", "accessModez"))
        self.assertIn('unknown field "', refused)
        self.assertIn("accessModez", refused)
        self.assertIn("created", self.apply(text))
        self.assertIn("configured", self.apply(text.replace(
            "spec:", "  labels: {a: b}\nspec:")))
        self.assertEqual("b", self.kubectl(
            "get", "pvc", "typo", "-o", "jsonpath={.metadata.labels.a}"))
        self.kubectl("delete", "pvc", "typo", "--timeout=30s")

    def test_a_manifest_may_begin_with_its_namespace(self):
        text = "apiVersion: v1\nkind: Namespace\nmetadata: {name: team}\n" \
            "---\n" + CLAIM.format(name="ours", mode="ReadWriteMany",
                                   size="1Gi", class_name="none")
        self.assertIn("namespace/team created",
                      self.kubectl("apply", "-n", "team", "-f", "-",
                                   stdin=text))
        lines = self.kubectl("get", "ns").splitlines()
        self.assertRegex(lines[0], "^NAME +STATUS +AGE")
        self.assertRegex(lines[2], "^team +Active +[0-9]+s")
        self.assertIn("delete its objects",
                      self.refused("delete", "ns", "team"))
        self.kubectl("delete", "pvc", "-n", "team", "--all", "--timeout=30s")
        self.kubectl("delete", "events", "-n", "team", "--all")
        self.assertNotIn("team", self.kubectl("get", "ns"))

    def test_what_is_not_there_is_said(self):
        self.assertIn("yes", self.kubectl("auth", "can-i", "create", "pvc"))
        text = CLAIM.format(name="s", mode="ReadWriteMany", size="1Gi",
                            class_name="none")
        self.assertIn("use apply without --server-side", self.refused(
            "apply", "--server-side", "-f", "-", stdin=text))

    def test_labels_edits_and_conditions(self):
        self.apply(CLAIM.format(name="l", mode="ReadWriteMany", size="1Gi",
                                class_name="none"))
        self.kubectl("label", "pvc", "l", "a=b")
        self.kubectl("annotate", "pvc", "l", "x=y")
        self.kubectl("patch", "pvc", "l", "--type=json", "-p",
                     '[{"op":"remove","path":"/metadata/labels/a"}]')
        self.assertIn("x", self.kubectl("get", "pvc", "l", "-o", "json"))
        if "jsonpath" in self.kubectl("wait", "--help"):  # since 1.23
            self.kubectl("wait", "pvc/l", "--timeout=20s",
                         "--for=jsonpath={.status.phase}=Pending")
        self.kubectl("delete", "pvc", "-l", "!a", "--wait=false",
                     "--cascade=foreground")
        self.kubectl("wait", "pvc/l", "--timeout=20s", "--for=delete")

    def test_explain_knows_the_fields(self):
        out = self.kubectl("explain", "pvc.spec.resources")
        self.assertRegex(out, r"requests\s+<map\[string\]string>")
        out = self.kubectl("explain", "storageclass")
        self.assertRegex(out, r"provisioner\s+<string> -required-")

    def test_the_example_manifests_are_taken_as_they_stand(self):
        folder = os.path.join(os.path.dirname(lab_case.TESTS),
                              "deploy", "examples")
        out = self.kubectl("apply", "-f", folder)
        self.assertIn("pvc-nfs-dynamic", out)
        self.assertIn("pvc-nfs-dynamic", self.kubectl("get", "pvc"))
        self.kubectl("delete", "--timeout=30s", "-f", folder)
        self.assertNotIn("pvc-nfs-dynamic", self.kubectl("get", "pvc"))
