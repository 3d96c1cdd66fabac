#!/usr/bin/env python3
"""A private PostgreSQL with pgvector for the tests, in a temporary folder: README.md has its use."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

sys.path.insert(0, str(Path(__file__).resolve().parent))

from cluster import Cluster, create, remove
from packages import PACKAGES, Unavailable
from processes import Failure

CONTROLS = ("stop", "start", "restart", "kill", "path")
STOPPED_BY = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@contextmanager
def private(version: int = 18, *, fsync: bool = True, pooler: bool = False) -> Iterator[Cluster]:
    """A server in a temporary folder. Both are gone afterwards, also if this process is killed."""
    folder = Path(tempfile.mkdtemp(prefix="aikit-postgres-"))
    # It waits for the end of its input, which comes with the end of this process, whatever that is.
    guard = subprocess.Popen([sys.executable, __file__, "guard", "--folder", folder], start_new_session=True,
                             stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)  # fmt: skip
    try:
        yield _create(folder, version, fsync=fsync, pooler=pooler)
    finally:
        guard.communicate()
        remove(folder)  # A guard that was killed too has left it.


def environment(cluster: Cluster) -> dict[str, str]:
    """What tests are told about a server."""
    told = {
        "AIKIT_TEST_POSTGRES": cluster.url,
        "AIKIT_TEST_POSTGRES_CONTROL": str(cluster.folder / "control"),
    }
    if cluster.pooler_url:
        told["AIKIT_TEST_POOLER"] = cluster.pooler_url
    return told


def _create(folder: Path, version: int, *, fsync: bool, pooler: bool) -> Cluster:
    begun = time.monotonic()
    cluster = create(folder, version, fsync=fsync, with_pooler=pooler)
    words = [sys.executable, str(Path(__file__).resolve()), "control", "--folder", str(cluster.folder)]
    control = cluster.folder / "control"
    control.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    control.chmod(0o700)
    print(f"postgres: version {cluster.query('SHOW server_version')} on 127.0.0.1:{cluster.settings.port}, "
          f"ready after {time.monotonic() - begun:.1f} s", file=sys.stderr)  # fmt: skip
    return cluster


class Ended(Exception):
    """A signal asked this process to end."""


def run(command: list[str], version: int, *, fsync: bool, pooler: bool) -> int:
    """Runs a command beside a private server; the exit status is the command's."""
    child: subprocess.Popen[bytes] | None = None

    def pass_on(number: int, _: FrameType | None) -> None:
        if child is None:
            raise Ended(128 + number)
        child.send_signal(number)

    for number in STOPPED_BY:
        signal.signal(number, pass_on)
    try:
        with private(version, fsync=fsync, pooler=pooler) as cluster:
            # Killed without a chance to say so, this process takes the command with it.
            words = ["setpriv", "--pdeathsig", "TERM", "--", *command]
            child = subprocess.Popen(words, env={**os.environ, **environment(cluster)})
            status = child.wait()
    except Ended as ended:
        return int(ended.args[0])
    return status if status >= 0 else 128 - status


def control(folder: Path, action: str) -> None:
    """What tests ask of the server beside theirs."""
    cluster = Cluster(folder)
    if action == "path":
        print(cluster.data)
    elif action == "kill":
        cluster.kill()
    else:
        if action in ("stop", "restart"):
            cluster.stop()
        if action in ("start", "restart"):
            cluster.start()


def guard(folder: Path) -> None:
    """Waits until the process at the other end of the input is gone, and takes the folder away."""
    for number in STOPPED_BY:
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    remove(folder)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--version", type=int, choices=sorted(PACKAGES, reverse=True), default=18,
                        help="major version of PostgreSQL")  # fmt: skip
    parser.add_argument("--fsync", action=argparse.BooleanOptionalAction, default=True,
                        help="whether what is committed is forced to the disk (default: yes)")  # fmt: skip
    parser.add_argument("--pooler", action="store_true", help="PgBouncer in transaction mode before it")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    action = actions.add_parser("run", help="run a command beside a server")
    action.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    for name, told in [("start", "start a server that stays"), ("stop", "stop that and remove its folder")]:
        actions.add_parser(name, help=told).add_argument("--folder", type=Path, required=True)
    action = actions.add_parser("control", help="stop, start, restart or kill a server; print its data folder")
    action.add_argument("--folder", type=Path, required=True)
    action.add_argument("what", choices=CONTROLS)
    action = actions.add_parser("guard", help="remove a server when the input ends (used by run)")
    action.add_argument("--folder", type=Path, required=True)
    return parser.parse_args()


def main() -> int:
    arguments = _arguments()
    chosen = {"fsync": arguments.fsync, "pooler": arguments.pooler}
    try:
        if arguments.action == "run":
            command = arguments.command[arguments.command[:1] == ["--"] :]
            if not command:
                raise Failure("no command: server.py [OPTIONS] run -- COMMAND")
            return run(command, arguments.version, **chosen)
        if arguments.action == "start":
            cluster = _create(arguments.folder, arguments.version, **chosen)
            for name, value in environment(cluster).items():
                print(f"export {name}={shlex.quote(value)}")
        elif arguments.action == "stop":
            Cluster(arguments.folder)  # Nothing but a server's folder is removed.
            remove(arguments.folder)
        elif arguments.action == "control":
            control(arguments.folder, arguments.what)
        else:
            guard(arguments.folder)
    except (Failure, Unavailable) as failure:
        print(f"postgres: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
