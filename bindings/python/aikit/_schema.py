"""JSON Schema from type hints, and back: the arguments of a call as the hinted types."""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ._errors import InvalidArgument

Loader = Callable[[Any], Any]


class Shape(NamedTuple):
    """A type as its schema, and what makes its values of JSON values (None: nothing to do)."""

    schema: dict[str, Any]
    load: Loader | None = None


_PLAIN: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    None: {"type": "null"},
    Any: {},
    object: {},
}
_LISTS: dict[Any, Loader | None] = {
    list: None,
    collections.abc.Sequence: None,
    collections.abc.Iterable: None,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
}
_MAPPINGS = (dict, collections.abc.Mapping)
# Markers round the types of a TypedDict's keys.
_MARKERS = ("Required", "NotRequired", "ReadOnly")


class Signature(NamedTuple):
    """A function's parameters as a schema, and the keyword arguments of a call."""

    schema: dict[str, Any]
    load: Loader


def signature_of(function: Callable[..., Any], name: str) -> Signature:
    """The schema of a tool's parameters, from its signature."""
    target: Any = function
    while hasattr(target, "func"):
        target = target.func
    if not inspect.isroutine(target):
        target = type(target).__call__
    try:
        hints = typing.get_type_hints(target, include_extras=True)
    except Exception as error:
        raise InvalidArgument(
            f"the type hints of the tool {name!r} cannot be resolved: {error}",
            hint="move the types to module level, or give `parameters`",
        ) from error
    fields: dict[str, tuple[Shape, bool]] = {}
    for parameter in inspect.signature(function).parameters.values():
        where = f"the parameter {parameter.name!r} of the tool {name!r}"
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise InvalidArgument(
                f"{where} cannot be given by name", hint="write it out, or give `parameters`"
            )
        if parameter.name not in hints:
            raise InvalidArgument(
                f"{where} has no type hint", hint="add one, or give `parameters`"
            )
        shape = _shape(hints[parameter.name], where, ())
        needed = parameter.default is parameter.empty
        if not needed:
            shape = _with_default(shape, parameter.default)
        fields[parameter.name] = (shape, needed)
    schema, load = _object(fields)
    return Signature(schema, load or dict)


def _shape(hint: Any, where: str, above: tuple[Any, ...]) -> Shape:
    """The shape of a type. `above` are the classes that it lies in, to notice recursion."""
    try:
        plain = _PLAIN.get(hint)
    except TypeError:  # an unhashable hint, for instance Annotated[str, []]
        plain = None
    if plain is not None:
        return Shape(dict(plain))
    origin = typing.get_origin(hint)
    arguments = typing.get_args(hint)
    if origin is typing.Annotated:
        return _annotated(_shape(arguments[0], where, above), arguments[1:])
    if origin is typing.Literal:
        return Shape({"enum": list(arguments)})
    if origin is typing.Union or origin is types.UnionType:
        return _union(arguments, where, above)
    if getattr(origin, "_name", None) in _MARKERS:
        return _shape(arguments[0], where, above)
    if hasattr(hint, "__supertype__"):
        return _shape(hint.__supertype__, where, above)
    container = origin or hint
    if container in _LISTS:
        return _list(container, arguments, where, above)
    if container in _MAPPINGS:
        return _mapping(arguments, where, above)
    if isinstance(hint, type):
        if hint in above:
            raise InvalidArgument(
                f"{where} has the type {hint.__name__}, which contains itself",
                hint="give `parameters`",
            )
        if issubclass(hint, enum.Enum):
            return Shape({"enum": [member.value for member in hint]}, hint)
        if dataclasses.is_dataclass(hint):
            return _dataclass(hint, where, (*above, hint))
        if typing.is_typeddict(hint):
            return _typed_dict(hint, where, (*above, hint))
    raise InvalidArgument(
        f"{where} has the type {hint!r}, for which there is no JSON Schema",
        hint="use str, int, float, bool, list, dict, Optional, Literal, Enum, a dataclass or a "
        "TypedDict, or give `parameters`",
    )


def _annotated(shape: Shape, notes: tuple[Any, ...]) -> Shape:
    described = next((note for note in notes if isinstance(note, str)), None)
    if described is None:
        return shape
    return Shape({**shape.schema, "description": described}, shape.load)


