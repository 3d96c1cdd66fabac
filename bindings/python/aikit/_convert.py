"""What goes in and out of the native module as JSON text, and options as Python has them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping
    from typing import Any, TypeAlias

    # Bytes, an address, or a mapping with `data` (base64) or `url`, and perhaps `media_type`.
    Image: TypeAlias = bytes | bytearray | memoryview | str | Mapping[str, str]

from ._errors import InvalidArgument


def to_json(value: object, what: str, default: Callable[[Any], Any] | None = None) -> str:
    """Strict JSON: what JSON does not have (NaN, sets, objects) is refused, not guessed at."""
    import json

    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=default)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArgument(f"{what} cannot be written as JSON: {error}") from error


def from_json(text: str) -> Any:
    import json

    return json.loads(text)


def options(**given: object) -> str:
    """The options that were given, as the core reads them; empty if none was. `from_` is `from`."""
    chosen = {name.rstrip("_"): value for name, value in given.items() if value is not None}
    return to_json(chosen, "the options") if chosen else ""


def milliseconds(seconds: float | None) -> int | None:
    """A duration in seconds as the whole milliseconds that the core counts in, never 0 for some."""
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError(f"a timeout is a number of seconds, not {type(seconds).__name__}")
    if not 0 < seconds < 1e9:
        raise InvalidArgument(f"a timeout is a number of seconds above 0, not {seconds}")
    return max(1, round(seconds * 1000))


def whole(value: int, what: str) -> int:
    """A count, as the native module takes it."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**32:
        raise InvalidArgument(f"{what} must be a whole number from 0, not {value!r}")
    return value


def mapping(value: Mapping[str, Any], what: str) -> dict[str, Any]:
    """A copy of a mapping. What `dict` would make of lists and texts is not meant."""
    from collections.abc import Mapping

    if not isinstance(value, Mapping):
        raise TypeError(f"{what} must be a mapping, not {type(value).__name__}")
    return dict(value)


def image(value: Image) -> dict[str, Any]:
    """A picture as the core takes it."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        import base64

        return {"data": base64.b64encode(value).decode("ascii")}
    if isinstance(value, str):
        return {"url": value}
    return mapping(value, "an image that is neither bytes nor an address")


def path_text(path: str | os.PathLike[str]) -> str:
    import os

    text = os.fspath(path)
    if not isinstance(text, str):
        raise TypeError(f"a path is a str or an os.PathLike[str], not {type(path).__name__}")
    return text
