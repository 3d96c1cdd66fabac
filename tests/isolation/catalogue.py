"""What the catalogue says of the schema `aikit`, and rows made from that alone."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import psycopg

OURS, THEIRS = "ant", "bee"
# Both tenants' numbers differ, so that a key of one is free for the other.
NUMBERS = {OURS: 1, THEIRS: 2}
FRESH = 10

Value = str | int | bytes | bool | None
Row = dict[str, Value]


class Unknown(Exception):
    """The schema has something that these tests cannot fill or were not told of."""


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    required: bool
    generated: bool
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Foreign:
    name: str
    columns: tuple[str, ...]
    target: str
    target_columns: tuple[str, ...]


@dataclass
class Table:
    name: str
    partition: bool
    partitioned: bool = False
    columns: list[Column] = field(default_factory=list)
    primary: tuple[str, ...] = ()
    uniques: list[tuple[str, ...]] = field(default_factory=list)
    foreigns: list[Foreign] = field(default_factory=list)

    @property
    def filled(self) -> list[Column]:
        """The columns that a statement may write."""
        return [column for column in self.columns if not column.generated]

    @property
    def referring(self) -> set[str]:
        """Columns beside tenant_id that refer to another row."""
        return {name for foreign in self.foreigns for name in foreign.columns} - {"tenant_id"}

    @property
    def free_keys(self) -> list[str]:
        """Columns of the primary key by which two rows of one tenant may differ."""
        return [name for name in self.primary if name != "tenant_id" and name not in self.referring]

    def of_type(self, name: str) -> str | None:
        return next((column.name for column in self.columns if column.type == name), None)


TABLES = """
SELECT c.oid, c.relname, c.relispartition, c.relkind = 'p' FROM pg_class c
WHERE c.relnamespace = 'aikit'::regnamespace AND c.relkind IN ('r', 'p', 'f')
ORDER BY c.relispartition, length(c.relname) * c.relispartition::int, c.relname"""
COLUMNS = """
SELECT a.attrelid, a.attname, format_type(a.atttypid, NULL), a.attnotnull, a.attgenerated <> ''
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = 'aikit'::regnamespace AND c.relkind IN ('r', 'p', 'f')
    AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum"""
NAMES = """array(SELECT a.attname::text FROM unnest({keys}) WITH ORDINALITY n (number, place)
    JOIN pg_attribute a ON a.attrelid = {table} AND a.attnum = n.number ORDER BY n.place)"""
INDEXES = f"""
SELECT i.indrelid, i.indisprimary, {NAMES.format(keys="i.indkey::int2[]", table="i.indrelid")}
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
WHERE c.relnamespace = 'aikit'::regnamespace AND i.indisunique ORDER BY i.indrelid, i.indexrelid"""
CONSTRAINTS = f"""
SELECT k.conrelid, k.contype::text, k.conname, pg_get_constraintdef(k.oid), o.relname,
    {NAMES.format(keys="k.conkey", table="k.conrelid")},
    {NAMES.format(keys="k.confkey", table="k.confrelid")}
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid LEFT JOIN pg_class o ON o.oid = k.confrelid
WHERE c.relnamespace = 'aikit'::regnamespace AND k.contype IN ('c', 'f') ORDER BY k.conrelid, k.conname"""
FUNCTIONS = """
SELECT p.oid::regprocedure::text FROM pg_proc p
WHERE p.pronamespace = 'aikit'::regnamespace ORDER BY 1"""
VIEWS = """
SELECT relname FROM pg_class WHERE relnamespace = 'aikit'::regnamespace AND relkind IN ('v', 'm')
ORDER BY 1"""


def names_of(connection: psycopg.Connection, question: str) -> list[str]:
    return [name for (name,) in connection.execute(question).fetchall()]


def read_tables(connection: psycopg.Connection) -> list[Table]:
    """Every table, partitions last."""
    tables = {oid: Table(*words) for oid, *words in connection.execute(TABLES).fetchall()}
    choices: dict[tuple[int, str], tuple[str, ...]] = {}
    for oid, kind, name, text, target, columns, target_columns in connection.execute(CONSTRAINTS):
        if kind == "f":
            # Those of a partition are copies of the whole table's.
            if target in {table.name for table in tables.values() if not table.partition}:
                foreign = Foreign(name, tuple(columns), target, tuple(target_columns))
                tables[oid].foreigns.append(foreign)
        elif "ANY (ARRAY[" in text and len(columns) == 1:
            choices[oid, columns[0]] = tuple(re.findall(r"'([^']*)'", text))
    for oid, name, kind, required, generated in connection.execute(COLUMNS):
        column = Column(name, kind, required, generated, choices.get((oid, name), ()))
        tables[oid].columns.append(column)
    for oid, primary, columns in connection.execute(INDEXES):
        tables[oid].uniques.append(tuple(columns))
        if primary:
            tables[oid].primary = tuple(columns)
    return list(tables.values())


def in_order(tables: list[Table]) -> list[Table]:
    """Those that are referred to before those that refer."""
    order: list[Table] = []
    rest = list(tables)
    while rest:
        known = {table.name for table in order}
        ready = [t for t in rest if {f.target for f in t.foreigns} <= known | {t.name}]
        if not ready:
            raise Unknown(f"tables refer to each other in a circle: {[t.name for t in rest]}")
        order += ready
        rest = [table for table in rest if table not in ready]
    return order


def _value(table: Table, column: Column, tenant: str, fresh: bool) -> Value:
    name = f"{tenant} {'fresh' if fresh else 'seed'}"
    number = NUMBERS[tenant] + FRESH * fresh
    if column.choices:
        return column.choices[0]
    values: dict[str, Value] = {
        "text": name, "bigint": number, "integer": number, "smallint": number, "boolean": True,
        "bytea": name.encode(), "vector": f"[{number},1,2]", "double precision": number,
        "jsonb": "{}", "json": "{}",
    }  # fmt: skip
    if column.type not in values:
        raise Unknown(f"no value is known for {table.name}.{column.name} of type {column.type}")
    return values[column.type]


class Rows:
    """One row of each tenant in every table, and what else is made from them."""

    def __init__(self, tables: list[Table]) -> None:
        self.tables = in_order(tables)
        self._seed: dict[tuple[str, str], Row] = {}
        for table in self.tables:
            for tenant in (OURS, THEIRS):
                self._seed[table.name, tenant] = self._make(table, tenant, fresh=False)

    def _make(self, table: Table, tenant: str, *, fresh: bool) -> Row:
        row = {c.name: _value(table, c, tenant, fresh) for c in table.filled}
        row["tenant_id"] = tenant
        for foreign in table.foreigns:
            for own, theirs in zip(foreign.columns, foreign.target_columns):
                if foreign.target != table.name:
                    row[own] = self._seed[foreign.target, tenant][theirs]
                elif own != "tenant_id":
                    row[own] = None
        return row

    def seed(self, table: Table, tenant: str) -> Row:
        return dict(self._seed[table.name, tenant])

    def fresh(self, table: Table, tenant: str) -> Row:
        """A further row of a tenant; where the key allows only one, that one again."""
        return self._make(table, tenant, fresh=True)

    def pointing(self, table: Table, foreign: Foreign, tenant: str, other: str) -> Row:
        """A new row of a tenant that refers to a row of another one."""
        row = self.fresh(table, tenant)
        theirs = self._seed[foreign.target, other]
        for own, target in zip(foreign.columns, foreign.target_columns):
            if own != "tenant_id":
                row[own] = theirs[target]
        return row

    def colliding(self, table: Table, unique: tuple[str, ...], tenant: str, other: str) -> Row | None:
        """A new row of a tenant with the key of another one's; None if only the tenant could differ."""
        free = [name for name in unique if name != "tenant_id" and name not in table.referring]
        if not free or not table.free_keys:
            return None
        row = self.fresh(table, tenant)
        theirs = self._seed[table.name, other]
        return row | {name: theirs[name] for name in free}


def literal(value: Value) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, bytes):
        return f"'\\x{value.hex()}'"
    return "'" + value.replace("'", "''") + "'"


def insert(table: str, row: Row) -> str:
    """A statement that adds a row."""
    names = ", ".join(row)
    return f"INSERT INTO aikit.{table} ({names}) VALUES ({', '.join(map(literal, row.values()))})"
