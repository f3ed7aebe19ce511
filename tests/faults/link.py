#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A link to a server of this machine that can be cut, as a process of its own. It
prints its port, and obeys lines on its standard input:

    cut       ends all connections
    tear N    ends them after N more bytes of replies, in the middle of one
    hold MS   passes nothing on for so long
    hole      passes nothing on any more on those that there are: who waits on one
              is told nothing

usage: link.py SERVER_PORT"""

import asyncio
import contextlib
import socket
import subprocess
import sys

CHUNK = 1 << 18


class Link:
    """The other end of the process's pipe."""

    def __init__(self, port):
        self.child = subprocess.Popen(
            [sys.executable, __file__, str(port)], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = int(self.child.stdout.readline())

    def tell(self, line):
        print(line, file=self.child.stdin, flush=True)

    def close(self):
        self.child.kill()
        self.child.communicate(timeout=10)


class Wire:
    """One connection: a stream from the client, and one from the server."""

    def __init__(self, client, server):
        self.ends = (client[1], server[1])
        self.is_hole = False
        for end in self.ends:
            self.option(end, socket.TCP_NODELAY)

    @staticmethod
    def option(writer, number):
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, number, 1)

    def cut(self):
        for end in self.ends:
            end.transport.abort()


class Wires:
    def __init__(self, port):
        self.port = port  # the server's
        self.is_open = asyncio.Event()
        self.is_open.set()
        self.wires = set()
        self.n_left = None  # bytes of replies until all is torn

    async def connected(self, *client):
        try:
            server = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            client[1].transport.abort()
            return
        wire = Wire(client, server)
        self.wires.add(wire)
        await asyncio.gather(self.pump(wire, client, server[1], False),
                             self.pump(wire, server, client[1], True))

    async def pump(self, wire, source, target, are_replies):
        with contextlib.suppress(OSError):
            while data := await source[0].read(CHUNK):
                # Else a server that sends a reply in two pieces waits with the
                # second one.
                wire.option(source[1], socket.TCP_QUICKACK)
                await self.is_open.wait()
                if wire.is_hole:
                    continue
                target.write(self.part(data) if are_replies else data)
                await target.drain()
        self.wires.discard(wire)
        wire.cut()

    def part(self, data):
        """What is passed on of this; all is cut then if that is not all."""
        if self.n_left is None:
            return data
        n, self.n_left = self.n_left, self.n_left - len(data)
        if self.n_left >= 0:
            return data
        self.n_left = None
        # Nothing may follow what is missing: no wire loses bytes in the middle.
        self.obey("hole", 0)
        asyncio.get_running_loop().call_later(0.001, self.cut)
        return data[:n]

    def cut(self):
        for wire in self.wires:
            wire.cut()

    def obey(self, verb, number):
        if verb == "cut":
            self.cut()
        elif verb == "tear":
            self.n_left = int(number)
        elif verb == "hold":
            self.is_open.clear()
            asyncio.get_running_loop().call_later(int(number) / 1000,
                                                  self.is_open.set)
        elif verb == "hole":
            for wire in self.wires:
                wire.is_hole = True


async def main():
    wires = Wires(int(sys.argv[1]))
    listener = await asyncio.start_server(wires.connected, "127.0.0.1", 0)
    print(listener.sockets[0].getsockname()[1], flush=True)
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while line := await orders.readline():
        wires.obey(*line.decode().split())


if __name__ == "__main__":
    asyncio.run(main())
