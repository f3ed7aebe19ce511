# SPDX-License-Identifier: Apache-2.0
"""Our answers beside those of a real API server (1.36) to the same requests, field by
field. api_answers/recorded.json has them in the order in which they were given, without
managedFields; DIFFERENCES names every field in which we mean to differ."""

import http.client
import json
import os
import re
import socket
import subprocess
import tempfile
import unittest

import lab_case
from lab import wait_for

HERE = os.path.dirname(os.path.realpath(__file__))

# Fields that no two servers have in common.
OWN = re.compile(r"(uid|resourceVersion|creationTimestamp|continue"
                 r"|lastPhaseTransitionTime)$")

# Answer and field (patterns) -> why it is not as recorded.
DIFFERENCES = [
    (".*", r"details$|details\.(?!causes).*",
     "details of a failure are there where they say something"),
    ("pvc-list-limit1", r"items\[0\]\.(kind|apiVersion)",
     "a list is put together from stored texts, which have their kind"),
    ("pv-create-warning-header", r"spec\.bogus",
     "an unknown field is kept, so that who applied it sees it"),
    ("pvc-.*", r".*metadata\.annotations\.volume.*storage-provisioner",
     "the class is not ours: nobody has to be told who provisions"),
    ("pvc-list-bad-continue-400|pv-create-(malformed|badquantity)-400"
     "|pv-create-415", r"message",
     "the sentences of Go's decoders are not imitated"),
    ("pv-create-badquantity-400", r"HTTP|reason|code|status|details.*",
     "a bad quantity is found by validation: Invalid instead of BadRequest"),
    ("selfsubjectaccessreview", r"status\.reason",
     "says why everybody may do everything"),
    ("pvc-list-limit1", r"metadata\.remainingItemCount",
     "one claim less was made here"),
    ("pvc-list-future-rv-504", "message", "names the current revision"),
]


class UnixConnection(http.client.HTTPConnection):

    def __init__(self, path):
        super().__init__("localhost", timeout=20)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def fields(value, path=""):
    """{path: value} of everything that is no object and no list."""
    if isinstance(value, dict) and value:
        return {k: v for name, item in value.items()
                for k, v in fields(item, f"{path}.{name}".strip(".")).items()}
    if isinstance(value, list) and value:
        return {k: v for i, item in enumerate(value)
                for k, v in fields(item, f"{path}[{i}]").items()}
    return {path: value}


class Answers(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="answers.")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.socket = f"{cls.folder.name}/api.sock"
        program = os.path.join(lab_case.PROGRAMS,
                               "provisioner/claimfs-provisioner")
        cls.log = open(f"{cls.folder.name}/log", "w", encoding="utf-8")
        cls.addClassCleanup(cls.log.close)
        cls.process = subprocess.Popen(
            [program, "--standalone", "--state-dir", cls.folder.name,
             "--socket", cls.socket], stderr=cls.log)
        cls.addClassCleanup(cls.process.wait)
        cls.addClassCleanup(cls.process.terminate)
        wait_for(lambda: os.path.exists(cls.socket), "the API", 30)

    def ask(self, step):
        connection = UnixConnection(self.socket)
        connection.request(step["method"], step["path"],
                           step["request"].encode(),
                           {"Content-Type": step["type"]})
        response = connection.getresponse()
        body = json.loads(response.read())
        connection.close()
        return response.status, body

    def differing(self, step, status, body):
        """Lines for fields that differ, and are not meant to."""
        wanted = fields({**step["body"], "HTTP": step["status"]})
        found = fields({**body, "HTTP": status})
        for path in sorted(wanted.keys() | found.keys()):
            if OWN.search(path) or wanted.get(path) == found.get(path):
                continue
            if any(re.fullmatch(name, step["name"]) and re.fullmatch(
                    pattern, path) for name, pattern, _ in DIFFERENCES):
                continue
            yield (f"{step['name']}: {path}: {found.get(path)!r} instead of "
                   f"{wanted.get(path)!r}")

    def test_answers_are_those_of_a_real_server(self):
        with open(f"{HERE}/api_answers/recorded.json",
                  encoding="ascii") as recorded:
            steps = json.load(recorded)
        lines = [line for step in steps
                 for line in self.differing(step, *self.ask(step))]
        self.assertEqual(lines, [], "\n" + "\n".join(lines))
