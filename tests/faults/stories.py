# SPDX-License-Identifier: Apache-2.0
"""Stories of claims, each short, and together all steps of all plans: `before` makes
what has to be there, `act` is what is done while the provisioner is killed. `act` ends
when its end can be seen in the API."""

import os

from lab import wait_for

DRIVER = "nfs.csi.k8s.io"


class Story:
    has_nodes = False
    has_csi = False
    is_chance = False  # which intents there were
    reclaim = "Delete"
    expansion = False  # allowed by the class
    parameters = {}

    @classmethod
    def before(cls, run):
        """A neighbour is there in every story; its data is in every outcome."""
        make_class(run, "fast")
        run.create("claim", "neighbour", **claim("fast"))
        volume = run.wait("claim", "neighbour", "Bound")["spec"]["volumeName"]
        fill(run, volume)
        make_class(run, "story", cls.reclaim, expansion=cls.expansion,
                   **cls.parameters)
        cls.prepare(run)

    @classmethod
    def prepare(cls, run):
        """What this story needs besides."""

    @classmethod
    def act(cls, run):
        raise NotImplementedError


def make_class(run, name, reclaim="Delete", binding="Immediate", metadata=None,
               expansion=False, **parameters):
    run.create("class", name, metadata=metadata or {}, provisioner=DRIVER,
               reclaimPolicy=reclaim, volumeBindingMode=binding,
               allowVolumeExpansion=expansion,
               parameters={"server": "127.0.0.1", "share": run.share,
                           "trashTTL": "0", **parameters},
               mountOptions=["nfsvers=3", f"port={run.server.port}",
                             f"mountport={run.server.mount_port}"])


def claim(class_name, **spec):
    if class_name is not None:
        spec["storageClassName"] = class_name
    return {"spec": {"accessModes": ["ReadWriteMany"],
                     "resources": {"requests": {"storage": "1Gi"}}, **spec}}


def static(run, subdir, reclaim="Retain", **spec):
    return {"spec": {
        "capacity": {"storage": "5Gi"}, "accessModes": ["ReadWriteMany"],
        "persistentVolumeReclaimPolicy": reclaim, "storageClassName": "",
        "mountOptions": ["nfsvers=3", f"port={run.server.port}",
                         f"mountport={run.server.mount_port}"],
        "csi": {"driver": DRIVER, "volumeHandle": f"{run.share}#{subdir}",
                "volumeAttributes": {"server": "127.0.0.1", "share": run.share,
                                     "subDir": subdir}}, **spec}}


def fill(run, folder):
    top = os.path.join(run.share, folder)
    os.makedirs(f"{top}/d", exist_ok=True)
    for name in ("a", "d/b"):
        with open(f"{top}/{name}", "w", encoding="ascii") as f:
            f.write("precious")


def bound(run, name):
    return run.wait("claim", name, "Bound")["spec"]["volumeName"]


def make_bound(run, name="c", class_name="story"):
    run.create("claim", name, **claim(class_name))
    volume = bound(run, name)
    fill(run, run.get("volume", volume)["spec"]["csi"]["volumeAttributes"]
         ["subDir"])
    return volume


class Create(Story):
    @classmethod
    def act(cls, run):
        run.create("claim", "c", **claim("story"))
        bound(run, "c")


class CreateInAFolder(Create):
    """Of its own name and owner, below others that are made for it."""
    parameters = {"subDir": "by/${pvc.metadata.namespace}/${pvc.metadata.name}",
                  "mountPermissions": "0750", "uid": "1000", "gid": "1000"}


class CreateByDefault(Story):
    """The claim waits for a class."""

    @classmethod
    def act(cls, run):
        run.create("claim", "c", **claim(None))
        run.wait("claim", "c", "Pending")
        make_class(run, "default", metadata={"annotations": {
            "storageclass.kubernetes.io/is-default-class": "true"}})
        bound(run, "c")


class CreateAndDelete(Story):
    """Without a pause: what was made for nobody goes. How far it came is chance."""
    is_chance = True

    @classmethod
    def act(cls, run):
        uid = run.create("claim", "c", **claim("story"))["metadata"]["uid"]
        run.delete("claim", "c")
        run.wait("claim", "c", None)
        run.wait("volume", f"pvc-{uid}", None)


class BindStatic(Story):
    """The volume comes first; data that is there stays."""

    @classmethod
    def prepare(cls, run):
        fill(run, "photos")

    @classmethod
    def act(cls, run):
        run.create("volume", "photos", **static(run, "photos"))
        run.wait("volume", "photos", "Available")
        run.create("claim", "c", **claim(""))
        bound(run, "c")


