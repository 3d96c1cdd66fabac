"""Every command: its statement on a table, and what it must come to in a situation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import psycopg
from catalogue import OURS, THEIRS, Rows, Table, insert, literal
from situations import Role, Situation
from stage import view_of

RIGHT, POLICY = "no right", "policy"
OTHER_OF = {OURS: THEIRS, THEIRS: OURS}


@dataclass(frozen=True)
class Cell:
    """A command's circumstances."""

    role: Role
    table: Table
    situation: Situation
    rows: Rows

    @property
    def name(self) -> str:
        return f"aikit.{self.table.name}"

    @property
    def about(self) -> str:
        return self.situation.about

    @property
    def met(self) -> bool:
        """The row that the statement is about is one that it may meet."""
        return self.about in self.situation.meets

    @property
    def row(self) -> str:
        """The condition for the row that the statement is about."""
        return f"tenant_id = {literal(self.about)}"

    @property
    def changed(self) -> str:
        """A column that an UPDATE may name without changing what the key is."""
        free = [c.name for c in self.table.filled if c.name not in self.table.primary]
        return free[-1] if free else "tenant_id"


Statement = str | None


@dataclass(frozen=True)
class Command:
    name: str
    # Letters of the rights that it needs; of those behind a stroke one is enough.
    needs: str
    statement: Callable[[Cell], Statement]
    expect: Callable[[Cell], str]
    # Also tried by the roles that are not the application's.
    short: bool = False

    def expected(self, cell: Cell) -> str:
        has = cell.role.may(cell.table.name)
        all_of, _, one_of = self.needs.partition("|")
        if not set(all_of) <= set(has) or (one_of and not set(one_of) & set(has)):
            return RIGHT
        return self.expect(cell)


def rows_of(tenants: Counter[str] | tuple[str, ...]) -> str:
    """Rows by whose they are."""
    counts = Counter(tenants)
    parts = [f"{n} {name}" for name, n in (("own", counts.pop(OURS, 0)), ("other", counts.pop(THEIRS, 0))) if n]
    parts += [f"{n} of {name}" for name, n in sorted(counts.items())]
    return " + ".join(parts) or "0 rows"


def changed(number: int) -> str:
    return f"{number} changed"


def seen(cell: Cell) -> str:
    return rows_of(cell.situation.meets)


def _touched(cell: Cell) -> str:
    """An UPDATE or DELETE of the one row."""
    return changed(int(cell.met))


def _swept(cell: Cell) -> str:
    """An UPDATE or DELETE of all rows."""
    return changed(len(cell.situation.meets))


def _written(cell: Cell) -> str:
    if not cell.met:
        return POLICY
    # Where the tenant is the whole key, its row is there already.
    return changed(1) if cell.table.free_keys else "23505"


def _deleted(count: Callable[[Cell], str]) -> Callable[[Cell], str]:
    def expect(cell: Cell) -> str:
        # Grants of reading refer to it, and are deleted by a statement of their own.
        referred = cell.table.name == "tenants" and cell.situation.meets
        return "23503" if referred else count(cell)

    return expect


def _append_only(expect: Callable[[Cell], str]) -> Callable[[Cell], str]:
    """The trigger speaks to whoever has the right to UPDATE, and only the owner has."""
    return lambda cell: "AK004" if cell.table.name == "audit_log" else expect(cell)


def _select(what: str, behind: str = "") -> Callable[[Cell], Statement]:
    return lambda cell: f"SELECT tenant_id FROM {what.format(cell.name)} {behind}"


def _insert(behind: str = "") -> Callable[[Cell], Statement]:
    return lambda cell: f"{insert(cell.table.name, cell.rows.fresh(cell.table, cell.about))} {behind}"


def _returned(cell: Cell) -> str:
    written = _written(cell)
    return rows_of((cell.about,)) if written == changed(1) else written


def _given_back(cell: Cell) -> str:
    return rows_of((cell.about,) if cell.met else ())


def _upsert(action: Callable[[Cell], str]) -> Callable[[Cell], Statement]:
    def statement(cell: Cell) -> Statement:
        row = cell.rows.seed(cell.table, cell.about)
        key = ", ".join(cell.table.primary)
        return f"{insert(cell.table.name, row)} ON CONFLICT ({key}) DO {action(cell)}"

    return statement


def _text_search(cell: Cell) -> Statement:
    column = cell.table.of_type("tsvector")
    return column and f"SELECT tenant_id FROM {cell.name} WHERE {column} @@ plainto_tsquery('english', 'seed')"


def _vector_search(cell: Cell) -> Statement:
    column = cell.table.of_type("vector")
    return column and f"SELECT tenant_id FROM {cell.name} ORDER BY {column} <-> '[2,1,2]' LIMIT 10"


