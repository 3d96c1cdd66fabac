"""Where scenarios keep their things: SQLite files, or databases of a private PostgreSQL.

A scenario names files. On PostgreSQL a database stands for each file of each cell, and one for each
kernel that is opened without a location; logins and tenants, which an operator would have made before,
are made before the adapter starts.
"""

from __future__ import annotations

import itertools
import os
import re
import secrets
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from languages import ROOT
from scenarios import Scenario

sys.path.insert(0, str(ROOT / "tests" / "postgres"))

import server
from cluster import Cluster
from packages import Unavailable
from processes import Failure

__all__ = ["Failure", "Postgres", "Sqlite", "Staged", "Unavailable", "server"]

AIKIT = ROOT / "target" / "debug" / "aikit"
TEMPLATE = "conformance"
LOGINS = {"app": "aikit_conformance", "admin": "aikit_conformance_admin", "stranger": "aikit_conformance_none"}
SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Staged:
    """A scenario with everything that it needs in place."""

    scenario: Scenario
    environment: dict[str, str]
    hidden: tuple[str, ...]
    """What nothing that the adapter gives may contain."""


@dataclass(frozen=True)
class Sqlite:
    """Files in the folder of the adapter, and memory."""

    name: str = "sqlite"

    @contextmanager
    def staged(self, scenario: Scenario) -> Iterator[Staged]:
        """The scenario as it stands."""
        scenario = scenario.on(self.name)
        plain = {k: v for k, v in scenario.environment.items() if isinstance(v, str)}
        places = {k: v["$location"] for k, v in scenario.environment.items() if not isinstance(v, str)}
        yield Staged(scenario, plain | places, tuple(plain.values()))


