"""What both families share of administration; how they wait for it is their own."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping
    from typing import Any

from . import _aikit
from ._admin_records import (
    ArchiveReport,
    AuditEntry,
    AuditHead,
    AuditReport,
    CopyReport,
    Deletion,
    Pruned,
    ReadGrant,
    TableDigest,
    Tenant,
    TenantPage,
    TenantUsage,
    by_name,
)
from ._convert import from_json, mapping, options, path_text


def open_admin_task(
    location: str | os.PathLike[str] | None,
    actor: str | None,
    profile: str | os.PathLike[str] | None,
) -> _aikit.Task:
    chosen = options(
        location=None if location is None else path_text(location),
        actor=actor,
        profile=None if profile is None else path_text(profile),
    )
    return _aikit.open_admin(chosen)


def read_tenant(text: Any) -> Tenant:
    return Tenant(from_json(text))


def read_tenants(text: Any) -> TenantPage:
    return TenantPage(from_json(text))


def read_deletion(text: Any) -> Deletion:
    return Deletion(from_json(text))


def read_grants(text: Any) -> list[ReadGrant]:
    return [ReadGrant(grant) for grant in from_json(text)]


def read_was_there(text: Any) -> bool:
    return bool(from_json(text))


def read_usage(text: Any) -> TenantUsage:
    return TenantUsage(from_json(text))


def read_digest(text: Any) -> dict[str, TableDigest]:
    return by_name(TableDigest)(from_json(text))


def read_archive(text: Any) -> ArchiveReport:
    return ArchiveReport(from_json(text))


def read_copy(text: Any) -> CopyReport:
    return CopyReport(from_json(text))


def read_log(text: Any) -> list[AuditEntry]:
    return [AuditEntry(entry) for entry in from_json(text)]


def read_audit(text: Any) -> AuditReport:
    return AuditReport(from_json(text))


def read_pruned(text: Any) -> dict[str, Pruned]:
    return by_name(Pruned)(from_json(text))


def read_faults(text: Any) -> list[str]:
    return list(from_json(text))


def _text(value: str | None, what: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise TypeError(f"{what} must be a str, not {type(value).__name__}")


def _id(value: str, what: str = "the id of a tenant") -> str:
    if value is None:
        raise TypeError(f"{what} must be a str, not None")
    return _text(value, what) or ""


class AdminCore:
    """The part of administration that never waits."""

    def __init__(self, native: _aikit.Admin) -> None:
        self._native = native

    def _task(self, operation: str, **arguments: object) -> _aikit.Task:
        return self._native.call(operation, options(**arguments))

    def _of_tenant(self, operation: str, id: str, **arguments: object) -> _aikit.Task:
        return self._task(operation, id=_id(id), **arguments)

    def _create_task(
        self,
        id: str,
        parent: str | None,
        kind: str | None,
        name: str | None,
        config: Mapping[str, Any] | None,
    ) -> _aikit.Task:
        chosen = None if config is None else mapping(config, "config")
        return self._of_tenant(
            "create_tenant", id, parent=parent, kind=kind, name=name, config=chosen
        )

    def _configure_task(self, id: str, config: Mapping[str, Any]) -> _aikit.Task:
        return self._of_tenant("configure_tenant", id, config=mapping(config, "config"))

    def _rename_task(self, id: str, name: str | None) -> _aikit.Task:
        return self._of_tenant("rename_tenant", id, name=_text(name, "the name of a tenant"))

    def _move_task(self, id: str, parent: str | None) -> _aikit.Task:
        return self._of_tenant("move_tenant", id, parent=_text(parent, "the parent"))

    def _reading_task(self, operation: str, id: str, reader: str) -> _aikit.Task:
        return self._of_tenant(operation, id, reader=_id(reader, "the reader"))

    def _export_task(self, id: str, path: str | os.PathLike[str]) -> _aikit.Task:
        return self._of_tenant("export_tenant", id, path=path_text(path))

    def _import_task(
        self, path: str | os.PathLike[str], as_: str | None, parent: str | None, providers: bool
    ) -> _aikit.Task:
        return self._task(
            "import_tenant", path=path_text(path), as_=as_, parent=parent, providers=providers
        )

    def _copy_task(
        self, id: str, to: str | os.PathLike[str], as_: str | None, parent: str | None
    ) -> _aikit.Task:
        return self._of_tenant("copy_tenant", id, to=path_text(to), as_=as_, parent=parent)

    def _verify_task(
        self, tenant: str | None, expect: Iterable[AuditHead | Mapping[str, Any]] | None
    ) -> _aikit.Task:
        heads = None
        if expect is not None:
            heads = [
                head._document if isinstance(head, AuditHead) else mapping(head, "a head")
                for head in expect
            ]
        return self._task("verify_audit", tenant=tenant, expect=heads)

    def _backup_task(self, path: str | os.PathLike[str]) -> _aikit.Task:
        return self._task("backup", path=path_text(path))

    def __repr__(self) -> str:
        return f"<aikit.{type(self).__name__}>"
