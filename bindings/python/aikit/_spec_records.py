"""The values that speak of specs: what the repository keeps of them, and what differs in them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal

    Status = Literal["draft", "active", "deprecated", "retired"]

from ._records import Record, each


class Change(Record):
    """A field that differs between two specs. `path` is a JSON pointer into the full document;
    named items of lists stand under their names: `/integration/tools/calculator`."""

    __slots__ = ("path", "kind", "before", "after")
    path: str
    kind: Literal["added", "removed", "changed"]
    before: Any
    after: Any


class SpecRecord(Record):
    """What the repository keeps of a version. Times are RFC 3339 in UTC.

    `document` (the full spec) and `text` (as it was saved) are `None` in the pages of a list.
    """

    __slots__ = (
        "agent_id",
        "version",
        "status",
        "hash",
        "name",
        "description",
        "tags",
        "model",
        "created_at",
        "created_by",
        "updated_at",
        "sunset",
        "successor",
        "document",
        "text",
    )
    _made_by = {"tags": tuple}
    agent_id: str
    version: str
    status: Status
    hash: str
    name: str
    description: str | None
    tags: tuple[str, ...]
    model: str | None
    created_at: str
    created_by: str | None
    updated_at: str
    sunset: str | None
    successor: str | None
    document: dict[str, Any] | None
    text: str | None


class SpecPage(Record):
    """A page of a list. `next` is to be given as `after` for the next page; `None` on the last."""

    __slots__ = ("specs", "next")
    _made_by = {"specs": each(SpecRecord)}
    specs: tuple[SpecRecord, ...]
    next: str | None


class HistoryEntry(Record):
    """A change of an agent: what, from which state (`from_`) to which, when, by whom and why."""

    __slots__ = (
        "seq",
        "agent_id",
        "version",
        "change",
        "from_",
        "to",
        "at",
        "by",
        "why",
        "hash",
    )
    seq: int
    agent_id: str
    version: str
    change: Literal[
        "saved", "replaced", "promoted", "deprecated", "retired", "deleted", "imported"
    ]
    from_: Status | None
    to: Status | None
    at: str
    by: str | None
    why: str | None
    hash: str


class SpecBundle(Record):
    """Versions with their states and history. `to_dict()` is what to write to a JSON file."""

    __slots__ = ("format", "specs", "history")
    _made_by = {"specs": each(SpecRecord), "history": each(HistoryEntry)}
    format: str
    specs: tuple[SpecRecord, ...]
    history: tuple[HistoryEntry, ...]


class ImportReport(Record):
    """What became of the versions of a bundle, as `id@version`."""

    __slots__ = ("imported", "skipped")
    _made_by = {"imported": tuple, "skipped": tuple}
    imported: tuple[str, ...]
    skipped: tuple[str, ...]


class ImportedSpec(Record):
    """A spec made from another format. `text` is YAML that parses."""

    __slots__ = ("name", "text")
    name: str
    text: str


class ImportEntry(Record):
    """What became of one leaf of the source: `path` is its place there, `to` that in the spec."""

    __slots__ = ("kind", "path", "to", "note")
    kind: Literal["kept", "changed", "lost"]
    path: str
    to: str | None
    note: str | None


class SpecImport(Record):
    """What was read from another format; every leaf of the source is in the report once."""

    __slots__ = ("format", "specs", "report")
    _made_by = {"specs": each(ImportedSpec), "report": each(ImportEntry)}
    format: str
    specs: tuple[ImportedSpec, ...]
    report: tuple[ImportEntry, ...]
