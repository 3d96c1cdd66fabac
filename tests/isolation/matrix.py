"""The matrix: every table x command x situation x role, and what it came to."""

from __future__ import annotations

from dataclasses import dataclass

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
    """A connection in a situation."""

    def __init__(self, stage: Stage, database: str, role: Role, situation: Situation) -> None:
        self.situation = situation
        self.connection = stage.connect(role.login, database) if role.login else stage.root(database)
        for words in (role.become, situation.once):
            if words:
                self.connection.execute(words)

    def say(self, statement: str) -> str:
        """What a statement comes to in a transaction that is then rolled back."""
        if self.situation.before:
            self.connection.execute(self.situation.before)
        try:
            self.connection.execute(self.situation.begin)
        except psycopg.Error as error:
            self.connection.execute("ROLLBACK")
            return f"not entered: {error.sqlstate}"
        try:
            return outcome(self.connection, statement)
        finally:
            self.connection.execute("ROLLBACK")


def commands_of(role: Role) -> list[Command]:
    return [command for command in COMMANDS if command.short or not role.short]


def run(stage: Stage, database: str, tables: list[Table], roles: list[Role] | None = None) -> list[Result]:
    """All cells of these tables."""
    results = []
    for role in roles or ROLES:
        for situation in role.situations:
            speaker = Speaker(stage, database, role, situation)
            with speaker.connection:
                for table in tables:
                    cell = Cell(role, table, situation, stage.rows)
                    for command in commands_of(role):
                        if (statement := command.statement(cell)) is not None:
                            results.append(Result(role.name, table.name, command.name, situation.name,
                                                  command.expected(cell), speaker.say(statement)))  # fmt: skip
    return results


# On a partition by its own name nobody may do anything.
ON_PARTITIONS = ["SELECT", "INSERT INTO {0} SELECT * FROM {0}", "UPDATE {0} SET tenant_id = tenant_id",
                 "DELETE FROM {0}", "TRUNCATE {0}", "COPY {0} TO STDOUT"]  # fmt: skip


def run_partitions(stage: Stage, database: str) -> list[Result]:
    results = []
    for situation in (OWN, OTHER):
        speaker = Speaker(stage, database, APPLICATION, situation)
        with speaker.connection:
            for table in stage.partitions:
                for words in ON_PARTITIONS:
                    name = f"aikit.{table.name}"
                    statement = f"SELECT tenant_id FROM {name}" if words == "SELECT" else words.format(name)
                    found = speaker.say(statement)
                    command = words.split(" {0}")[0]
                    results.append(Result(APPLICATION.name, table.name, command, situation.name, RIGHT, found))
    return results