def _foreign_key(cell: Cell) -> Statement:
    """A row that refers to the other tenant's: the first reference that has more than the tenant."""
    foreign = next((f for f in cell.table.foreigns if len(f.columns) > 1), None)
    if foreign is None:
        return None
    row = cell.rows.pointing(cell.table, foreign, cell.about, OTHER_OF[cell.about])
    return insert(cell.table.name, row)


def _collision(cell: Cell) -> Statement:
    row = cell.rows.colliding(cell.table, cell.table.primary, cell.about, OTHER_OF[cell.about])
    return row and insert(cell.table.name, row)


def _copy_out(cell: Cell) -> Statement:
    # With the name of a partitioned table alone, only what lies in none of its partitions is copied.
    if cell.table.partitioned:
        return f"COPY (SELECT tenant_id FROM {cell.name}) TO STDOUT"
    return f"COPY {cell.name} (tenant_id) TO STDOUT"


def _merge(cell: Cell) -> Statement:
    return (f"MERGE INTO {cell.name} t USING (SELECT {literal(cell.about)} AS about) s"
            f" ON t.tenant_id = s.about WHEN MATCHED THEN DELETE")  # fmt: skip


def _given_away(cell: Cell) -> Statement:
    other = literal(OTHER_OF[cell.about])
    return f"UPDATE {cell.name} SET tenant_id = {other} WHERE {cell.row}"


def _set(cell: Cell) -> str:
    return f"UPDATE {cell.name} SET {cell.changed} = {cell.changed}"


COMMANDS = [
    Command("SELECT", "S", _select("{}"), seen, short=True),
    Command("SELECT, filtered", "S", lambda c: f"SELECT tenant_id FROM {c.name} WHERE {c.row}",
            _given_back, short=True),
    Command("SELECT FOR UPDATE", "SU", _select("{}", "FOR UPDATE"), seen),
    Command("INSERT", "I", _insert(), _written, short=True),
    Command("INSERT RETURNING", "SI", _insert("RETURNING tenant_id"), _returned),
    Command("UPDATE", "SU", lambda c: f"{_set(c)} WHERE {c.row}", _append_only(_touched), short=True),
    Command("UPDATE, unfiltered", "SU", _set, _append_only(_swept), short=True),
    Command("UPDATE RETURNING", "SU", lambda c: f"{_set(c)} WHERE {c.row} RETURNING tenant_id", _given_back),
    Command("UPDATE of tenant_id", "SU", _given_away, lambda c: POLICY if c.met else changed(0)),
    Command("DELETE", "SD", lambda c: f"DELETE FROM {c.name} WHERE {c.row}", _deleted(_touched), short=True),
    Command("DELETE, unfiltered", "D", lambda c: f"DELETE FROM {c.name}", _deleted(_swept), short=True),
    Command("MERGE, DELETE", "SD", _merge, _deleted(_touched)),
    Command("upsert, UPDATE", "SIU", _upsert(lambda c: f"UPDATE SET {c.changed} = excluded.{c.changed}"),
            lambda c: changed(1) if c.met else POLICY),
    Command("upsert, NOTHING", "SI", _upsert(lambda _: "NOTHING"), lambda c: changed(0) if c.met else POLICY),
    Command("COPY TO", "S", _copy_out, seen, short=True),
    Command("COPY FROM", "I", lambda c: f"COPY {c.name} FROM STDIN", lambda _: "0A000"),
    Command("foreign key to another's row", "I", _foreign_key, lambda c: "23503" if c.met else POLICY),
    Command("another's key", "I", _collision, lambda c: changed(1) if c.met else POLICY),
    Command("text search", "S", _text_search, seen, short=True),
    Command("vector search", "S", _vector_search, seen, short=True),
    Command("view", "S", lambda c: f"SELECT tenant_id FROM aikit.{view_of(c.table.name)}", seen, short=True),
    Command("TRUNCATE", "T", lambda c: f"TRUNCATE {c.name}", lambda _: "done"),
    Command("LOCK", "|UD", lambda c: f"LOCK TABLE {c.name} IN ACCESS EXCLUSIVE MODE", lambda _: "done"),
]  # fmt: skip
BY_NAME = {command.name: command for command in COMMANDS}


def outcome(connection: psycopg.Connection, statement: str) -> str:
    """What a statement comes to: whose rows it gave, how many it changed, or why it was refused."""
    try:
        if statement.startswith("COPY"):
            with connection.cursor().copy(statement) as copy:
                if statement.endswith("STDIN"):
                    return "taken in"
                return rows_of(Counter(bytes(line).decode().strip() for line in copy))
        cursor = connection.execute(statement)
        if cursor.description is not None:
            return rows_of(Counter(row[0] for row in cursor.fetchall()))
        return changed(cursor.rowcount) if cursor.rowcount >= 0 else "done"
    except psycopg.Error as error:
        return refused(error)


def refused(error: psycopg.Error) -> str:
    if error.sqlstate == "42501":
        return POLICY if "row-level security" in str(error) else RIGHT
    return error.sqlstate or "connection lost"
