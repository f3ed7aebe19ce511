# SPDX-License-Identifier: Apache-2.0
"""A private nfs-ganesha: one folder, two ports on 127.0.0.1, nothing else open.

Several may run at once. It needs no rpcbind (ganesha_alone.c says why and how),
and NLM, rquota, UDP and NFSv4 are off: each would open a port or keep state
outside the lab's folder. One with a lock manager is for a network namespace of
its own, where an rpcbind and an rpc.statd have to run.
"""

import functools
import glob
import os
import subprocess
import tempfile

from .process import LabError, Process, answers

CONFIG = """\
NFS_CORE_PARAM {{
    Bind_addr = 127.0.0.1;
    NFS_Port = {port};
    MNT_Port = {mount_port};
    Protocols = 3;
    {nlm}
    Enable_RQUOTA = false;
    Enable_UDP = false;
    mount_path_pseudo = false;
    fsid_device = true;
    # For containers; 4.3 does not know it and only warns.
    Allow_Set_Io_Flusher_Fail = true;
    Plugins_Dir = "{plugins}";
}}
NFSv4 {{
    {grace}
    RecoveryBackend = fs;
    RecoveryRoot = "{state}/recovery";
}}
EXPORT_DEFAULTS {{
    Access_Type = RW;
    Squash = No_Root_Squash;
    SecType = sys;
    Transports = TCP;
    Protocols = 3;
    PrivilegedPort = false;
    # The quickstart and the tests look at and change the folder directly.
    Attr_Expiration_Time = {attr_expiration};
}}
EXPORT {{
    Export_Id = 1;
    Path = "{export}";
    Pseudo = /export;
    Filesystem_Id = 77.1;
    MaxRead = 1048576;
    MaxWrite = 1048576;
    PrefRead = 1048576;
    PrefWrite = 1048576;
    FSAL {{ Name = VFS; }}
}}
{more}LOG {{
    Default_Log_Level = EVENT;
    Facility {{ name = FILE; destination = "{state}/ganesha.log"; enable = active; }}
}}
"""

# Of root, root_squash makes nobody; of everybody, all_squash does. Nobody may
# write to read_only.
SQUASHED = """\
EXPORT {{
    Export_Id = {number};
    Path = "{path}";
    Pseudo = /export-{number};
    Filesystem_Id = 77.{number};
    Access_Type = {access};
    Squash = {squash};
    Anonymous_Uid = 65534;
    Anonymous_Gid = 65534;
    FSAL {{ Name = VFS; }}
}}
"""


# In which clients may reclaim locks, and take no new ones.
GRACE_SECONDS = 5


@functools.cache
def build_preload(*options):
    """ganesha_alone.c as a shared object; a run of tests starts many servers."""
    source = os.path.join(os.path.dirname(os.path.dirname(
        os.path.abspath(__file__))), "ganesha_alone.c")
    with tempfile.TemporaryDirectory() as folder:
        target = os.path.join(folder, "ganesha_alone.so")
        subprocess.run(["cc", "-shared", "-fPIC", "-O", *options, "-o",
                        target, source], check=True)
        with open(target, "rb") as f:
            return f.read()


class Ganesha:
    """The server; export, port and mount_port are what clients need. For each of
    squashed ("root_squash", "all_squash", "read_only") it exports one more folder,
    next to the first: squashed_export() names it."""

    def __init__(self, state, export, port, mount_port, attr_expiration=0,
                 squashed=(), nlm_port=None):
        self.state = os.path.abspath(state)
        self.export = os.path.abspath(export)
        self.port = port
        self.mount_port = mount_port
        self.attr_expiration = attr_expiration
        self.squashed = squashed
        self.nlm_port = nlm_port  # has a lock manager
        self.process = Process("ganesha", self.state)

    def squashed_export(self, squash):
        return f"{self.export}-{squash}"

    def _squashed_exports(self):
        return "".join(
            SQUASHED.format(
                number=number, path=self.squashed_export(squash),
                access="RO" if squash == "read_only" else "RW",
                squash="no_root_squash" if squash == "read_only" else squash)
            for number, squash in enumerate(self.squashed, 2))

    def _write_config(self):
        plugins = glob.glob("/usr/lib/*/ganesha")
        if not plugins:
            raise LabError("nfs-ganesha-vfs is not installed: there is no "
                           "/usr/lib/*/ganesha")
        path = os.path.join(self.state, "ganesha.conf")
        with open(path, "w", encoding="utf-8") as f:
            f.write(CONFIG.format(
                plugins=plugins[0], more=self._squashed_exports(),
                nlm=f"Enable_NLM = true; NLM_Port = {self.nlm_port};"
                if self.nlm_port else "Enable_NLM = false;",
                # It looks at the time twice per lease.
                grace=f"Grace_Period = {GRACE_SECONDS}; Lease_Lifetime = 4;"
                if self.nlm_port else "Graceless = true;", **vars(self)))
        return path

    def _write_preload(self):
        path = os.path.join(self.state, "ganesha_alone.so")
        with open(path, "wb") as f:
            f.write(build_preload(*["-DWITH_RPCBIND"] if self.nlm_port else []))
        return path

    def start(self):
        for port in (self.port, self.mount_port):
            if answers(("127.0.0.1", port)):
                raise LabError(f"port {port} of 127.0.0.1 is in use")
        for folder in (self.state, self.state + "/recovery", self.export,
                       "/var/run/ganesha",
                       *map(self.squashed_export, self.squashed)):
            os.makedirs(folder, exist_ok=True)
        config = self._write_config()
        preload = self._write_preload()
        log_size = os.path.getsize(self.process.log_path) if os.path.exists(
            self.process.log_path) else 0
        self.process.start(
            ["ganesha.nfsd", "-F", "-f", config,
             "-L", self.process.log_path,
             "-p", os.path.join(self.state, "ganesha.nfsd.pid")],
            lambda: answers(("127.0.0.1", self.port)) and
            answers(("127.0.0.1", self.mount_port)),
            env={"LD_PRELOAD": preload})
        self._check_export(log_size)
        return self

    def _check_export(self, log_size):
        """Without its export ganesha runs on and refuses every mount."""
        with open(self.process.log_path, encoding="utf-8",
                  errors="replace") as f:
            f.seek(log_size)
            reasons = [line.rstrip() for line in f if "create_export" in line]
        if reasons:
            self.stop()
            raise LabError(f"nfs-ganesha can't export {self.export}: "
                           f"{reasons[0].partition(' :CRIT :')[2]}")

    def stop(self):
        return self.process.stop()

    def __enter__(self):
        return self.start()

    def __exit__(self, *unused):
        self.stop()
