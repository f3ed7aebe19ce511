# SPDX-License-Identifier: Apache-2.0
"""The story that the quickstart tells, a function per chapter; the first line of
each one's docstring is its headline. Every chapter leaves what the next one
starts from."""

import errno
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time

from lab import LabError, Process, free_port, wait_for
from lab.process import answers

EXAMPLES = os.path.join(os.path.dirname(os.path.realpath(__file__)), "examples")
CLAIM = "pvc-nfs-dynamic"
WRITERS = ["writer-1", "writer-2", "writer-3"]
PODS = [*WRITERS, "reader"]

CLAIM_COLUMNS = ["NAME", "STATUS", "VOLUME", "CAPACITY", "ACCESS MODES",
                 "STORAGECLASS", "VOLUMEATTRIBUTESCLASS", "AGE"]
VOLUME_COLUMNS = ["NAME", "CAPACITY", "ACCESS MODES", "RECLAIM POLICY",
                  "STATUS", "CLAIM", "STORAGECLASS", "VOLUMEATTRIBUTESCLASS",
                  "REASON", "AGE"]


class Teller:
    """Shows commands and their output, and checks what must hold."""

    def __init__(self, cluster, is_patient=False):
        self.cluster = cluster
        self.ctl = cluster.ctl
        # A build with sanitizers is not asked for the speed of a release.
        self.claim_seconds = 10 if is_patient else 1
        self.volume = None  # the name of the claim's PV

    def headline(self, number, text):
        print(f"\n== {number}. {text.splitlines()[0]}\n", flush=True)

    def claimctl(self, *args):
        print(f"$ claimctl {shlex.join(args)}", flush=True)
        out = self.ctl(*args)
        print(out, end="", flush=True)
        return out

    def shell(self, *argv, show=None):
        print(f"$ {shlex.join(argv)}", flush=True)
        done = subprocess.run(argv, text=True, capture_output=True,
                              timeout=120, check=False)
        if done.returncode != 0:
            raise LabError(f"{shlex.join(argv)} ended with {done.returncode}: "
                           f"{done.stderr.strip()}")
        out = show(done.stdout) if show else done.stdout
        print(out, end="" if out.endswith("\n") else "\n", flush=True)
        return done.stdout

    def apply(self, name):
        """Applies an example, made fit for this lab's server."""
        with open(os.path.join(EXAMPLES, name), encoding="utf-8") as f:
            text = self.cluster.adapt(f.read())
        folder = os.path.join(self.cluster.folder, "examples")
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return self.claimctl("apply", "-f", path)

    def expect(self, is_so, what, found=None):
        if not is_so:
            raise LabError(f"expected: {what}"
                           + ("" if found is None else f"; found: {found}"))
        print(f"  ok: {what}", flush=True)

    def expect_text(self, text, found, what):
        self.expect(text in found, what, found=repr(found))

    def expect_columns(self, output, columns):
        lines = output.splitlines() or [""]
        found = re.split(r"\s{2,}", lines[0].strip())
        self.expect(found == columns, "the columns are kubectl's: "
                    + ", ".join(columns), found=found)

    def backing(self, volume=None):
        """The volume's folder on the server; None on a foreign server."""
        export = self.cluster.export
        return export and os.path.join(export, volume or self.volume)

    def pod_paths(self, pods=None):
        return {pod: self.ctl.pod_path(pod, "data") for pod in pods or PODS}

    def wait_pods(self, pods):
        for pod in pods:
            self.ctl.wait_phase("pod", pod, "Running", seconds=30)

    def events_about(self, name, kind):
        found = json.loads(self.ctl("get", "events", "-o", "json"))
        return [event for event in found["items"]
                if event["involvedObject"].get("name") == name
                and event["involvedObject"].get("kind") == kind]

    def wait_event(self, kind, name, words):
        """An event about the object whose message has all words."""
        def found():
            return [event for event in self.events_about(name, kind)
                    if all(word in event.get("message", "") for word in words)]
        event = wait_for(found, f"an event about {kind} {name} that mentions "
                         f"{' and '.join(words)}", 20)[0]
        print(f"  {event['type']} {event['reason']}: {event['message']}")
        return event


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def append(path, text):
    with open(path, "a", encoding="utf-8") as f:
        f.write(text)


def error_of(function, *args):
    """The errno name that a call ends with; "success" if it does not fail."""
    try:
        function(*args)
    except OSError as error:
        return errno.errorcode[error.errno]
    return "success"


def a_class(t):
    """A StorageClass says where volumes are made, and is the default"""
    t.apply("storageclass.yaml")
    out = t.claimctl("get", "storageclass")
    t.expect_text("nfs-csi (default)", out, "nfs-csi is the default class")


