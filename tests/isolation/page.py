"""The page: what was tried and what it came to, the same from run to run."""

from __future__ import annotations

import difflib
from collections import defaultdict
from dataclasses import dataclass, field

import crossings
from matrix import Result
from mutations import Caught
from product import Outcome
from situations import COLUMNS, ROLES


@dataclass
class Facts:
    """What a whole run found."""

    servers: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    matrix: list[Result] = field(default_factory=list)
    across: list[Result] = field(default_factory=list)
    calls: list[Result] = field(default_factory=list)
    lint: list[tuple[str, list[str]]] = field(default_factory=list)
    mutations: list[list[Caught]] = field(default_factory=list)
    ways: dict[tuple[str, str], Outcome] = field(default_factory=dict)
    scanning: set[str] = field(default_factory=set)


Grid = dict[tuple[str, str], str]


def _row(words: list[str]) -> str:
    return "| " + " | ".join(words) + " |"


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    return [_row(head), "|" + "---|" * len(head), *map(_row, rows)]


def _grids(results: list[Result]) -> dict[str, Grid]:
    """For each table: command and situation, and all that it came to."""
    found: dict[str, dict[tuple[str, str], list[str]]] = defaultdict(lambda: defaultdict(list))
    for result in results:
        found[result.table][result.command, result.situation].append(result.found)
    return {
        table: {key: ", ".join(dict.fromkeys(outcomes)) for key, outcomes in cells.items()}
        for table, cells in found.items()
    }


def _alike(grids: dict[str, Grid]) -> list[tuple[list[str], Grid]]:
    """Tables that came to the same are shown once."""
    groups: list[tuple[list[str], Grid]] = []
    for table, grid in grids.items():
        same = next((group for group in groups if group[1] == grid), None)
        if same:
            same[0].append(table)
        else:
            groups.append(([table], grid))
    return groups


def _block(grid: Grid, columns: list[str]) -> list[str]:
    """A line for each command; those that came to the same share one."""
    lines: dict[tuple[str, ...], list[str]] = {}
    for command in dict.fromkeys(command for command, _ in grid):
        outcomes = tuple(grid.get((command, column), "") for column in columns)
        lines.setdefault(outcomes, []).append(command)
    rows = [["; ".join(commands), *outcomes] for outcomes, commands in lines.items()]
    return _table(["command", *columns], rows)


def _matrix(facts: Facts) -> list[str]:
    out: list[str] = []
    for role in ROLES:
        columns = COLUMNS if not role.short else [situation.name for situation in role.situations]
        of_role = [r for r in facts.matrix if r.role == role.name and r.table in facts.tables]
        out += [f"## The {role.name.removeprefix('a ')}, table by table", ""]
        for tables, grid in _alike(_grids(of_role)):
            out += [", ".join(f"`{table}`" for table in tables), "", *_block(grid, columns), ""]
    return out


def _counted(results: list[Result]) -> str:
    return f"{len(results):,}"


def _parts(facts: Facts) -> list[str]:
    partitions = [r for r in facts.matrix if r.table not in facts.tables]
    rows = [
        ["tables by commands, situations and roles", _counted(facts.matrix)],
        ["of these, partitions by their own names, all refused", _counted(partitions)],
        ["from one transaction into another", _counted(facts.across)],
        ["calls of the schema's functions", _counted(facts.calls)],
        ["faults made for the lint", str(len(facts.lint))],
        ["mutations, each in a database of its own", str(sum(c.made for c in facts.mutations[0]))],
    ]  # fmt: skip
    return _table(["what is tried on each server", "number"], rows)


def _across(facts: Facts) -> list[str]:
    rows = []
    for name, work, _ in crossings.CROSSINGS:
        found = dict.fromkeys(r.found for r in facts.across if r.command == name)
        rows.append([name, ", ".join(found)])
    return _table(["what could carry over", "every table"], rows)


def _calls(facts: Facts) -> list[str]:
    rows = [[f"`{r.table.removeprefix('aikit.')}`", r.command, r.role, r.found] for r in facts.calls]
    return _table(["function", "tried", "by", "outcome"], rows)


def _mutations(facts: Facts) -> list[str]:
    rows = []
    for place, caught in enumerate(facts.mutations[0]):
        # What a version adds of its own may be noticed in more cells.
        cells = sorted({one[place].cells for one in facts.mutations})
        faults = sorted({one[place].faults for one in facts.mutations})
        shown = [" or ".join(map(str, numbers)) if numbers != [0] else "none" for numbers in (cells, faults)]
        rows.append([caught.mutation.name, str(caught.made), *shown])
    return _table(["mutation", "databases", "cells that turned red", "faults told by the lint"], rows)


def _ways(facts: Facts) -> list[str]:
    tests = sorted({name for outcome in facts.ways.values() for name in outcome.passed})
    rows = [[where, way, str(len(outcome.passed))] for (where, way), outcome in facts.ways.items()]
    listed = [f"- `{name.rpartition('::')[2].replace('_', ' ')}`" for name in tests]
    return [*listed, "", *_table(["store", "kept apart by", "tests passed"], rows)]


