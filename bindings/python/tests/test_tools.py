"""Tools of this program's: registration, answers, failures."""

from __future__ import annotations

import asyncio
import dataclasses
import enum
import threading
import time
from typing import Any

import aikit
import pytest
from support import call_of, make_spec


def finished(kernel: aikit.Kernel, name: str, **arguments: Any) -> aikit.ToolFinished:
    """How a call by a model ended; the run itself goes on to its answer."""
    agent = kernel.agent(make_spec(call_of(name, **arguments), {"text": "ok"}, tools=[name]))
    run = agent.start("x")
    events = list(run)
    assert run.result().text == "ok"
    found = next(event for event in events if event.type == "tool_finished")
    assert isinstance(found, aikit.ToolFinished)
    return found


def test_a_decorated_function_is_a_tool_and_stays_a_function(kernel: aikit.Kernel) -> None:
    @kernel.tool
    def add(a: int, b: int = 1) -> int:
        """Adds."""
        return a + b

    assert add(1, 2) == 3
    assert kernel.call_tool("add", {"a": 4}) == 5
    assert finished(kernel, "add", a=2, b=2).result == 4


def test_everything_about_a_tool_can_be_said(kernel: aikit.Kernel) -> None:
    schema = {"type": "object", "properties": {"x": {"type": "string"}}, "required": ["x"]}

    @kernel.tool(name="shout", description="Shouts.", parameters=schema, timeout=90.5)
    def anything(**arguments: Any) -> str:
        return str(arguments["x"]).upper()

    kernel.tool(lambda x: x.lower(), name="whisper", parameters=schema)
    assert kernel.call_tool("shout", {"x": "a"}) == "A"
    assert kernel.call_tool("whisper", {"x": "A"}) == "a"
    with pytest.raises(aikit.ToolInvalidArguments):
        kernel.call_tool("shout", {"y": 1})


def test_the_tool_runs_on_the_thread_that_waits(kernel: aikit.Kernel) -> None:
    kernel.tool(lambda: threading.current_thread().name, name="where", parameters={})
    assert kernel.call_tool("where") == threading.current_thread().name


def test_an_exception_is_the_models_to_see(kernel: aikit.Kernel) -> None:
    @kernel.tool
    def broken() -> None:
        raise LookupError("no such row")

    error = finished(kernel, "broken").error
    assert isinstance(error, aikit.ToolFailed)
    assert error.message == "no such row"
    assert error.cause is not None
    assert "LookupError: no such row" in error.cause
    assert "test_tools.py" in error.cause
    with pytest.raises(aikit.ToolFailed, match="no such row"):
        kernel.call_tool("broken")


class BrokenText(Exception):
    def __str__(self) -> str:
        raise RuntimeError("even this")


@pytest.mark.parametrize(
    ("error", "message"),
    [(ValueError(), "ValueError"), (ValueError("\udc80"), "\\udc80"), (BrokenText(), "BrokenText")],
)
def test_an_exception_of_any_kind_has_a_message(
    kernel: aikit.Kernel, error: Exception, message: str
) -> None:
    def broken() -> None:
        raise error

    kernel.tool(broken)
    seen = finished(kernel, "broken").error
    assert seen is not None
    assert seen.message == message


@pytest.mark.parametrize(
    "result", [{1, 2}, float("nan"), object(), b"bytes", "\ud800", {("a",): 1}, 1j]
)
def test_a_result_that_is_not_json_fails_the_tool(kernel: aikit.Kernel, result: object) -> None:
    kernel.tool(lambda: result, name="odd", parameters={})
    error = finished(kernel, "odd").error
    assert isinstance(error, aikit.ToolFailed)
    assert error.message


def test_a_result_that_contains_itself_fails_the_tool(kernel: aikit.Kernel) -> None:
    loop: list[Any] = []
    loop.append(loop)
    kernel.tool(lambda: loop, name="odd", parameters={})
    error = finished(kernel, "odd").error
    assert error is not None and "cannot be written as JSON" in error.message


def test_what_tools_may_return(kernel: aikit.Kernel) -> None:
    class Color(enum.Enum):
        RED = "red"

    @dataclasses.dataclass
    class Point:
        x: int
        color: Color

    for name, value, seen in [
        ("none", None, None),
        ("text", "ü\x00\U0001f600", "ü\x00\U0001f600"),
        ("nested", {"a": [1, 2.5, True, None]}, {"a": [1, 2.5, True, None]}),
        ("tuple", (1, 2), [1, 2]),
        ("enum", Color.RED, "red"),
        ("dataclass", [Point(1, Color.RED)], [{"x": 1, "color": "red"}]),
    ]:
        kernel.tool(lambda value=value: value, name=name, parameters={})
        assert kernel.call_tool(name) == seen


