# SPDX-License-Identifier: Apache-2.0
"""A container image as an OCI archive, without a container engine.

The same trees give the same bytes: names are sorted, owners are root, the time is
an argument, and gzip is told neither time nor name. The archive has the manifest.json
of `docker save` as well, for engines that know no OCI layouts."""

import gzip
import hashlib
import io
import json
import os
import tarfile

CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


class Tree:
    """The files of a layer: {path without leading slash: TarInfo, bytes}."""

    def __init__(self, time):
        self.time = time
        self.entries = {}

    def __add(self, path, kind, mode, data=b"", target=""):
        path = path.strip("/")
        if os.path.dirname(path) and os.path.dirname(path) not in self.entries:
            self.add_folder(os.path.dirname(path))
        info = tarfile.TarInfo(path)
        info.type, info.mode, info.mtime = kind, mode, self.time
        info.size, info.linkname = len(data), target
        info.uname = info.gname = "root"
        self.entries[path] = info, data

    def add_folder(self, path, mode=0o755):
        self.__add(path, tarfile.DIRTYPE, mode)

    def add_file(self, path, data, mode=0o644):
        self.__add(path, tarfile.REGTYPE, mode, data)

    def add_link(self, path, target):
        self.__add(path, tarfile.SYMTYPE, 0o777, target=target)

    def tar(self):
        """As bytes."""
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w",
                          format=tarfile.USTAR_FORMAT) as tar:
            for path in sorted(self.entries):
                info, data = self.entries[path]
                tar.addfile(info, io.BytesIO(data))
        return out.getvalue()

    def extract(self, folder):
        with tarfile.open(fileobj=io.BytesIO(self.tar())) as tar:
            tar.extractall(folder)


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Blobs:
    """What the archive has below blobs/, by digest."""

    def __init__(self, tree):
        self.tree = tree

    @staticmethod
    def path(descriptor):
        return "blobs/" + descriptor["digest"].replace(":", "/")

    def add(self, media_type, data):
        """Its descriptor."""
        descriptor = {"mediaType": media_type, "digest": digest(data),
                      "size": len(data)}
        self.tree.add_file(self.path(descriptor), data)
        return descriptor

    def add_json(self, media_type, value):
        return self.add(media_type, as_json(value))


def as_json(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def archive(layers, config, tag, time):
    """The archive's bytes: layers are trees, the lowest first; config is what the
    image specification has beside the layers."""
    tree = Tree(time)
    blobs = Blobs(tree)
    tars = [layer.tar() for layer in layers]
    packed = [blobs.add(LAYER, gzip.compress(tar, 6, mtime=0)) for tar in tars]
    configured = blobs.add_json(CONFIG, {
        **config, "rootfs": {"type": "layers",
                             "diff_ids": [digest(tar) for tar in tars]}})
    manifest = blobs.add_json(MANIFEST, {
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": configured, "layers": packed})
    manifest["annotations"] = {"io.containerd.image.name": tag,
                               "org.opencontainers.image.ref.name": tag}
    tree.add_file("oci-layout", as_json({"imageLayoutVersion": "1.0.0"}))
    tree.add_file("index.json", as_json({
        "schemaVersion": 2, "mediaType": INDEX, "manifests": [manifest]}))
    tree.add_file("manifest.json", as_json([{
        "Config": blobs.path(configured), "RepoTags": [tag],
        "Layers": [blobs.path(layer) for layer in packed]}]))
    return tree.tar()
