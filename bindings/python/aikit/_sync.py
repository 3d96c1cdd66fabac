"""The blocking family. Waiting lets other threads of Python run, and Ctrl-C end the wait."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Any

from collections import deque

from . import _aikit
from ._convert import from_json
from ._core import (
    AgentCore,
    CollectionCore,
    KernelCore,
    open_task,
    read_documents,
    read_events,
    read_passages,
    read_report,
    read_result,
)
from ._events import Event, event
from ._records import Document, IngestReport, Passage, RunResult
from ._spec import Spec
from ._tools import Toolbox


def _finish(task: _aikit.Task, tools: Toolbox | None = None) -> Any:
    """Waits for the end, running the tools that are called on the way."""
    try:
        while not task.ended:
            for call in task.wait(False):
                if tools is not None and not isinstance(call, str):
                    tools.serve(call)
    except BaseException:
        # Ctrl-C above all: the operation has nobody left who waits for it.
        task.cancel()
        raise
    return task.result()


def open(
    location: str | os.PathLike[str] | None = None,
    *,
    tenant: str | None = None,
    providers: Mapping[str, Mapping[str, str]] | None = None,
) -> Kernel:
    """Open a kernel.

    `location` is the path of an SQLite file, made if need be; without it everything is kept in
    memory. `providers` is `{name: {"base_url": ..., "api_key": ...}}`; without it
    `OPENAI_BASE_URL` and `OPENAI_API_KEY` are read when an `openai/...` model is first used.
    """
    return Kernel(_finish(open_task(location, tenant, providers)))


class Kernel(KernelCore):
    """An open kernel, for one tenant. Made by `aikit.open`; may be used from several threads."""

    def agent(
        self, reference: Spec | str | os.PathLike[str], *, model: str | None = None
    ) -> Agent:
        """Make an agent from a spec or the path of a spec file; `model` replaces the spec's."""
        return Agent(_finish(self._agent_task(reference, model)), self._tools)

    def collection(self, name: str) -> Collection:
        """The collection of this name. It exists as soon as something is put in."""
        return Collection(self._native.collection(name))

    def call_tool(self, name: str, arguments: Mapping[str, Any] | None = None) -> Any:
        """Call a tool directly, without a model. Gives its result."""
        return from_json(_finish(self._call_task(name, arguments), self._tools))

    def run_events(self, run_id: str) -> list[Event]:
        """The events of a past run, as they are kept in the store."""
        return read_events(_finish(self._native.run_events(run_id)))

    def close(self) -> None:
        """Close the store. Runs under way are cancelled; later calls raise `Closed`."""
        _finish(self._native.close())

    def __enter__(self) -> Kernel:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class Agent(AgentCore):
    """An agent. Any number of runs at once, one thread each."""

    def run(
        self,
        input: str,
        *,
        run_id: str | None = None,
        max_turns: int | None = None,
        timeout: float | None = None,
    ) -> RunResult:
        """Run to the end. `timeout` is in seconds, for the whole run."""
        return self.start(input, run_id=run_id, max_turns=max_turns, timeout=timeout).result()

    def start(
        self,
        input: str,
        *,
        run_id: str | None = None,
        max_turns: int | None = None,
        timeout: float | None = None,
    ) -> Run:
        """Start a run, to be watched: `for event in run`, then `run.result()`."""
        return Run(self._run_task(input, run_id, max_turns, timeout), self._tools)


class Run:
    """A run under way: an iterator of its events.

    The iteration of a run that fails ends with its error. Tools are called on the thread that
    iterates or waits; `cancel` may be called from any. A run that nobody holds is cancelled.
    """

    def __init__(self, task: _aikit.Task, tools: Toolbox) -> None:
        self._task = task
        self._tools = tools
        self._steps: deque[str | _aikit.ToolCall] = deque()
        self._result: RunResult | None = None
        self._exhausted = False

    def __iter__(self) -> Run:
        return self

    def __next__(self) -> Event:
        try:
            while not self._exhausted:
                while self._steps:
                    step = self._steps.popleft()
                    if isinstance(step, str):
                        return event(from_json(step))
                    self._tools.serve(step)
                if self._task.ended:
                    self._exhausted = True
                    self.result()
                else:
                    self._steps.extend(self._task.wait(True))
        except BaseException:
            self._task.cancel()
            raise
        raise StopIteration

    def result(self) -> RunResult:
        """Wait for the end. Events that were not taken are passed over."""
        if self._result is None:
            while self._steps:
                step = self._steps.popleft()
                if not isinstance(step, str):
                    self._tools.serve(step)
            self._result = read_result(_finish(self._task, self._tools))
            self._exhausted = True
        return self._result

    def cancel(self) -> None:
        """Stop the run. It ends soon after, with what there was and the status `cancelled`."""
        self._task.cancel()

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.cancel()


class Collection(CollectionCore):
    """A collection of documents."""

    def ingest(
        self, path: str | os.PathLike[str], *, embedding_model: str | None = None
    ) -> IngestReport:
        """Take in a file or a folder. What is unchanged since the last time costs nothing."""
        return read_report(_finish(self._ingest_task(path, embedding_model)))

    def search(
        self, query: str, *, top_k: int | None = None, embedding_model: str | None = None
    ) -> list[Passage]:
        """The passages that fit best, 5 unless `top_k` says otherwise."""
        return read_passages(_finish(self._search_task(query, top_k, embedding_model)))

    def documents(self) -> list[Document]:
        """What is in the collection."""
        return read_documents(_finish(self._native.documents()))
