# SPDX-License-Identifier: Apache-2.0
"""stress-ng's file-system stressors, two processes of each, with --verify.

Left out of its classes filesystem and io, with the reason:
- bind-mount, binderfs, fanotify, io: they make, watch or sync other mounts
- dup, eventfd, ioprio, procfs, rawdev: they have no business with this folder
- chattr, fiemap, inode-flags, verity: ioctls of local file systems
- fallocate, fpunch: NFSv3 has no call for it
- xattr: nor for extended attributes
- io-uring: its statx is refused on ext4, too (stress-ng 0.15)"""

from suite_case import SuiteCase

SECONDS = 2  # of each

# Stressor -> what keeps it small.
STRESSORS = {
    "access": [], "aio": [], "aiol": [], "chdir": ["--chdir-dirs=500"],
    "chmod": [], "chown": [], "copy-file": ["--copy-file-bytes=128m"],
    "dentry": ["--dentries=500"], "dir": ["--dir-dirs=500"],
    "dirdeep": ["--dirdeep-inodes=1000"], "dirmany": [], "dnotify": [],
    "fcntl": [], "file-ioctl": [], "filename": [], "flock": [], "fsize": [],
    "fstat": [], "getdent": [], "handle": [], "hdd": ["--hdd-bytes=64m"],
    "inotify": [], "iomix": ["--iomix-bytes=64m"], "lease": [],
    "link": [], "locka": [], "lockf": [], "lockofd": [], "mknod": [],
    "mmap": ["--mmap-file", "--mmap-bytes=32m"],
    "msync": ["--msync-bytes=8m"], "open": [],
    "readahead": ["--readahead-bytes=32m"], "rename": [],
    "revio": ["--revio-bytes=32m"], "seek": ["--seek-size=32m"],
    "sendfile": [], "splice": [], "symlink": [],
    "sync-file": ["--sync-file-bytes=32m"], "touch": [], "utime": [],
}


class Stress(SuiteCase):

    def stress(self, claim):
        for name, more in STRESSORS.items():
            with self.on(claim, f"-{name}") as folders:
                self.run_program(
                    "stress-ng", f"--{name}=2", *more, "--verify",
                    f"--timeout={SECONDS}", "--temp-path", folders[0])

    def test_stressors_find_nothing_on_a_shared_claim(self):
        self.stress("many")

    def test_stressors_find_nothing_on_a_claim_of_one_node(self):
        self.stress("one")
