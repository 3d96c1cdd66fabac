"""The exceptions: `Error`, and one subclass for each code of the core's table.

The classes are made from the table, so none can be missing; `_errors.pyi` lists them for type
checkers and editors, and a test compares the two.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._records import Diagnostic

from . import _aikit


class Error(Exception):
    """What went wrong, where, and what to do about it. The base of everything aikit raises."""

    code: str = "error"

    def __init__(
        self,
        message: str,
        *,
        path: str | None = None,
        line: int | None = None,
        column: int | None = None,
        hint: str | None = None,
        retryable: bool | None = None,
        cause: str | None = None,
        status: int | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        diagnostics: list[Diagnostic] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.line = line
        self.column = column
        self.hint = hint
        self.retryable = _RETRYABLE.get(self.code, False) if retryable is None else retryable
        self.cause = cause
        self.status = status
        self.request_id = request_id
        self.retry_after = retry_after
        self.diagnostics: list[Diagnostic] = diagnostics or []

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        # Keyword arguments do not survive the pickling that Exception brings along.
        return (type(self), (self.message,), self.__dict__)

    def to_dict(self) -> dict[str, Any]:
        """The error as a document: `code`, `message`, `retryable`, and what else is known."""
        document: dict[str, Any] = {
            "code": self.code,
            "message": self.message,
            "retryable": self.retryable,
        }
        for key in _OPTIONAL:
            value = getattr(self, key)
            if value is not None:
                document[key] = value
        if self.diagnostics:
            document["diagnostics"] = [d.to_dict() for d in self.diagnostics]
        return document


def _class_of(word: str, name: str, meaning: str) -> type[Error]:
    return type(name, (Error,), {"__doc__": meaning, "__module__": "aikit", "code": word})


_OPTIONAL = ("path", "line", "column", "hint", "cause", "status", "request_id", "retry_after")
_RETRYABLE = {word: retryable for word, _, _, retryable, _ in _aikit.CODES}
_CLASSES = {word: _class_of(word, name, meaning) for word, name, _, _, meaning in _aikit.CODES}
Error.__module__ = "aikit"

__all__ = ["Error", *(name for _, name, _, _, _ in _aikit.CODES)]
globals().update({error.__name__: error for error in _CLASSES.values()})


def from_document(document: dict[str, Any]) -> Error:
    """The exception for an error document of the core's."""
    from ._records import Diagnostic

    return _CLASSES.get(document["code"], Error)(
        document["message"],
        **{key: document.get(key) for key in _OPTIONAL},
        retryable=document.get("retryable"),
        diagnostics=[Diagnostic(d) for d in document.get("diagnostics", ())],
    )


def from_json(text: str) -> Error:
    """The exception for an error document as text. Called by the native module."""
    import json

    return from_document(json.loads(text))
