"""Conditions of a database server that a store must bear: gone and back, full, crowded, changed rights."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conditions import only, told
from postgres import GONE, LOGIN, PASSWORD, Refused, Server
from processes import hand_over
from stores import PATIENCE, lines_of


@dataclass(frozen=True)
class Site:
    server: Server
    folder: Path
    lock_seconds: float

    def writer(self, name: str, url: str, *options: str) -> Writer:
        return Writer(self, name, url, *options)

    def steps(self, name: str, url: str, count: int = 1, *options: str) -> list[str]:
        """What a writer says that does so many steps and ends."""
        with self.writer(name, url, "--steps", str(count), *options) as writer:
            writer.end()
            return writer.said()

    def works(self, database: str, said: list[str]) -> list[str]:
        """Problems of a store from which what disturbed it was taken away."""
        again = self.steps("afterwards", self.server.url(database))
        problems = [line for line in again if line.startswith("fail ")]
        return problems + self.server.verify(database, [*said, *again])


class Writer(AbstractContextManager["Writer"]):
    """A writer that is told when to go on."""

    def __init__(self, site: Site, name: str, url: str, *options: str) -> None:
        self.name = name
        self._path = site.folder / name
        self._errors = site.folder / f"{name}.err"
        files = site.folder / f"files-{name}"
        files.mkdir()
        command = [site.server.program, "write", url, "--tenant", "t0", "--writer", name]
        with self._path.open("wb") as out, self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [*command, "--files", files, *options], stdin=subprocess.PIPE, stdout=out, stderr=errors
            )

    def __exit__(self, *_: Any) -> None:
        self._process.kill()
        self._process.communicate()

    def said(self) -> list[str]:
        return lines_of(self._path)

    def wait(self, word: str, count: int = 1) -> None:
        """Waits until it has said a word so often."""
        self.until(lambda: sum(line == word for line in self.said()) >= count, word)

    def until(self, condition: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + PATIENCE
        while not condition():
            if self._process.poll() is not None or time.monotonic() > end:
                errors = self._errors.read_text(errors="replace")[-400:]
                raise Stuck(f"{self.name} did not come to: {what}; {self.said()[-3:]} {errors}")
            time.sleep(0.01)

    def go(self) -> None:
        assert self._process.stdin
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()

    def step(self) -> list[str]:
        """What it says in a step of its own, for one that is paced."""
        before = len(self.said())
        readies = sum(line == "ready" for line in self.said())
        if not readies:
            self.wait("ready")
            before, readies = len(self.said()), 1
        self.go()
        self.wait("ready", readies + 1)
        return self.said()[before:]

    def end(self) -> None:
        try:
            code = self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired as error:
            raise Stuck(f"{self.name} hangs") from error
        errors = self._errors.read_text(errors="replace")
        if code or errors:
            raise Stuck(f"{self.name} ended with {code}: {errors[-400:]}")


class Stuck(Exception):
    """A writer does not do what it was to do."""


def failures(said: list[str]) -> list[str]:
    return [line for line in said if line.startswith("fail ")]


def paced(
    site: Site,
    spoil: Callable[[str], None],
    mend: Callable[[str], None],
    codes: set[str],
    options: str = "",
) -> list[str]:
    """One kernel before, while something is wrong, and after: it works, says so, and works."""
    database = site.server.database()
    with site.writer("paced", site.server.url(database) + options, "--paced") as writer:
        problems = failures(writer.step())
        try:
            spoil(database)
            problems += only(writer.step(), codes)
        finally:
            mend(database)
        problems += failures(writer.step())
        return problems + site.server.verify(database, writer.said())


def gone_and_back(site: Site) -> list[str]:
    return paced(
        site,
        lambda _: site.server.cluster.stop(),
        lambda _: site.server.cluster.start(),
        GONE,
    )


def restart_within_a_run(site: Site) -> list[str]:
    """A run whose server restarts between two of its steps goes on; one without a server is told."""
    database = site.server.database()
    cluster = site.server.cluster
    with site.writer("gated", site.server.url(database), "--gated") as writer:
        writer.wait("gate")
        cluster.stop()
        cluster.start()
        writer.go()
        writer.wait("gate", 2)
        problems = failures(writer.said())
        try:
            cluster.stop()
            writer.go()
            writer.until(lambda: len(told(writer.said())) >= 1, "the run fails")
        finally:
            cluster.start()
        # Those that could not even begin came to no gate.
        writer.wait("gate", 3)
        writer.go()
        done = re.compile(r"ack t0 run:gated-\d+ finished")
        writer.until(lambda: sum(map(bool, map(done.match, writer.said()))) == 2, "two runs end")
    problems += only(writer.said(), GONE)
    return problems + site.server.verify(database, writer.said())


def idle_sessions_end(site: Site) -> list[str]:
    """Sessions that end while nobody uses them are never noticed."""
    database = site.server.database()
    with site.writer("idle", site.server.url(database), "--paced", "--lanes", "4") as writer:
        writer.wait("ready", 4)
        for turn in range(1, 4):
            for _ in range(4):
                writer.go()
            writer.wait("ready", 4 * (turn + 1))
            if not site.server.disconnect(database):
                return ["there was no session to end"]
        return failures(writer.said()) + site.server.verify(database, writer.said())


def password_changed(site: Site) -> list[str]:
    def change(database: str, password: str) -> None:
        site.server.query(f"ALTER ROLE {LOGIN} PASSWORD '{password}'")
        site.server.disconnect(database)

    return paced(
        site,
        lambda database: change(database, "another"),
        lambda database: change(database, PASSWORD),
        {"store_unavailable"},
    )


def role_revoked(site: Site) -> list[str]:
    return paced(
        site,
        lambda _: void(site.server.query(f"REVOKE aikit_app FROM {LOGIN}")),
        lambda _: void(site.server.query(f"GRANT aikit_app TO {LOGIN}")),
        {"store_role"},
    )


def read_only_server(site: Site) -> list[str]:
    """As a replica, or a server that is about to be moved."""

    def change(database: str, statement: str) -> None:
        site.server.query(f"ALTER DATABASE {database} {statement}")
        site.server.disconnect(database)

    return paced(
        site,
        lambda database: change(database, "SET default_transaction_read_only = on"),
        lambda database: change(database, "RESET default_transaction_read_only"),
        {"tenant_read_only"},
    )


def no_connection_left(site: Site) -> list[str]:
    """The server has as many sessions as it may; what needs none more goes on."""
    server = site.server
    database = server.database()
    most = 10
    server.query(f"ALTER SYSTEM SET max_connections = {most}")
    server.query("ALTER SYSTEM SET superuser_reserved_connections = 3")
    server.query("ALTER SYSTEM SET max_wal_senders = 0")
    server.cluster.stop()
    server.cluster.start()
    try:
        one = server.url(database) + "?max_connections=1"
        with site.writer("one", one, "--paced") as writer, ExitStack() as held:
            problems = failures(writer.step())
            try:
                for _ in range(most):
                    held.enter_context(server.session(database, url=server.url(database)))
                problems.append("there is no end to the connections")
            except Refused:
                pass
            problems += failures(writer.step())
            more = site.steps("refused", server.url(database))
            problems += only(more, {"store_unavailable"})
            # The only one that it had cannot be made anew.
            server.disconnect(database, "aikit")
            held.enter_context(server.session(database, url=server.url(database)))
            problems += only(writer.step(), {"store_unavailable"})
            held.close()
            problems += failures(writer.step())
            return problems + site.works(database, [*writer.said(), *more])
    finally:
        server.query("ALTER SYSTEM RESET ALL")
        server.cluster.stop()
        server.cluster.start()


def one_connection(site: Site) -> list[str]:
    """Many at once with one connection take their turns."""
    database = site.server.database()
    url = site.server.url(database) + "?max_connections=1"
    said = site.steps("lanes", url, 2, "--lanes", "8")
    return failures(said) + site.server.verify(database, said)


def lock_of_another(site: Site) -> list[str]:
    """Another session holds a table for longer than it is waited for; other tables are not held."""
    server = site.server
    database = server.database()
    url = server.url(database)
    said = site.steps("before", url)
    problems = failures(said)
    lock = "LOCK TABLE aikit.documents IN ACCESS EXCLUSIVE MODE"
    with site.writer("locked", url) as writer:
        writer.until(lambda: any(line.startswith("ack ") for line in writer.said()), "it works")
        with server.session(database, "BEGIN", lock):
            until = time.monotonic() + site.lock_seconds
            before = len(writer.said())

            def told_and_busy() -> bool:
                since = writer.said()[before:]
                runs = [line for line in since if line.startswith("ack t0 run:")]
                return bool(told(since) and runs) and time.monotonic() > until

            writer.until(told_and_busy, "it is told of the lock, and finishes runs beside it")
        count = len(writer.said())
        writer.until(
            lambda: any(line.startswith("ack t0 document:") for line in writer.said()[count:]),
            "it works after the lock",
        )
    problems += only(writer.said(), {"store_locked"})
    return problems + site.works(database, [*said, *writer.said()])


def full_disk(site: Site) -> list[str] | None:
    """A tablespace without space; None where none may be made."""
    disk = site.folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256m", "none", disk]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        print("no small file system can be made here: a full disk is not tried", flush=True)
        return None
    server = site.server
    database = ""
    try:
        for folder in (site.folder, site.folder.parent):
            folder.chmod(0o755)
        hand_over(disk)
        server.query(f"CREATE TABLESPACE small LOCATION '{disk}'")
        database = server.database("TABLESPACE small")
        said = site.steps("before", server.url(database))
        problems = failures(said)
        with site.writer("full", server.url(database)) as writer:
            writer.until(lambda: any(line.startswith("ack ") for line in writer.said()), "it works")
            room = shutil.disk_usage(disk).used + 64 * 1024
            subprocess.run(["mount", "-o", f"remount,size={room}", disk], check=True)
            writer.until(lambda: len(told(writer.said())) > 3, "the disk is full")
            subprocess.run(["mount", "-o", "remount,size=256m", disk], check=True)
            count = len(writer.said())
            writer.until(
                lambda: any(line.startswith("ack ") for line in writer.said()[count:]),
                "it works with space",
            )
        problems += only(writer.said(), {"store_full"})
        said += writer.said()
        return problems + site.works(database, said)
    finally:
        if database:
            server.drop(database)
        server.query("DROP TABLESPACE IF EXISTS small")
        subprocess.run(["umount", disk], check=True)


def void(_: object) -> None:
    """What is done for its effect."""


ALL: list[tuple[str, Callable[[Site], list[str] | None]]] = [
    ("a server that goes and comes back", gone_and_back),
    ("a restart in the middle of a run", restart_within_a_run),
    ("idle sessions that end", idle_sessions_end),
    ("a password that is changed", password_changed),
    ("a role that is taken away", role_revoked),
    ("a server that may only be read", read_only_server),
    ("a server without a connection left", no_connection_left),
    ("eight at once with one connection", one_connection),
    ("a lock of another session", lock_of_another),
    ("a full disk", full_disk),
]
