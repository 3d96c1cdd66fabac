"""How the store's statements reach their rows: each along an index that begins with the tenant."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import product
import psycopg
from catalogue import Column, Table
from stage import APP, Stage

TENANTS, ROWS = 200, 40
# Of the role in this database: every plan goes to the server's log. Without the preference for
# reading small tables whole, a Seq Scan is left only where no index serves.
SETTINGS = {
    "session_preload_libraries": "'auto_explain'", "auto_explain.log_min_duration": "0",
    "auto_explain.log_format": "json", "auto_explain.log_nested_statements": "on",
    "enable_seqscan": "off",
}  # fmt: skip

# Statements that may, and why not otherwise.
SCANNING: list[str] = []


def _made(table: Table, column: Column) -> str:
    """An expression for row k of tenant n; what refers and what is referred to are made alike."""
    targets = {own: theirs for foreign in table.foreigns
               for own, theirs in zip(foreign.columns, foreign.target_columns)}  # fmt: skip
    if column.name == "tenant_id" or targets.get(column.name) == "tenant_id":
        return "'t' || n" if not (table.name == "tenants" and column.name != "tenant_id") else "NULL"
    if column.choices:
        return f"'{column.choices[0]}'"
    made = {"text": "'v' || k", "bigint": "k", "bytea": "convert_to('v' || k, 'UTF8')", "vector": "'[1,2,3]'"}
    return made[column.type]


def fill(root: psycopg.Connection, tables: list[Table]) -> None:
    for table in tables:
        names = ", ".join(column.name for column in table.filled)
        made = ", ".join(_made(table, column) for column in table.filled)
        rows = ROWS if table.free_keys or "chunk_id" in table.primary else 1
        root.execute(f"INSERT INTO aikit.{table.name} ({names}) SELECT {made}"
                     f" FROM generate_series(1, {TENANTS}) n, generate_series(1, {rows}) k")  # fmt: skip
    root.execute("ANALYZE")


def _nodes(plan: dict[str, object]) -> Iterator[dict[str, object]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)


def _plans(log: str) -> Iterator[dict[str, object]]:
    """Every plan in the text of a log: the lines that follow the first one are indented."""
    for block in re.findall(r"plan:\n((?:\t.*\n)+)", log):
        yield json.loads(block)


def scans(log: str, names: set[str]) -> tuple[set[str], set[str]]:
    """The statements of the log that touch a table of tenants, and those that do so without an index
    that the tenant leads."""
    statements, scanning = set(), set()
    for plan in _plans(log):
        text = " ".join(str(plan["Query Text"]).split())
        nodes = list(_nodes(plan["Plan"]))
        # A bitmap's condition stands below the table's node.
        conditions = " ".join(str(node.get("Index Cond", "")) for node in nodes)
        for node in nodes:
            if node.get("Relation Name") not in names or "Scan" not in str(node["Node Type"]):
                continue
            statements.add(text)
            own = str(node.get("Index Cond", "")) or conditions
            if node["Node Type"] == "Seq Scan" or "tenant_id" not in own:
                scanning.add(text)
    return statements, scanning


def run(stage: Stage, program: Path, log: Path) -> tuple[set[str], set[str], list[str]]:
    """Statements, those that scan, and what failed on the way."""
    with stage.database() as database:
        with stage.root(database) as root:
            fill(root, stage.rows.tables)
            for name, value in SETTINGS.items():
                root.execute(f"ALTER ROLE {APP} IN DATABASE {database} SET {name} = {value}")
        begin = log.stat().st_size
        way = product.ways(stage, database, None)[0]
        outcome = product.run(program, way, 1)
        with log.open("rb") as file:
            file.seek(begin)
            text = file.read().decode("utf-8", "replace")
    names = {table.name for table in stage.everything} - {"migrations"}
    return *scans(text, names), outcome.failed
