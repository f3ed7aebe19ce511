# SPDX-License-Identifier: Apache-2.0
"""A network and a mount namespace for servers that can't be told their ports: an
rpcbind is on port 111 or nowhere. The calling thread and what it starts are in
them until leave()."""

import ctypes
import os
import subprocess

CLONE_FS = 0x00000200
CLONE_NEWNS = 0x00020000
CLONE_NEWNET = 0x40000000

libc = ctypes.CDLL(None, use_errno=True)


def check(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), what)


def run(*argv):
    subprocess.run(argv, check=True, timeout=20)


class Namespaces:
    """hidden: folders that are empty inside. OSError where it may not be."""

    def __init__(self, hidden):
        self.saved = [os.open(f"/proc/thread-self/ns/{kind}",
                              os.O_RDONLY | os.O_CLOEXEC)
                      for kind in ("net", "mnt")]
        self.cwd = os.getcwd()
        try:
            check(libc.unshare(CLONE_NEWNS | CLONE_NEWNET), "unshare")
            self.furnish(hidden)
        except BaseException:
            self.leave()
            raise

    @staticmethod
    def furnish(hidden):
        run("mount", "--make-rprivate", "/")
        for folder in hidden:
            run("mount", "-t", "tmpfs", "-o", "mode=755", "none", folder)
        run("ip", "link", "set", "lo", "up")
        # Where there is nothing but lo, programs take the network for dead.
        run("ip", "link", "add", "here", "type", "veth", "peer", "there")
        run("ip", "address", "add", "192.0.2.1/24", "dev", "here")
        run("ip", "link", "set", "here", "up")
        run("ip", "link", "set", "there", "up")

    def leave(self):
        # Threads that were started meanwhile share root and cwd, which a mount
        # namespace can't be left with.
        check(libc.unshare(CLONE_FS), "unshare")
        for fd in self.saved:
            check(libc.setns(fd, 0), "setns")
            os.close(fd)
        os.chdir(self.cwd)