@dataclass
class Postgres:
    """Databases of a private server."""

    cluster: Cluster
    name: str = "postgres"
    password: str = field(default_factory=lambda: secrets.token_hex(16))
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def prepare(self) -> None:
        """Makes the logins, and the database that all others are copies of, as an operator would."""
        self.cluster.query(f"CREATE DATABASE {TEMPLATE}")
        self._aikit("db", "migrate")
        self._aikit("db", "grant", LOGINS["app"], "--create", "--password-env", "AIKIT_NEW_PASSWORD")
        self._aikit("db", "grant", LOGINS["admin"], "--admin", "--create", "--password-env", "AIKIT_NEW_PASSWORD")
        self.cluster.query(f"CREATE ROLE {LOGINS['stranger']} LOGIN PASSWORD '{self.password}'")

    @contextmanager
    def staged(self, scenario: Scenario) -> Iterator[Staged]:
        """The scenario with databases for its files; they go with it."""
        scenario = scenario.on(self.name)
        cast = _Cast(self, scenario, next(self._numbers))
        try:
            yield cast.staged()
        finally:
            for database in cast.databases.values():
                self.cluster.query(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    def url(self, database: str, login: str) -> str:
        """The address of a database for one of the logins, or for the superuser."""
        if login == "superuser":
            return f"{self.cluster.url.rpartition('/')[0]}/{database}"
        place = self.cluster.url.rpartition("/")[0].rpartition("@")[2]
        return f"postgres://{LOGINS[login]}:{self.password}@{place}/{database}"

    def create(self, database: str, tenants: set[str], *, empty: bool) -> None:
        """Makes a database with these tenants; an empty one has nothing of aikit."""
        self.cluster.query(f"CREATE DATABASE {database} TEMPLATE {'template1' if empty else TEMPLATE}")
        if tenants:
            rows = ", ".join(f"('{t}', 'active', '{{}}', aikit.aikit_now(), aikit.aikit_now())" for t in sorted(tenants))
            self.cluster.query("INSERT INTO aikit.tenants (tenant_id, status, config, created_at, updated_at) "
                               f"VALUES {rows}", database)  # fmt: skip

    def _aikit(self, *arguments: str) -> None:
        told = {"AIKIT_STORE_URL": self.url(TEMPLATE, "superuser"), "AIKIT_NEW_PASSWORD": self.password}
        done = subprocess.run([AIKIT, *arguments, "--store", "env:AIKIT_STORE_URL"], env={**os.environ, **told},
                              capture_output=True, text=True, check=False)  # fmt: skip
        if done.returncode != 0:
            raise Failure(f"aikit {' '.join(arguments)}: {done.stderr.strip()}")


class _Cast:
    """Turns the files of one scenario into databases."""

    def __init__(self, server: Postgres, scenario: Scenario, number: int) -> None:
        self.server = server
        self.scenario = scenario
        self.prefix = f"cell_{number}"
        self.databases: dict[str, str] = {}
        self.empty: set[str] = set()
        # Tenants that are opened before the scenario makes them itself, and those that it has made.
        self.wanted: dict[str, set[str]] = {}
        self.made: dict[str, set[str]] = {}
        self.exported: set[str] = set()
        self.administered = ""

    def staged(self) -> Staged:
        """Makes the databases, and names them instead of the files."""
        environment = {name: self._value(value) for name, value in self.scenario.environment.items()}
        steps = [self._step(step) for step in self.scenario.document["steps"]]
        for file, database in self.databases.items():
            self.server.create(database, self.wanted.get(file, set()), empty=file in self.empty)
        document = self.scenario.document | {"steps": steps}
        plain = tuple(v for v in self.scenario.environment.values() if isinstance(v, str))
        scenario = Scenario(**{**vars(self.scenario), "document": document})
        return Staged(scenario, environment, (*plain, self.server.password, self.server.cluster.settings.password))

    def _database(self, file: str) -> str:
        return self.databases.setdefault(file, f"{self.prefix}_{len(self.databases)}")

    def _value(self, value: Any, login: str = "app") -> str:
        """`{$location: file}` or `{$location: file, login: name, empty: true}`, or a file's name."""
        if isinstance(value, dict):
            file, login = value["$location"], value.get("login", login)
            if value.get("empty"):
                self.empty.add(file)
            return self.server.url(self._database(file), login)
        return str(value)

    def _located(self, value: Any, login: str) -> str:
        if isinstance(value, str) and "://" in value:
            return value
        return self._value(value if isinstance(value, dict) else {"$location": value}, login)

    def _profile(self, step: dict[str, Any]) -> dict[str, Any]:
        """What the step's profile says; one that cannot be read says nothing."""
        try:
            return tomllib.loads(self.scenario.files[step["profile"]].decode("utf-8"))
        except (KeyError, UnicodeDecodeError, tomllib.TOMLDecodeError):
            return {}

    def _file(self, step: dict[str, Any], profile: dict[str, Any]) -> str:
        """The file that a step opens; empty: none."""
        location = step.get("location")
        if location is None and isinstance(profile.get("store"), dict):
            location = self.scenario.environment.get(profile["store"].get("env", ""))
        return location["$location"] if isinstance(location, dict) else location or ""

    def _step(self, step: dict[str, Any]) -> dict[str, Any]:
        if step["do"] == "open":
            return self._open(step)
        if step["do"] == "open_admin" and step.get("location"):
            self.administered = self._file(step, {})
            return step | {"location": self._located(step["location"], "admin")}
        if step["do"] == "admin":
            return self._admin(step)
        return step

    def _open(self, step: dict[str, Any]) -> dict[str, Any]:
        profile = self._profile(step)
        file = self._file(step, profile)
        if step.get("location"):
            step = step | {"location": self._located(step["location"], "app")}
        elif "store" not in profile:
            file = f"(memory {len(self.databases)})"
            step = step | {"location": self._located(file, "app")}
        tenant = step.get("tenant") or profile.get("tenant") or "default"
        if self.scenario.only is None and SLUG.fullmatch(tenant) and tenant not in self.made.get(file, set()):
            self.wanted.setdefault(file, set()).add(tenant)
        return step

    def _admin(self, step: dict[str, Any]) -> dict[str, Any]:
        """Notes which tenants there will be."""
        arguments = step.get("arguments") or {}
        made = self.made.setdefault(self.administered, set())
        if step.get("op") == "create_tenant":
            made.add(arguments.get("id"))
        elif step.get("op") == "export_tenant":
            self.exported.add(arguments.get("id"))
        elif step.get("op") == "import_tenant":
            made |= {arguments["as"]} if "as" in arguments else self.exported
        elif step.get("op") == "copy_tenant" and "to" in arguments:
            copied = self._file({"location": arguments["to"]}, {})
            self.made.setdefault(copied, set()).add(arguments.get("as", arguments.get("id")))
            return step | {"arguments": arguments | {"to": self._located(arguments["to"], "admin")}}
        return step
