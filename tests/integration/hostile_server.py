# SPDX-License-Identifier: Apache-2.0
"""A server that can't be trusted: a proxy in front of a real one, which knows record
marking (RFC 5531 section 11) and mangles replies by a rule.

A rule is a function of a Reply that returns the bytes to send instead of it, a list
of them to be sent one by one, or None to send nothing; HANG_UP after them ends the
connection. Rules only do what a client can notice: a server that invents attributes
or data in a well-formed reply is beyond everybody's help."""

import random
import socket
import struct
import threading

NFS = 100003
SETATTR, READ, LOOKUP, CREATE, READDIR, READDIRPLUS = 2, 6, 3, 8, 16, 17
WRITE, COMMIT = 7, 21
DQUOT = 69  # RFC 1813 2.6; the other errors have Linux' numbers
LAST = 1 << 31
HANG_UP = object()

# Offsets in a reply with an empty verifier: xid, type, stat, verifier (2 words),
# accept_stat, and the procedure's status.
ACCEPT_AT = 20
STATUS_AT = 24
RESULTS_AT = 28
ATTRIBUTES = 84


def record(body, mark=None):
    return struct.pack(">I", LAST | len(body) if mark is None else mark) + body


class Reply:
    """body is the record without its mark; former are replies to other calls."""

    def __init__(self, program, proc, body, former):
        self.program = program
        self.proc = proc
        self.body = body
        self.former = former

    def is_ok(self):
        return self.body[ACCEPT_AT:RESULTS_AT] == bytes(8)

    def is_data(self):
        return (self.program, self.proc) == (NFS, READ) and self.is_ok()

    def count_at(self):
        """Where READ's count is; eof, the length and the data follow."""
        has_attributes = self.word(RESULTS_AT)
        return RESULTS_AT + 4 + (ATTRIBUTES if has_attributes else 0)

    def word(self, at):
        return struct.unpack_from(">I", self.body, at)[0]

    def with_word(self, at, value):
        return self.body[:at] + struct.pack(">I", value) + self.body[at + 4:]


def pass_on(reply):
    return record(reply.body)


def failing(proc, status):
    """A rule: the server says that it could not write or commit, and why."""
    def rule(reply):
        if (reply.program, reply.proc) != (NFS, proc):
            return pass_on(reply)
        return record(reply.body[:STATUS_AT] + struct.pack(">3I", status, 0, 0))
    return rule


