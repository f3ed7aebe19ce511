# SPDX-License-Identifier: Apache-2.0
"""A program that has a file open and does to it what it is told."""

import subprocess
import sys

WRITER = """
import os, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
while True:
    verb, *arguments = sys.stdin.buffer.readline().split()
    numbers = [int(x) for x in arguments]
    try:
        if verb == b"write":
            data = sys.stdin.buffer.read(numbers[1])
            assert os.pwrite(fd, data, numbers[0]) == len(data)
            os.fstat(fd) # it is sent now, not in a moment
        elif verb == b"truncate":
            os.ftruncate(fd, numbers[0])
        elif verb == b"fsync":
            os.fsync(fd)
        else:
            os.close(fd)
        print("ok", flush=True)
    except OSError as error:
        print(error.strerror, flush=True)
    if verb == b"close":
        break
"""


class FileWriter:
    """Has a file open in a process of its own: whatever else is started while the
    server is away would flush the file with the descriptor that it inherits."""

    def __init__(self, path):
        self.child = subprocess.Popen(
            [sys.executable, "-c", WRITER, path], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE)

    def ask(self, request, data=b""):
        self.child.stdin.write(request.encode() + b"\n" + data)
        self.child.stdin.flush()
        return self.child.stdout.readline().decode().strip()

    def write(self, offset, data):
        return self.ask(f"write {offset} {len(data)}", data)

    def stop(self):
        self.child.kill()
        self.child.communicate(timeout=30)
