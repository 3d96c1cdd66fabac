"""JSON Schema from type hints, and arguments as the hinted types."""

from __future__ import annotations

import enum
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NewType, Optional, TypedDict, Union

import aikit
import pytest
from aikit._tools import HostTool


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Place:
    city: Annotated[str, "Name of the city"]
    color: Color = Color.RED
    tags: list[str] = field(default_factory=list)


class Filter(TypedDict, total=False):
    limit: int
    place: Place


class Tree(TypedDict):
    children: list[Tree]


UserId = NewType("UserId", int)


def definition(function: Callable[..., Any], **given: Any) -> dict[str, Any]:
    options = {"name": None, "description": None, "parameters": None, "timeout": None} | given
    found: dict[str, Any] = json.loads(HostTool(function, **options).definition)
    return found


def of(hint: Any) -> Any:
    """The schema of one parameter of this type."""

    def tool(x: Any) -> None: ...

    tool.__annotations__["x"] = hint
    return definition(tool)["parameters"]["properties"]["x"]


PLACE = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "Name of the city"},
        "color": {"enum": ["red", "blue"], "default": "red"},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "additionalProperties": False,
    "required": ["city"],
}


@pytest.mark.parametrize(
    ("hint", "schema"),
    [
        (str, {"type": "string"}),
        (int, {"type": "integer"}),
        (float, {"type": "number"}),
        (bool, {"type": "boolean"}),
        (None, {"type": "null"}),
        (Any, {}),
        (list, {"type": "array"}),
        (list[int], {"type": "array", "items": {"type": "integer"}}),
        (Sequence[str], {"type": "array", "items": {"type": "string"}}),
        (tuple[int, ...], {"type": "array", "items": {"type": "integer"}}),
        (set[int], {"type": "array", "uniqueItems": True, "items": {"type": "integer"}}),
        (dict, {"type": "object"}),
        (dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
        (Mapping[str, Any], {"type": "object"}),
        (Optional[int], {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        (int | str, {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
        (Union[int, None], {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        (Literal["a", 1], {"enum": ["a", 1]}),
        (Color, {"enum": ["red", "blue"]}),
        (UserId, {"type": "integer"}),
        (Annotated[int, "How many"], {"type": "integer", "description": "How many"}),
        (Annotated[int, 3, []], {"type": "integer"}),
        (Place, PLACE),
        (
            Filter,
            {
                "type": "object",
                "properties": {"limit": {"type": "integer"}, "place": PLACE},
                "additionalProperties": False,
            },
        ),
    ],
)
def test_schemas_of_types(hint: Any, schema: dict[str, Any]) -> None:
    assert of(hint) == schema


def test_name_description_defaults_and_required() -> None:
    def search(query: Annotated[str, "What to look for"], limit: int = 5, *, exact: bool = False):  # type: ignore[no-untyped-def]
        """Searches the archive.

        Newest first.
        """

    assert definition(search) == {
        "name": "search",
        "description": "Searches the archive.\n\nNewest first.",
        "parameters": {
            "type": "object",
            "properties": {
                "query": {"type": "string", "description": "What to look for"},
                "limit": {"type": "integer", "default": 5},
                "exact": {"type": "boolean", "default": False},
            },
            "additionalProperties": False,
            "required": ["query"],
        },
    }
    assert definition(search, parameters={}, description="d", timeout=0.0001) == {
        "name": "search",
        "description": "d",
        "parameters": {},
        "timeout_ms": 1,
    }


def test_methods_and_objects_are_tools() -> None:
    class Service:
        def look(self, x: int) -> None: ...
        def __call__(self, y: str) -> None: ...

    assert list(definition(Service().look)["parameters"]["properties"]) == ["x"]
    assert list(definition(Service(), name="s")["parameters"]["properties"]) == ["y"]


def test_arguments_arrive_as_the_hinted_types(kernel: aikit.Kernel) -> None:
    seen: list[Any] = []

    @kernel.tool
    def take(
        place: Place,
        many: list[Color],
        named: dict[str, Place],
        maybe: Color | None,
        unique: set[int],
        filter: Filter,
        plain: int = 3,
    ) -> None:
        seen.append((place, many, named, maybe, unique, filter, plain))

    kernel.call_tool(
        "take",
        {
            "place": {"city": "Bonn"},
            "many": ["red", "blue"],
            "named": {"a": {"city": "Ulm", "color": "blue", "tags": ["t"]}},
            "maybe": None,
            "unique": [1, 2],
            "filter": {"place": {"city": "Aue"}},
        },
    )
    assert seen == [
        (
            Place("Bonn"),
            [Color.RED, Color.BLUE],
            {"a": Place("Ulm", Color.BLUE, ["t"])},
            None,
            {1, 2},
            {"place": Place("Aue")},
            3,
        )
    ]


def untyped(x) -> None: ...  # type: ignore[no-untyped-def]
def starred(*x: int) -> None: ...
def by_place(x: int, /) -> None: ...
def unknown(x: complex) -> None: ...
def pair(x: tuple[int, str]) -> None: ...
def numbered(x: dict[int, str]) -> None: ...
def either(x: Color | Place) -> None: ...
def recursive(x: Tree) -> None: ...
def unresolved(x: NoSuchType) -> None: ...  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    "function",
    [untyped, starred, by_place, unknown, pair, numbered, either, recursive, unresolved],
)
def test_what_has_no_schema_is_refused_with_a_way_out(
    kernel: aikit.Kernel, function: Callable[..., Any]
) -> None:
    with pytest.raises(aikit.InvalidArgument) as caught:
        kernel.tool(function)
    assert function.__name__ in str(caught.value)
    assert caught.value.hint or "str" in str(caught.value)
    kernel.tool(function, parameters={"type": "object"})
