# SPDX-License-Identifier: Apache-2.0
"""The wire between claimfs and a server: connections are passed on record by record,
and a subclass looks at the calls, or keeps some of them or of their replies back."""

import socket
import struct
import threading


def receive(sock, n):
    data = b""
    while len(data) < n:
        more = sock.recv(n - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def procedure(call):
    return struct.unpack_from(">I", call, 20)[0]


class Wire:
    """Listens on self.port for clients of a server on this machine."""

    def __init__(self, port):
        self.server = ("127.0.0.1", port)
        self.n_connections = 0
        self.socks = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.n_connections += 1
            try:
                server = self.connect(client)
            except OSError:
                client.close()
                continue
            self.socks += [client, server]
            for args in ((client, server, True), (server, client, False)):
                threading.Thread(target=self.pump, args=args,
                                 daemon=True).start()

    def connect(self, client):
        """The server's end of the client's connection."""
        return socket.create_connection(self.server)

    def pump(self, source, target, are_calls):
        try:
            while True:
                mark = receive(source, 4)
                record = receive(source,
                                 struct.unpack(">I", mark)[0] & ~(1 << 31))
                passes = self.passes if are_calls else self.answers
                if passes(record):
                    target.sendall(mark + record)
        except (OSError, EOFError):
            for sock in (source, target):
                try:
                    sock.shutdown(socket.SHUT_RD)  # wakes the other thread
                except OSError:
                    pass
                sock.close()

    def passes(self, call):
        """False keeps the call from the server."""
        return True

    def answers(self, reply):
        """False keeps the reply from the client."""
        return True

    def reset(self):
        """Ends all connections: clients send again what was not answered."""
        for sock in self.socks:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.close()
        self.reset()
