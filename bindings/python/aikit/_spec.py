"""Specs: what an agent is, parsed, checked, compared and written without opening anything."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from typing import Any, Literal, overload

from . import _aikit
from ._convert import from_json, options, path_text, to_json
from ._records import Diagnostic
from ._spec_records import Change, SpecImport


class Spec:
    """A parsed spec. Made by `parse_spec` and `load_spec`; never changes."""

    __slots__ = ("_native",)

    def __init__(self, native: _aikit.Spec) -> None:
        self._native = native

    @property
    def agent_id(self) -> str:
        """The id that names the agent in its tenant."""
        return self._native.agent_id

    @property
    def name(self) -> str:
        """The name for people."""
        return self._native.name

    @property
    def version(self) -> str:
        """The agent's version."""
        return self._native.version

    @property
    def model(self) -> str:
        """The model, as `provider/model`; empty if the kernel's `default_model` is to be asked."""
        return self._native.model

    @property
    def hash(self) -> str:
        """`sha256:` and 64 digits, equal for texts that mean the same."""
        return self._native.hash

    @property
    def text(self) -> str:
        """A text of the spec that needs no other file: as it was written, unless it extends."""
        return self._native.text

    def check(self) -> list[Diagnostic]:
        """What is probably not meant; empty if there is nothing to say."""
        return read_findings(self._native.check())

    def render(self, format: Literal["yaml", "json", "oracle", "a2a"]) -> str:
        """Write the spec out: in its canonical form as YAML or JSON, as Oracle Open Agent Spec, or
        as an agent card of the Agent2Agent protocol."""
        return self._native.render(format)

    def diff(self, other: Spec) -> list[Change]:
        """What is different in the other spec; empty if both mean the same."""
        return read_changes(self._native.diff(native_spec(other)))

    def to_dict(self) -> dict[str, Any]:
        """The full document, without what has its default value."""
        document: dict[str, Any] = from_json(self._native.to_json())
        return document

    def __repr__(self) -> str:
        return f"<aikit.Spec {self.agent_id} {self.version}>"


def native_spec(spec: Spec) -> _aikit.Spec:
    if not isinstance(spec, Spec):
        raise TypeError(f"here belongs an aikit.Spec, not {type(spec).__name__}")
    return spec._native


def read_findings(text: Any) -> list[Diagnostic]:
    return [Diagnostic(finding) for finding in from_json(text)]


def read_changes(text: Any) -> list[Change]:
    return [Change(change) for change in from_json(text)]


def _path_or_none(path: str | os.PathLike[str] | None) -> str | None:
    return None if path is None else path_text(path)


def parse_spec(text: str, *, base: str | os.PathLike[str] | None = None) -> Spec:
    """Parse a spec from YAML or JSON text. Raises `SpecInvalid` with all findings.

    `base` is the folder whose files the text may extend.
    """
    return Spec(_aikit.parse_spec(text, options(base=_path_or_none(base))))


def load_spec(path: str | os.PathLike[str]) -> Spec:
    """Read a spec from a file, which may extend files of its folder."""
    return Spec(_aikit.load_spec(path_text(path)))


if TYPE_CHECKING:

    @overload
    def diagnose(
        text: str,
        *,
        base: str | os.PathLike[str] | None = ...,
        format: Literal["json"] = ...,
        file: str | os.PathLike[str] | None = ...,
    ) -> list[Diagnostic]: ...
    @overload
    def diagnose(
        text: str,
        *,
        base: str | os.PathLike[str] | None = ...,
        format: Literal["lsp"],
        file: str | os.PathLike[str] | None = ...,
    ) -> list[dict[str, Any]]: ...
    @overload
    def diagnose(
        text: str,
        *,
        base: str | os.PathLike[str] | None = ...,
        format: Literal["text"],
        file: str | os.PathLike[str] | None = ...,
    ) -> str: ...


def diagnose(
    text: str,
    *,
    base: str | os.PathLike[str] | None = None,
    format: Literal["json", "lsp", "text"] = "json",
    file: str | os.PathLike[str] | None = None,
) -> Any:
    """Everything that can be said of a text: errors, warnings, infos. Never raises `SpecInvalid`.

    `format` is `json` for `Diagnostic` records, `lsp` for the diagnostics of the Language Server
    Protocol, `text` for what a terminal shows, with excerpts; there `file` is what the text is
    called. `base` is the folder whose files the text may extend.
    """
    chosen = options(base=_path_or_none(base), format=format, file=_path_or_none(file))
    found = _aikit.diagnose(text, chosen)
    return read_findings(found) if format == "json" else from_json(found)


def edit_spec(text: str, pointer: str, value: Any) -> str:
    """The text with the value at a JSON pointer set, and everything else, comments too, as it was.

    The pointer is one of the text as it stands: `/model` in the short form.
    """
    return _aikit.edit_spec(text, pointer, to_json(value, "the value"))


def import_spec(
    text: str,
    *,
    from_: Literal[
        "oracle",
        "open-agent-spec",
        "docker-agent",
        "adl",
        "google-adk",
        "agent-framework",
        "crewai",
    ]
    | None = None,
    file: str | os.PathLike[str] | None = None,
) -> SpecImport:
    """Read an agent that was written in another format, with a report of what became of each leaf.

    Without `from_` the format is recognised. `file` is what the text is called, for agents that
    have no name of their own.
    """
    chosen = options(from_=from_, file=_path_or_none(file))
    return SpecImport(from_json(_aikit.import_spec(text, chosen)))


def spec_schema() -> dict[str, Any]:
    """The JSON Schema of specs, with which editors complete and check them."""
    schema: dict[str, Any] = from_json(_aikit.spec_schema())
    return schema
