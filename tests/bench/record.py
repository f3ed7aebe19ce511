# SPDX-License-Identifier: Apache-2.0
"""What claims and volumes cost the provisioner: many claims created at once, and a
record with many volumes. Needs a server and a provisioner, no nodes."""

import concurrent.futures
import http.client
import json
import os
import socket
import sqlite3
import time

from lab import wait_for
from lab.claimfs import Ctl, Provisioner

from machine import status_of

CLAIMS = 1000
IN_FLIGHT = 100
VOLUMES = 10000
SECONDS = 300  # until a measurement is given up
DRIVER = "nfs.csi.k8s.io"


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def make_class(server, share):
    return {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
            "metadata": {"name": "fast"}, "provisioner": DRIVER,
            "parameters": {"server": "127.0.0.1", "share": share},
            "mountOptions": ["nfsvers=3", f"port={server.port}",
                             f"mountport={server.mount_port}"]}


def make_claim(name):
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": name},
            "spec": {"accessModes": ["ReadWriteMany"],
                     "storageClassName": "fast",
                     "resources": {"requests": {"storage": "1Gi"}}}}


def post(connection, path, body):
    connection.request("POST", path, json.dumps(body),
                       {"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 201:
        raise RuntimeError(f"POST {path}: {answer.status} {text[:300]}")


def create_many(path, names):
    connection = UnixConnection(path)
    for name in names:
        post(connection,
             "/api/v1/namespaces/default/persistentvolumeclaims",
             make_claim(name))
    connection.close()


def n_bound(database):
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as db:
        return db.execute("select count(*) from claim where phase = 'Bound'"
                          ).fetchone()[0]


def create_claims(provisioner, n, in_flight):
    """Seconds until all are created, and until all are Bound."""
    database = os.path.join(provisioner.state, "claimfs.db")
    names = [f"claim-{i:05}" for i in range(n)]
    start = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(in_flight) as pool:
        for each in [pool.submit(create_many, provisioner.socket,
                                 names[i::in_flight])
                     for i in range(in_flight)]:
            each.result()
    created = time.monotonic() - start
    wait_for(lambda: n_bound(database) >= n, f"{n} bound claims", SECONDS)
    return created, time.monotonic() - start


def multiply(database, n=VOLUMES):
    """Copies of one claim and its volume until there are n volumes: what they would
    look like had they been created one by one."""
    with sqlite3.connect(database) as db:
        name, uid, volume = db.execute(
            "select name, uid, object from volume limit 1").fetchone()
        claim_name, claim_uid, claim = db.execute(
            "select name, uid, object from claim where volume = ?",
            (name,)).fetchone()
        have = db.execute("select count(*) from volume").fetchone()[0]
        for i in range(have, n):
            new = {name: f"{name[:-6]}{i:06}", uid: f"{uid[:-6]}{i:06}",
                   claim_uid: f"{claim_uid[:-6]}{i:06}",
                   f'"{claim_name}"': f'"copy-{i:05}"'}
            texts = []
            for text in (volume, claim):
                for old, value in new.items():
                    text = text.replace(old, value)
                texts.append(text)
            db.execute("insert into volume (name, uid, revision, object) "
                       "values (?, ?, 1, ?)", (new[name], new[uid], texts[0]))
            db.execute(
                "insert into claim (namespace, name, uid, revision, object) "
                "values ('default', ?, ?, 1, ?)",
                (f"copy-{i:05}", new[claim_uid], texts[1]))


def best_of(times, fn):
    best = None
    for _ in range(times):
        start = time.monotonic()
        fn()
        took = time.monotonic() - start
        best = took if best is None or took < best else best
    return best


def measure(programs, folder, server, share):
    """{figure: value}; starts and stops provisioners of its own."""
    provisioner = Provisioner(programs, folder, [],
                              options=["--driver-name", DRIVER])
    figures = {}
    with provisioner:
        connection = UnixConnection(provisioner.socket)
        post(connection, "/apis/storage.k8s.io/v1/storageclasses",
             make_class(server, share))
        connection.close()
        figures["created_s"], figures["bound_s"] = create_claims(
            provisioner, CLAIMS, IN_FLIGHT)
        figures["claims_rss_mib"] = status_of(provisioner.process.pid,
                                              "VmRSS") / 1024
    multiply(os.path.join(provisioner.state, "claimfs.db"))
    start = time.monotonic()
    with provisioner:
        figures["restart_s"] = time.monotonic() - start
        ctl = Ctl(programs, provisioner.socket)
        # The first look at everything comes first.
        idle = [0, 0]

        def is_idle():
            with open(f"/proc/{provisioner.process.pid}/stat",
                      encoding="ascii") as f:
                fields = f.read().rsplit(")", 1)[1].split()
            idle[:] = [idle[1], int(fields[11]) + int(fields[12])]
            time.sleep(0.3)
            return idle[0] == idle[1]

        wait_for(is_idle, "an idle provisioner", SECONDS)
        figures["settled_s"] = time.monotonic() - start
        figures["get_pv_s"] = best_of(5, lambda: ctl("get", "pv"))
        figures["rss_mib"] = status_of(provisioner.process.pid,
                                       "VmRSS") / 1024
    return figures
