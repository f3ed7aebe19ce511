# SPDX-License-Identifier: Apache-2.0
"""claimctl for people: what it says, how it looks, and the verbs of kubectl that a
host without kubectl wants."""

import os
import pty
import re
import subprocess
import threading

from lab_case import CLAIM, LabCase

SECONDS = 30


class Claimctl(LabCase):

    @classmethod
    def set_up_lab(cls):
        cls.apply_class()
        cls.volume = cls.apply_claim("data")
        cls.path = cls.apply_pod("web", "data")

    def fails(self, status, *args, env=None):
        done = subprocess.run(
            [self.ctl.program, *args], env={**self.ctl.env, **(env or {})},
            text=True, capture_output=True, timeout=SECONDS, check=False)
        self.assertEqual(done.returncode, status, done.stdout)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        return done.stderr

    # Labels and annotations

    def meta(self, field):
        return self.ctl.find("pvc", "data")["metadata"].get(field, {})

    def test_labels_are_set_kept_and_removed(self):
        out = self.ctl("label", "pvc", "data", "app=web", "tier=a")
        self.assertEqual(out, "persistentvolumeclaim/data labeled\n")
        self.assertEqual(self.meta("labels"), {"app": "web", "tier": "a"})
        self.ctl("label", "pvc", "data", "app=web")
        self.assertIn("already has a value (web)",
                      self.fails(1, "label", "pvc", "data", "app=db"))
        self.ctl("label", "--overwrite", "pvc/data", "app=db", "tier-")
        self.assertEqual(self.meta("labels"), {"app": "db"})
        self.assertIn("data", self.ctl("get", "pvc", "-l", "app=db"))
        self.ctl("label", "pvc", "data", "app-")
        self.assertEqual(self.meta("labels"), {})

    def test_annotations_are_set_and_removed(self):
        text = "the web team = us"
        out = self.ctl("annotate", "pvc", "data", f"example.com/owner={text}")
        self.assertEqual(out, "persistentvolumeclaim/data annotated\n")
        self.assertEqual(self.meta("annotations")["example.com/owner"], text)
        self.ctl("annotate", "pvc", "data", "example.com/owner-")
        self.assertNotIn("example.com/owner", self.meta("annotations"))

    # Patches, and an editor

    def test_patches_of_each_kind(self):
        owner = "example.com/owner"
        for kind, text, found in (
                ("merge", '{"metadata":{"annotations":{"%s":"us"}}}', "us"),
                ("strategic", "metadata: {annotations: {%s: we}}", "we"),
                ("json", '[{"op":"remove","path":"/metadata/annotations/%s"}]',
                 None)):
            name = owner.replace("/", "~1") if kind == "json" else owner
            out = self.ctl("patch", "pvc", "data", "--type", kind, "-p",
                           text % name)
            self.assertEqual(out, "persistentvolumeclaim/data patched\n")
            self.assertEqual(self.meta("annotations").get(owner), found)
        self.assertEqual(self.ctl("patch", "pvc/data", "-p", "{}"),
                         "persistentvolumeclaim/data patched (no change)\n")
        self.assertIn("-p PATCH", self.fails(2, "patch", "pvc", "data"))
        self.assertIn("not one of merge", self.fails(
            2, "patch", "pvc", "data", "-p", "{}", "--type", "odd"))
        self.assertIn("not one of JSON", self.fails(
            1, "patch", "pvc", "data", "-p", "", "--type", "json"))
        self.assertIn("NotFound", self.fails(1, "patch", "pvc", "none", "-p",
                                             "{}"))
        self.assertIn("spec.resources", self.fails(
            1, "patch", "pvc", "data", "-p",
            "spec: {resources: {requests: {storage: 1Mi}}}"))

    def edit(self, script, status=0):
        """What is said of an edit by that shell script."""
        editor = f"{self.folder}/editor"
        with open(editor, "w", encoding="ascii") as f:
            f.write(script)
        done = subprocess.run(
            [self.ctl.program, "edit", "pvc", "data"], text=True,
            env={**self.ctl.env, "EDITOR": f"sh {editor}"},
            capture_output=True, timeout=SECONDS, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout + done.stderr

    def test_what_was_edited_is_changed_and_nothing_else(self):
        self.ctl("label", "pvc", "data", "edited=no")
        self.assertEqual(self.edit("sed -i 's/edited:.*/edited: maybe/' $1"),
                         "persistentvolumeclaim/data edited\n")
        self.assertEqual(self.meta("labels"), {"edited": "maybe"})
        self.assertEqual(self.edit("true"), "nothing was changed\n")
        self.assertEqual(self.edit(": > $1"), "nothing was changed\n")
        self.assertIn("the editor failed", self.edit("exit 3", 1))
        self.edit("sed -i '/edited:/d' $1")
        self.assertEqual(self.meta("labels"), {})

    def kept(self, said):
        """The file that an edit left, which goes with this test."""
        [path] = re.findall(r"kept in (\S+?):? ", said)
        self.addCleanup(os.unlink, path)
        with open(path, encoding="utf-8") as f:
            return f.read()

    def test_an_edit_that_comes_to_nothing_is_kept(self):
        for script, why in (("s/1Gi/1Mi/", "Forbidden"),
                            ("s/^kind:.*/kind: [/", "yaml:"),
                            ("s/name: data/name: other/", "can't be edited")):
            said = self.edit(f"sed -i '{script}' $1", 1)
            self.assertIn(why, said)
            self.assertIn("kind:", self.kept(said))

    def test_what_was_written_in_an_editor_that_failed_is_kept(self):
        said = self.edit("echo '# my words' >> $1; exit 3", 1)
        self.assertIn("the editor failed", said)
        self.assertIn("# my words", self.kept(said))

    def test_a_change_during_an_edit_is_not_lost(self):
        said = self.edit(f"{self.ctl.program} label pvc data during=edit\n"
                         "sed -i 's/^metadata:/&\\n  labels: {mine: lost}/' $1",
                         1)
        self.assertIn("the object has been modified", said)
        self.assertIn("mine", self.kept(said))
        self.assertEqual(self.meta("labels"), {"during": "edit"})
        self.ctl("label", "pvc", "data", "during-")

    def test_changes_that_make_no_sense(self):
        self.assertIn("KEY=VALUE", self.fails(2, "label", "pvc", "data"))
        self.assertIn("names come before", self.fails(
            2, "label", "pvc", "a=b", "data"))
        self.assertIn("by its name", self.fails(2, "label", "pvc", "a=b"))
        self.assertIn("not found", self.fails(1, "label", "pvc", "nobody",
                                              "a=b"))
        self.assertIn("Invalid value", self.fails(
            1, "label", "pvc", "data", "a=not a label"))

    def test_a_misspelt_field_is_refused_by_its_name(self):
        done = subprocess.run(
            [self.ctl.program, "apply", "-f", "-"], env=self.ctl.env,
            input=CLAIM.format(name="misspelt", class_name="fast",
                               mode="ReadWriteMany", size="1Gi").replace(
                                   "storageClassName", "storageClassname"),
            text=True, capture_output=True, timeout=SECONDS, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn('unknown field "spec.storageClassname"', done.stderr)
        self.assertIsNone(self.ctl.find("pvc", "misspelt"))

    # Waiting

    def test_wait_for_a_field(self):
        what = "--for=jsonpath={.status.phase}=Bound"
        self.assertEqual(self.ctl("wait", what, "pvc/data"),
                         "persistentvolumeclaim/data condition met\n")
        self.assertIn("timed out waiting for the condition on "
                      "persistentvolumeclaims/data", self.fails(
                          1, "wait", "--for=jsonpath={.status.phase}=Lost",
                          "pvc/data", "--timeout=1s"))
        self.assertIn("not found", self.fails(1, "wait", what, "pvc/nobody"))

    def test_wait_sees_what_comes_later(self):
        done = []
        waiter = threading.Thread(target=lambda: done.append(self.ctl(
            "wait", "--for=jsonpath={.metadata.labels.later}=yes",
            "pvc/data")))
        waiter.start()
        self.ctl("label", "pvc", "data", "later=yes")
        waiter.join(SECONDS)
        self.ctl("label", "pvc", "data", "later-")
        self.assertEqual(done, ["persistentvolumeclaim/data condition met\n"])

    def test_what_is_older_than_the_provisioner_is_watched(self):
        provisioner = self.cluster.provisioner
        provisioner.process.stop()
        provisioner.start()
        self.test_wait_sees_what_comes_later()
        with subprocess.Popen(
                [self.ctl.program, "get", "pvc", "data", "-w", "-o", "name"],
                env=self.ctl.env, text=True, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT) as watcher:
            lines = [watcher.stdout.readline()]
            self.ctl("label", "pvc", "data", "later=no")
            lines.append(watcher.stdout.readline())
            watcher.terminate()
        self.ctl("label", "pvc", "data", "later-")
        self.assertEqual(lines, ["persistentvolumeclaim/data\n"] * 2)

    def test_wait_until_it_is_gone(self):
        self.apply_claim("short")
        self.ctl("delete", "pvc", "short", "--wait=false")
        self.ctl("wait", "--for=delete", "pvc/short", "pvc/never-there")
        self.assertIsNone(self.ctl.find("pvc", "short"))

    def test_wait_for_what_makes_no_sense(self):
        for args in ([], ["--for=dinner"], ["--for=jsonpath=.status"],
                     ["--for=jsonpath={.a[0]}=b"], ["--for=condition="]):
            with self.subTest(args):
                self.assertIn("--for", self.fails(2, "wait", *args,
                                                  "pvc/data"))
        self.assertIn("by its name", self.fails(2, "wait", "--for=delete",
                                                "pvc"))

    # Tree and top

    def test_a_tree_of_all(self):
        self.ctl.apply("""\
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: hopeless}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: nowhere
  resources: {requests: {storage: 5Gi}}
""")
        out = self.ctl("tree")
        for line in (r"NAME +STATUS +CAPACITY +ACCESS MODES +NODE", r"sc/fast",
                     rf"\W+pv/{self.volume} +Bound +1Gi +RWX",
                     r"\W+pvc/default/data +Bound +1Gi +RWX",
                     r"\W+pod/default/web +Running +node-a",
                     r"sc/nowhere +absent",
                     r"\W+pvc/default/hopeless +Pending +5Gi +RWO"):
            self.assertRegex(out, "(?m)^" + line)
        self.assertEqual(out.count("pvc/default/data"), 1)
        self.assertNotIn("nowhere", self.ctl("tree", "fast"))
        self.assertIn("no class", self.fails(1, "tree", "slow"))
        self.ctl("delete", "pvc", "hopeless")

    def top(self, *args):
        meta = [f"--meta={node.meta}" for node in self.cluster.nodes]
        return self.ctl("top", *meta, *args)

    def test_top_shows_who_is_busy(self):
        stop = threading.Event()

        def work():
            while not stop.is_set():
                with open(f"{self.path}/busy", "wb") as f:
                    f.write(bytes(1 << 16))

        worker = threading.Thread(target=work)
        worker.start()
        try:
            lines = self.top("-n", "1", "-d", "1").splitlines()
        finally:
            stop.set()
            worker.join(SECONDS)
        self.assertRegex(lines[0], r"^VOLUME +CLAIM +NODE +OPS/s")
        row = lines[1].split()
        self.assertEqual(row[:3], [self.volume, "default/data", "node-a"])
        self.assertGreater(int(row[3]), 0)
        self.assertRegex(row[6], r"^[1-9][0-9.]*[KM]iB$")
        self.assertEqual(row[-1], "ok")

    def test_top_prints_as_often_as_it_is_told(self):
        out = self.top("-n", "2", "-d", "1")
        self.assertEqual(out.count("VOLUME"), 2)
        self.assertNotIn("\033", out)

    def test_top_of_no_node(self):
        self.assertIn("claimfs-node running", self.fails(
            1, "top", "--meta=/no/such/folder"))

    # What it says and how it looks

    def test_a_mistyped_verb(self):
        self.assertIn('did you mean "describe"?', self.fails(2, "desribe"))
        self.assertIn("--help", self.fails(2, "dance"))

    def test_no_server(self):
        text = self.fails(1, "get", "pvc", env={
            "CLAIMFS_SERVER": "unix:///no/such.sock"})
        self.assertIn("systemctl start claimfs-provisioner", text)
        self.assertIn("CLAIMFS_SERVER", text)

    def on_terminal(self, *args, env=None):
        """What it prints on a terminal."""
        ours, theirs = pty.openpty()
        with subprocess.Popen(
                [self.ctl.program, *args], stdout=theirs, stdin=theirs,
                env={**self.ctl.env, "TERM": "xterm", **(env or {})}) as child:
            os.close(theirs)
            out = b""
            while True:
                try:
                    out += os.read(ours, 65536)
                except OSError:  # the other end is closed
                    break
            child.wait(SECONDS)
        os.close(ours)
        return out.decode()

    def test_colours_are_for_terminals(self):
        out = self.on_terminal("tree")
        self.assertIn("\033[32mBound", out)
        self.assertNotIn("\033", self.on_terminal("tree",
                                                  env={"NO_COLOR": "1"}))
        self.assertNotIn("\033", self.on_terminal("tree",
                                                  env={"TERM": "dumb"}))
        self.assertNotIn("\033", self.ctl("tree"))

    def test_columns_are_aligned(self):
        for args in (("get", "pvc"), ("get", "pv"), ("tree",)):
            with self.subTest(args):
                lines = self.ctl(*args).splitlines()
                starts = [m.start() for m in re.finditer(r"(?<=  )\S",
                                                         lines[0])]
                for line in lines[1:]:
                    for at in starts:
                        if at < len(line):
                            self.assertEqual(line[at - 1], " ", line)
