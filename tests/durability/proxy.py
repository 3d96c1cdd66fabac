"""Stands between a client and a PostgreSQL server, and spoils what is said at one place.

A request is what a client sends before it waits: the answer to a question about encryption, a beginning,
a proof of the password, a statement. They are counted over all connections.
"""

from __future__ import annotations

import contextlib
import enum
import random
import socket
import struct
import threading

# The messages of a client that are followed by an answer: Query, Sync, password.
ASKS = (b"Q", b"S", b"p")
SSL, GSS = 80877103, 80877104


class Fault(enum.Enum):
    """What happens to a request."""

    CUT = "cut off before the server has it"
    UNANSWERED = "cut off before its answer"
    HALF = "cut off within its answer"
    SILENCE = "not passed on, and never answered"
    GARBAGE = "done, and answered with garbage"


class Proxy:
    """Serves until it is closed. `requests` is how many there were; `asked` is the one spoiled."""

    def __init__(self, port: int, fault: Fault | None = None, at: int = 0, seed: int = 0) -> None:
        self.requests = 0
        self.asked = b""
        self._server_port = port
        self._fault, self._at = fault, at
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        # A thread that waits for the next client is not woken by a close alone.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._sockets:
            _end(one)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self._server_port))
        except OSError:
            _end(client)
            return
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sockets.append(server)
        with contextlib.suppress(OSError, EOFError):
            begun = False
            while True:
                request, begun, last = _request(client, begun)
                if last:
                    server.sendall(request)
                    break
                if self._spoil(request):
                    self._spoiled(client, server, request, begun)
                    break
                server.sendall(request)
                client.sendall(_answer(server, begun))
        _end(client)
        _end(server)

    def _spoil(self, request: bytes) -> bool:
        with self._lock:
            self.requests += 1
            if self._fault and self.requests == self._at:
                self.asked = request
                return True
        return False

    def _spoiled(
        self, client: socket.socket, server: socket.socket, request: bytes, begun: bool
    ) -> None:
        if self._fault is Fault.CUT:
            return
        if self._fault is Fault.SILENCE:
            # Until the client gives up.
            while client.recv(4096):
                pass
            return
        server.sendall(request)
        answer = _answer(server, begun)
        if self._fault is Fault.HALF:
            client.sendall(answer[: max(1, len(answer) // 2)])
        elif self._fault is Fault.GARBAGE:
            client.sendall(self._garbage(answer))
            # It may wait for the rest of what it believes to be a message.
            while client.recv(4096):
                pass

    def _garbage(self, answer: bytes) -> bytes:
        chance = self._chance
        kind = chance.randrange(5)
        if kind == 0:
            return chance.randbytes(chance.randrange(1, 64))
        if kind == 1:  # A message that is longer than anything, or shorter than its own length.
            return chance.choice(b"RTDCZE1n").to_bytes(1, "big") + struct.pack(
                ">I", chance.choice((0, 3, 4, 2**31 - 1, 2**32 - 1))
            )
        if kind == 2:
            return b"HTTP/1.1 400 Bad Request\r\n\r\n"
        if kind == 3:  # Messages that there are, of nonsense.
            body = chance.randbytes(chance.randrange(0, 40))
            return chance.choice(b"RTDCZSKE1n").to_bytes(1, "big") + struct.pack(
                ">I", 4 + len(body)
            ) + body  # fmt: skip
        spoiled = bytearray(answer)
        for _ in range(1 + len(spoiled) // 40):
            spoiled[chance.randrange(len(spoiled))] = chance.randrange(256)
        return bytes(spoiled)


def _end(one: socket.socket) -> None:
    """Hard: what was not yet sent is lost."""
    with contextlib.suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        one.shutdown(socket.SHUT_RDWR)
    one.close()


def _exactly(one: socket.socket, count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        part = one.recv(count - len(parts))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)


def _request(client: socket.socket, begun: bool) -> tuple[bytes, bool, bool]:
    """The next request, whether the connection has begun, and whether the client takes its leave."""
    if not begun:
        head = _exactly(client, 8)
        length, kind = struct.unpack(">II", head)
        return head + _exactly(client, length - 8), kind not in (SSL, GSS), False
    request = bytearray()
    while True:
        head = _exactly(client, 5)
        kind, length = struct.unpack(">cI", head)
        request += head + _exactly(client, length - 4)
        if kind in ASKS:
            return bytes(request), True, False
        if kind == b"X":
            return bytes(request), True, True


def _answer(server: socket.socket, begun: bool) -> bytes:
    """All that the server says before it waits for the client."""
    if not begun:
        return _exactly(server, 1)
    answer = bytearray()
    while True:
        head = server.recv(5, socket.MSG_PEEK)
        if not head:
            # It has said why before, if at all.
            if answer:
                return bytes(answer)
            raise EOFError
        head = _exactly(server, 5)
        kind, length = struct.unpack(">cI", head)
        body = _exactly(server, length - 4)
        answer += head + body
        # Ready for the next statement; or a step of the login that the client has to answer.
        if kind == b"Z" or (kind == b"R" and struct.unpack(">I", body[:4])[0] in (3, 5, 10, 11)):
            return bytes(answer)
