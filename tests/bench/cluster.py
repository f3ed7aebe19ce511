# SPDX-License-Identifier: Apache-2.0
"""What a claim costs where a real API server binds it: claims one after another, many
at once, and a controller that mirrors many volumes. Needs a cluster's control plane that
somebody else runs, and a kubeconfig that may do everything there; all that is made in
it is removed again."""

import os
import statistics
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

from kubernetes import client, config, watch

from lab import LabError, wait_for
from lab.claimfs import program
from lab.process import Process, answers

from machine import status_of

ONE_BY_ONE = 30
AT_ONCE = 100
IN_FLIGHT = 10
VOLUMES = 10000
SECONDS = 120


class Times:
    """When each claim was seen Bound, by a watch."""

    def __init__(self, core, namespace):
        self.bound = {}
        self.watch = watch.Watch()
        self.thread = threading.Thread(target=self.follow, daemon=True,
                                       args=(core, namespace))
        self.thread.start()

    def follow(self, core, namespace):
        for event in self.watch.stream(
                core.list_namespaced_persistent_volume_claim, namespace):
            claim = event["object"]
            if claim.status.phase == "Bound":
                self.bound.setdefault(claim.metadata.name, time.monotonic())


class Trial:
    def __init__(self, kubeconfig, programs, folder, server, share):
        config.load_kube_config(kubeconfig)
        self.core = client.CoreV1Api()
        self.storage = client.StorageV1Api()
        # Nothing of another trial, or of the cluster's own, has these names.
        self.driver = f"bench-{uuid.uuid4().hex[:8]}.claimfs.io"
        self.name = self.driver.split(".", 1)[0]
        self.state = os.path.join(folder, "controller")
        os.makedirs(self.state)
        socket = os.path.join(self.state, "api.sock")
        self.process = Process("claimfs-provisioner", self.state)
        self.start = lambda: self.process.start(
            [program(programs, "claimfs-provisioner"), "--kubernetes",
             "--kubeconfig", os.path.abspath(kubeconfig),
             "--state-dir", self.state, "--socket", socket,
             "--driver-name", self.driver],
            lambda: answers(socket) and "leading" in self.process.log())
        self.make_class(server, share)

    def make_class(self, server, share):
        self.core.create_namespace(client.V1Namespace(
            metadata=client.V1ObjectMeta(name=self.name)))
        self.storage.create_storage_class(client.V1StorageClass(
            metadata=client.V1ObjectMeta(name=self.name),
            provisioner=self.driver,
            parameters={"server": "127.0.0.1", "share": share,
                        "trashTTL": "0"},
            mount_options=["nfsvers=3", f"port={server.port}",
                           f"mountport={server.mount_port}"]))

    def claim(self, name):
        """When it was asked for."""
        began = time.monotonic()
        self.core.create_namespaced_persistent_volume_claim(
            self.name, client.V1PersistentVolumeClaim(
                metadata=client.V1ObjectMeta(name=name),
                spec=client.V1PersistentVolumeClaimSpec(
                    access_modes=["ReadWriteMany"],
                    storage_class_name=self.name,
                    resources=client.V1ResourceRequirements(
                        requests={"storage": "1Gi"}))))
        return began

    def volume(self, i):
        """One that is nobody's to bind: only to be known."""
        self.core.create_persistent_volume(client.V1PersistentVolume(
            metadata=client.V1ObjectMeta(
                name=f"{self.name}-{i:05}", labels={"bench": self.name}),
            spec=client.V1PersistentVolumeSpec(
                access_modes=["ReadWriteMany"], capacity={"storage": "1Gi"},
                persistent_volume_reclaim_policy="Retain",
                storage_class_name=self.name + "-static",
                csi=client.V1CSIPersistentVolumeSource(
                    driver=self.driver, volume_handle=f"{self.name}-{i:05}",
                    volume_attributes={"server": "127.0.0.1", "share": "/x",
                                       "subDir": f"{i:05}"}))))

    def one_by_one(self, times):
        for i in range(ONE_BY_ONE):
            name = f"single-{i}"
            began = self.claim(name)
            wait_for(lambda: name in times.bound, name, SECONDS)
            yield 1000 * (times.bound[name] - began)

    def at_once(self, times):
        names = [f"many-{i}" for i in range(AT_ONCE)]
        began = time.monotonic()
        with ThreadPoolExecutor(IN_FLIGHT) as pool:
            list(pool.map(self.claim, names))
        wait_for(lambda: set(names) <= set(times.bound), "all claims", SECONDS)
        return max(times.bound[name] for name in names) - began

    def many_volumes(self):
        """MiB, settled, of a controller that has just started."""
        with ThreadPoolExecutor(IN_FLIGHT) as pool:
            list(pool.map(self.volume, range(VOLUMES)))
        self.process.stop()
        self.start()
        time.sleep(10)  # of looking at all of them
        return status_of(self.process.pid, "VmRSS") / 1024

    def volumes(self):
        return [pv.metadata.name for pv
                in self.core.list_persistent_volume().items
                if pv.spec.csi and pv.spec.csi.driver == self.driver]

    def remove(self):
        self.core.delete_namespace(self.name)
        # One request for all of them would take longer than a request may.
        with ThreadPoolExecutor(IN_FLIGHT) as pool:
            list(pool.map(self.core.delete_persistent_volume,
                          [name for name in self.volumes()
                           if name.startswith(self.name)]))
        try:  # the others are the cluster's to end, one by one
            wait_for(lambda: not any(name.startswith("pvc-")
                                     for name in self.volumes()),
                     "the claims' volumes to go", SECONDS)
        except LabError as error:
            print(f"bench: {error}; they stay in the cluster")
        self.process.stop()
        self.storage.delete_storage_class(self.name)


def measure(kubeconfig, programs, folder, server, share):
    """{figure: value}"""
    trial = Trial(kubeconfig, programs, folder, server, share)
    trial.start()
    try:
        times = Times(trial.core, trial.name)
        singles = list(trial.one_by_one(times))
        figures = {"bound_ms": statistics.median(singles),
                   "worst_bound_ms": max(singles),
                   "burst_s": trial.at_once(times)}
        times.watch.stop()
        figures["rss_mib"] = trial.many_volumes()
    finally:
        trial.remove()
    return figures