def text(facts: Facts) -> str:
    """The whole page."""
    servers = " and ".join(facts.servers)
    scanning = [f"- `{words}`" for words in sorted(facts.scanning)] or ["None."]
    lines = [
        *HEAD.format(servers=servers).splitlines(), "", *_parts(facts), "",
        *READING.splitlines(), "", *_matrix(facts),
        "## From one transaction into another", "", *_across(facts), "",
        "## Functions of the schema", "", *_calls(facts), "",
        "## The lint", "", *LINT.splitlines(), "",
        *[f"- {name}" for name, _ in facts.lint], "",
        "## Mutations", "", *MUTATIONS.splitlines(), "", *_mutations(facts), "",
        "## Through aikit", "", *AIKIT.splitlines(), "", *_ways(facts), "",
        "## Plans", "", *PLANS.splitlines(), "", *scanning, "",
        *LIMITS.splitlines(),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def differences(there: str, made: str) -> list[str]:
    """What is not current; empty if nothing is."""
    if there == made:
        return []
    lines = difflib.unified_diff(there.splitlines(), made.splitlines(), "docs/isolation.md", "found", lineterm="", n=0)
    return ["write it anew with BLESS=1 make isolation", *lines]


HEAD = """\
# Isolation

No call and no statement of one tenant reaches another's rows. This page is what a run of
`make isolation` found, on PostgreSQL {servers} and on SQLite, and a run fails when the page is not
current (`BLESS=1 make isolation` writes it). What is tried stands in `tests/isolation`, `core/tests/isolation` and
`core/src/store/tx/mutants.rs`."""

READING = """\
Tables, columns, keys, functions and views come from the server's catalogue: a table or a function of which
these tests were not told is a failure. Two tenants have one row each in every table. *Own* is the row of the
tenant that was entered, *other* the other one's. Each statement runs in a transaction that is rolled back.

| outcome | means |
|---|---|
| `1 own`, `1 other`, `0 rows` | whose rows were given |
| `1 changed` | rows that were written |
| policy | refused by row-level security (42501) |
| no right | refused for want of a right (42501) |
| `23503`, `23505`, `0A000`, `34000`, `25006` | foreign key, unique key, not supported, no such cursor, read-only |
| `AK001`, `AK002`, `AK003`, `AK004` | no such tenant, suspended, not granted, append-only |

| situation | what came before the statement |
|---|---|
| no tenant | a new connection, nothing set |
| after another's | on this connection, a transaction of the other tenant has just ended |
| own, other's | a tenant was entered; the statement is about its own row, or about the other one's |
| forged | the setting was made by hand: empty, NULL, the other's name in seven other spellings, five with quotes and lists; *session*: the other's name was set for the whole session, and then a tenant entered |"""

LINT = """\
`aikit db status` reads the catalogue and tells what is wrong. Each of these was made on purpose, and exactly
the faults that belong to it were told:"""

MUTATIONS = """\
Would the matrix notice? Each mutation was made in a copy of the database, table by table where it belongs to
a table, and everything was tried again. Where no cell turns red, nothing leaks yet, and the lint is the one
that must notice; what the lint cannot know (what a function says, who a login is) the matrix must.
A policy without `WITH CHECK` is such a case: PostgreSQL then checks what is written by `USING`. Logins are also looked at
whenever aikit opens a store."""

AIKIT = """\
The same questions through the public interface, on both back ends. The other tenant has the same names and
more; its digest is taken before and after, and no answer and no error may hold a word that it wrote.
With *filters alone* a superuser opens the store with `rls: false`. On SQLite there are no policies, so each
filter of each statement was also taken away, one at a time, and the tests noticed every one that
decides anything (`cargo test --workspace --lib mutants`). In the pool test 64 tenants share one connection
while calls are dropped and panic at random; afterwards one idle connection is left and every audit chain is whole."""

PLANS = """\
With 200 tenants in every table, each statement that the tests above send was explained as it ran, as the
application's role, on PostgreSQL 18. A statement counts here when it reads a table of tenants without an
index whose first column, the tenant, is a condition:"""

LIMITS = """\
## What this does not keep

- The policies hold back forgotten filters, not whoever can run any SQL with the application's login: that login
  can enter each tenant. No text of users or models becomes SQL.
- `LOCK` is allowed where `UPDATE` or `DELETE` is: such a login can hold up others, and sees nothing by it.
- A cursor `WITH HOLD` keeps the rows that its own transaction saw; aikit makes none.
- A grant of reading may name any tenant that exists, and is worth nothing unless that one stands above.
- The numbers of passages are drawn from one sequence: gaps tell that others write.
- Whoever can read an SQLite file reads all of it: `kernel.backup` copies every tenant.
"""
