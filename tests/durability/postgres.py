"""PostgreSQL for the proofs of durability: databases of their own on the server beside the tests."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from stores import HERE, PATIENCE, ROOT, verify

sys.path.insert(0, str(ROOT / "tests/postgres"))

from cluster import Cluster

LOGIN = "writer"
PASSWORD = "durability-0"
TENANTS = tuple(f"t{i}" for i in range(16))
TEMPLATE = "durability_template"
# What a writer may be told while its server goes and comes back.
GONE = {"store_lost", "store_unavailable"}


class Refused(Exception):
    """A session that could not be had."""


class Server:
    """The server that AIKIT_TEST_POSTGRES_CONTROL belongs to, with a database to copy from."""

    def __init__(self, program: Path) -> None:
        control = os.environ.get("AIKIT_TEST_POSTGRES_CONTROL")
        if not control:
            sys.exit(f"no server: tests/postgres/server.py run -- {' '.join(sys.argv)}")
        self.cluster = Cluster(Path(control).parent)
        self.program = program
        self._made = 0
        self.query(f"CREATE DATABASE {TEMPLATE}")
        command = [program, "prepare", self.url(TEMPLATE, superuser=True), "--login", LOGIN]
        command += ["--password", PASSWORD, "--tenants", ",".join([*TENANTS, "default"])]
        subprocess.run(command, check=True, timeout=PATIENCE)

    def query(self, sql: str, database: str = "postgres") -> str:
        """What the superuser is answered."""
        return self.cluster.query(sql, database)

    def url(self, database: str, *, superuser: bool = False, port: int | None = None) -> str:
        found = self.cluster.settings
        login = f"postgres:{found.password}" if superuser else f"{LOGIN}:{PASSWORD}"
        return f"postgres://{login}@127.0.0.1:{port or found.port}/{database}"

    def database(self, options: str = "") -> str:
        """A new database with the tenants, by its name."""
        self._made += 1
        name = f"durability_{self._made}"
        self.query(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} {options}")
        return name

    def drop(self, database: str) -> None:
        self.query(f"DROP DATABASE {database} WITH (FORCE)")

    def sessions(self, database: str) -> str:
        """The sessions of writers there, as a condition on pg_stat_activity."""
        return f"datname = '{database}' AND usename = '{LOGIN}'"

    def disconnect(self, database: str, program: str = "") -> int:
        """Ends the sessions of all writers, or of one program; how many there were."""
        condition = self.sessions(database)
        if program:
            condition += f" AND application_name = '{program}'"
        ended = self.query(
            f"SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE {condition}"
        )
        return int(ended)

    def verify(self, database: str, ledger: Iterable[str], how: str = "verify") -> list[str]:
        """What is wrong: as aikit sees it, and as the tables are."""
        problems = verify(self.program, self.url(database), ledger, how)
        return problems + self.invariants(database)

    def invariants(self, database: str) -> list[str]:
        """The things that are half of something, by the names of the questions."""
        text = (HERE / "invariants.sql").read_text(encoding="utf-8")
        questions = text.split("\n\n")[1:]
        names = [question.split("\n", 1)[0].removeprefix("-- ") for question in questions]
        sql = "SET search_path = aikit;" + "\n".join(questions)
        counts = [int(line) for line in self.query(sql, database).split("\n")]
        if len(counts) != len(names):
            raise RuntimeError(f"{len(names)} questions, {len(counts)} answers")
        problems = [f"{name}: {n}" for name, n in zip(names, counts, strict=True) if n]
        # Nobody is left inside of a transaction.
        left = self.query(
            f"SELECT count(*) FROM pg_stat_activity WHERE {self.sessions(database)} "
            "AND state LIKE 'idle in transaction%' AND state_change < now() - interval '10 s'"
        )
        return problems + ([f"open transactions: {left}"] if left != "0" else [])

    @contextlib.contextmanager
    def session(self, database: str, *statements: str, url: str = "") -> Iterator[None]:
        """A session that has made these statements, for as long as it is wanted."""
        program = f"{self.cluster.settings.programs}/psql"
        command = [program, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d"]
        command.append(url or self.url(database, superuser=True))
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as holder:
            assert holder.stdin and holder.stdout and holder.stderr
            with contextlib.suppress(BrokenPipeError):
                holder.stdin.write("".join(f"{one};\n" for one in statements) + "\\echo held\n")
                holder.stdin.flush()
            if "held" not in holder.stdout.readline():
                raise Refused(holder.stderr.read())
            try:
                yield
            finally:
                holder.stdin.close()
