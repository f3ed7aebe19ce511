# SPDX-License-Identifier: Apache-2.0
"""A tree with every kind of file, and what of one a copy has to have."""

import errno
import hashlib
import os
import random
import socket
import stat

BLOCK = 4096


def set_times(path, chance):
    # Within what NFS version 3 can say, and older than any copy.
    atime, mtime = (chance.randrange(1, 1_700_000_000 * 10**9)
                    for _ in range(2))
    os.utime(path, ns=(atime, mtime), follow_symlinks=False)


def make_sparse(path, chance, n_blocks=40):
    """Blocks of data between holes, one of them at the end."""
    with open(path, "wb") as f:
        for block in chance.sample(range(n_blocks), n_blocks // 4):
            f.seek(block * BLOCK)
            f.write(chance.randbytes(BLOCK))
        f.truncate(n_blocks * BLOCK + chance.randrange(BLOCK))


def make_socket(path):
    # Its path may be longer than an address can be.
    folder = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(f"/proc/self/fd/{folder}/{os.path.basename(path)}")
    finally:
        os.close(folder)


def make_odd(folder, chance):
    """One of each kind, with odd names, owners and modes."""
    os.makedirs(folder)
    for number, name in enumerate((
            b"new\nline", b"\xff\xfe not UTF-8", b"-rf *", b" ", b"x" * 255,
            "Ünïcödé".encode(), b'quo"te\'s', b"back\\slash", b".hidden")):
        path = os.path.join(folder.encode(), name)
        with open(path, "wb") as f:
            f.write(chance.randbytes(number))
    for mode in (0o4755, 0o2755, 0o6711, 0o1777, 0o000, 0o200, 0o600, 0o444):
        path = f"{folder}/mode-{mode:o}"
        with open(path, "wb") as f:
            f.write(b"m")
        os.chown(path, 1000 + mode, 2000 + mode)
        os.chmod(path, mode)
    os.symlink("nowhere at all", f"{folder}/dangling")
    os.symlink("/etc/passwd", f"{folder}/absolute")
    os.symlink("t" * 3000, f"{folder}/long-target")
    os.lchown(f"{folder}/dangling", 12, 34)
    os.mkfifo(f"{folder}/pipe", 0o640)
    os.mknod(f"{folder}/char", stat.S_IFCHR | 0o620, os.makedev(5, 1))
    os.mknod(f"{folder}/block", stat.S_IFBLK | 0o660, os.makedev(253, 300))
    make_socket(f"{folder}/socket")
    os.chown(f"{folder}/pipe", 7, 8)
    make_sparse(f"{folder}/sparse", chance)
    make_sparse(f"{folder}/large-sparse", chance, 400)
    with open(f"{folder}/only-a-hole", "wb") as f:
        f.truncate(1 << 20)
    for name, mode in (("nothing-in-it", 0o755), ("no-x", 0o600),
                       ("sticky", 0o1777), ("setgid", 0o2770),
                       ("closed", 0o000), ("private", 0o700)):
        os.mkdir(f"{folder}/{name}")
        os.chown(f"{folder}/{name}", 55, 66)
        os.chmod(f"{folder}/{name}", mode)
    for name in ("pipe", "dangling", "sparse"):
        os.link(f"{folder}/{name}", f"{folder}/closed/{name}-again",
                follow_symlinks=False)


def make_tree(folder, n_entries=20_000, seed=1):
    """About so many entries; every odd kind in several places."""
    chance = random.Random(seed)
    os.makedirs(folder, exist_ok=True)
    firsts = []
    n_made = number = 0
    while n_made < n_entries:
        where = f"{folder}/d{number % 10}/e{number // 10 % 10}"
        if number % 97 == 0:
            make_odd(f"{where}/odd{number}", chance)
            n_made += 45
        os.makedirs(where, exist_ok=True)
        path = f"{where}/file{number}"
        if number % 10 == 9 and firsts:
            os.link(chance.choice(firsts), path)
        else:
            size = chance.choice((0, 1, 100, 4096, 5000, 20_000))
            if number % 2000 == 0:
                size = (1 << 20) + 77
            with open(path, "wb") as f:
                f.write(chance.randbytes(size))
            if number % 7 == 0:
                os.chown(path, number, number + 1)
            if number % 50 == 0:
                firsts.append(path)
        number += 1
        n_made += 1
    deep = folder
    for depth in range(220):
        deep += f"/{depth}"
        # Longer than a path may be at once.
        if len(deep) > 1000:
            break
    os.makedirs(deep)
    with open(f"{deep}/bottom", "w", encoding="ascii") as f:
        f.write("here")
    for top, _, names in os.walk(folder, topdown=False):
        for name in names:
            set_times(os.path.join(top, name), chance)
        set_times(top, chance)


def open_unseen(path):
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOATIME), "rb")


def extents(path):
    """[(start, end)] of what is no hole."""
    found, at = [], 0
    with open_unseen(path) as f:
        while True:
            try:
                start = os.lseek(f.fileno(), at, os.SEEK_DATA)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
                return found
            at = os.lseek(f.fileno(), start, os.SEEK_HOLE)
            found.append((start, at))


def content(path, status):
    if stat.S_ISLNK(status.st_mode):
        return os.readlink(path)
    if not stat.S_ISREG(status.st_mode):
        return ""
    with open_unseen(path) as f:
        return hashlib.sha256(f.read()).hexdigest(), extents(path)


def fingerprint(folder):
    """{path: all that NFS version 3 can carry of it}; {fileid: paths} of links."""
    folder = os.fsencode(folder)
    found, links = {}, {}
    paths = [folder]
    for top, folders, names in os.walk(folder):
        paths += [os.path.join(top, name) for name in folders + names]
    # Before anything is read.
    statuses = {path: os.lstat(path) for path in paths}
    for path, status in statuses.items():
        name = os.path.relpath(path, folder)
        is_folder = stat.S_ISDIR(status.st_mode)
        is_symlink = stat.S_ISLNK(status.st_mode)
        if not is_folder and status.st_nlink > 1:
            links.setdefault(status.st_ino, set()).add(name)
        found[name] = {
            "mode": oct(status.st_mode),
            "owner": (status.st_uid, status.st_gid),
            "size": None if is_folder else status.st_size,
            "device": status.st_rdev,
            # Looking into a folder changes it, and nfs-ganesha's VFS sets
            # no times of a symlink.
            "atime": None if is_folder or is_symlink else status.st_atime_ns,
            "mtime": None if is_symlink else status.st_mtime_ns,
            "links": None if is_folder else status.st_nlink,
            "content": content(path, status),
        }
    return found, sorted(map(sorted, links.values()))


def differences(want, have, limit=10):
    """Sentences."""
    told = [f"{name!r} is missing" for name in want if name not in have]
    told += [f"{name!r} is too much" for name in have if name not in want]
    for name in want.keys() & have.keys():
        told += [f"{name!r}: {key} is {have[name][key]!r}, not "
                 f"{want[name][key]!r}"
                 for key in want[name] if want[name][key] != have[name][key]]
    return told[:limit] + ([f"and {len(told) - limit} more"]
                           if len(told) > limit else [])