def _union(members: tuple[Any, ...], where: str, above: tuple[Any, ...]) -> Shape:
    shapes = [_shape(member, where, above) for member in members]
    schema = {"anyOf": [shape.schema for shape in shapes]}
    loaders = [shape.load for shape in shapes if shape.load is not None]
    if not loaders:
        return Shape(schema)
    others = [member for member in members if member is not type(None)]
    if len(others) > 1:
        raise InvalidArgument(
            f"{where} may be of several types, and JSON does not tell them apart",
            hint="let it be one type or None, or give `parameters`",
        )
    load = loaders[0]
    return Shape(schema, lambda value: None if value is None else load(value))


def _list(
    container: Any, arguments: tuple[Any, ...], where: str, above: tuple[Any, ...]
) -> Shape:
    if container is tuple and arguments and arguments[1:] != (...,):
        raise InvalidArgument(
            f"{where} is a tuple of fixed length", hint="use list[...] or tuple[T, ...]"
        )
    schema: dict[str, Any] = {"type": "array"}
    if container in (set, frozenset):
        schema["uniqueItems"] = True
    item = _shape(arguments[0], where, above) if arguments else Shape({})
    if item.schema:
        schema["items"] = item.schema
    make, load = _LISTS[container], item.load
    if load is None:
        return Shape(schema, make)
    return Shape(schema, lambda values: (make or list)(map(load, values)))


def _mapping(arguments: tuple[Any, ...], where: str, above: tuple[Any, ...]) -> Shape:
    if not arguments:
        return Shape({"type": "object"})
    if arguments[0] is not str:
        raise InvalidArgument(f"{where} is a dict whose keys are not str")
    value = _shape(arguments[1], where, above)
    schema: dict[str, Any] = {"type": "object"}
    if value.schema:
        schema["additionalProperties"] = value.schema
    load = value.load
    if load is None:
        return Shape(schema)
    return Shape(schema, lambda values: {key: load(each) for key, each in values.items()})


def _dataclass(hint: type, where: str, above: tuple[Any, ...]) -> Shape:
    hints = _hints_of_class(hint, where)
    fields: dict[str, tuple[Shape, bool]] = {}
    for field in dataclasses.fields(hint):
        if not field.init:
            continue
        shape = _shape(hints[field.name], where, above)
        needed = field.default is dataclasses.MISSING
        if not needed:
            shape = _with_default(shape, field.default)
        needed = needed and field.default_factory is dataclasses.MISSING
        fields[field.name] = (shape, needed)
    schema, load = _object(fields)
    return Shape(schema, lambda value: hint(**(load(value) if load else value)))


def _typed_dict(hint: Any, where: str, above: tuple[Any, ...]) -> Shape:
    fields: dict[str, tuple[Shape, bool]] = {}
    for key, kind in _hints_of_class(hint, where).items():
        marker = getattr(typing.get_origin(kind), "_name", None)
        needed = key in hint.__required_keys__
        # Where annotations are postponed, the class itself has not seen the markers.
        if marker in ("Required", "NotRequired"):
            needed = marker == "Required"
        fields[key] = (_shape(kind, where, above), needed)
    return Shape(*_object(fields))


def _hints_of_class(hint: type, where: str) -> dict[str, Any]:
    try:
        return typing.get_type_hints(hint, include_extras=True)
    except Exception as error:
        raise InvalidArgument(
            f"{where}: the type hints of {hint.__name__} cannot be resolved: {error}",
            hint="move the types to module level, or give `parameters`",
        ) from error


def _with_default(shape: Shape, value: object) -> Shape:
    """Tells the default where JSON can: the function has it in any case."""
    if isinstance(value, enum.Enum):
        value = value.value
    if value is None or isinstance(value, (str, int, float, bool)):
        return Shape({**shape.schema, "default": value}, shape.load)
    return shape


def _object(fields: Mapping[str, tuple[Shape, bool]]) -> tuple[dict[str, Any], Loader | None]:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {name: shape.schema for name, (shape, _) in fields.items()},
        "additionalProperties": False,
    }
    required = [name for name, (_, needed) in fields.items() if needed]
    if required:
        schema["required"] = required
    loaders = {name: shape.load for name, (shape, _) in fields.items() if shape.load is not None}
    if not loaders:
        return schema, None

    def load(values: dict[str, Any]) -> dict[str, Any]:
        return {k: loaders[k](v) if k in loaders else v for k, v in values.items()}

    return schema, load
