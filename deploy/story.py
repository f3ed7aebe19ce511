# SPDX-License-Identifier: Apache-2.0
"""From a fresh clone to claims that are mounted volumes: installs what is missing,
builds, starts an NFS server, two nodes and a provisioner below one folder, and
walks through a story of claims and pods, verifying every step.

Without --check everything stays up at the end. It never touches a mount, a
server or a process that it did not start itself, and opens no port but on
127.0.0.1."""

import argparse
import os
import shlex
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(HERE)
sys.path.insert(0, HERE)

from lab import (Cluster, Ctl, ForeignServer, LabError,  # noqa: E402
                 Provisioner)
from lab.claimfs import program  # noqa: E402
from lab.process import answers  # noqa: E402
from chapters import CHAPTERS, Teller  # noqa: E402

STATE_DIR = "/var/lib/claimfs-quickstart"


def port(text):
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(
            f"'{text}' is not a port from 1 to 65535")
    return int(text)


def options():
    parser = argparse.ArgumentParser(
        prog="deploy/quickstart", description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "--check", action="store_true",
        help="work in a folder of its own, tear everything down at the end, "
             "and exit 0 only if every step held")
    parser.add_argument(
        "--down", action="store_true",
        help="stop and remove what a former run left in the state dir")
    parser.add_argument(
        "--keep", action="store_true",
        help="with --down or --check: keep the state dir (logs, exported "
             "folder)")
    parser.add_argument("--state-dir", metavar="DIR",
                        help=f"where everything goes (default {STATE_DIR})")
    parser.add_argument("--server", metavar="HOST",
                        help="use this NFS server instead of a private one")
    parser.add_argument("--share", metavar="/PATH",
                        help="the share of --server")
    parser.add_argument("--nfs-port", metavar="N", type=port,
                        help="port of --server (default 2049)")
    parser.add_argument("--mount-port", metavar="N", type=port,
                        help="port of its MOUNT service (default: ask its "
                             "portmapper)")
    parser.add_argument("--programs", metavar="DIR",
                        help="use the programs of this build directory "
                             "instead of building")
    args = parser.parse_args()
    if bool(args.server) != bool(args.share):
        parser.error("--server and --share go together")
    if args.share and not args.share.startswith("/"):
        parser.error(f"--share: '{args.share}' does not begin with /")
    if not args.server and (args.nfs_port or args.mount_port):
        parser.error("--nfs-port and --mount-port need --server")
    if args.check and args.down:
        parser.error("--check and --down exclude each other")
    return args


def build():
    """Builds a release into build/; quiet unless it fails."""
    folder = os.path.join(ROOT, "build")
    print(f"building into {folder}", flush=True)
    commands = [["ninja", "-C", folder]]
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        commands.insert(0, ["meson", "setup", folder, ROOT,
                            "--buildtype=release", "-Dtests=false"])
    for command in commands:
        done = subprocess.run(command, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
        if done.returncode != 0:
            raise LabError(f"{shlex.join(command)} failed:\n"
                           + done.stdout[-4000:])
    return folder


def ask_doctor(programs, foreign):
    """Whether claims on the user's share can be served, before any is made."""
    options = ["nfsvers=3"]
    if foreign.port:
        options.append(f"port={foreign.port}")
    if foreign.mount_port:
        options.append(f"mountport={foreign.mount_port}")
    argv = [program(programs, "claimctl"), "doctor", "--server", foreign.host,
            "--share", foreign.share, "--options", ",".join(options)]
    print(f"$ {shlex.join(argv)}", flush=True)
    if subprocess.run(argv, check=False).returncode != 0:
        raise LabError(f"share {foreign.share} of server {foreign.host} can't "
                       "be served: change what the doctor says")


def what_next(cluster):
    ctl = os.path.relpath(cluster.ctl.program, os.getcwd())
    print(f"""
Everything is still up, in {cluster.folder}. What to try next:

  export CLAIMFS_SERVER=unix://{cluster.provisioner.socket}
  {ctl} get pvc,pv,pods
  {ctl} describe pvc pvc-nfs-dynamic
  {ctl} get pvc -w
  ls {cluster.nodes[0].meta}
  cat {cluster.nodes[0].meta}/metrics
  kubectl --server {cluster.provisioner.url} get pvc,pv,pods

Stop and remove it:  sudo deploy/quickstart --down""")


def sweep(ctl):
    """Deletes all pods and claims, so that no directory stays on the share."""
    for kind in ("pod", "pvc"):
        names = [name.split("/", 1)[1]
                 for name in ctl("get", kind, "-o", "name").split()]
        if names:
            ctl("delete", kind, *names)
        for name in names:
            ctl.wait_phase(kind, name, None, seconds=30)


def sweep_earlier(cluster):
    """The same for what an earlier run left, as far as it still answers."""
    socket = Provisioner.socket_of(cluster.folder)
    build_dir = os.path.join(ROOT, "build")
    if answers(socket) and os.path.isdir(build_dir):
        try:
            sweep(Ctl(build_dir, socket))
        except LabError as error:
            print(f"quickstart: claims were not deleted: {error}",
                  file=sys.stderr)


def close(cluster):
    """Everything must end by itself, and leave nothing behind."""
    failures = [f"{log} tells why its daemon ended with {status}"
                for log, status in cluster.stop().items()
                if status not in (0, None)]
    cluster.down()
    return failures


def tell(args, cluster):
    teller = Teller(cluster, is_patient=bool(args.programs))
    for number, chapter in enumerate(CHAPTERS, 1):
        teller.headline(number, chapter.__doc__)
        chapter(teller)


def check(args, cluster):
    """The story, and then nothing is left of it, whatever happened."""
    failures = []
    try:
        cluster.start()
        tell(args, cluster)
        sweep(cluster.ctl)
    except LabError as error:
        failures.append(str(error))
    finally:
        failures += close(cluster)
        if not args.keep:
            cluster.remove()
    if failures:
        raise LabError("\n".join(failures))
    print("\nEvery step held; everything is torn down again.")


def run(args):
    programs = None if args.down else args.programs or build()
    foreign = None
    if args.server:
        foreign = ForeignServer(args.server, args.share, args.nfs_port,
                                args.mount_port)
    folder = args.state_dir or STATE_DIR
    if args.check and not args.state_dir:
        folder = tempfile.mkdtemp(prefix="claimfs-check-", dir="/var/tmp")
    cluster = Cluster(programs, folder, foreign, has_keepers=True)
    sweep_earlier(cluster)
    cluster.down()
    if args.down:
        if not args.keep:
            cluster.remove()
        return
    cluster.remove()
    if foreign:
        ask_doctor(programs, foreign)
    if args.check:
        check(args, cluster)
    else:
        cluster.start()
        tell(args, cluster)
        what_next(cluster)


def main():
    args = options()
    if os.geteuid() != 0:
        sys.exit("quickstart: mounting needs root: sudo deploy/quickstart")
    signal.signal(signal.SIGTERM, lambda *unused: sys.exit(1))
    try:
        run(args)
    except LabError as error:
        sys.exit(f"quickstart: {error}")


if __name__ == "__main__":
    main()
