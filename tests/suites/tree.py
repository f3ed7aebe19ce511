# SPDX-License-Identifier: Apache-2.0
"""A tree with everything that an archive can hold and NFSv3 can carry."""

import os
import random

ODD_NAMES = (b" ", b"-n", b"new\nline", b"\xff\xfe", "é".encode(), b"n" * 255)


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)


def make_files(folder, n, chance):
    for number in range(n):
        below = os.path.join(folder, f"d{number % 23}", f"e{number % 7}")
        os.makedirs(below, exist_ok=True)
        path = os.path.join(below, f"f{number}")
        write(path, chance.randbytes(int(chance.expovariate(1 / 8000))))
        os.chmod(path, chance.choice((0o644, 0o600, 0o755, 0o4711, 0o444)))
        os.chown(path, chance.choice((0, 1000)), chance.choice((0, 1000)))
        if number % 10 == 0:
            os.link(path, os.path.join(folder, f"link{number}"))


def make_odd(folder, chance):
    write(f"{folder}/large", chance.randbytes(8 << 20))
    write(f"{folder}/empty", b"")
    with open(f"{folder}/holes", "wb") as f:
        for at in (1 << 20, 30 << 20):
            f.seek(at)
            f.write(b"data")
        f.truncate(64 << 20)
    for name in ODD_NAMES:
        write(os.path.join(folder.encode(), name), name)
    os.symlink("d1/e1", f"{folder}/symlink")
    os.symlink("nowhere/" + "x" * 200, f"{folder}/dangling")
    os.mkfifo(f"{folder}/fifo", 0o620)
    os.mkdir(f"{folder}/closed", 0o700)
    os.chown(f"{folder}/closed", 1000, 1000)
    os.chmod(f"{folder}/closed", 0o2770)


def set_times(folder, chance):
    """Odd ones, with nanoseconds, of every entry."""
    for at, names, files in os.walk(folder, topdown=False):
        for name in names + files:
            ns = chance.randrange(10**18, 17 * 10**17)
            os.utime(os.path.join(at, name), ns=(ns, ns), follow_symlinks=False)


def make_tree(folder, n=400, seed=5):
    chance = random.Random(seed)
    os.mkdir(folder)
    make_files(folder, n, chance)
    make_odd(folder, chance)
    set_times(folder, chance)


def change_tree(folder, seed=6):
    """Some files get other content, some go away, some come."""
    chance = random.Random(seed)
    for at, _, files in os.walk(folder):
        for name in sorted(files):
            path = os.path.join(at, name)
            dice = chance.randrange(10)
            if dice == 0:
                os.unlink(path)
            elif dice == 1 and os.path.isfile(path):
                with open(path, "r+b") as f:
                    f.seek(chance.randrange(3000))
                    f.write(chance.randbytes(3000))
    make_files(folder + "/new", 100, chance)
