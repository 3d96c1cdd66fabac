"""The values that speak of tenants: what they are, have and did, and what became of them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Literal

    TenantKind = Literal["org", "team", "user"]
    TenantStatus = Literal["active", "suspended"]

from ._records import Record, each


def by_name(make: Callable[[Any], Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Makes every value of a dictionary."""
    return lambda values: {name: make(value) for name, value in values.items()}


class Tenant(Record):
    """A tenant. Times are RFC 3339 in UTC; `config` is what it was configured with."""

    __slots__ = (
        "tenant_id",
        "parent",
        "kind",
        "name",
        "status",
        "config",
        "created_at",
        "updated_at",
    )
    tenant_id: str
    parent: str | None
    kind: TenantKind | None
    name: str | None
    status: TenantStatus
    config: dict[str, Any]
    created_at: str
    updated_at: str


class TenantPage(Record):
    """A page of a list. `next` is to be given as `after` for the next page; `None` on the last."""

    __slots__ = ("tenants", "next")
    _made_by = {"tenants": each(Tenant)}
    tenants: tuple[Tenant, ...]
    next: str | None


class Remains(Record):
    """Where bytes of what was deleted can still be, and what to do about it."""

    __slots__ = ("place", "advice")
    place: str
    advice: str


class Deletion(Record):
    """What was deleted: the tenants, the lowest first, the rows of each table, and what remains."""

    __slots__ = ("tenant", "tenants", "rows", "files")
    _made_by = {"tenants": tuple, "files": each(Remains)}
    tenant: str
    tenants: tuple[str, ...]
    rows: dict[str, int]
    files: tuple[Remains, ...]


class ReadGrant(Record):
    """Who may read a tenant, since when, and who granted it."""

    __slots__ = ("reader", "granted_at", "granted_by")
    reader: str
    granted_at: str
    granted_by: str | None


class UsageTotals(Record):
    """What a tenant has: versions of specs, documents, vectors, and the bytes of everything."""

    __slots__ = ("specs", "documents", "vectors", "bytes")
    specs: int
    documents: int
    vectors: int
    bytes: int


class UsageDay(Record):
    """What a tenant did on a day (`YYYY-MM-DD`, UTC). Money is in millionths of a US dollar."""

    __slots__ = ("day", "runs", "input_tokens", "output_tokens", "cost_micros")
    day: str
    runs: int
    input_tokens: int
    output_tokens: int
    cost_micros: int


class TenantUsage(Record):
    """What a tenant has, and what it did, newest first; days without anything are left out."""

    __slots__ = ("totals", "days")
    _made_by = {"totals": UsageTotals, "days": each(UsageDay)}
    totals: UsageTotals
    days: tuple[UsageDay, ...]


class TableDigest(Record):
    """How many rows a table has of a tenant, and their hash: equal for equal data in any store."""

    __slots__ = ("rows", "sha256")
    rows: int
    sha256: str


class LeftOut(Record):
    """What an archive has and the store now has not.

    `parent`: the tenant above it, `tenant_id`; `providers`: those of its configuration, `names`;
    `grant`: the right of `reader_id` to read it; `audit_log`: its audit log up to the entry `seq`,
    whose hash is `hash`.
    """

    __slots__ = ("what", "tenant_id", "names", "reader_id", "seq", "hash")
    what: Literal["parent", "providers", "grant", "audit_log"]
    tenant_id: str | None
    names: list[str] | None
    reader_id: str | None
    seq: int | None
    hash: str | None


class ArchiveReport(Record):
    """What was written into an archive, or taken in from one. `altered` names the tables that were
    to become other than they are in the archive."""

    __slots__ = ("tenant", "tables", "bytes", "altered", "left_out")
    _made_by = {"tables": by_name(TableDigest), "altered": tuple, "left_out": each(LeftOut)}
    tenant: str
    tables: dict[str, TableDigest]
    bytes: int
    altered: tuple[str, ...]
    left_out: tuple[LeftOut, ...]


class CopyReport(Record):
    """Both sides of a copy. `agree`: all tables are equal but those that are named in `altered`."""

    __slots__ = ("tenant", "source", "target", "altered", "left_out", "agree")
    _made_by = {
        "source": by_name(TableDigest),
        "target": by_name(TableDigest),
        "altered": tuple,
        "left_out": each(LeftOut),
    }
    tenant: str
    source: dict[str, TableDigest]
    target: dict[str, TableDigest]
    altered: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    agree: bool


class AuditEntry(Record):
    """An entry of an audit chain. `prev` is the hash of the entry before it."""

    __slots__ = (
        "tenant_id",
        "seq",
        "at",
        "actor",
        "action",
        "object",
        "detail",
        "prev",
        "hash",
    )
    tenant_id: str
    seq: int
    at: str
    actor: str | None
    action: str
    object: str
    detail: dict[str, Any]
    prev: str
    hash: str


class AuditHead(Record):
    """The last entry of a chain. Noted elsewhere, it shows later that no end was cut off."""

    __slots__ = ("tenant_id", "seq", "hash")
    tenant_id: str
    seq: int
    hash: str


class AuditBreak(Record):
    """Where a chain breaks: the first entry that is not as it was written, and what is wrong."""

    __slots__ = ("tenant_id", "seq", "what")
    tenant_id: str
    seq: int
    what: str


class AuditChain(Record):
    """What a verification found in one chain: how many entries follow on each other, and the last."""

    __slots__ = ("tenant_id", "entries", "head", "sound")
    _made_by = {"head": AuditHead}
    tenant_id: str
    entries: int
    head: AuditHead | None
    sound: bool


class AuditReport(Record):
    """What a verification found. `broken` is where the first chain that is not sound breaks."""

    __slots__ = ("chains", "broken")
    _made_by = {"chains": each(AuditChain), "broken": AuditBreak}
    chains: tuple[AuditChain, ...]
    broken: AuditBreak | None


class Pruned(Record):
    """How many runs and events of a tenant were removed because of their age."""

    __slots__ = ("runs", "events")
    runs: int
    events: int


class Said(Record):
    """What layers of the configuration said."""

    __slots__ = ("value", "source")
    value: Any
    source: str


class Setting(Record):
    """A setting: what holds, which layers it comes from, and what was said and does not hold.

    Of a secret, `value` says where it is, and `secret` whether there is something. Of a list,
    `elements` says who named each element.
    """

    __slots__ = ("key", "value", "source", "secret", "elements", "overruled")
    _made_by = {"elements": each(Said), "overruled": each(Said)}
    key: str
    value: Any
    source: str
    secret: Literal["set", "missing"] | None
    elements: tuple[Said, ...] | None
    overruled: tuple[Said, ...]
