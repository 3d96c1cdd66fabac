"""Ways to loosen the isolation, and whether the matrix and the product's own lint notice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import matrix
import psycopg
from catalogue import Table, names_of
from crossings import run_crossings, run_functions
from situations import APP_RIGHTS, unlisted
from stage import APP, Stage, view_of

SETTING = "current_setting('aikit.current_tenant_id', true)"
# More at once only wait for each other.
WORKERS = 2


@dataclass(frozen=True)
class Mutation:
    """What somebody does, to which tables, and who must notice: the matrix, the lint, or both."""

    name: str
    # Statements for one table; None where there is nothing to do. With `whole`, the table is any.
    harm: Callable[[Table], str | None]
    matrix: bool = True
    lint: bool = True
    whole: bool = False
    # Undoes what belongs to the server and not to the database.
    heal: str = ""


@dataclass
class Caught:
    """What came of a mutation in all the tables where it was made."""

    mutation: Mutation
    made: int = 0
    cells: int = 0
    faults: int = 0
    missed: list[str] | None = None

    def add(self, table: str, cells: int, faults: int) -> None:
        self.made += 1
        self.cells += cells
        self.faults += faults
        for who, noticed, must in (("the matrix", cells > 0, self.mutation.matrix),
                                   ("the lint", faults > 0, self.mutation.lint)):  # fmt: skip
            if noticed != must:
                words = "notices it, which was not expected" if noticed else "does not notice it"
                self.missed = [*(self.missed or []), f"{self.mutation.name} ({table}): {who} {words}"]


def _policy(rule: str) -> Callable[[Table], str]:
    return lambda t: f"ALTER POLICY tenant ON aikit.{t.name} USING ({rule}) WITH CHECK ({rule})"


def _on(words: str) -> Callable[[Table], str]:
    return lambda t: words.format(f"aikit.{t.name}")


def _unchecked(table: Table) -> str | None:
    if set(APP_RIGHTS.get(table.name, "")) & set("IU"):
        return f"ALTER POLICY tenant ON aikit.{table.name} WITH CHECK (true)"
    return None


def _only_using(table: Table) -> str:
    return (f"DROP POLICY tenant ON aikit.{table.name}; CREATE POLICY tenant ON aikit.{table.name}"
            f" TO aikit_app USING (tenant_id = nullif({SETTING}, ''))")  # fmt: skip


def _unreferred(table: Table) -> str | None:
    foreign = next((f for f in table.foreigns if len(f.columns) > 1), None)
    return foreign and f"ALTER TABLE aikit.{table.name} DROP CONSTRAINT {foreign.name}"


def _global_key(table: Table) -> str | None:
    # PostgreSQL itself refuses a key of a partitioned table without what it is partitioned by.
    if not table.free_keys or table.partitioned:
        return None
    return f"CREATE UNIQUE INDEX theirs ON aikit.{table.name} ({', '.join(table.free_keys)})"


def _open_view(table: Table) -> str:
    view = f"aikit.{view_of(table.name)}"
    return f"ALTER VIEW {view} SET (security_invoker = false); ALTER VIEW {view} OWNER TO postgres"


def _function(old: str, new: str, behind: str = "") -> Callable[[Table], str]:
    """Writes `aikit.enter` anew with other words."""
    old, new = old.replace("'", "''"), new.replace("'", "''")
    return lambda _: (
        f"""DO $harm$ DECLARE text text := pg_get_functiondef('aikit.enter'::regproc); BEGIN
            IF strpos(text, '{old}') = 0 THEN RAISE 'enter does not say this'; END IF;
            EXECUTE replace(text, '{old}', '{new}'); END $harm$; {behind}"""
    )


def _said(words: str) -> Callable[[Table], str]:
    return lambda _: words


def _append_only(table: Table) -> str | None:
    drop = "DROP TRIGGER audit_log_is_append_only ON aikit.audit_log"
    return drop if table.name == "audit_log" else None


MUTATIONS = [
    Mutation("row-level security switched off", _on("ALTER TABLE {} DISABLE ROW LEVEL SECURITY")),
    Mutation("row-level security not forced", _on("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY")),
    Mutation("no policy for tenants", _on("DROP POLICY tenant ON {}")),
    Mutation("no policy for administrators", _on("DROP POLICY admin ON {}")),
    Mutation("policy shows all rows", _on("ALTER POLICY tenant ON {} USING (true)")),
    Mutation("policy checks no row that is written", _unchecked),
    # PostgreSQL then checks what is written by USING, so nothing leaks yet.
    Mutation("policy without WITH CHECK", _only_using, matrix=False),
    Mutation("policy for every role", _on("ALTER POLICY tenant ON {} TO PUBLIC")),
    Mutation("policy shows all without a tenant",
             _policy(f"tenant_id = {SETTING} OR coalesce({SETTING}, '') = ''")),
    Mutation("policy ignores case", _policy(f"lower(tenant_id) = lower({SETTING})")),
    Mutation("policy takes patterns", _policy(f"tenant_id LIKE {SETTING}")),
    Mutation("a second policy shows all rows",
             _on("CREATE POLICY more ON {} FOR SELECT TO aikit_app USING (true)")),
    Mutation("reference without its tenant", _unreferred, lint=False),
    Mutation("unique key without tenant", _global_key),
    Mutation("view with the rights of its owner", _open_view),
    Mutation("TRUNCATE granted", _on("GRANT TRUNCATE ON {} TO aikit_app")),
    Mutation("granted to everybody", _on("GRANT USAGE ON SCHEMA aikit TO PUBLIC; GRANT SELECT ON {} TO PUBLIC")),
    Mutation("SELECT revoked", _on("REVOKE SELECT ON {} FROM aikit_app"), lint=False),
    Mutation("audit log may be changed", _append_only),
    Mutation("enter: setting for the session",
             _function("set_config('aikit.current_tenant_id', tenant, true)",
                       "set_config('aikit.current_tenant_id', tenant, false)"), lint=False, whole=True),
    Mutation("enter: any tenant", _function("state IS NULL", "false"), lint=False, whole=True),
    Mutation("enter: suspended tenants", _function("state <> 'active'", "false"), lint=False, whole=True),
    Mutation("enter: readers without a grant",
             _function(" AND g.reader_id = reader", ""), lint=False, whole=True),
    Mutation("enter: readers that do not stand above",
             _function("step = reader AND state = 'active'", "true"), lint=False, whole=True),
    Mutation("enter: readers may write",
             _function("'transaction_read_only', 'on'", "'transaction_read_only', 'off'"),
             lint=False, whole=True),
    Mutation("enter: with the rights of a superuser",
             _function("LANGUAGE plpgsql", "LANGUAGE plpgsql SECURITY DEFINER",
                       "ALTER FUNCTION aikit.enter OWNER TO postgres"), matrix=False, whole=True),
    Mutation("enter: for everybody", _said("GRANT USAGE ON SCHEMA aikit TO PUBLIC;"
             " GRANT EXECUTE ON FUNCTION aikit.enter TO PUBLIC"), matrix=False, whole=True),
    Mutation("a function with the rights of its owner",
             _said("CREATE FUNCTION aikit.peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER"
                   " AS 'SELECT count(*) FROM aikit.runs'"), whole=True),
    Mutation("a table that nobody isolated", _said("CREATE TABLE aikit.notes (tenant_id text, note text);"
             " GRANT SELECT ON aikit.notes TO aikit_app"), whole=True),
    Mutation("a partition with rights of its own",
             _said("GRANT SELECT ON aikit.runs_3 TO aikit_app"), whole=True),
    Mutation("the login is a superuser", _said(f"ALTER ROLE {APP} SUPERUSER"), lint=False, whole=True,
             heal=f"ALTER ROLE {APP} NOSUPERUSER"),
    Mutation("the login has BYPASSRLS", _said(f"ALTER ROLE {APP} BYPASSRLS"), lint=False, whole=True,
             heal=f"ALTER ROLE {APP} NOBYPASSRLS"),
    Mutation("the login is an administrator's", _said(f"GRANT aikit_admin TO {APP}"), lint=False, whole=True,
             heal=f"REVOKE aikit_admin FROM {APP}"),
    Mutation("the login is the owner's", _said(f"GRANT aikit_owner TO {APP}"), lint=False, whole=True,
             heal=f"REVOKE aikit_owner FROM {APP}"),
]  # fmt: skip


@contextmanager
def _harmed(stage: Stage, mutation: Mutation, harm: str) -> Iterator[str]:
    with stage.database() as database:
        with stage.root(database) as root:
            root.execute(harm)
        try:
            yield database
        finally:
            if mutation.heal:
                with stage.root(database) as root:
                    root.execute(mutation.heal)


def check(stage: Stage, database: str, tables: list[Table], whole: bool) -> list[str]:
    """Every cell that came to something else than it must."""
    results = matrix.run(stage, database, tables, quick=True)
    if whole:
        results += matrix.run_partitions(stage, database)
        results += run_crossings(stage, database, tables) + run_functions(stage, database)
    wrong = [str(result) for result in results if not result.right]
    return wrong + (check_tables(stage, database) if whole else [])


def check_tables(stage: Stage, database: str) -> list[str]:
    with stage.root(database) as root:
        question = ("SELECT relname FROM pg_class WHERE relnamespace = 'aikit'::regnamespace"
                    " AND relkind IN ('r', 'p', 'f') AND NOT relispartition")  # fmt: skip
        return unlisted(names_of(root, question))


def run_one(stage: Stage, mutation: Mutation, table: Table, harm: str) -> tuple[int, int]:
    """The cells that turned red, and the faults that the lint finds."""
    with _harmed(stage, mutation, harm) as database:
        tables = stage.tables if mutation.whole else [table]
        return len(check(stage, database, tables, mutation.whole)), len(stage.faults(database))


def run(stage: Stage) -> list[Caught]:
    """Every mutation of every table to which it applies, each in a database of its own."""
    caught = {mutation.name: Caught(mutation) for mutation in MUTATIONS}
    work: list[tuple[Mutation, Table, str]] = []
    alone: list[tuple[Mutation, Table, str]] = []
    for mutation in MUTATIONS:
        for table in stage.tables[:1] if mutation.whole else stage.tables:
            if harm := mutation.harm(table):
                (alone if mutation.heal else work).append((mutation, table, harm))
    # What harms a login would be felt in every database.
    for jobs, workers in ((work, WORKERS), (alone, 1)):
        with ThreadPoolExecutor(workers) as pool:
            outcomes = pool.map(lambda job: _told(stage, *job), jobs)
            for (mutation, table, _), outcome in zip(jobs, outcomes):
                name = "the schema" if mutation.whole else table.name
                caught[mutation.name].add(name, *outcome)
    return list(caught.values())


def _told(stage: Stage, mutation: Mutation, table: Table, harm: str) -> tuple[int, int]:
    try:
        return run_one(stage, mutation, table, harm)
    except psycopg.Error as error:
        raise RuntimeError(f"{mutation.name} ({table.name}): {error}") from error
