"""How a transaction comes to a tenant, or does not, and who speaks in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from catalogue import OURS, THEIRS, literal
from stage import ADMIN, APP, STRANGER, WITHOUT_TENANT


def enter(tenant: str) -> str:
    return f"SELECT aikit.enter({literal(tenant)})"


def setting(tenant: str | None, local: bool = True) -> str:
    return f"SELECT set_config('aikit.current_tenant_id', {literal(tenant)}, {literal(local)})"


@dataclass(frozen=True)
class Situation:
    """What is said before the statement, whose row the statement is about, whose rows it may meet."""

    name: str
    about: str
    meets: tuple[str, ...]
    begin: str = "BEGIN"
    # Once for each connection, and before each transaction.
    once: str = ""
    before: str = ""
    # One of several that are alike: left out where every mutation is tried.
    more: bool = False


def _forged(name: str, values: Sequence[str | None], telling: int = 1) -> list[Situation]:
    return [Situation(name, THEIRS, (), f"BEGIN; {setting(value)}", more=place >= telling)
            for place, value in enumerate(values)]  # fmt: skip


OWN = Situation("own", OURS, (OURS,), f"BEGIN; {enter(OURS)}")
OTHER = Situation("other's", THEIRS, (OURS,), f"BEGIN; {enter(OURS)}")
NONE = Situation("no tenant", OURS, ())

# Those of one name are one column: all of them must come to the same.
SITUATIONS = [
    NONE,
    Situation("after another's", THEIRS, (), before=f"BEGIN; {enter(THEIRS)}; COMMIT"),
    OWN,
    OTHER,
    *_forged("forged: empty", [""]),
    *_forged("forged: NULL", [None]),
    *_forged("forged: spelling", ["BEE", "be%", " bee", "bee ", "be_", "ｂｅｅ", "bee\n"], telling=2),
    *_forged("forged: quotes", ["bee' OR 'a'='a", "' OR true --", '"bee"', "{bee,ant}", "bee','ant"]),
    Situation("forged: session", THEIRS, (OURS,), f"BEGIN; {enter(OURS)}", once=setting(THEIRS, local=False)),
]  # fmt: skip
COLUMNS = list(dict.fromkeys(situation.name for situation in SITUATIONS))

BOTH = (OURS, THEIRS)
READ, ALL = "S", "SIUD"


@dataclass(frozen=True)
class Role:
    """Who speaks, what it may do with each table, and in which situations it is tried."""

    name: str
    login: str | None
    situations: tuple[Situation, ...]
    rights: dict[str, str]
    # The superuser becomes it, since nobody can log in as it.
    become: str = ""
    short: bool = False

    def may(self, table: str) -> str:
        return self.rights[table]


# Said here and not read from the catalogue: SELECT, INSERT, UPDATE, DELETE. A table that is not in
# these lists fails the run.
WRITTEN = dict.fromkeys(
    ["collections", "documents", "chunks", "vectors", "runs", "run_events", "spec_versions", "spec_terms"], ALL
)  # fmt: skip
APP_RIGHTS = WRITTEN | {
    "tenants": "S", "tenant_grants": "SID", "usage_totals": "SIU", "usage_days": "SIU", "usage_agents": "SIU",
    "spec_history": "SI", "audit_log": "SI",
}  # fmt: skip
ADMIN_RIGHTS = dict.fromkeys(APP_RIGHTS, ALL) | {"audit_log": "SID"}

APPLICATION = Role("application", APP, tuple(SITUATIONS), APP_RIGHTS)
ROLES = [
    APPLICATION,
    Role("administrator", ADMIN, (
        Situation("entered", THEIRS, BOTH, "BEGIN; SELECT aikit.enter_admin()"),
        Situation("not entered", THEIRS, BOTH),
        Situation("after a tenant", THEIRS, BOTH, f"BEGIN; {enter(OURS)}"),
    ), ADMIN_RIGHTS, short=True),
    Role("owner", None, (
        Situation("no tenant", OURS, ()),
        Situation("tenant set", THEIRS, (), f"BEGIN; {setting(THEIRS)}"),
    ), dict.fromkeys(APP_RIGHTS, ALL), become="SET ROLE aikit_owner", short=True),
    Role("a login without a role", STRANGER, (
        Situation("no tenant", OURS, ()),
        Situation("tenant set", THEIRS, (), f"BEGIN; {setting(THEIRS)}"),
    ), dict.fromkeys(APP_RIGHTS, ""), short=True),
]  # fmt: skip


def unlisted(tables: list[str]) -> list[str]:
    """Tables of the catalogue of which nobody has said who may do what, and the other way round."""
    known = set(APP_RIGHTS) | WITHOUT_TENANT
    problems = [f"table {name}: say in situations.py what each role may do with it"
                for name in tables if name not in known]  # fmt: skip
    return problems + [f"situations.py names {name}, which is no table" for name in known - set(tables)]