class BindByName(Story):
    """The claim and the volume name each other; the claim comes first."""

    @classmethod
    def prepare(cls, run):
        fill(run, "photos")

    @classmethod
    def act(cls, run):
        run.create("claim", "c", **claim("", volumeName="photos"))
        run.create("volume", "photos", **static(
            run, "photos", claimRef={"namespace": "default", "name": "c"}))
        bound(run, "c")


class Unbind(Story):
    """A volume says it is the claim's, which has another one."""

    @classmethod
    def prepare(cls, run):
        run.create("volume", "photos", **static(run, "photos"))
        run.create("claim", "c", **claim(""))
        bound(run, "c")

    @classmethod
    def act(cls, run):
        uid = run.get("claim", "c")["metadata"]["uid"]
        run.create("volume", "other", **static(run, "other", claimRef={
            "namespace": "default", "name": "c", "uid": uid}))
        run.wait("volume", "other", "Available")


class Delete(Story):
    @classmethod
    def prepare(cls, run):
        make_bound(run)

    @classmethod
    def act(cls, run):
        volume = run.get("claim", "c")["spec"]["volumeName"]
        run.delete("claim", "c")
        run.wait("claim", "c", None)
        run.wait("volume", volume, cls.end)

    end = None


class DeleteRetained(Delete):
    reclaim = "Retain"
    end = "Released"


class DeleteIntoTrash(Delete):
    """The volume goes at once, and its data stays for a day."""
    parameters = {"trashTTL": "24h"}


class Restore(Story):
    """A volume comes back for the next claim of the name."""
    parameters = {"trashTTL": "24h"}

    @classmethod
    def prepare(cls, run):
        volume = make_bound(run)
        run.delete("claim", "c")
        run.wait("volume", volume, None)

    @classmethod
    def act(cls, run):
        [volume] = [row[0] for row in run.rows("select volume from trash")]
        run.request("POST", "/claimfs/v1/restore", {"volume": volume})
        run.wait("volume", volume, "Available")
        run.create("claim", "c", **claim("story"))
        bound(run, "c")


class DeleteArchived(Delete):
    parameters = {"onDelete": "archive", "subDir": "a/${pvc.metadata.name}"}


class DeleteKept(Delete):
    parameters = {"onDelete": "retain"}


class DeleteMany(Story):
    """At once: some whose data stays for a day, some whose data goes, some with a
    given name, one after the other; and the next claim of a name, meanwhile."""
    classes = {"a": "story", "b": "story", "c": "kept", "d": "kept",
               "e": "kept", "f": "named", "g": "named"}

    @classmethod
    def prepare(cls, run):
        make_class(run, "kept", trashTTL="24h")
        make_class(run, "named", subDir="by/${pvc.metadata.name}")
        for name, class_name in cls.classes.items():
            make_bound(run, name, class_name)

    @classmethod
    def act(cls, run):
        volumes = [run.get("claim", name)["spec"]["volumeName"]
                   for name in cls.classes]
        for name in cls.classes:
            run.delete("claim", name)
        run.wait("claim", "g", None)
        make_bound(run, "g", "named")
        for volume in volumes:
            run.wait("volume", volume, None)


class DeleteVolumeFirst(Delete):
    """It stays until its claim goes."""

    @classmethod
    def act(cls, run):
        volume = run.get("claim", "c")["spec"]["volumeName"]
        run.delete("volume", volume)
        super().act(run)


class DeleteReleased(Delete):
    """Somebody wants the data, and then nobody does."""
    reclaim = "Retain"

    @classmethod
    def act(cls, run):
        volume = run.get("claim", "c")["spec"]["volumeName"]
        run.delete("claim", "c")
        run.wait("volume", volume, "Released")
        run.patch("volume", volume, {"spec": {
            "persistentVolumeReclaimPolicy": "Delete"}})
        run.wait("volume", volume, None)


class DeleteRecycled(Delete):
    """The folder is emptied, and waits for the next claim."""
    end = "Available"

    @classmethod
    def prepare(cls, run):
        fill(run, "photos")
        run.create("volume", "photos", **static(run, "photos", "Recycle"))
        run.create("claim", "c", **claim(""))
        bound(run, "c")


class DeleteUnrecyclable(Delete):
    """Which no driver of ours has."""
    end = "Failed"

    @classmethod
    def prepare(cls, run):
        volume = static(run, "photos", "Recycle")
        del volume["spec"]["csi"]
        volume["spec"]["nfs"] = {"server": "127.0.0.1", "path": run.share}
        run.create("volume", "photos", **volume)
        run.create("claim", "c", **claim(""))
        bound(run, "c")


class DeleteAdopted(Delete):
    """A folder that was there before its claim outlives it."""
    parameters = {"subDir": "old"}

    @classmethod
    def prepare(cls, run):
        fill(run, "old")
        make_bound(run)


