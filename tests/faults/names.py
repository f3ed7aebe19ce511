#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Changes names at random and compares every outcome with what a model of the folder
says, the errors, too. At the end prints the model as JSON: {"ops", "half_made", "files"}.

usage: names.py FOLDER STOP SEED PAUSE_SECONDS"""

import errno
import json
import os
import random
import stat
import sys
import time

FILES = [f"f{n}" for n in range(6)]
DIRS = [f"d{n}" for n in range(3)]
TICK_SECONDS = 0.02  # of the clock that files' times come from
PATHS = FILES + [f"{d}/x{n}" for d in DIRS for n in range(3)]


class Node:
    """A file or symbolic link; names that are linked have the same one."""

    def __init__(self, data, is_link=False):
        self.data = data
        self.is_link = is_link


class Model:
    def __init__(self, root, dice):
        self.root = root
        self.dice = dice
        self.names = {}  # path -> Node
        self.dirs = set()
        self.n_half_made = 0

    def path(self, name):
        return f"{self.root}/{name}"

    def check(self, expected, function, *args, **more):
        """The outcome is success (None) or an errno."""
        found = None
        try:
            result = function(*args, **more)
        except OSError as error:
            found, result = error.errno, None
        assert found == expected, \
            f"{function.__name__}{args}: {name_of(found)}, " \
            f"not {name_of(expected)}"
        return result

    def parent_error(self, name):
        folder = os.path.dirname(name)
        return errno.ENOENT if folder and folder not in self.dirs else None

    def new_error(self, name):
        """Of something that makes this name."""
        return self.parent_error(name) or \
            (errno.EEXIST if name in self.names else None)

    def old_error(self, name):
        return None if name in self.names else errno.ENOENT

    def n_links(self, node):
        return sum(other is node for other in self.names.values())

    # What is done at random

    def mkdir(self):
        name = self.dice.choice(DIRS)
        self.check(errno.EEXIST if name in self.dirs else None, os.mkdir,
                   self.path(name))
        self.dirs.add(name)

    def rmdir(self):
        name = self.dice.choice(DIRS)
        is_full = any(path.startswith(name + "/") for path in self.names)
        expected = errno.ENOENT if name not in self.dirs else \
            errno.ENOTEMPTY if is_full else None
        self.check(expected, os.rmdir, self.path(name))
        if expected is None:
            self.dirs.remove(name)

    def create(self):
        name = self.dice.choice(PATHS)
        expected = self.new_error(name)
        mode = self.dice.choice((0o600, 0o644, 0o640))
        began = time.time()
        try:
            fd = self.check(expected, os.open, self.path(name),
                            os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        except AssertionError:
            if expected is not None or not self.is_half_made(name, began):
                raise
            self.n_half_made += 1
            self.names[name] = Node(b"")
            return
        if expected is not None:
            return
        data = self.data()
        assert os.write(fd, data) == len(data)
        assert stat.S_IMODE(os.fstat(fd).st_mode) == mode, "the mode is wrong"
        os.close(fd)
        self.names[name] = Node(data)

    def is_half_made(self, name, began):
        """A server that was killed had made the file, and not yet set the atime by
        which it is known: nobody can tell it from another node's."""
        found = os.lstat(self.path(name))
        return stat.S_ISREG(found.st_mode) and found.st_size == 0 and \
            found.st_atime_ns == found.st_mtime_ns == found.st_ctime_ns and \
            found.st_ctime > began - TICK_SECONDS

    def data(self):
        return b"%06d;" % self.dice.randrange(10**6) * self.dice.randrange(900)

    def symlink(self):
        name = self.dice.choice(PATHS)
        target = f"to-{self.dice.randrange(1000)}"
        expected = self.new_error(name)
        self.check(expected, os.symlink, target, self.path(name))
        if expected is None:
            self.names[name] = Node(target, is_link=True)

    def link(self):
        old, new = self.dice.sample(PATHS, 2)
        expected = self.old_error(old) or self.new_error(new)
        self.check(expected, os.link, self.path(old), self.path(new),
                   follow_symlinks=False)
        if expected is None:
            self.names[new] = self.names[old]

    def rename(self):
        old, new = self.dice.sample(PATHS, 2)
        expected = self.old_error(old) or self.parent_error(new)
        self.check(expected, os.rename, self.path(old), self.path(new))
        # POSIX: of two names of one file nothing happens to either.
        if expected is None and self.names.get(new) is not self.names[old]:
            self.names[new] = self.names.pop(old)

    def unlink(self):
        name = self.dice.choice(PATHS)
        expected = self.old_error(name)
        self.check(expected, os.unlink, self.path(name))
        self.names.pop(name, None)

    def unlink_open(self):
        """Below the root only: a folder with a name set aside is not empty."""
        name = self.dice.choice(FILES)
        node = self.names.get(name)
        if node is None or node.is_link:
            return
        fd = os.open(self.path(name), os.O_RDONLY)
        os.unlink(self.path(name))
        del self.names[name]
        found = os.pread(fd, len(node.data) + 1, 0)
        assert found == node.data, f"{name} reads wrong when it is removed"
        os.close(fd)

    def append(self):
        name = self.dice.choice(PATHS)
        node = self.names.get(name)
        if node is None or node.is_link:
            return
        data = self.data()
        fd = os.open(self.path(name), os.O_WRONLY | os.O_APPEND)
        assert os.write(fd, data) == len(data)
        os.close(fd)
        node.data += data
        if len(node.data) > 50000:
            os.truncate(self.path(name), 10)
            node.data = node.data[:10]

    def look(self):
        name = self.dice.choice(PATHS)
        node = self.names.get(name)
        found = self.check(self.old_error(name), os.lstat, self.path(name))
        if node is None:
            return
        assert stat.S_ISLNK(found.st_mode) == node.is_link, f"type of {name}"
        n = self.n_links(node)
        assert found.st_nlink == n, f"{name}: {found.st_nlink} links, not {n}"
        if node.is_link:
            assert os.readlink(self.path(name)) == node.data, f"target of {name}"
            return
        with open(self.path(name), "rb") as f:
            data = f.read()
        assert data == node.data, \
            f"{name} has {len(data)} bytes, not {len(node.data)}, or others"

    def list(self):
        folder = self.dice.choice(["", *sorted(self.dirs)])
        found = {name for name in os.listdir(self.path(folder))
                 if not name.startswith(".nfs")}
        expected = {os.path.basename(path) for path in self.names
                    if os.path.dirname(path) == folder}
        if not folder:
            expected |= self.dirs
        assert found == expected, f"'{folder}' lists {found}, not {expected}"

    def change(self):
        self.dice.choice((self.mkdir, self.rmdir, self.create, self.create,
                          self.symlink, self.link, self.rename, self.rename,
                          self.unlink, self.unlink_open, self.append,
                          self.append, self.look, self.look, self.list))()


def name_of(number):
    return errno.errorcode.get(number, "success")


def main():
    folder, stop, seed, pause = sys.argv[1:]
    os.umask(0o022)
    os.mkdir(folder)
    model = Model(folder, random.Random(int(seed)))
    n = 0
    while not os.path.exists(stop):
        model.change()
        n += 1
        time.sleep(float(pause))
    print(json.dumps({"ops": n, "half_made": model.n_half_made, "files": {
        name: node.data if node.is_link else node.data.decode()
        for name, node in model.names.items()}}))


if __name__ == "__main__":
    main()