def test_a_slow_tool_runs_out_of_its_time(kernel: aikit.Kernel) -> None:
    pause = 0.0

    @kernel.tool(timeout=0.1)
    def slow() -> None:
        time.sleep(pause)

    # When the time is found to be over is up to the machine: a slow one gets longer.
    for pause in (0.4, 4, 40):
        error = finished(kernel, "slow").error
        if error is not None:
            break
    assert isinstance(error, aikit.ToolTimeout)


def test_an_async_tool_works_without_a_loop(kernel: aikit.Kernel) -> None:
    @kernel.tool
    async def later(x: int) -> int:
        await asyncio.sleep(0.01)
        return x + 1

    class Callable:
        async def __call__(self, x: int) -> int:
            return x + 2

    kernel.tool(Callable(), name="object")
    kernel.tool(lambda x: later(x), name="wrapped", parameters={"type": "object"})
    assert kernel.call_tool("later", {"x": 1}) == 2
    assert kernel.call_tool("object", {"x": 1}) == 3
    assert kernel.call_tool("wrapped", {"x": 1}) == 2


def test_an_async_tool_inside_a_loop_says_what_to_do(kernel: aikit.Kernel) -> None:
    @kernel.tool
    async def later() -> None: ...

    async def main() -> None:
        kernel.call_tool("later")

    with pytest.raises(aikit.InvalidArgument, match="open_async"):
        asyncio.run(main())


def test_what_ends_a_program_goes_through(kernel: aikit.Kernel) -> None:
    @kernel.tool
    def leave() -> None:
        raise SystemExit(3)

    run = kernel.agent(make_spec(call_of("leave"), {"text": "ok"}, tools=["leave"])).start("x")
    with pytest.raises(SystemExit):
        run.result()
    assert run.result().status == "cancelled"


def test_a_tool_may_use_aikit(kernel: aikit.Kernel) -> None:
    @kernel.tool
    def inner() -> str:
        return kernel.agent(make_spec({"text": "from within"})).run("y").text

    assert finished(kernel, "inner").result == "from within"


@pytest.mark.parametrize("name", ["", "with space", "a" * 65, "ü", "<lambda>"])
def test_bad_names_are_refused(kernel: aikit.Kernel, name: str) -> None:
    with pytest.raises(aikit.InvalidArgument):
        kernel.tool(lambda: None, name=name, parameters={})


def test_a_taken_name_is_refused_and_the_first_tool_stays(kernel: aikit.Kernel) -> None:
    kernel.tool(lambda: "first", name="taken", parameters={})
    with pytest.raises(aikit.ToolExists):
        kernel.tool(lambda: "second", name="taken", parameters={})
    assert kernel.call_tool("taken") == "first"
    with pytest.raises(aikit.ToolExists):
        kernel.tool(lambda: None, name="calculator", parameters={})


def test_what_is_no_tool_is_refused(kernel: aikit.Kernel) -> None:
    with pytest.raises(TypeError):
        kernel.tool("text")  # type: ignore[call-overload]
    with pytest.raises(aikit.InvalidArgument):
        kernel.tool(lambda: None, name="x", parameters={"type": "array"})
    with pytest.raises(aikit.InvalidArgument, match="JSON"):
        kernel.tool(lambda: None, name="x", parameters={"type": {1, 2}})
    for timeout in (0, -1, float("nan"), float("inf")):
        with pytest.raises(aikit.InvalidArgument, match="timeout"):
            kernel.tool(lambda: None, name="x", parameters={}, timeout=timeout)


def test_a_tool_that_nobody_registered_is_found_in_the_spec(kernel: aikit.Kernel) -> None:
    with pytest.raises(aikit.ToolUnknown) as caught:
        kernel.agent(
            aikit.parse_spec(
                "identity: {agent_id: a}\n"
                "integration:\n"
                "  tools: [calculator, leave_balanc]\n"
                "intelligence: {model: scripted/x, script: [{text: hi}]}\n"
            )
        )
    assert (caught.value.line, caught.value.column) == (3, 23)
