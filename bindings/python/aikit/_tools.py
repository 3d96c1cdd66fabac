"""Functions of this program's, tools and models: how they are described, called, and answered."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from . import _aikit

from ._convert import from_json, milliseconds, to_json
from ._errors import InvalidArgument


class HostTool:
    """A function that models may call."""

    __slots__ = ("definition", "function", "is_async", "load", "name")

    kind = "tool"

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str | None,
        description: str | None,
        parameters: dict[str, Any] | None,
        timeout: float | None,
    ) -> None:
        import inspect

        if not callable(function):
            raise TypeError(f"a tool is a function, not {type(function).__name__}")
        self.function = function
        self.name = name if name is not None else getattr(function, "__name__", "")
        self.is_async = _is_async(function)
        self.load: Callable[[Any], Any] = dict
        if parameters is None:
            from ._schema import signature_of

            parameters, self.load = signature_of(function, self.name)
        if description is None:
            description = inspect.getdoc(function) or ""
        definition: dict[str, Any] = {
            "name": self.name,
            "description": description,
            "parameters": parameters,
        }
        if timeout is not None:
            definition["timeout_ms"] = milliseconds(timeout)
        self.definition = to_json(definition, f"the definition of the tool {self.name!r}")

    def call(self, arguments: Any) -> Any:
        return self.function(**self.load(arguments))


class HostModel:
    """A function that answers in the place of a model."""

    __slots__ = ("definition", "function", "is_async", "name")

    kind = "model"

    def __init__(self, name: str, function: Callable[..., Any], *, timeout: float | None) -> None:
        if not callable(function):
            raise TypeError(f"a model is a function, not {type(function).__name__}")
        self.function = function
        self.name = f"host/{name}"
        self.is_async = _is_async(function)
        definition: dict[str, Any] = {"name": name}
        if timeout is not None:
            definition["timeout_ms"] = milliseconds(timeout)
        self.definition = to_json(definition, f"the definition of the model {name!r}")

    def call(self, arguments: Any) -> Any:
        return self.function(arguments)


def _is_async(function: Callable[..., Any]) -> bool:
    import inspect

    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - an object may have an async one
    )


class Toolbox:
    """The functions behind a kernel's tools and models."""

    def __init__(self) -> None:
        self._tools: dict[str, HostTool | HostModel] = {}

    def add(self, tool: HostTool | HostModel) -> None:
        self._tools[tool.name] = tool

    def serve(self, call: _aikit.ToolCall) -> None:
        """Runs a tool or a model on this thread. The exceptions of a tool are the model's to see;
        what ends a program (KeyboardInterrupt, SystemExit) goes on to the caller of the run."""
        tool = self._tools[call.name]
        if tool.is_async:
            _refuse_inside_a_loop(tool)
        try:
            result = tool.call(from_json(call.arguments))
            if _is_awaitable(result):
                import asyncio

                result = asyncio.run(_finish(result))
            answer = _answer(tool, result)
            call.succeed(answer)
        except Exception as error:
            _fail(call, error)

    async def serve_async(self, call: _aikit.ToolCall) -> None:
        """Awaits a tool or a model in the loop; a function that is not async gets a thread."""
        import asyncio

        tool = self._tools[call.name]
        try:
            arguments = from_json(call.arguments)
            if tool.is_async:
                result = await tool.call(arguments)
            else:
                result = await asyncio.to_thread(tool.call, arguments)
                if _is_awaitable(result):
                    result = await result
            call.succeed(_answer(tool, result))
        except asyncio.CancelledError:
            call.fail("the call was cancelled")
            raise
        except Exception as error:
            _fail(call, error)


def _refuse_inside_a_loop(tool: HostTool | HostModel) -> None:
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise InvalidArgument(
        f"the {tool.kind} {tool.name!r} is async, and an event loop already runs in this thread",
        hint="open the kernel with `await aikit.open_async(...)`",
    )


def _is_awaitable(value: object) -> bool:
    return hasattr(value, "__await__")


async def _finish(awaitable: Any) -> Any:
    return await awaitable


def _answer(tool: HostTool | HostModel, result: object) -> str:
    return to_json(result, f"the result of the {tool.kind} {tool.name!r}", default=_plain)


def _plain(value: Any) -> Any:
    """Values beside those of JSON that tools may return: what their parameters may be, too."""
    import dataclasses
    import enum

    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, enum.Enum):
        return value.value
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _fail(call: _aikit.ToolCall, error: Exception) -> None:
    import traceback

    try:
        message = str(error) or type(error).__name__
    except Exception:  # an exception whose own __str__ is broken
        message = type(error).__name__
    call.fail(_utf8(message), _utf8("".join(traceback.format_exception(error))))


def _utf8(text: str) -> str:
    """Messages may hold anything; a lone surrogate must not hide them."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