class Again(Delete):
    """The next claim of this name gets a folder of the same name, and keeps it."""
    parameters = {"subDir": "${pvc.metadata.name}"}

    @classmethod
    def act(cls, run):
        super().act(run)
        make_bound(run)


class AgainAtOnce(Again):
    """It waits until the folder is nobody's any more."""

    @classmethod
    def act(cls, run):
        volume = run.get("claim", "c")["spec"]["volumeName"]
        run.delete("claim", "c")
        run.wait("claim", "c", None)
        make_bound(run)
        run.wait("volume", volume, None)


class Lose(Story):
    """Somebody takes the volume away by force."""

    @classmethod
    def prepare(cls, run):
        make_bound(run)

    @classmethod
    def act(cls, run):
        volume = run.get("claim", "c")["spec"]["volumeName"]
        run.delete("volume", volume)
        run.patch("volume", volume, {"metadata": {"finalizers": None}})
        run.wait("volume", volume, None)
        run.wait("claim", "c", "Lost")


class Foreign(Story):
    """A class of another driver, which is told by annotations."""

    @classmethod
    def act(cls, run):
        run.create("class", "foreign", provisioner="example.com/other")
        run.create("claim", "c", **claim("foreign"))
        run.wait("claim", "c", "Pending")


class Expand(Story):
    """The claim asks for more, and gets it."""
    expansion = True

    @classmethod
    def prepare(cls, run):
        make_bound(run)

    @classmethod
    def act(cls, run):
        run.patch("claim", "c", {"spec": {"resources": {"requests": {
            "storage": "3Gi"}}}})
        run.wait_for("claim", "c", lambda found:
                     found["status"]["capacity"]["storage"] == "3Gi")


class Modify(Story):
    """A volume over CSI, whose data is to be kept from now on."""
    has_csi = True

    @classmethod
    def prepare(cls, run):
        mount = {"mount_flags": ["nfsvers=3", f"port={run.server.port}",
                                 f"mountport={run.server.mount_port}"]}
        run.csi("CreateVolume", name="c",
                capacity_range={"required_bytes": 1 << 30},
                volume_capabilities=[{"mount": mount, "access_mode": {
                    "mode": "MULTI_NODE_MULTI_WRITER"}}],
                parameters={"server": "127.0.0.1", "share": run.share})
        # Called by a hash of what it says.
        made = run.get("CSI claim", "c")["spec"]["storageClassName"]
        run.names[made] = "its class"

    @classmethod
    def act(cls, run):
        handle = run.get("volume", "c")["spec"]["csi"]["volumeHandle"]
        run.csi("ControllerModifyVolume", volume_id=handle,
                mutable_parameters={"onDelete": "retain"})
        run.wait_for("CSI claim", "c", lambda found: "modifyVolumeStatus"
                     not in found["status"])


class Rescue(Story):
    """Its claim is gone; the next one gets the volume, with what is in it."""
    reclaim = "Retain"

    @classmethod
    def prepare(cls, run):
        make_bound(run)

    @classmethod
    def act(cls, run):
        volume = run.get("claim", "c")["spec"]["volumeName"]
        run.delete("claim", "c")
        run.wait("volume", volume, "Released")
        run.patch("volume", volume, {"spec": {"claimRef": None}})
        run.wait("volume", volume, "Available")
        run.create("claim", "next", **claim("story"))
        bound(run, "next")


class Scheduled(Story):
    """Nobody named a node: the claim is told the one that the pod gets."""
    has_nodes = True

    @classmethod
    def prepare(cls, run):
        make_class(run, "late", binding="WaitForFirstConsumer")

    @classmethod
    def act(cls, run):
        run.create("claim", "c", **claim("late", accessModes=["ReadWriteOnce"]))
        run.create("pod", "p", spec={"volumes": [{
            "name": "data", "persistentVolumeClaim": {"claimName": "c"}}]})
        run.wait("pod", "p", "Running")
        run.delete("pod", "p")
        run.wait("pod", "p", None)


class Pod(Story):
    """The claim waits for its pod, the pod is mounted, and both go."""
    has_nodes = True

    @classmethod
    def prepare(cls, run):
        make_class(run, "late", binding="WaitForFirstConsumer")

    @classmethod
    def act(cls, run):
        run.create("claim", "c", **claim("late"))
        run.create("pod", "p", spec={
            "nodeName": "node-a",
            "volumes": [{"name": "data",
                         "persistentVolumeClaim": {"claimName": "c"}}]})
        run.wait("pod", "p", "Running")
        volume = bound(run, "c")
        run.delete("pod", "p")
        run.delete("claim", "c")
        run.wait("pod", "p", None)
        run.wait("claim", "c", None)
        run.wait("volume", volume, None)


