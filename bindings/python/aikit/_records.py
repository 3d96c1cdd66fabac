"""The values that come out of aikit: frozen, typed, compared by content.

A record keeps the document it came from, so `to_dict` is exact, and has an attribute for each field.
Dataclasses would do the same at ten times the price of the import.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ClassVar, Literal, NoReturn

    SearchStrategy = Literal["keyword", "vector", "hybrid"]


class Record:
    """The base of all values. Subclasses name their fields in `__slots__`."""

    __slots__ = ("_document",)

    # How the fields that are not plain JSON values are made.
    _made_by: ClassVar[dict[str, Callable[[Any], Any]]] = {}
    # For each field: its attribute, its key in the document, and how it is put and made.
    _plan: ClassVar[
        tuple[tuple[str, str, Callable[[Any, Any], None], Callable[[Any], Any] | None], ...]
    ]
    _plan = ()

    _document: dict[str, Any]

    def __init_subclass__(cls) -> None:
        # A key that is a word of Python's has an underscore behind it: `from_`.
        cls._plan += tuple(
            (name, name.rstrip("_"), cls.__dict__[name].__set__, cls._made_by.get(name))
            for name in cls.__slots__
        )

    def __init__(self, document: dict[str, Any]) -> None:
        _set_document(self, document)
        for _, key, put, make in self._plan:
            value = document.get(key)
            put(self, value if make is None or value is None else make(value))

    def to_dict(self) -> dict[str, Any]:
        """The document as it came, as plain dictionaries and lists."""
        import copy

        return copy.deepcopy(self._document)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is read-only")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is read-only")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._document == other._document

    def __hash__(self) -> int:
        import json

        return hash(json.dumps(self._document, sort_keys=True))

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self._document,))

    def __copy__(self) -> Record:
        return self

    def __deepcopy__(self, memo: object) -> Record:
        return self

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name, *_ in self._plan)
        return f"{type(self).__name__}({fields})"


_set_document = Record.__dict__["_document"].__set__


def each(make: Callable[[Any], Any]) -> Callable[[list[Any]], tuple[Any, ...]]:
    """Makes every value of a list; the result is a tuple, because records are frozen."""
    return lambda values: tuple(map(make, values))


class Usage(Record):
    """Tokens, as the model's provider counted them."""

    __slots__ = (
        "input_tokens",
        "output_tokens",
        "total_tokens",
        "cached_input_tokens",
        "cache_write_tokens",
        "reasoning_tokens",
    )
    input_tokens: int
    output_tokens: int
    total_tokens: int
    cached_input_tokens: int
    """Of `input_tokens`: read from the provider's cache."""
    cache_write_tokens: int
    """Of `input_tokens`: written to the provider's cache."""
    reasoning_tokens: int
    """Of `output_tokens`: thought and not said."""

    def __init__(self, document: dict[str, Any]) -> None:
        # What is zero is left out of the document.
        super().__init__({**dict.fromkeys(self.__slots__, 0), **document})
        _set_document(self, document)


class Citation(Record):
    """A passage that the answer cites."""

    __slots__ = ("marker", "source", "title", "text", "start_line")
    marker: str
    source: str
    title: str
    text: str
    start_line: int


class Passage(Record):
    """A passage that a search found. Scores compare within one search only."""

    __slots__ = ("source", "title", "text", "score", "chunk", "start_line")
    source: str
    title: str
    text: str
    score: float
    chunk: int
    start_line: int


class Document(Record):
    """A document of a collection."""

    __slots__ = ("source", "title", "chunks", "bytes")
    source: str
    title: str
    chunks: int
    bytes: int


class Skipped(Record):
    """A file that an ingest left out, and why."""

    __slots__ = ("path", "code", "reason")
    path: str
    code: str
    reason: str


class IngestReport(Record):
    """What an ingest did: counts of documents, of the passages written, and what was left out."""

    __slots__ = ("added", "updated", "unchanged", "removed", "chunks", "skipped")
    _made_by = {"skipped": each(Skipped)}
    added: int
    updated: int
    unchanged: int
    removed: int
    chunks: int
    skipped: tuple[Skipped, ...]


class Diagnostic(Record):
    """One finding about a spec, at the exact place in its text, or in `file`, which it extends.

    Lines and columns count from 1, columns in characters; the end is the first column behind it.
    """

    __slots__ = (
        "code",
        "severity",
        "message",
        "path",
        "line",
        "column",
        "end_line",
        "end_column",
        "file",
        "hint",
    )
    code: str
    severity: Literal["error", "warning", "info"]
    message: str
    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    file: str | None
    hint: str | None


class ModelToolCall(Record):
    """A call of a tool as a model wrote it. `arguments` is a text where it is not valid JSON."""

    __slots__ = ("id", "name", "arguments")
    id: str
    name: str
    arguments: dict[str, Any] | str


class RunResult(Record):
    """What a run gave. A cancelled run gives what there was until then."""

    __slots__ = (
        "run_id",
        "status",
        "text",
        "output",
        "citations",
        "usage",
        "turns",
        "finish_reason",
        "model",
    )
    _made_by = {"citations": each(Citation), "usage": Usage}
    run_id: str
    status: Literal["finished", "cancelled"]
    text: str
    output: Any
    """The answer as JSON, where there is an output schema; it fits that."""
    citations: tuple[Citation, ...]
    usage: Usage
    turns: int
    finish_reason: str
    model: str