def a_claim(t):
    """A claim becomes a volume, and a folder on the server"""
    began = time.monotonic()
    t.apply(f"{CLAIM}.yaml")
    claim = t.ctl.wait_phase("pvc", CLAIM, "Bound", t.claim_seconds)
    seconds = time.monotonic() - began
    t.expect(seconds <= t.claim_seconds,
             f"the claim is Bound within {t.claim_seconds} s",
             found=f"{seconds:.2f} s")
    t.volume = f"pvc-{claim['metadata']['uid']}"
    t.expect_columns(t.claimctl("get", "pvc"), CLAIM_COLUMNS)
    out = t.claimctl("get", "pv")
    t.expect_columns(out, VOLUME_COLUMNS)
    t.expect_text(t.volume, out, "the volume is named after the claim's uid")
    t.expect_text(f"default/{CLAIM}", out, "the volume names its claim")
    if t.backing():
        t.shell("ls", "-ld", t.backing())
        t.expect(os.path.isdir(t.backing()), "its folder is on the server")


def some_pods(t):
    """Four pods on two nodes share the volume, one of them read-only"""
    t.apply("pods.yaml")
    t.wait_pods(PODS)
    out = t.claimctl("get", "pods", "-o", "wide")
    t.expect(all(re.search(rf"{pod}\b.*Running", out) for pod in PODS),
             "all four are Running")
    paths = t.pod_paths()
    for pod, path in paths.items():
        print(f"  {pod}: {path}")
    share_a_page(t, paths)
    write_and_read(t, paths)
    what = error_of(append, os.path.join(paths["reader"], "no.txt"), "no\n")
    t.expect(what == "EROFS", "the read-only pod gets EROFS when it writes",
             found=what)


def share_a_page(t, paths):
    """Appends a page on the server; all pods and their web servers have it."""
    target = t.backing() or paths["writer-1"]
    page = os.path.join(target, "index.html")
    servers = {pod: web_server(t, pod, path) for pod, path in paths.items()}
    text = ""
    try:
        for line in ("first line, from the server's side\n", "a second one\n"):
            text += line
            t.shell("sh", "-c", f"printf %s {shlex.quote(line)} >>{page}")
            expect_page(t, text, paths, servers)
    finally:
        for process, _ in servers.values():
            process.stop()


def expect_page(t, text, paths, servers):
    for pod, path in paths.items():
        found = read(os.path.join(path, "index.html"))
        t.expect(found == text, f"{pod} reads it from its folder", repr(found))
    for pod, (_, url) in servers.items():
        found = t.shell("curl", "-sS", "--noproxy", "*", "-m", "10", url)
        t.expect(found == text, f"{pod}'s web server has it", repr(found))


def web_server(t, pod, path):
    number = free_port()
    process = Process(f"web-{pod}", os.path.join(t.cluster.folder, "web"))
    process.start([sys.executable, "-u", "-m", "http.server", str(number),
                   "--bind", "127.0.0.1", "--directory", path],
                  lambda: answers(("127.0.0.1", number)))
    return process, f"http://127.0.0.1:{number}/index.html"


def write_and_read(t, paths):
    """What one pod writes the others read after close, on either node."""
    for writer in WRITERS:
        name, text = f"from-{writer}.txt", f"hello from {writer}\n"
        append(os.path.join(paths[writer], name), text)
        found = {read(os.path.join(path, name)) for path in paths.values()}
        t.expect(found == {text}, f"what {writer} wrote is read in all pods",
                 found)
        if t.backing():
            t.expect(read(os.path.join(t.backing(), name)) == text,
                     f"what {writer} wrote is on the server")


def meta(t):
    """.meta tells about the volume from inside, and the node's own from outside"""
    path = t.pod_paths(["writer-1"])["writer-1"]
    folder = os.path.join(path, ".meta")
    t.expect(".meta" not in os.listdir(path), ".meta is not listed")
    t.shell("ls", folder)
    out = t.shell("cat", f"{folder}/claim", f"{folder}/mode")
    t.expect_text(f"default/{CLAIM}", out, "claim names the claim")
    t.expect_text("rw ReadWriteMany", out, "mode is rw ReadWriteMany")
    before = t.shell("cat", f"{folder}/stats")
    append(os.path.join(path, "from-writer-1.txt"), "once more\n")
    t.expect(read(f"{folder}/stats") != before, "stats move with use")
    t.expect_text("ok", t.shell("cat", f"{folder}/health"), "health is ok")
    node = t.cluster.nodes[0].meta
    t.shell("ls", node, f"{node}/volumes")
    t.expect(t.volume in os.listdir(f"{node}/volumes"),
             "the node's meta mount lists the volume")
    out = t.shell("cat", f"{node}/volumes/{t.volume}/pods")
    t.expect(all(pod in out for pod in ("writer-1", "writer-2")),
             "and the node's two pods that use it", out)
    t.shell("cat", f"{node}/version")


# Holds a file open, and writes on when it is told to.
WRITE_ON = 'exec 3>>"$0"; echo before >&3; echo; read -r go; echo after >&3'


