# SPDX-License-Identifier: Apache-2.0
"""share_copier.c: copies on a server's share, and how they end."""

import os
import signal
import subprocess

import copy_tree
import lab_case

SECONDS = 100


class Copier:

    def __init__(self, server, reports):
        self.server = server
        self.reports = reports
        os.makedirs(reports, exist_ok=True)

    def where(self, share=None, port=None):
        return f"127.0.0.1:{port or self.server.port}:" \
               f"{self.server.mount_port}:{share or self.server.export}"

    def start(self, *args, where=None, env=()):
        sanitized = lab_case.sanitizer_environment(self.reports)
        sanitized["ASAN_OPTIONS"] += ":verify_asan_link_order=0"
        return subprocess.Popen(
            [f"{lab_case.PROGRAMS}/tests/integration/share_copier",
             where or self.where(), *map(str, args)],
            env={**os.environ, **sanitized, **dict(env)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def ask(self, *args, where=None, env=()):
        """[..., outcome, entries, bytes, KiB] ([] if it was killed), what was said."""
        with self.start(*args, where=where, env=env) as process:
            try:
                out, said = process.communicate(timeout=SECONDS)
            finally:
                process.kill()
        if process.returncode == -signal.SIGKILL:
            return [], said
        return out.split(), said

    def do(self, *args, where=None):
        out, said = self.ask(*args, where=where)
        if (out[-4:-3], said) != (["0"], ""):
            raise AssertionError(f"{args}: {out} {said}")
        return out


def differences(want, folder, but=()):
    """Between a fingerprint and a folder, without these fields; sentences."""
    have = copy_tree.fingerprint(folder)
    entries, found = (
        {name: {key: value for key, value in of.items() if key not in but}
         for name, of in tree.items()} for tree in (want[0], have[0]))
    told = copy_tree.differences(entries, found)
    if have[1] != want[1]:
        told.append(f"names of one file are {have[1]}, not {want[1]}")
    return told
