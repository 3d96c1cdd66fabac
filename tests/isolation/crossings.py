"""What could carry one tenant's transaction into another's, and the schema's functions."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
from catalogue import FUNCTIONS, OURS, THEIRS, Rows, Table, insert, literal, names_of
from commands import RIGHT, outcome, refused
from matrix import Result
from situations import enter, setting
from stage import ADMIN, APP, STRANGER, Stage

# Tenants that only the functions meet.
SUSPENDED, CHILD, SILENT, STRAY = "cat", "pup", "owl", "fox"


def _transaction(connection: psycopg.Connection, *statements: str, end: str = "ROLLBACK") -> str:
    """What the last statement of a transaction comes to, or the first that is refused."""
    found = ""
    connection.execute("BEGIN")
    for statement in statements:
        found = outcome(connection, statement)
        if connection.info.transaction_status is psycopg.pq.TransactionStatus.INERROR:
            end = "ROLLBACK"
            break
    connection.execute(end)
    return found


def _prepared(connection: psycopg.Connection, table: str) -> str:
    """Planned and kept while the other tenant was entered."""
    connection.execute("SET plan_cache_mode = force_generic_plan")
    connection.execute(f"PREPARE kept AS SELECT tenant_id FROM aikit.{table}")
    for _ in range(6):
        _transaction(connection, enter(THEIRS), "EXECUTE kept", end="COMMIT")
    return _transaction(connection, enter(OURS), "EXECUTE kept")


def _cursor(connection: psycopg.Connection, table: str, hold: str = "") -> str:
    """Opened while the other tenant was entered."""
    declare = f"DECLARE opened CURSOR {hold} FOR SELECT tenant_id FROM aikit.{table}"
    _transaction(connection, enter(THEIRS), declare, end="COMMIT")
    return _transaction(connection, enter(OURS), "FETCH ALL FROM opened")


def _held_cursor(connection: psycopg.Connection, table: str) -> str:
    return _cursor(connection, table, "WITH HOLD")


def _savepoint(connection: psycopg.Connection, table: str) -> str:
    """The other tenant was entered behind a savepoint, and rolled back."""
    return _transaction(connection, enter(OURS), "SAVEPOINT here", enter(THEIRS),
                        f"SELECT tenant_id FROM aikit.{table}", "ROLLBACK TO here",
                        f"SELECT tenant_id FROM aikit.{table}")  # fmt: skip


def _rolled_back(connection: psycopg.Connection, table: str) -> str:
    _transaction(connection, enter(THEIRS), f"SELECT tenant_id FROM aikit.{table}")
    return _transaction(connection, f"SELECT tenant_id FROM aikit.{table}")


def _failed(connection: psycopg.Connection, table: str) -> str:
    """The other tenant was entered, and then a statement failed."""
    _transaction(connection, enter(THEIRS), "SELECT 1 / 0")
    return _transaction(connection, f"SELECT tenant_id FROM aikit.{table}")


def _refused_entry(connection: psycopg.Connection, table: str) -> str:
    """After the other tenant, one that is not there was to be entered."""
    _transaction(connection, enter(THEIRS), end="COMMIT")
    _transaction(connection, enter("nobody"), end="COMMIT")
    return _transaction(connection, f"SELECT tenant_id FROM aikit.{table}")


def _without_transaction(connection: psycopg.Connection, table: str) -> str:
    """A setting for a transaction, said outside of one, is gone with its statement."""
    connection.execute(setting(THEIRS))
    return outcome(connection, f"SELECT tenant_id FROM aikit.{table}")


def _shadow(connection: psycopg.Connection, table: str) -> str:
    """A temporary table of the same name does not stand before the real one."""
    connection.execute(f"CREATE TEMP TABLE {table} AS SELECT {literal(THEIRS)} AS tenant_id")
    return _transaction(connection, enter(OURS), f"SELECT tenant_id FROM {table}")


# What each comes to: the own row, or nothing at all.
CROSSINGS: list[tuple[str, Callable[[psycopg.Connection, str], str], str]] = [
    ("prepared statement of another tenant's transaction", _prepared, "1 own"),
    ("cursor of another tenant's transaction", _cursor, "34000"),
    # Rows that were read stay read: whoever holds a cursor open has entered that tenant before.
    ("the same WITH HOLD, which aikit never says", _held_cursor, "1 other"),
    ("savepoint rolled back behind another tenant", _savepoint, "1 own"),
    ("after a transaction that was rolled back", _rolled_back, "0 rows"),
    ("after a transaction that failed", _failed, "0 rows"),
    ("after an entry that was refused", _refused_entry, "0 rows"),
    ("setting of a transaction outside of one", _without_transaction, "0 rows"),
    ("temporary table of the same name", _shadow, "1 own"),
]


def run_crossings(stage: Stage, database: str, tables: list[Table]) -> list[Result]:
    results = []
    for name, work, expected in CROSSINGS:
        for table in tables:
            with stage.connect(APP, database) as connection:
                try:
                    found = work(connection, table.name)
                except psycopg.Error as error:
                    found = refused(error)
            results.append(Result("application", table.name, name, "across", expected, found))
    return results


def _relatives(connection: psycopg.Connection, rows: Rows) -> None:
    """Tenants of every kind that `enter` knows."""
    table = next(table for table in rows.tables if table.name == "tenants")
    grants = next(table for table in rows.tables if table.name == "tenant_grants")
    for tenant, parent, status in [(SUSPENDED, None, "suspended"), (CHILD, OURS, "active"),
                                   (SILENT, OURS, "active"), (STRAY, None, "active")]:  # fmt: skip
        row = rows.seed(table, OURS) | {"tenant_id": tenant, "parent_id": parent, "status": status}
        connection.execute(insert(table.name, row))
    for tenant, reader in [(CHILD, OURS), (STRAY, OURS), (CHILD, THEIRS), (SILENT, THEIRS)]:
        row = rows.seed(grants, OURS) | {"tenant_id": tenant, "reader_id": reader}
        connection.execute(insert(grants.name, row))


NAMES = "SELECT tenant_id FROM aikit.tenants"
ENTERED = "SELECT current_setting('aikit.current_tenant_id')"


def _enter(tenant: str | None, reader: str | None = None) -> str:
    words = ", ".join(literal(word) for word in ((tenant, reader) if reader else (tenant,)))
    return f"SELECT aikit.enter({words})"


# Function, what is tried, who tries it, the statements, and what the last of them comes to.
CALLS: list[tuple[str, str, str, list[str], str]] = [
    ("aikit.enter(text,text)", "own", APP, [_enter(OURS), NAMES], "1 own"),
    ("aikit.enter(text,text)", "another after it", APP, [_enter(OURS), _enter(THEIRS), NAMES], "1 other"),
    ("aikit.enter(text,text)", "unknown", APP, [_enter("nobody")], "AK001"),
    ("aikit.enter(text,text)", "empty", APP, [_enter("")], "AK001"),
    ("aikit.enter(text,text)", "NULL", APP, [_enter(None)], "AK001"),
    ("aikit.enter(text,text)", "spelling", APP, [_enter("ANT")], "AK001"),
    ("aikit.enter(text,text)", "white space", APP, [_enter("ant ")], "AK001"),
    ("aikit.enter(text,text)", "quotes", APP, [_enter("ant' OR 'a'='a")], "AK001"),
    ("aikit.enter(text,text)", "the administrators' chain", APP, [_enter("@store")], "AK001"),
    ("aikit.enter(text,text)", "suspended", APP, [_enter(SUSPENDED)], "AK002"),
    ("aikit.enter(text,text)", "child, reading granted", APP, [_enter(CHILD, OURS), NAMES], "1 of pup"),
    ("aikit.enter(text,text)", "child, reading granted, writes", APP,
     [_enter(CHILD, OURS), "INSERT INTO aikit.collections VALUES ('pup', 'x')"], "25006"),
    ("aikit.enter(text,text)", "child, not granted", APP, [_enter(SILENT, OURS)], "AK003"),
    ("aikit.enter(text,text)", "granted, and not above", APP, [_enter(STRAY, OURS)], "AK003"),
    ("aikit.enter(text,text)", "granted to another who is not above", APP, [_enter(CHILD, THEIRS)], "AK003"),
    ("aikit.enter(text,text)", "no relative", APP, [_enter(THEIRS, OURS)], "AK003"),
    ("aikit.enter(text,text)", "itself as reader", APP, [_enter(OURS, OURS)], "AK003"),
    ("aikit.enter(text,text)", "own", STRANGER, [_enter(OURS)], RIGHT),
    ("aikit.enter_admin()", "by the application", APP, ["SELECT aikit.enter_admin()"], RIGHT),
    ("aikit.enter_admin()", "by an administrator", ADMIN, ["SELECT aikit.enter_admin()", ENTERED], "1 of "),
    ("aikit.enter_admin()", "by a stranger", STRANGER, ["SELECT aikit.enter_admin()"], RIGHT),
    ("aikit.aikit_now()", "by the application", APP, ["SELECT aikit.aikit_now() < '9'", ], "1 of True"),
    ("aikit.aikit_now()", "by a stranger", STRANGER, ["SELECT aikit.aikit_now()"], RIGHT),
    ("aikit.audit_log_is_append_only()", "by the application", APP,
     ["SELECT aikit.audit_log_is_append_only()"], RIGHT),
    ("aikit.audit_log_is_append_only()", "by an administrator", ADMIN,
     ["SELECT aikit.audit_log_is_append_only()"], RIGHT),
]  # fmt: skip
SPEAKERS = {APP: "application", ADMIN: "administrator", STRANGER: "a login without a role"}


def run_functions(stage: Stage, database: str) -> list[Result]:
    """Every call; a function that is not in the list is a failure."""
    with stage.root(database) as root:
        _relatives(root, stage.rows)
        there = set(names_of(root, FUNCTIONS))
    known = {call[0] for call in CALLS}
    results = [Result("catalogue", name, "function", "known", "in the list", "not in the list")
               for name in sorted(there ^ known)]  # fmt: skip
    for function, tried, login, statements, expected in CALLS:
        if function in there:
            with stage.connect(login, database) as connection:
                found = _transaction(connection, *statements)
            results.append(Result(SPEAKERS[login], function, tried, "call", expected, found))
    return results
