# SPDX-License-Identifier: Apache-2.0
"""A provisioner with a record and a share of its own that is killed at a chosen step,
and all that it leaves, in words that are the same in every run."""

import contextlib
import glob
import http.client
import json
import mmap
import os
import re
import shutil
import signal
import socket
import sqlite3
import stat
import struct
import tempfile

import grpc

from lab import (LabError, Provisioner, mounts_below, unmount_below,
                 wait_for)

CORE = "/api/v1"
KINDS = {
    "class": "/apis/storage.k8s.io/v1/storageclasses",
    "volume": f"{CORE}/persistentvolumes",
    "claim": f"{CORE}/namespaces/default/persistentvolumeclaims",
    "pod": f"{CORE}/namespaces/default/pods",
    "CSI claim": f"{CORE}/namespaces/claimfs-csi/persistentvolumeclaims",
}
REPEATED = (grpc.StatusCode.ABORTED, grpc.StatusCode.DEADLINE_EXCEEDED,
            grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
TIMES = re.compile(r".*Timestamp|.*Time")
# Far more than any story has.
NEVER = 1 << 30

# kill_at.c
KILL, WRITES, FULL = range(3)


class Steps:
    """The other side of kill_at.c."""

    def __init__(self, path):
        self.path = path
        with open(path, "wb") as f:
            f.write(bytes(12))
        with open(path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), 12)

    def begin(self, at=NEVER, mode=KILL):
        struct.pack_into("iii", self.map, 0, 0, mode, 0)
        struct.pack_into("i", self.map, 0, at)

    def end(self):
        struct.pack_into("iii", self.map, 0, 0, 0, 0)

    @property
    def is_full(self):
        return bool(struct.unpack_from("iii", self.map)[2])

    def taken(self):
        with contextlib.suppress(FileNotFoundError), \
                open(self.path + ".steps", encoding="ascii") as f:
            return f.read().split()
        return []

    def close(self):
        self.map.close()


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=20)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Refused(Exception):
    def __init__(self, status, answer):
        super().__init__(f"{status}: {answer.get('message')}")
        self.status = status
        self.answer = answer