def killed(t):
    """A node daemon that is killed and started again keeps its mounts"""
    paths = t.pod_paths(["writer-1", "reader"])
    node = t.cluster.nodes[0]
    pod = subprocess.Popen(
        ["sh", "-c", WRITE_ON, os.path.join(paths["writer-1"], "open.txt")],
        text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT)
    try:
        pod.stdout.readline()
        print(f"$ kill -KILL {node.process.pid}  # claimfs-node of {node.name}")
        node.process.stop(number=signal.SIGKILL)
        node.start()
        out, _ = pod.communicate("\n", timeout=60)
    finally:
        pod.kill()
    t.expect(pod.returncode == 0, "writer-1 notices nothing", out)
    found = read(os.path.join(paths["reader"], "open.txt"))
    t.expect(found == "before\nafter\n",
             "what it wrote before and after is read by reader", repr(found))
    t.shell("cat", f"{node.meta}/volumes/{t.volume}/pods")


def hopeless(t):
    """What can't be served stays Pending, with an event that says why"""
    t.apply("pod-missing-claim.yaml")
    t.apply("pvc-unservable.yaml")
    t.wait_event("Pod", "pod-missing-claim", ["no-such-claim", "not found"])
    t.wait_event("PersistentVolumeClaim", "pvc-unservable",
                 ["no persistent volumes available"])
    for kind, name in (("pod", "pod-missing-claim"), ("pvc", "pvc-unservable")):
        found = t.ctl.phase(kind, name)
        t.expect(found == "Pending", f"{name} is Pending", found)
    t.claimctl("events")
    t.claimctl("delete", "pod", "pod-missing-claim")
    t.claimctl("delete", "pvc", "pvc-unservable")


def delete_in_use(t):
    """A claim that is deleted while pods use it waits for them"""
    paths = t.pod_paths()
    t.claimctl("delete", "pvc", CLAIM, "--wait=false")
    out = t.claimctl("get", "pvc")
    t.expect_text("Terminating", out, "the claim is Terminating")
    texts = {read(os.path.join(path, "from-writer-2.txt"))
             for path in paths.values()}
    t.expect(texts == {"hello from writer-2\n"}, "the data is untouched", texts)
    t.claimctl("delete", "pod", *PODS)
    for kind, name in [("pod", pod) for pod in PODS] + [
            ("pvc", CLAIM), ("pv", t.volume)]:
        t.ctl.wait_phase(kind, name, None, seconds=30)
        t.expect(True, f"{kind} {name} is gone")
    if t.backing():
        wait_for(lambda: not os.path.lexists(t.backing()),
                 f"{t.backing()} to be removed")
        t.expect(True, "its folder on the server is gone")


def retain(t):
    """With reclaimPolicy Retain the volume and its data outlive the claim"""
    t.apply("storageclass-retain.yaml")
    t.apply("pvc-retain.yaml")
    claim = t.ctl.wait_phase("pvc", "pvc-retain", "Bound")
    volume = claim["spec"]["volumeName"]
    t.wait_pods(["keeper-of-data"])
    path = t.ctl.pod_path("keeper-of-data", "data")
    append(os.path.join(path, "precious.txt"), "keep me\n")
    t.claimctl("delete", "pod", "keeper-of-data")
    t.claimctl("delete", "pvc", "pvc-retain")
    t.ctl.wait_phase("pvc", "pvc-retain", None)
    t.ctl.wait_phase("pv", volume, "Released")
    out = t.claimctl("get", "pv")
    t.expect_text("Released", out, "the volume is Released")
    if t.backing():
        found = t.shell("cat", os.path.join(t.backing(volume), "precious.txt"))
        t.expect(found == "keep me\n", "its data is still on the server")
    else:
        print(f"  {t.cluster.foreign.share}/{volume} stays on your server")


def fio(t):
    """fio writes and verifies checksums on a pod's mount"""
    t.apply(f"{CLAIM}.yaml")
    t.apply("pods.yaml")
    t.wait_pods(PODS)
    t.volume = t.ctl.find("pvc", CLAIM)["spec"]["volumeName"]
    path = t.pod_paths(["writer-1"])["writer-1"]
    out = t.shell(
        "fio", "--name=verify", f"--directory={path}", "--rw=randwrite",
        "--bsrange=4k-256k", "--size=64m", "--ioengine=libaio", "--direct=1",
        "--iodepth=16", "--verify=crc32c", "--verify_fatal=1",
        "--verify_state_save=0", "--group_reporting",
        show=lambda text: "\n".join(
            line for line in text.splitlines()
            if re.match(r"verify: \(|\s+(read|write|READ|WRITE):", line)))
    t.expect_text("err= 0", out, "fio verified what it wrote, without errors")
    os.unlink(os.path.join(path, "verify.0.0"))


CHAPTERS = [a_class, a_claim, some_pods, meta, killed, hopeless, delete_in_use,
            retain, fio]
