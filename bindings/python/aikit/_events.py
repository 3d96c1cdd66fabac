"""What happens in a run, as typed records. `event.type` tells them apart, for type checkers too."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal

    from ._errors import Error

from ._errors import from_document
from ._records import ModelToolCall, Passage, Record, RunResult, Usage, each


class RunEvent(Record):
    """What all events have: the run, and the place in it, from 0, without gaps."""

    __slots__ = ("type", "run_id", "seq")
    run_id: str
    seq: int


class RunStarted(RunEvent):
    """The run begins."""

    __slots__ = ("agent_id", "version", "model", "input", "images")
    type: Literal["run_started"]
    agent_id: str
    version: str
    model: str
    input: str
    images: list[dict[str, Any]] | None
    """What is known of the pictures that go with the input; not their bytes."""


class RetrievalFinished(RunEvent):
    """A collection was searched for the input."""

    __slots__ = ("collection", "passages")
    _made_by = {"passages": each(Passage)}
    type: Literal["retrieval_finished"]
    collection: str
    passages: tuple[Passage, ...]


class ModelStarted(RunEvent):
    """The model was asked."""

    __slots__ = ("turn", "model")
    type: Literal["model_started"]
    turn: int
    model: str


class TextDelta(RunEvent):
    """A piece of the model's text."""

    __slots__ = ("text",)
    type: Literal["text_delta"]
    text: str


class ReasoningDelta(RunEvent):
    """A piece of what the model thinks before it answers."""

    __slots__ = ("text",)
    type: Literal["reasoning_delta"]
    text: str


class ToolCallDelta(RunEvent):
    """A piece of a call that the model is writing; `arguments` is the text added."""

    __slots__ = ("call_id", "name", "arguments")
    type: Literal["tool_call_delta"]
    call_id: str
    name: str
    arguments: str


class ModelFinished(RunEvent):
    """The model ended its turn."""

    __slots__ = ("turn", "text", "tool_calls", "usage", "finish_reason")
    _made_by = {"tool_calls": each(ModelToolCall), "usage": Usage}
    type: Literal["model_finished"]
    turn: int
    text: str
    tool_calls: tuple[ModelToolCall, ...]
    usage: Usage
    finish_reason: str


class ToolStarted(RunEvent):
    """A tool is called. `arguments` is a text where the model wrote no valid JSON."""

    __slots__ = ("call_id", "name", "arguments")
    type: Literal["tool_started"]
    call_id: str
    name: str
    arguments: dict[str, Any] | str


class ToolFinished(RunEvent):
    """A call of a tool ended: with `result`, or with `error`, which the model sees."""

    __slots__ = ("call_id", "name", "result", "error")
    _made_by = {"error": from_document}
    type: Literal["tool_finished"]
    call_id: str
    name: str
    result: Any
    error: Error | None


class Retrying(RunEvent):
    """A request to the model failed and will be made again after `delay_ms`. Text that was given
    stays: what follows continues it."""

    __slots__ = ("attempt", "delay_ms", "code", "message", "model")
    type: Literal["retrying"]
    attempt: int
    delay_ms: int
    code: str
    message: str
    model: str | None
    """The model that is asked next, when it is another."""


class BudgetWarning(RunEvent):
    """Four fifths of a budget are spent: tokens, or US dollars. Once for each budget of a run."""

    __slots__ = ("budget", "used", "limit")
    type: Literal["budget_warning"]
    budget: str
    used: float
    limit: float


class RunFinished(RunEvent):
    """The end: an answer."""

    __slots__ = ("result",)
    _made_by = {"result": RunResult}
    type: Literal["run_finished"]
    result: RunResult


class RunCancelled(RunEvent):
    """The end: stopped by its caller. The result holds what there was until then."""

    __slots__ = ("result",)
    _made_by = {"result": RunResult}
    type: Literal["run_cancelled"]
    result: RunResult


class RunFailed(RunEvent):
    """The end: an error."""

    __slots__ = ("error",)
    _made_by = {"error": from_document}
    type: Literal["run_failed"]
    error: Error


Event = (
    RunStarted
    | RetrievalFinished
    | ModelStarted
    | TextDelta
    | ReasoningDelta
    | ToolCallDelta
    | ModelFinished
    | ToolStarted
    | ToolFinished
    | Retrying
    | BudgetWarning
    | RunFinished
    | RunCancelled
    | RunFailed
)

_CLASSES: dict[str, type[Event]] = {
    "run_started": RunStarted,
    "retrieval_finished": RetrievalFinished,
    "model_started": ModelStarted,
    "text_delta": TextDelta,
    "reasoning_delta": ReasoningDelta,
    "tool_call_delta": ToolCallDelta,
    "model_finished": ModelFinished,
    "tool_started": ToolStarted,
    "tool_finished": ToolFinished,
    "retrying": Retrying,
    "budget_warning": BudgetWarning,
    "run_finished": RunFinished,
    "run_cancelled": RunCancelled,
    "run_failed": RunFailed,
}


def event(document: dict[str, Any]) -> Event:
    """The event of a document. Every type is known: package and native module are of one version."""
    return _CLASSES[document["type"]](document)