class Run:
    """One story with one kill. What its methods ask of the API they ask until there
    is an answer; a provisioner that was killed is started again in between."""

    def __init__(self, cluster, programs, module, name, env, has_nodes=False):
        self.folder = os.path.join(cluster.folder, name)
        self.share = os.path.join(cluster.export, name)
        self.server = cluster.server
        os.makedirs(self.folder)
        os.mkdir(self.share)
        self.steps = Steps(os.path.join(self.folder, "kill_at"))
        self.env = {**env, "LD_PRELOAD": module, "KILL_AT": self.steps.path,
                    "ASAN_OPTIONS": env.get("ASAN_OPTIONS", "") +
                    ":verify_asan_link_order=0"}
        self.provisioner = Provisioner(
            programs, self.folder, cluster.nodes if has_nodes else [],
            options=["--driver-name", "nfs.csi.k8s.io"], env=self.env)
        self.names = {}  # uid -> what it is called in every run
        self.n_faults = 0
        self.dies_full = False  # or goes on when there is room

    def serve_csi(self, messages, stubs):
        """Before the start."""
        self.csi_socket = os.path.join(self.folder, "csi.sock")
        self.csi_messages, self.csi_stubs = messages, stubs
        self.provisioner.argv += ["--csi-socket", self.csi_socket]

    # The program

    def start(self):
        self.provisioner.start()

    def lose_database(self):
        self.kill()
        for path in glob.glob(f"{self.provisioner.state}/claimfs.db*"):
            os.unlink(path)
        self.start()

    def kill(self):
        process = self.provisioner.process
        process.signal(signal.SIGKILL)
        process.child.wait()

    def is_dead(self):
        return self.provisioner.process.child.poll() is not None

    def revive(self):
        """It does not answer: it was killed, and nothing else."""
        process = self.provisioner.process
        wait_for(self.is_dead, "a provisioner that does not answer to end", 5)
        if process.child.returncode != -signal.SIGKILL:
            raise LabError(f"the provisioner ended with "
                           f"{process.child.returncode}:\n{process.log_tail()}")
        self.n_faults += 1
        self.check_database()
        self.start()

    def make_room(self):
        self.n_faults += 1
        if self.dies_full:
            self.kill()
            self.check_database()
        self.steps.end()
        if self.dies_full:
            self.start()

    def look_for_room(self):
        """Once it said that there is none."""
        if self.steps.is_full and \
                "database or disk is full" in self.provisioner.process.log():
            self.make_room()

    def __enter__(self):
        return self

    def __exit__(self, kind, *unused):
        if self.provisioner.process.child:
            self.kill()
        if not kind:
            self.check_database()
        unmount_below(self.folder)
        self.steps.close()
        shutil.rmtree(self.folder)
        shutil.rmtree(self.share)

    # The API

    def call(self, method, path, body=None, kind="application/json"):
        connection = UnixConnection(self.provisioner.socket)
        with contextlib.closing(connection):
            connection.request(method, path, body and json.dumps(body),
                               {"Content-Type": kind})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def request(self, *args):
        """(status, answer), however often it takes."""
        for _ in range(3):
            try:
                status, answer = self.call(*args)
            except (OSError, http.client.HTTPException, ValueError):
                self.revive()
                continue
            if status != 500 or not self.steps.is_full:
                return status, answer
            if "database or disk is full" not in answer["message"]:
                raise Refused(status, answer)
            self.make_room()
        raise LabError("the provisioner never answers")

    def csi(self, method, **fields):
        """A call of CSI's Controller, as its callers repeat it."""
        request = getattr(self.csi_messages, f"{method}Request")(**fields)
        for _ in range(20):
            with grpc.insecure_channel("unix://" + self.csi_socket) as channel:
                stub = self.csi_stubs.ControllerStub(channel)
                try:
                    return getattr(stub, method)(request, timeout=10,
                                                 wait_for_ready=True)
                except grpc.RpcError as error:
                    if error.code() not in REPEATED:
                        raise
            if self.is_dead():
                self.revive()
        raise LabError(f"{method} never ends")

    def verb(self, verb, **fields):
        """One of ours that tells its progress, from its beginning until its end."""
        for _ in range(3):
            connection = UnixConnection(self.provisioner.socket)
            with contextlib.closing(connection):
                try:
                    connection.request("POST", f"/claimfs/v1/{verb}",
                                       json.dumps(fields),
                                       {"Content-Type": "application/json"})
                    lines = connection.getresponse().read().splitlines()
                    last = json.loads(lines[-1]) if lines else {}
                except (OSError, http.client.HTTPException, ValueError):
                    last = {}
            if last.get("type") == "ERROR":
                raise Refused(last["object"]["code"], last["object"])
            if last.get("type") == "DONE":
                return last["object"]
            self.revive()
        raise LabError(f"{verb} never ends")

    def get(self, kind, name):
        status, found = self.request("GET", f"{KINDS[kind]}/{name}")
        return found if status == 200 else None

    def create(self, kind, name, **fields):
        """One that is there already was made before the kill."""
        body = {"metadata": {"name": name, **fields.pop("metadata", {})},
                **fields}
        status, found = self.request("POST", KINDS[kind], body)
        if status == 409:
            found = self.get(kind, name)
        elif status != 201:
            raise Refused(status, found)
        self.name(kind, found)
        return found

    def name(self, kind, found):
        """A later object of the same name is another one."""
        uid = found["metadata"]["uid"]
        name = self.plain(found["metadata"]["name"])
        if uid not in self.names:
            there = [known for known in self.names.values()
                     if known.startswith(f"uid of {kind} {name}")]
            self.names[uid] = f"uid of {kind} {name}" + "'" * len(there)
        return self.names[uid]

    def delete(self, kind, name):
        status, answer = self.request("DELETE", f"{KINDS[kind]}/{name}")
        if status not in (200, 202, 404):
            raise Refused(status, answer)

    def patch(self, kind, name, change):
        status, answer = self.request("PATCH", f"{KINDS[kind]}/{name}", change,
                                      "application/merge-patch+json")
        if status not in (200, 404):
            raise Refused(status, answer)

    def wait(self, kind, name, phase):
        """For status.phase, or None: that it is gone."""
        return self.wait_for(kind, name, lambda found: (
            found.get("status", {}).get("phase") == phase if found
            else phase is None), phase)

    def wait_for(self, kind, name, condition, what="as it should"):
        seen = []

        def is_there():
            self.look_for_room()
            seen[:] = [self.get(kind, name)]
            return condition(seen[0])
        try:
            wait_for(is_there, f"{kind} {name} to be {what}", 25)
        except LabError as error:
            raise LabError(f"{error}: it is {seen[0]}\n"
                           f"{self.provisioner.process.log_tail()}") from None
        return seen[0]

    # What is left

    def plain(self, text):
        """Without what differs between two runs."""
        for uid, name in self.names.items():
            # The name of an archived folder has the first of it.
            text = text.replace(uid, name).replace(uid[:8], f"part of {name}")
        return text.replace(self.share, "SHARE").replace(self.folder, "STATE")

    def normal(self, value, key=""):
        if isinstance(value, dict):
            return {self.plain(k): self.normal(v, k) for k, v in value.items()
                    if k != "resourceVersion"}
        if isinstance(value, list):
            return [self.normal(item) for item in value]
        if TIMES.fullmatch(key):
            return "TIME"
        return self.plain(value) if isinstance(value, str) else value

    def objects(self):
        found = {kind: self.request("GET", path)[1]["items"]
                 for kind, path in KINDS.items()}
        for kind, items in found.items():
            for item in items:
                self.name(kind, item)
        return {f"{kind} {self.plain(item['metadata']['name'])}":
                self.normal(item) for kind, items in found.items()
                for item in items}

    def rows(self, sql):
        path = f"file:{self.provisioner.state}/claimfs.db?mode=ro"
        with contextlib.closing(sqlite3.connect(path, uri=True,
                                                timeout=10)) as db:
            return db.execute(sql).fetchall()

    def intents(self):
        """Who is called by a uid that no object has is in no other run."""
        return sorted(self.plain(f"{step} {volume}: {outcome}")
                      for step, volume, outcome in self.rows(
                          "select step, volume, outcome from intent"))

    def record(self):
        """How many rows there are of what the API shows, and the binding."""
        found = {table: self.rows(f"select count(*) from {table}")[0][0]
                 for table in ("class", "volume", "claim", "pod", "attachment",
                               "trash", "snapshot", "copy")}
        found["binding"] = sorted(self.plain(" ".join(row)) for row in
                                  self.rows("select * from binding"))
        return found

    def content(self, path):
        with open(path, encoding="utf-8") as f:
            text = f.read()
        if "/.claimfs/" not in path or not path.endswith(".json"):
            return text
        found = json.loads(text)
        if "fileid" in found:
            where = found["path"] if "/volumes/" in path else \
                path[:-len(".json")]
            if "/snapshots/" in path:
                where = os.path.join(os.path.dirname(path), "tree")
            there = os.lstat(os.path.join(self.share, where)).st_ino
            found["fileid"] = "its own" if found["fileid"] == str(there) \
                else "another's"
        # What was whole before a kill is not counted again.
        for key in ("createdNs", "files", "bytes"):
            found.get("record", {}).pop(key, None)
        # Nobody has seen the uid of a volume that is gone.
        found.get("trash", {}).get("object", {}).get("metadata", {}) \
            .pop("uid", None)
        return self.normal(found)

    def entry(self, path):
        at = os.lstat(path)
        found = [oct(at.st_mode), at.st_uid, at.st_gid]
        if stat.S_ISREG(at.st_mode):
            found.append(self.content(path))
        return found

    def is_left_over(self, path):
        """Empty: where copies are made, if there was one, and a part of a copy in
        what it has become, which goes with that."""
        return (path.endswith("/.claimfs/copies") or
                path.endswith("/links") and "/.claimfs/snapshots/" in path) \
            and not os.listdir(path)

    def tree(self):
        return {self.plain(os.path.relpath(os.path.join(folder, name),
                                           self.share)):
                self.entry(os.path.join(folder, name))
                for folder, dirs, files in os.walk(self.share)
                for name in dirs + files
                if not self.is_left_over(os.path.join(folder, name))}

    def pods(self):
        """Folders and mounts."""
        top = self.provisioner.state + "/nodes"
        return sorted(self.plain(path) for path in
                      [folder for folder, _, _ in os.walk(top)] +
                      mounts_below(top))

    def outcome(self):
        return {"objects": self.objects(), "intents": self.intents(),
                "record": self.record(), "share": self.tree(),
                "pods": self.pods()}

    def check_database(self):
        """Of a copy: to open it is to change it."""
        with tempfile.TemporaryDirectory(dir=self.folder) as copy:
            for name in ("claimfs.db", "claimfs.db-wal"):
                with contextlib.suppress(FileNotFoundError):
                    shutil.copy(f"{self.provisioner.state}/{name}", copy)
            with contextlib.closing(
                    sqlite3.connect(f"{copy}/claimfs.db")) as db:
                found = db.execute("pragma integrity_check").fetchall()
        if found != [("ok",)]:
            raise LabError(f"the database is broken: {found}")

    def wait_for_all_keys(self):
        """Keys have their turn one after the other, and a start queues the key of
        all others first: who comes later, twice, is behind everybody."""
        for name in ("behind", "behind-all"):
            self.create("claim", name, spec={
                "accessModes": ["ReadWriteOnce"], "storageClassName": "none",
                "resources": {"requests": {"storage": "1"}}})
            self.wait("claim", name, "Pending")
            self.delete("claim", name)
            self.wait("claim", name, None)
