"""What both families share of the spec repository; how they wait for it is their own."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import datetime
    from collections.abc import Mapping
    from typing import Any

from . import _aikit
from ._convert import from_json, mapping, options, to_json
from ._spec import Spec, native_spec
from ._spec_records import HistoryEntry, ImportReport, SpecBundle, SpecPage, SpecRecord


def read_record(text: Any) -> SpecRecord:
    return SpecRecord(from_json(text))


def read_page(text: Any) -> SpecPage:
    return SpecPage(from_json(text))


def read_history(text: Any) -> list[HistoryEntry]:
    return [HistoryEntry(entry) for entry in from_json(text)]


def read_bundle(text: Any) -> SpecBundle:
    return SpecBundle(from_json(text))


def read_import(text: Any) -> ImportReport:
    return ImportReport(from_json(text))


def _date_text(date: str | datetime.date | None) -> str | None:
    """Dates and times as RFC 3339 has them. What is neither is left for the core to refuse."""
    import datetime

    return date.isoformat() if isinstance(date, datetime.date) else date


class SpecsCore:
    """The part of a spec repository that never waits."""

    def __init__(self, kernel: _aikit.Kernel) -> None:
        self._native = kernel.specs()
        self._tenant = kernel.tenant

    def _save_task(
        self, spec: Spec, by: str | None, why: str | None, replaces: str | None
    ) -> _aikit.Task:
        return self._native.save(native_spec(spec), options(by=by, why=why, replaces=replaces))

    def _deprecate_task(
        self,
        reference: str,
        by: str | None,
        why: str | None,
        sunset: str | datetime.date | None,
        successor: str | None,
    ) -> _aikit.Task:
        chosen = options(by=by, why=why, sunset=_date_text(sunset), successor=successor)
        return self._native.deprecate(reference, chosen)

    def _import_task(
        self,
        bundle: SpecBundle | Mapping[str, Any],
        by: str | None,
        why: str | None,
        on_conflict: str,
    ) -> _aikit.Task:
        document = (
            bundle._document if isinstance(bundle, SpecBundle) else mapping(bundle, "the bundle")
        )
        chosen = options(by=by, why=why, on_conflict=on_conflict)
        return self._native.import_(to_json(document, "the bundle"), chosen)

    def __repr__(self) -> str:
        return f"<aikit.{type(self).__name__} tenant={self._tenant}>"