def truncated(reply):
    return record(reply.body[:len(reply.body) // 8 * 4])


def without_a_body(reply):
    return record(reply.body[:random.choice((0, 1, 3, 4, 8, 20))])


def empty_record(reply):
    return [record(b""), record(reply.body)]


def bad_head(reply):
    at = random.choice((4, 8, 16, ACCEPT_AT))
    return record(reply.with_word(at, random.choice((2, 9, LAST, 0xffffffff))))


def unknown_status(reply):
    if len(reply.body) <= STATUS_AT:
        return pass_on(reply)
    return record(reply.with_word(STATUS_AT, random.choice((3, 12345, LAST))))


def twice(reply):
    return record(reply.body) * 2


def byte_by_byte(reply):
    data = record(reply.body)
    return [data[i:i + 1] for i in range(min(len(data), 200))] + [data[200:]]


def in_fragments(reply):
    size = max(5, len(reply.body) // 500)
    parts = [reply.body[i:i + size] for i in range(0, len(reply.body), size)]
    last = record(parts[-1])
    return b"".join(record(p, len(p)) for p in parts[:-1]) + last


def in_too_many_fragments(reply):
    return record(b"", 0) * 3000 + record(reply.body)


def huge_record(reply):
    return record(reply.body, 0xffffffff)


def two_huge_fragments(reply):
    return record(reply.body, len(reply.body)) + record(b"", 0x7ffffffc)


def wrong_xid(reply):
    """With the right one behind it, or nobody would wait for the end of this."""
    return record(reply.with_word(0, reply.word(0) ^ 0x5a5a5a00)) + \
        record(reply.body)


def a_call(reply):
    return record(reply.with_word(4, 0))


def another_procedure(reply):
    bodies = [r.body for r in reply.former if r.proc != reply.proc]
    if not bodies or not reply.is_data():
        return pass_on(reply)
    return record(reply.body[:4] + random.choice(bodies)[4:])


def longer_data(reply):
    if not reply.is_data():
        return pass_on(reply)
    at = reply.count_at()
    grown = reply.with_word(at, reply.word(at) + (1 << 20))
    return record(grown[:at + 8] + struct.pack(">I", reply.word(at) + (1 << 20))
                  + grown[at + 12:] + bytes(1 << 20))


def huge_count(reply):
    if not reply.is_data():
        return pass_on(reply)
    at = reply.count_at() + random.choice((0, 8))
    return record(reply.with_word(at, 0xfffffffc))


def shorter_data(reply):
    """Correct: less than was asked, and not the end."""
    if not reply.is_data() or reply.word(reply.count_at()) < 8192:
        return pass_on(reply)
    at = reply.count_at()
    head = reply.body[:at] + struct.pack(">III", 4096, 0, 4096)
    return record(head + reply.body[at + 12:at + 12 + 4096])


def bad_handle(reply):
    if (reply.program, reply.proc) != (NFS, LOOKUP) or not reply.is_ok():
        return pass_on(reply)
    return record(reply.with_word(RESULTS_AT, random.choice((0, 65, LAST))))


def other_atime(reply):
    """CREATE's file has another one than was asked for: some servers keep seconds."""
    if (reply.program, reply.proc) != (NFS, CREATE) or not reply.is_ok():
        return pass_on(reply)
    attributes = RESULTS_AT + 12 + (reply.word(RESULTS_AT + 4) + 3) // 4 * 4
    at = attributes + 64
    return record(reply.with_word(at, reply.word(at) ^ 1))


def broken_entries(reply):
    """Somewhere in a listing a word is enormous: a flag, a length."""
    if reply.program != NFS or reply.proc not in (READDIR, READDIRPLUS):
        return pass_on(reply)
    return record(reply.with_word(RESULTS_AT + 96, 0xfffffff0))


def _cookies_at(reply):
    """Where the cookies of a listing's entries are, and then its end."""
    at = RESULTS_AT + 4 + ATTRIBUTES * reply.word(RESULTS_AT) + 8
    while reply.word(at):
        at += 16 + (reply.word(at + 12) + 3) // 4 * 4
        yield at
        at += 8
        if reply.proc == READDIRPLUS:
            at += 4 + ATTRIBUTES * reply.word(at)
            at += 4 + (4 + reply.word(at + 4)) * reply.word(at)
    yield at


def listing_without_end(reply):
    """The last entry's cookie is that of the first: ganesha on tmpfs does so."""
    if reply.program != NFS or reply.proc not in (READDIR, READDIRPLUS) \
            or not reply.is_ok():
        return pass_on(reply)
    *cookies, end = _cookies_at(reply)
    if len(cookies) < 2:
        return pass_on(reply)
    first, last = cookies[0], cookies[-1]
    body = bytearray(reply.with_word(end + 4, 0))
    body[last:last + 8] = body[first:first + 8]
    return record(bytes(body))


def close_in_the_middle(reply):
    data = record(reply.body)
    return [data[:len(data) // 2], HANG_UP]


def close_instead(_):
    return [HANG_UP]


def rubbish(_):
    return random.randbytes(500)


def silent(_):
    return None


class Proxy:
    """Listens on port; rule is applied to one reply of every_nth, at random."""

    def __init__(self, target_port):
        self.target = ("127.0.0.1", target_port)
        self.rule = pass_on
        self.every_nth = 1
        self.n_mangled = 0  # replies that a rule was applied to
        self.is_reordering = False
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        # Wakes who waits in accept(); close() alone does not.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def behave(self):
        self.rule = pass_on
        self.is_reordering = False

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
                _Relay(self, client)
            except OSError:
                return


class _Relay:
    """One connection: a thread for each direction."""

    def __init__(self, proxy, client):
        self.proxy = proxy
        self.client = client
        self.server = socket.create_connection(proxy.target)
        for end in (self.client, self.server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.procs = {}
        self.former = []
        self.held = []
        self.lock = threading.Lock()
        for fn in (self._calls, self._replies):
            threading.Thread(target=self._run, args=(fn,), daemon=True).start()

    def _run(self, fn):
        try:
            fn()
        except (OSError, EOFError):
            pass
        for end in (self.client, self.server):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    @staticmethod
    def _read(stream, n):
        data = stream.read(n)
        if len(data) < n:
            raise EOFError
        return data

    def _record(self, stream):
        body = b""
        while True:
            mark = struct.unpack(">I", self._read(stream, 4))[0]
            body += self._read(stream, mark & ~LAST)
            if mark & LAST:
                return body

    def _calls(self):
        with self.client.makefile("rb") as stream:
            while True:
                body = self._record(stream)
                xid, _, _, program, _, proc = struct.unpack_from(">6I", body)
                self.procs[xid] = (program, proc)
                self.server.sendall(record(body))

    def _replies(self):
        with self.server.makefile("rb") as stream:
            while True:
                body = self._record(stream)
                xid = struct.unpack_from(">I", body)[0]
                program, proc = self.procs.pop(xid, (0, 0))
                reply = Reply(program, proc, body, list(self.former))
                self.former = [*self.former[-20:], reply]
                self._answer(reply)

    def _answer(self, reply):
        if self.proxy.is_reordering:
            with self.lock:
                self.held.append(record(reply.body))
            threading.Timer(0.01, self._send_held).start()
            return
        rule = self.proxy.rule
        if random.randrange(self.proxy.every_nth):
            rule = pass_on
        if rule is not pass_on:
            self.proxy.n_mangled += 1
        self._send(rule(reply))

    def _send_held(self):
        """The latest first."""
        with self.lock:
            held, self.held = self.held, []
            try:
                self.client.sendall(b"".join(reversed(held)))
            except OSError:
                pass  # the other threads notice, too

    def _send(self, pieces):
        if pieces is None:
            return
        for piece in pieces if isinstance(pieces, list) else [pieces]:
            if piece is HANG_UP:
                raise EOFError
            self.client.sendall(piece)
