# SPDX-License-Identifier: Apache-2.0
"""The container image: what deploy/image makes of a build, and node and keeper in it,
each with a mount namespace of its own, as the DaemonSets have them. A container
engine is not needed: here is what it would do."""

import gzip
import hashlib
import io
import json
import os
import subprocess
import tarfile
import tempfile
import unittest

import lab_case
from keeper_case import KeeperCase
from lab import Keeper
from lab.mounts import unmount_below

IMAGE = os.path.join(os.path.dirname(lab_case.TESTS), "deploy", "image")
PROGRAMS = ("claimfs-node", "claimfs-keeper", "claimfs-provisioner",
            "claimctl")
SIZE_MAX = 60 << 20

# What a runtime does: mounts of the root, one of the host's folders with mount
# propagation, and the program. The parent of all of that must not be shared, or
# the host would see it.
CONTAINER = """
set -e
root=$1 folder=$2 propagation=$3
shift 3
mount --make-private "$(findmnt --noheadings --output TARGET --target "$root")"
mount --rbind /dev "$root/dev"
mount --rbind /sys "$root/sys"
mount -t proc proc "$root/proc"
mkdir -p "$root/$folder"
mount --rbind "$folder" "$root/$folder"
mount "--make-r$propagation" "$root/$folder"
exec chroot "$root" "$@"
"""


def make(*options):
    subprocess.run([IMAGE, "--build", lab_case.PROGRAMS, "--debug-build",
                    *options], check=True, timeout=110,
                   stdout=subprocess.DEVNULL)


def in_container(root, folder, propagation, argv):
    return ["unshare", "--mount", "--propagation", "unchanged", "sh", "-c",
            CONTAINER, "sh", root, folder, propagation,
            os.path.basename(argv[0]), *argv[1:]]


class Archive(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(dir="/var/tmp")
        cls.addClassCleanup(folder.cleanup)
        cls.archives = []
        for name in ("one", "two"):
            make("--output", f"{folder.name}/{name}", "--tag",
                 "mirror.example/claimfs:1")
            with open(f"{folder.name}/{name}", "rb") as f:
                cls.archives.append(f.read())
        with tarfile.open(fileobj=io.BytesIO(cls.archives[0])) as tar:
            cls.files = {member.name: tar.extractfile(member).read()
                         for member in tar if member.isfile()}

    def blob(self, descriptor):
        data = self.files["blobs/" + descriptor["digest"].replace(":", "/")]
        self.assertEqual("sha256:" + hashlib.sha256(data).hexdigest(),
                         descriptor["digest"])
        self.assertEqual(len(data), descriptor["size"])
        return data

    def manifest(self):
        found, = json.loads(self.files["index.json"])["manifests"]
        return found, json.loads(self.blob(found))

    def test_the_same_build_gives_the_same_bytes(self):
        self.assertTrue(self.archives[0] == self.archives[1])

    def test_it_is_small(self):
        self.assertLess(len(self.archives[0]), SIZE_MAX)

    def test_layers_are_what_the_configuration_says(self):
        _, manifest = self.manifest()
        config = json.loads(self.blob(manifest["config"]))
        plain = [gzip.decompress(self.blob(layer))
                 for layer in manifest["layers"]]
        self.assertEqual(
            ["sha256:" + hashlib.sha256(layer).hexdigest() for layer in plain],
            config["rootfs"]["diff_ids"])

    def test_importers_are_told_its_name(self):
        descriptor, _ = self.manifest()
        self.assertEqual(descriptor["annotations"]["io.containerd.image.name"],
                         "mirror.example/claimfs:1")
        docker, = json.loads(self.files["manifest.json"])
        self.assertEqual(docker["RepoTags"], ["mirror.example/claimfs:1"])

    def test_packages_are_listed_with_their_licences(self):
        _, manifest = self.manifest()
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(
                self.blob(manifest["layers"][0])))) as layer:
            names = set(layer.getnames())
            packages = layer.extractfile(
                "usr/share/doc/claimfs/packages").read().decode()
        listed = {line.split()[0] for line in packages.splitlines()}
        self.assertLess({"libc6", "libfuse3-3", "ca-certificates"}, listed)
        for name in listed:
            self.assertIn(f"usr/share/doc/{name}/copyright", names)
            self.assertIn(f"var/lib/dpkg/status.d/{name}", names)

    def test_a_build_that_is_no_release_is_refused(self):
        done = subprocess.run([IMAGE, "--build", lab_case.PROGRAMS], text=True,
                              capture_output=True, check=False, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn("is no release build", done.stderr)


class Containers(KeeperCase):
    """Node and keeper live in the image, the pods' mounts on the host."""

    @classmethod
    def start_lab(cls):
        subprocess.run(["mount", "--bind", cls.folder, cls.folder], check=True,
                       timeout=20)
        subprocess.run(["mount", "--make-shared", cls.folder], check=True,
                       timeout=20)
        root = tempfile.TemporaryDirectory(dir="/var/tmp")
        cls.addClassCleanup(root.cleanup)
        cls.root = root.name
        make("--rootfs", cls.root)
        super().start_lab()

    @classmethod
    def new_keeper(cls):
        cls.node.argv = in_container(cls.root, cls.folder, "shared",
                                     cls.node.argv)
        keeper = Keeper(lab_case.PROGRAMS, cls.node.state, (),
                        cls.cluster.env)
        keeper.argv = in_container(cls.root, cls.folder, "slave", keeper.argv)
        return keeper.start()

    @classmethod
    def keep_logs(cls):
        unmount_below(cls.folder)
        super().keep_logs()

    def test_programs_find_their_libraries(self):
        for name in PROGRAMS:
            done = subprocess.run(
                in_container(self.root, self.folder, "slave",
                             [name, "--version"]),
                text=True, capture_output=True, check=False, timeout=60)
            self.assertEqual((done.returncode, done.stderr), (0, ""), name)
            self.assertIn(name, done.stdout)

    def test_there_is_no_shell(self):
        for path in ("bin/sh", "usr/bin/sh", "usr/bin/dpkg"):
            self.assertFalse(os.path.exists(os.path.join(self.root, path)))

    def test_the_host_sees_what_is_mounted_inside(self):
        with open(self.target + "/file", "w", encoding="ascii") as f:
            f.write("from the host")
        with open(f"{self.cluster.export}/{self.volume}/file",
                  encoding="ascii") as f:
            self.assertEqual(f.read(), "from the host")

    def test_an_upgrade_leaves_the_mount_and_what_runs_on_it(self):
        child, end = self.worker()
        for _ in range(2):  # there, and back to the former version
            self.rounds(child, 10)
            self.assertEqual(self.node.process.stop(), 0)
            self.node.start()
        self.rounds(child, 10)
        end()
