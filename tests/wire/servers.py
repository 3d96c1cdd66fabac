"""Starts the servers that the tests talk to, on the loopback address, and stops them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import materials

HERE = Path(__file__).resolve().parent
API_KEY = "sk-wire-tests"
# Of the stand-in. The circuit breaker is of address and key: who provokes faults takes one alone.
_MORE_KEYS = [f"{API_KEY}-{number}" for number in range(1000)]
_unused_keys = iter(_MORE_KEYS)


def unused_key() -> str:
    """A key of the stand-in that no other test has."""
    return next(_unused_keys)


def free_port() -> int:
    """A port on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def post(url: str, body: dict[str, Any], timeout: float = 120.0) -> dict[str, Any]:
    """A plain request, without aikit: what its answers are compared with."""
    request = urllib.request.Request(
        url,
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "Authorization": f"Bearer {API_KEY}"},
    )
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        document: dict[str, Any] = json.load(answer)
        return document


class Server:
    """A server under way."""

    def __init__(self, port: int) -> None:
        self.root = f"http://127.0.0.1:{port}"
        self.base_url = f"{self.root}/v1"

    def get(self, path: str) -> Any:
        """What a GET of this path answers, read as JSON."""
        request = urllib.request.Request(self.root + path, headers={"Authorization": f"Bearer {API_KEY}"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def providers(self, api_key: str = API_KEY) -> dict[str, dict[str, str]]:
        """The option of `aikit.open` that leads here."""
        return {"openai": {"base_url": self.base_url, "api_key": api_key}}

    def requests(self, model: str) -> list[dict[str, Any]]:
        """The bodies of the requests for this model, in order (aimock only)."""
        return self.all_requests()[model]

    def all_requests(self) -> defaultdict[str, list[dict[str, Any]]]:
        """The same for every model; the journal is long after a while."""
        bodies: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for entry in self.get("/__aimock/journal"):
            body = entry.get("body") or {}
            bodies[body.get("model", "")].append(body)
        return bodies

    def teach(self, *fixtures: dict[str, Any]) -> None:
        """Has these questions answered, too (aimock only)."""
        post(f"{self.root}/__aimock/fixtures", {"fixtures": fixtures})


@contextmanager
def _running(command: list[str], port: int, ready: str, env: dict[str, str]) -> Iterator[Server]:
    """Starts a program, waits until it answers at `ready`, and ends it afterwards."""
    # The server of llama.cpp ends when its standard input is closed.
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env
    )
    server = Server(port)
    try:
        deadline = time.monotonic() + 60
        while True:
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                output = process.communicate()[0].decode("utf-8", "replace")
                raise RuntimeError(f"{command[0]} did not come up:\n{output[-3000:]}")
            try:
                server.get(ready)
                break
            except (urllib.error.URLError, OSError, ValueError):
                time.sleep(0.05)
        # What it prints from here on is dropped, so that a full pipe does not stop it.
        _drain(process)
        yield server
    finally:
        process.terminate()
        try:
            # One that stalls on purpose would wait for itself.
            process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _drain(process: subprocess.Popen[bytes]) -> None:
    def read() -> None:
        for _ in process.stdout or ():
            pass

    threading.Thread(target=read, daemon=True).start()


@contextmanager
def aimock() -> Iterator[Server]:
    """The stand-in, with the fixtures of this folder; a request that none fits is refused."""
    port = free_port()
    command = [
        "node", str(materials.aimock()), "--host", "127.0.0.1", "--port", str(port),
        "--fixtures", str(HERE / "fixtures"), "--strict", "--validate-on-load",
        # Small pieces: words and arguments arrive cut in the middle.
        "--chunk-size", "5", "--log-level", "warn",
        # Every request of the session is kept.
        "--journal-max", "0",
    ]
    env = os.environ | {"AIMOCK_API_KEYS": ",".join([API_KEY, *_MORE_KEYS])}
    with _running(command, port, "/__aimock/journal", env) as server:
        yield server


@contextmanager
def llmock() -> Iterator[Server]:
    """Another stand-in: it breaks what it serves, and judges who asked."""
    port = free_port()
    start = "from llmock.cli import app; app()"
    command = [sys.executable, "-c", start, "serve", "--port", str(port), "--log-level", "warning"]
    with _running(command, port, "/_llmock/scenario", dict(os.environ)) as server:
        yield server


@contextmanager
def llama() -> Iterator[Server]:
    """A real llama.cpp server with a small real model."""
    port = free_port()
    command = [sys.executable, str(HERE / "llama_server.py"), str(materials.small_model()), str(port)]
    with _running(command, port, "/health", dict(os.environ)) as server:
        yield server
