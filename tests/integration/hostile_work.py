# SPDX-License-Identifier: Apache-2.0
"""Work on a mount whose server can't be trusted, as a program of its own because it
may wait for longer than a test may:

    hostile_work.py FOLDER KNOWN ROUNDS

FOLDER/known has the content of the file KNOWN. Errors are counted and printed; data
that came without an error and is not right ends it with status 1."""

import mmap
import os
import sys

BLOCK = 128 << 10


def check(is_right, what):
    if not is_right:
        sys.exit(f"wrong data: {what}")


def read_buffered(path, known):
    with open(path, "rb", buffering=0) as f:
        os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        at = 0
        while data := f.read(1 << 20):
            check(data == known[at:at + len(data)], f"{path} at {at}")
            at += len(data)
        check(at == len(known), f"{path} ends at {at}")


def read_direct(path, known):
    fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
    try:
        with mmap.mmap(-1, BLOCK) as block:
            for at in range(0, len(known), BLOCK):
                n = os.preadv(fd, [block], at)
                want = known[at:at + BLOCK]
                check(n == len(want), f"{path} has {n} bytes at {at}")
                check(block[:n] == want, f"{path} at {at}")
    finally:
        os.close(fd)


def write_whole(path, data):
    with open(path, "wb", buffering=0) as f:
        view = memoryview(data)
        while view:
            view = view[f.write(view):]
        os.fsync(f.fileno())


def change_names(folder):
    os.mkdir(f"{folder}/dir")
    write_whole(f"{folder}/dir/a", b"a" * 5000)
    os.rename(f"{folder}/dir/a", f"{folder}/dir/b")
    os.symlink("b", f"{folder}/dir/link")
    check(os.readlink(f"{folder}/dir/link") == "b", "target of a link")


def clean(folder):
    for name in ("a", "b", "link"):
        try:
            os.unlink(f"{folder}/dir/{name}")
        except FileNotFoundError:
            pass
    try:
        os.rmdir(f"{folder}/dir")
    except FileNotFoundError:
        pass


def main():
    folder, known_path, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
    with open(known_path, "rb") as f:
        known = f.read()
    n_errors = 0
    for number in range(rounds):
        written = f"{folder}/written-{number}"
        for step in (lambda: read_buffered(f"{folder}/known", known),
                     lambda: read_direct(f"{folder}/known", known),
                     lambda: write_whole(written, known),
                     lambda: read_buffered(written, known),
                     lambda: check("known" in os.listdir(folder), "a listing"),
                     lambda: os.stat(f"{folder}/known"),
                     lambda: os.statvfs(folder),
                     lambda: clean(folder),
                     lambda: change_names(folder),
                     lambda: clean(folder)):
            try:
                step()
            except OSError as e:
                n_errors += 1
                if step.__code__.co_names[0] == "write_whole":
                    written = f"{folder}/known"
                print(e.errno, e.strerror, flush=True)
    print(f"{n_errors} errors")


if __name__ == "__main__":
    main()
