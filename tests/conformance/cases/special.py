# SPDX-License-Identifier: Apache-2.0
"""Fifos, sockets, device nodes, statfs and attributes by name."""

import errno
import os
import socket
import stat

from steps import Child, as_user, equal, fails, opened, write
from suite import case


@case("a fifo carries data from process to process")
def fifo():
    os.mkfifo("fifo", 0o600)
    equal(stat.S_ISFIFO(os.stat("fifo").st_mode), True)

    def send():
        with opened("fifo", os.O_WRONLY) as fd:
            os.write(fd, b"content")

    child = Child(send)
    with opened("fifo", os.O_RDONLY) as fd:
        equal(os.read(fd, 99), b"content")
        equal(os.read(fd, 99), b"")
    child.result()


@case("a fifo without a reader refuses a writer that won't wait")
def fifo_without_reader():
    os.mkfifo("fifo")
    fails(errno.ENXIO, os.open, "fifo", os.O_WRONLY | os.O_NONBLOCK)


@case("a unix socket can be bound, reached and removed")
def unix_socket():
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        server.listen()
        equal(stat.S_ISSOCK(os.stat("socket").st_mode), True)

        def connect():
            with socket.socket(socket.AF_UNIX) as client:
                client.connect("socket")
                client.sendall(b"content")

        child = Child(connect)
        connection, _ = server.accept()
        with connection:
            equal(connection.recv(99, socket.MSG_WAITALL)[:7], b"content")
        child.result()
        fails(errno.EADDRINUSE, socket.socket(socket.AF_UNIX).bind, "socket")
    os.unlink("socket")


@case("device nodes keep kind, number and mode")
def devices():
    for kind, name in ((stat.S_IFCHR, "character"), (stat.S_IFBLK, "block")):
        os.mknod(name, kind | 0o640, os.makedev(1, 3))
        status = os.stat(name)
        equal(stat.S_IFMT(status.st_mode), kind)
        equal((status.st_rdev, status.st_mode & 0o777), (os.makedev(1, 3), 0o640))
        os.rename(name, name + "-new")
        os.unlink(name + "-new")
    os.mknod("large", stat.S_IFCHR | 0o600, os.makedev(259, 65537))
    equal(os.stat("large").st_rdev, os.makedev(259, 65537))


@case("users make no device nodes, but fifos")
def users():
    os.chmod(".", 0o777)
    user = (1000, 1000)
    as_user(user, fails, errno.EPERM, os.mknod, "device", stat.S_IFCHR | 0o600,
            os.makedev(1, 3))
    as_user(user, os.mkfifo, "fifo")
    equal(os.stat("fifo").st_uid, 1000)


@case("mknod makes regular files, and replaces nothing")
def regular():
    os.mknod("a", stat.S_IFREG | 0o640)
    equal(stat.S_IMODE(os.stat("a").st_mode), 0o640)
    fails(errno.EEXIST, os.mknod, "a", stat.S_IFREG | 0o640)
    fails(errno.EEXIST, os.mkfifo, "a")


@case("statfs tells sizes that make sense")
def statfs():
    status = os.statvfs(".")
    equal(status.f_bsize >= 512 and status.f_frsize >= 512, True, "block size")
    equal(status.f_blocks >= status.f_bfree >= status.f_bavail > 0, True,
          f"{status} in order")
    equal(status.f_namemax, 255)
    with opened(".") as fd:
        equal(os.fstatvfs(fd).f_blocks, status.f_blocks)


@case("attributes by name are kept, or refused as not supported")
def xattrs():
    write("a")
    try:
        os.setxattr("a", "user.name", b"value")
    except OSError as e:
        equal(e.errno, errno.EOPNOTSUPP)
        fails(errno.EOPNOTSUPP, os.getxattr, "a", "user.name")
        return
    equal(os.getxattr("a", "user.name"), b"value")
    equal("user.name" in os.listxattr("a"), True)


@case("everything in a directory is on one device, with numbers of its own")
def device_and_inodes():
    write("file")
    os.mkdir("folder")
    os.symlink("none", "link")
    os.mkfifo("fifo")
    statuses = [os.lstat(name) for name in os.listdir()]
    equal({status.st_dev for status in statuses}, {os.stat(".").st_dev})
    equal(len({status.st_ino for status in statuses}), 4)


@case("inode numbers stay from one look to the next")
def stable_inodes():
    names = [f"a{i}" for i in range(100)]
    for name in names:
        write(name)
    before = {name: os.stat(name).st_ino for name in names}
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as f:
        f.write("2")
    equal({name: os.stat(name).st_ino for name in names}, before)


@case("the other mount has special files of the same kinds", n_mounts=2)
def other_mount(other):
    os.mkfifo("fifo", 0o600)
    os.mknod("device", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    for name in ("fifo", "device"):
        here, there = os.stat(name), os.stat(f"{other}/{name}")
        equal((there.st_mode, there.st_rdev), (here.st_mode, here.st_rdev))
