#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Reads 4 KiB past the page cache again and again, and checks them: for each read two
doubles go to RECORD, when it began and when it ended (time.monotonic()).

usage: probe.py FILE RECORD STOP PAUSE_SECONDS"""

import mmap
import os
import random
import struct
import sys
import time

BLOCK = 4096
N_BLOCKS = 64


def block(index):
    return struct.pack("<Q", index) * (BLOCK // 8)


def main():
    path, record, stop, pause = sys.argv[1:]
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_DIRECT, 0o644)
    buffer = mmap.mmap(-1, BLOCK)
    for index in range(N_BLOCKS):
        buffer[:] = block(index)
        assert os.pwritev(fd, [buffer], index * BLOCK) == BLOCK
    out = os.open(record, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    while not os.path.exists(stop):
        index = random.randrange(N_BLOCKS)
        began = time.monotonic()
        n = os.preadv(fd, [buffer], index * BLOCK)
        ended = time.monotonic()
        assert n == BLOCK, f"{n} bytes were read"
        assert buffer[:] == block(index), f"block {index} has wrong bytes: " \
            f"{buffer[:8].hex()} at its beginning, {buffer[-8:].hex()} at its end"
        os.write(out, struct.pack("<dd", began, ended))
        time.sleep(float(pause))


if __name__ == "__main__":
    main()
