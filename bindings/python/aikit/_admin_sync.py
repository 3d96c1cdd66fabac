"""Administration in the blocking family."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping
    from types import TracebackType
    from typing import Any

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
        TenantKind,
        TenantPage,
        TenantStatus,
        TenantUsage,
    )

from ._admin import (
    AdminCore,
    open_admin_task,
    read_archive,
    read_audit,
    read_copy,
    read_deletion,
    read_digest,
    read_faults,
    read_grants,
    read_log,
    read_pruned,
    read_tenant,
    read_tenants,
    read_usage,
    read_was_there,
)
from ._sync import _finish


def open_admin(
    location: str | os.PathLike[str] | None = None,
    *,
    actor: str | None = None,
    profile: str | os.PathLike[str] | None = None,
) -> Admin:
    """Open a store for administration: tenants as objects, audit, upkeep.

    `location` is the path of an SQLite file, or the URL of a PostgreSQL database with a login that
    has the role `aikit_admin`. `actor` is who acts, for the audit log. `profile` is the path of a
    TOML file that names either of them where it is not given.
    """
    return Admin(_finish(open_admin_task(location, actor, profile)))


class Admin(AdminCore):
    """A store that is open for administration. Made by `aikit.open_admin`; may be used from several
    threads. Everything that it changes stands in the audit log."""

    def create_tenant(
        self,
        id: str,
        *,
        parent: str | None = None,
        kind: TenantKind | None = None,
        name: str | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> Tenant:
        """Make a tenant, under `parent` if that is given.

        `config` has the settings of a profile: `{"quotas": {"max_documents": 100}}` and so on.
        """
        return read_tenant(_finish(self._create_task(id, parent, kind, name, config)))

    def tenant(self, id: str) -> Tenant:
        """The tenant of this id."""
        return read_tenant(_finish(self._of_tenant("tenant", id)))

    def tenants(
        self,
        *,
        parent: str | None = None,
        status: TenantStatus | None = None,
        kind: TenantKind | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> TenantPage:
        """A page of the tenants for which all that is given holds, in the order of their ids.

        A page has 100, unless `limit` (1 to 1000) says otherwise; `after` is the `next` of the page
        before.
        """
        task = self._task(
            "tenants", parent=parent, status=status, kind=kind, limit=limit, after=after
        )
        return read_tenants(_finish(task))

    def configure_tenant(self, id: str, config: Mapping[str, Any]) -> Tenant:
        """Put this configuration in the place of the one that the tenant has."""
        return read_tenant(_finish(self._configure_task(id, config)))

    def rename_tenant(self, id: str, name: str | None) -> Tenant:
        """Change the tenant's name for people; its id stays."""
        return read_tenant(_finish(self._rename_task(id, name)))

    def move_tenant(self, id: str, parent: str | None) -> Tenant:
        """Put a tenant, with those below it, under another parent, or under none.

        Whoever does not stand above them afterwards may read them no more.
        """
        return read_tenant(_finish(self._move_task(id, parent)))

    def suspend_tenant(self, id: str, *, why: str | None = None) -> Tenant:
        """Keep everything, and let nobody read or change it: `TenantSuspended`."""
        return read_tenant(_finish(self._of_tenant("suspend_tenant", id, why=why)))

    def resume_tenant(self, id: str, *, why: str | None = None) -> Tenant:
        """End a suspension."""
        return read_tenant(_finish(self._of_tenant("resume_tenant", id, why=why)))

    def delete_tenant(self, id: str, *, children: bool = False, erase: bool = False) -> Deletion:
        """Delete a tenant with everything that it has.

        Tenants below it are deleted with `children`; without it, they are a reason to refuse.
        With `erase` the database's files are written anew, so that no deleted byte stays in them;
        `files` of the result says where some may still be.
        """
        task = self._of_tenant("delete_tenant", id, children=children, erase=erase)
        return read_deletion(_finish(task))

    def grant_read(self, id: str, reader: str) -> None:
        """Let a tenant be read by one that stands above it: `open(tenant=id, reader=reader)`."""
        _finish(self._reading_task("grant_read", id, reader))

    def revoke_read(self, id: str, reader: str) -> bool:
        """Take the right to read a tenant away. Gives whether it was there."""
        return read_was_there(_finish(self._reading_task("revoke_read", id, reader)))

    def read_grants(self, id: str) -> list[ReadGrant]:
        """Who may read the tenant beside itself."""
        return read_grants(_finish(self._of_tenant("read_grants", id)))

    def tenant_usage(self, id: str, *, days: int = 30) -> TenantUsage:
        """What the tenant has, and what it did on the last `days` days on which it did some."""
        return read_usage(_finish(self._of_tenant("usage", id, days=days)))

    def tenant_digest(self, id: str) -> dict[str, TableDigest]:
        """Rows and hash of each table: equal for equal data, in whichever store."""
        return read_digest(_finish(self._of_tenant("digest", id)))

    def export_tenant(self, id: str, path: str | os.PathLike[str]) -> ArchiveReport:
        """Write everything that the tenant has into a new file."""
        return read_archive(_finish(self._export_task(id, path)))

    def import_tenant(
        self,
        path: str | os.PathLike[str],
        *,
        as_: str | None = None,
        parent: str | None = None,
        providers: bool = False,
    ) -> ArchiveReport:
        """Take in what `export_tenant` wrote: all of it, or nothing.

        The tenant must not be there; `as_` gives it another id, `parent` another parent.
        `providers` keeps those of its configuration, whose keys may come from variables and files
        of this machine: only for an archive whose maker may have them.
        """
        return read_archive(_finish(self._import_task(path, as_, parent, providers)))

    def copy_tenant(
        self,
        id: str,
        to: str | os.PathLike[str],
        *,
        as_: str | None = None,
        parent: str | None = None,
    ) -> CopyReport:
        """Copy a tenant into another store, an SQLite file or the URL of a PostgreSQL database, and
        compare both sides. Suspend it first if nothing may change meanwhile."""
        return read_copy(_finish(self._copy_task(id, to, as_, parent)))

    def audit_log(
        self, *, tenant: str | None = None, after: int = 0, limit: int | None = None
    ) -> list[AuditEntry]:
        """The entries behind number `after`, oldest first.

        Of a tenant, or without it of what administrators did. At most 100, unless `limit` (1 to 1000) says otherwise.
        """
        return read_log(_finish(self._task("audit_log", tenant=tenant, after=after, limit=limit)))

    def verify_audit(
        self,
        *,
        tenant: str | None = None,
        expect: Iterable[AuditHead | Mapping[str, Any]] | None = None,
    ) -> AuditReport:
        """Walk along all audit chains, or one, and say whether each entry is as it was written.

        `expect` are heads that were noted elsewhere: with them a cut-off end is seen too.
        """
        return read_audit(_finish(self._verify_task(tenant, expect)))

    def prune(self) -> dict[str, Pruned]:
        """Remove the runs that are older than the `retention.runs_days` of their tenants.

        Gives what was removed, by tenant.
        """
        return read_pruned(_finish(self._task("prune")))

    def backup(self, path: str | os.PathLike[str]) -> None:
        """Copy the whole SQLite store into a new file, while it is in use."""
        _finish(self._backup_task(path))

    def check(self) -> list[str]:
        """What is wrong with the database; empty if it is sound."""
        return read_faults(_finish(self._task("check")))

    def close(self) -> None:
        """Close the store; later calls raise `Closed`."""
        _finish(self._native.close())

    def __enter__(self) -> Admin:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