class Adopt(Story):
    """A folder that was there becomes a volume, which outlives its claim."""

    @classmethod
    def prepare(cls, run):
        fill(run, "photos")

    @classmethod
    def act(cls, run):
        status, answer = run.request("POST", "/claimfs/v1/adopt", {
            "dir": "photos", "namespace": "default", "claim": "c",
            "class": "story", "size": "2Gi"})
        assert status == 200, answer
        bound(run, "c")


class Recover(Story):
    """The record is lost; the share knows of volumes that were bound, released and
    free, and of one in the trash."""
    reclaim = "Retain"

    @classmethod
    def prepare(cls, run):
        make_class(run, "brief", trashTTL="24h")
        for name, class_name in (("c", "story"), ("deleted", "brief")):
            make_bound(run, name, class_name)
        volumes = {name: make_bound(run, name) for name in ("old", "free")}
        for name in ("deleted", *volumes):
            run.delete("claim", name)
        for name, volume in volumes.items():
            run.wait("volume", volume, "Released")
        run.patch("volume", volumes["free"], {"spec": {"claimRef": None}})
        run.wait_for("volume", volumes["free"], cls.is_described)
        run.wait_for("volume", volumes["old"], cls.is_described)
        wait_for(lambda: run.rows("select volume from trash where files"),
                 "the trash to be counted")
        run.wait_for_all_keys()
        run.lose_database()

    @staticmethod
    def is_described(found):
        """Also on the share."""
        says = found["metadata"]["annotations"]["claimfs.io/described"]
        return says.split("/")[0] == found["status"]["phase"] != "Bound"

    @classmethod
    def act(cls, run):
        run.verb("recover", server="127.0.0.1", share=run.share,
                 options=f"port={run.server.port},"
                 f"mountport={run.server.mount_port}")
        for name in ("neighbour", "c"):
            bound(run, name)


def wait_until_copied(run):
    """Nothing of a copy is left but what it has become."""
    def is_done():
        run.look_for_room()
        if run.is_dead():
            run.revive()
        return not run.rows("select name from copy")
    wait_for(is_done, "all copies to be what they were made for", 25)


class Clone(Story):
    """A claim begins as another one is."""

    @classmethod
    def prepare(cls, run):
        make_bound(run)

    @classmethod
    def act(cls, run):
        run.create("claim", "twin", **claim("story", dataSource={
            "kind": "PersistentVolumeClaim", "name": "c"}))
        bound(run, "twin")
        wait_until_copied(run)


class CloneAndDelete(Clone):
    """Nobody wants it any more, however far it is."""
    is_chance = True

    @classmethod
    def act(cls, run):
        twin = run.create("claim", "twin", **claim("story", dataSource={
            "kind": "PersistentVolumeClaim", "name": "c"}))
        run.delete("claim", "twin")
        run.wait("claim", "twin", None)
        run.wait("volume", f"pvc-{twin['metadata']['uid']}", None)
        wait_until_copied(run)


class Snapshot(Story):

    @classmethod
    def prepare(cls, run):
        make_bound(run)

    @classmethod
    def act(cls, run):
        make_snapshot(run)


def make_snapshot(run):
    found = run.verb("snapshot", claim="c", name="s")
    assert found["readyToUse"], found
    run.names[found["id"]] = "id of snapshot s"


class RestoreSnapshot(Snapshot):
    """What it was made of is gone."""

    @classmethod
    def prepare(cls, run):
        volume = make_bound(run)
        make_snapshot(run)
        run.delete("claim", "c")
        run.wait("volume", volume, None)

    @classmethod
    def act(cls, run):
        run.create("claim", "again", **claim("story", dataSourceRef={
            "apiGroup": "claimfs.io", "kind": "Snapshot", "name": "s"}))
        bound(run, "again")
        wait_until_copied(run)


class DeleteSnapshot(Snapshot):

    @classmethod
    def prepare(cls, run):
        make_bound(run)
        make_snapshot(run)

    @classmethod
    def act(cls, run):
        status, answer = run.request("POST", "/claimfs/v1/delete-snapshot",
                                     {"name": "s"})
        # 404: it was deleted before the kill.
        assert status in (200, 404), answer
        wait_until_copied(run)


STORIES = [Create, CreateInAFolder, CreateByDefault, CreateAndDelete,
           BindStatic, BindByName, Unbind, Delete, DeleteRetained,
           DeleteIntoTrash, Restore, DeleteArchived, DeleteKept,
           DeleteMany, DeleteVolumeFirst, DeleteReleased, DeleteRecycled,
           DeleteUnrecyclable, DeleteAdopted,
           Again, AgainAtOnce, Expand, Modify, Rescue, Lose, Foreign, Pod, Scheduled,
           Adopt, Recover,
           Clone, CloneAndDelete, Snapshot, RestoreSnapshot, DeleteSnapshot]
