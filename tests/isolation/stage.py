"""A server with the product's schema, its logins, and one row of two tenants in every table."""

from __future__ import annotations

import itertools
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from catalogue import Rows, Table, insert, read_tables

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "target/debug/aikit"
TEMPLATE = "isolation_template"
# A login that has no role of aikit beside one for each door.
APP, ADMIN, STRANGER = "isolation_app", "isolation_admin", "isolation_stranger"
# One that no policy holds back, with which aikit opens a store only when it is told `rls: false`.
FILTERS = "isolation_filters"
PASSWORD = "isolation"
# What is no table of tenants.
WITHOUT_TENANT = {"migrations"}


def view_of(table: str) -> str:
    return f"view_of_{table}"


class Stage:
    """The server, made ready by the product's own command."""

    def __init__(self, url: str, program: Path = PROGRAM) -> None:
        self.url = url
        self._program = program
        self._number = itertools.count()
        self._prepare()

    def _prepare(self) -> None:
        with self.root() as root:
            root.execute(f"CREATE DATABASE {TEMPLATE}")
            root.execute(f"CREATE ROLE {STRANGER} LOGIN PASSWORD '{PASSWORD}'")
            root.execute(f"CREATE ROLE {FILTERS} LOGIN SUPERUSER PASSWORD '{PASSWORD}'")
        self.aikit(TEMPLATE, "db", "migrate")
        self.aikit(TEMPLATE, "db", "grant", APP, "--create")
        self.aikit(TEMPLATE, "db", "grant", ADMIN, "--admin", "--create")
        with self.root(TEMPLATE) as root:
            for login in (APP, ADMIN):
                root.execute(f"ALTER ROLE {login} PASSWORD '{PASSWORD}'")
            self.everything = read_tables(root)
            self.tables = [
                table for table in self.everything
                if not table.partition and table.name not in WITHOUT_TENANT
            ]  # fmt: skip
            self.partitions = [table for table in self.everything if table.partition]
            self.rows = Rows(self.tables)
            for table in self.rows.tables:
                for tenant in ("ant", "bee"):
                    root.execute(insert(table.name, self.rows.seed(table, tenant)))
            for table in self.tables:
                self._view(root, table)
            self.server = str(root.execute("SHOW server_version").fetchone()[0]).split()[0]

    def _view(self, root: psycopg.Connection, table: Table) -> None:
        root.execute(
            f"SET ROLE aikit_owner; CREATE VIEW aikit.{view_of(table.name)} WITH (security_invoker)"
            f" AS SELECT tenant_id FROM aikit.{table.name}; GRANT SELECT ON"
            f" aikit.{view_of(table.name)} TO aikit_app, aikit_admin; RESET ROLE"
        )

    def location(self, database: str, login: str | None = None, url: str | None = None) -> str:
        """The URL of a database for a login, or for the superuser."""
        parts = urlsplit(url or self.url)
        place = parts.netloc
        if login:
            place = f"{login}:{PASSWORD}@{parts.hostname}:{parts.port}"
        return urlunsplit((parts.scheme, place, f"/{database}", "", ""))

    def connect(self, login: str, database: str) -> psycopg.Connection:
        """Without statements kept by name, so that every text is sent as it is."""
        url = self.location(database, login)
        return psycopg.connect(url, autocommit=True, prepare_threshold=None)

    def root(self, database: str = "postgres") -> psycopg.Connection:
        """As the superuser."""
        return psycopg.connect(self.location(database), autocommit=True, prepare_threshold=None)

    @contextmanager
    def database(self) -> Iterator[str]:
        """A copy of the prepared database."""
        name = f"isolation_{next(self._number)}"
        with self.root() as root:
            root.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY file_copy")
        try:
            yield name
        finally:
            with self.root() as root:
                root.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def aikit(self, database: str, *words: str) -> str:
        """What the product's command prints, run with the superuser's login."""
        command = [str(self._program), *words, "--store", self.location(database)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        # `status` ends with 1 when it has something to tell.
        if done.returncode and not (words[1] == "status" and done.stdout):
            raise RuntimeError(f"aikit {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def faults(self, database: str) -> list[str]:
        """What the product's own lint finds."""
        status = json.loads(self.aikit(database, "db", "status", "--format", "json"))
        return list(status["faults"])
