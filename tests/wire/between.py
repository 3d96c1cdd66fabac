"""Stands between aikit and the stand-in, for what the stand-in cannot do itself: streams that are spoiled
at any byte, and batches of embeddings in Gemini's way."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from servers import Server

Spoil = Callable[[list[bytes]], list[bytes]]
"""From the events of a stream, each with the empty line behind it, to what is sent of them."""


class _Http(ThreadingHTTPServer):
    """The handler finds here what it is to do."""

    daemon_threads = True
    relay: Any


@contextmanager
def _served(handler: type[BaseHTTPRequestHandler]) -> Iterator[_Http]:
    http = _Http(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield http
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


class Spoiler(Server):
    """The first answer is spoiled, those after it pass as they are."""

    def __init__(self, port: int, behind: Server, spoil: Spoil, *, ends: bool) -> None:
        super().__init__(port)
        self.behind = behind
        self.bodies: list[bytes] = []
        """Of the requests, in order."""
        self.heads: list[list[tuple[str, str]]] = []
        """Their headers, with names in small letters."""
        self._spoil = spoil
        self._ends = ends
        self._lock = threading.Lock()

    def hear(self, head: list[tuple[str, str]]) -> None:
        """A request has come."""
        with self._lock:
            self.heads.append([(name.lower(), value) for name, value in head])

    def answer(self, body: bytes, events: list[bytes]) -> tuple[list[bytes], bool]:
        """What is sent, and whether it comes to its end."""
        with self._lock:
            self.bodies.append(body)
            first = len(self.bodies) == 1
        return (self._spoil(events), self._ends) if first else (events, True)


@contextmanager
def spoiled(behind: Server, spoil: Spoil, *, ends: bool = True) -> Iterator[Spoiler]:
    """A server in front of `behind`. Without `ends` the connection is cut after the first answer."""
    with _served(_Spoiling) as http:
        http.relay = Spoiler(http.server_port, behind, spoil, ends=ends)
        yield http.relay


@contextmanager
def batching(behind: Server) -> Iterator[Server]:
    """Gemini's `batchEmbedContents` in front of a server that has only `embedContent`."""
    with _served(_Batching) as http:
        http.relay = behind
        yield Server(http.server_port)


class _Relay(BaseHTTPRequestHandler):
    """Asks the server behind."""

    protocol_version = "HTTP/1.1"
    server: _Http

    def read(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))

    def ask(self, behind: Server, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the answer."""
        connection = http.client.HTTPConnection(behind.root.removeprefix("http://"), timeout=30)
        skipped = ("host", "content-length", "accept-encoding")
        headers = {name: value for name, value in self.headers.items() if name.lower() not in skipped}
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.headers), answer.read()
        finally:
            connection.close()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is printed."""


class _Spoiling(_Relay):
    def do_POST(self) -> None:
        spoiler: Spoiler = self.server.relay
        spoiler.hear(self.headers.items())
        body = self.read()
        status, headers, whole = self.ask(spoiler.behind, self.path, body)
        events, ends = spoiler.answer(body, [event + b"\n\n" for event in whole.split(b"\n\n") if event])
        self.send_response(status)
        self.send_header("Content-Type", headers["Content-Type"])
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in events:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
            self.wfile.flush()
        if ends:
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.close_connection = True


class _Batching(_Relay):
    def do_POST(self) -> None:
        path = self.path.replace(":batchEmbedContents", ":embedContent")
        requests = json.loads(self.read())["requests"]
        try:
            # The model stands in the path, too.
            texts = [json.dumps({"content": each["content"]}).encode() for each in requests]
            answers = [self.ask(self.server.relay, path, text) for text in texts]
        except (OSError, http.client.HTTPException):
            self.close_connection = True
            return
        refused = [answer for answer in answers if answer[0] != 200]
        status, headers, body = refused[0] if refused else answers[0]
        if not refused and b"malformed" not in body:
            embeddings = [json.loads(answer)["embedding"] for *_, answer in answers]
            body = json.dumps({"embeddings": embeddings}).encode()
        self.send_response(status)
        for name in ("Content-Type", "Retry-After"):
            if name in headers:
                self.send_header(name, headers[name])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
