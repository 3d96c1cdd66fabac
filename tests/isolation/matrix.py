"""The matrix: every table x command x situation x role, and what it came to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import psycopg
from catalogue import Table
from commands import COMMANDS, RIGHT, Cell, Command, outcome
from situations import APPLICATION, ROLES, OTHER, OWN, Role, Situation
from stage import Stage


@dataclass(frozen=True)
class Result:
    role: str
    table: str
    command: str
    situation: str
    expected: str
    found: str

    @property
    def right(self) -> bool:
        return self.expected == self.found

    def __str__(self) -> str:
        return (f"{self.role}, {self.table}, {self.command}, {self.situation}: "
                f"{self.found}, not {self.expected}")  # fmt: skip


class Speaker:
    """A connection of a role, in one situation after the other."""

    def __init__(self, stage: Stage, database: str, role: Role) -> None:
        self.connection = stage.connect(role.login, database) if role.login else stage.root(database)
        if role.become:
            self.connection.execute(role.become)

    def __enter__(self) -> Speaker:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def say(self, situation: Situation, statement: str) -> str:
        """What a statement comes to in a transaction that is then rolled back."""
        try:
            if situation.before:
                self.connection.execute(situation.before)
            self.connection.execute(situation.begin)
        except psycopg.Error as error:
            self.connection.execute("ROLLBACK")
            return f"not entered: {error.sqlstate}"
        try:
            return outcome(self.connection, statement)
        finally:
            self.connection.execute("ROLLBACK")


def speakers(stage: Stage, database: str, role: Role, *, quick: bool) -> Iterator[tuple[Speaker, Situation]]:
    """A connection for each situation. With `quick` they share one, on which nobody was a tenant
    before the first of them, and those of situations that are alike are left out."""
    situations = [situation for situation in role.situations if not (quick and situation.more)]
    shares = [situations] if quick else [[situation] for situation in situations]
    for share in shares:
        with Speaker(stage, database, role) as speaker:
            for situation in share:
                if situation.once:
                    speaker.connection.execute(situation.once)
                yield speaker, situation


def commands_of(role: Role) -> list[Command]:
    return [command for command in COMMANDS if command.short or not role.short]


def run(stage: Stage, database: str, tables: list[Table], *, quick: bool = False) -> list[Result]:
    """All cells of these tables; with `quick`, one of those situations that are alike."""
    results = []
    for role in ROLES:
        for speaker, situation in speakers(stage, database, role, quick=quick):
            for table in tables:
                cell = Cell(role, table, situation, stage.rows)
                for command in commands_of(role):
                    if (statement := command.statement(cell)) is not None:
                        found = speaker.say(situation, statement)
                        results.append(Result(role.name, table.name, command.name, situation.name,
                                              command.expected(cell), found))  # fmt: skip
    return results


# On a partition by its own name nobody may do anything.
ON_PARTITIONS = ["SELECT", "INSERT INTO {0} SELECT * FROM {0}", "UPDATE {0} SET tenant_id = tenant_id",
                 "DELETE FROM {0}", "TRUNCATE {0}", "COPY {0} TO STDOUT"]  # fmt: skip


def run_partitions(stage: Stage, database: str) -> list[Result]:
    results = []
    with Speaker(stage, database, APPLICATION) as speaker:
        for situation, table, words in product((OWN, OTHER), stage.partitions, ON_PARTITIONS):
            name = f"aikit.{table.name}"
            statement = f"SELECT tenant_id FROM {name}" if words == "SELECT" else words.format(name)
            found = speaker.say(situation, statement)
            command = words.split(" {0}")[0]
            results.append(Result(APPLICATION.name, table.name, command, situation.name, RIGHT, found))
    return results
