"""Specs: what an agent is, parsed and checked without opening anything."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from typing import Any

from . import _aikit
from ._convert import from_json, path_text
from ._records import Diagnostic


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
        """The model, as `provider/model`."""
        return self._native.model

    def check(self) -> list[Diagnostic]:
        """What is probably not meant; empty if there is nothing to say."""
        return [Diagnostic(finding) for finding in from_json(self._native.check())]

    def to_dict(self) -> dict[str, Any]:
        """The whole document, with the defaults filled in."""
        document: dict[str, Any] = from_json(self._native.to_json())
        return document

    def __repr__(self) -> str:
        return f"<aikit.Spec {self.agent_id} {self.version}>"


def parse_spec(text: str) -> Spec:
    """Parse a spec from YAML or JSON text. Raises `SpecInvalid` with all findings."""
    return Spec(_aikit.parse_spec(text))


def load_spec(path: str | os.PathLike[str]) -> Spec:
    """Read a spec from a file."""
    return Spec(_aikit.load_spec(path_text(path)))
