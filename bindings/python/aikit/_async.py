"""The asyncio family: the running loop watches a descriptor, and no thread is needed.

The loop must have `add_reader`, as asyncio's own on Unix and uvloop have.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    import builtins
    import datetime
    import os
    from collections.abc import Iterable, Mapping
    from types import TracebackType
    from typing import Any, Literal

    from ._convert import Image
    from ._records import SearchStrategy
    from ._spec_records import Status

from collections import deque

from . import _aikit
from ._admin import read_usage
from ._admin_records import TenantUsage
from ._convert import from_json, options
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
from ._errors import InvalidArgument
from ._events import Event, event
from ._records import Diagnostic, Document, IngestReport, Passage, RunResult
from ._spec import Spec, read_changes, read_findings
from ._spec_records import Change, HistoryEntry, ImportReport, SpecBundle, SpecPage, SpecRecord
from ._specs import SpecsCore, read_bundle, read_history, read_import, read_page, read_record
from ._tools import Toolbox

# A loop holds its tasks weakly; tools that nobody awaits would be collected in mid-air.
_running_tools: set[asyncio.Task[None]] = set()


async def _readable(descriptor: int) -> None:
    import asyncio

    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(descriptor, _wake, ready)
    try:
        await ready
    finally:
        # A coroutine may be thrown away after its loop.
        if not loop.is_closed():
            loop.remove_reader(descriptor)


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


class _Reader:
    """Takes the steps of one task in the running loop."""

    def __init__(self, task: _aikit.Task, tools: Toolbox | None = None) -> None:
        self.task = task
        self._tools = tools
        self._serving: list[asyncio.Task[None]] = []
        self._reading = False

    async def events(self, wanted: bool) -> list[str]:
        """The next events, as texts; empty only at the end. A caller that is cancelled meanwhile
        cancels the operation."""
        import asyncio

        if self._reading:
            raise InvalidArgument("another asyncio task is already reading this run")
        self._reading = True
        try:
            while True:
                batch = self.task.poll(wanted)
                texts = [step for step in batch if isinstance(step, str)]
                for step in batch:
                    if not isinstance(step, str):
                        self._serve(step)
                if self.task.ended:
                    self._stop_tools()
                    return texts
                if texts:
                    # A run that is always ready must not keep the loop from its other work.
                    await asyncio.sleep(0)
                    return texts
                await _readable(self.task.fd())
        except BaseException:
            self.task.cancel()
            self._stop_tools()
            raise
        finally:
            self._reading = False

    async def finish(self) -> Any:
        """Waits for the end; events are passed over."""
        while not self.task.ended:
            await self.events(False)
        return self.task.result()

    def _serve(self, call: _aikit.ToolCall) -> None:
        import asyncio

        if self._tools is None:
            return
        # A task of its own, in a copy of the caller's context: several calls go side by side.
        serving = asyncio.get_running_loop().create_task(self._tools.serve_async(call))
        self._serving.append(serving)
        _running_tools.add(serving)
        serving.add_done_callback(_running_tools.discard)

    def _stop_tools(self) -> None:
        for serving in self._serving:
            serving.cancel()
        self._serving.clear()


async def open_async(
    location: str | os.PathLike[str] | None = None,
    *,
    tenant: str | None = None,
    providers: Mapping[str, Mapping[str, Any]] | None = None,
    actor: str | None = None,
    default_model: str | None = None,
    policy: Mapping[str, Any] | None = None,
    profile: str | os.PathLike[str] | None = None,
    reader: str | None = None,
    rls: bool = True,
) -> AsyncKernel:
    """Open a kernel for asyncio. See `aikit.open` for the arguments."""
    task = open_task(
        location, tenant, providers, actor, default_model, policy, profile, reader, rls
    )
    return AsyncKernel(await _Reader(task).finish())


class AsyncKernel(KernelCore):
    """An open kernel, for one tenant. Made by `await aikit.open_async`.

    Async tools are awaited in the loop, other tools get a thread (`asyncio.to_thread`).
    """

    async def agent(
        self, reference: Spec | str | os.PathLike[str], *, model: str | None = None
    ) -> AsyncAgent:
        """Make an agent from a spec, from a file, or from a version in the repository.

        A text is a path if it has a `/` or ends in `.yaml`, `.yml` or `.json`; else it is
        `id@version`, or `id` for the active version. `model` replaces the spec's.
        """
        native = await _Reader(self._agent_task(reference, model)).finish()
        return AsyncAgent(native, self._tools)

    async def check(self, spec: Spec) -> list[Diagnostic]:
        """Everything that can be said of a spec in this kernel: what `spec.check()` says, and
        whether the tools, models, secrets, collections and quotas that it needs are there."""
        return read_findings(await _Reader(self._check_task(spec)).finish())

    @property
    def specs(self) -> AsyncSpecs:
        """The spec repository of the tenant."""
        return AsyncSpecs(self._native)

    def collection(self, name: str) -> AsyncCollection:
        """The collection of this name. It exists as soon as something is put in."""
        return AsyncCollection(self._native.collection(name))

    async def call_tool(self, name: str, arguments: Mapping[str, Any] | None = None) -> Any:
        """Call a tool directly, without a model. Gives its result."""
        return from_json(await _Reader(self._call_task(name, arguments), self._tools).finish())

    async def run_events(self, run_id: str) -> list[Event]:
        """The events of a past run, as they are kept in the store."""
        return read_events(await _Reader(self._native.run_events(run_id)).finish())

    async def usage(self, *, days: int = 30) -> TenantUsage:
        """What the tenant has, and what it did on the last `days` days on which it did some."""
        return read_usage(await _Reader(self._usage_task(days)).finish())

    async def backup(self, path: str | os.PathLike[str]) -> None:
        """Copy the whole SQLite store, with all tenants, into a new file while it is in use."""
        await _Reader(self._backup_task(path)).finish()

    async def close(self) -> None:
        """Close the store. Runs under way are cancelled; later calls raise `Closed`."""
        await _Reader(self._native.close()).finish()

    async def __aenter__(self) -> AsyncKernel:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()


class AsyncAgent(AgentCore):
    """An agent. Any number of runs at once."""

    async def run(
        self,
        input: str,
        *,
        inputs: Mapping[str, Any] | None = None,
        images: Iterable[Image] | None = None,
        output_schema: Mapping[str, Any] | None = None,
        run_id: str | None = None,
        max_turns: int | None = None,
        timeout: float | None = None,
        tokens_per_run: int | None = None,
        cost_usd_per_run: float | None = None,
    ) -> RunResult:
        """Run to the end. `inputs` are the values for the templates of the spec's prompts; `images`
        go with the input: bytes, an address, or a mapping with `data` (base64) or `url`;
        `output_schema` is a JSON Schema that `result.output` fits, in place of the spec's; `timeout`
        is in seconds, for the whole run; `tokens_per_run` and `cost_usd_per_run` are budgets in
        place of the spec's."""
        run = self.start(
            input,
            inputs=inputs,
            images=images,
            output_schema=output_schema,
            run_id=run_id,
            max_turns=max_turns,
            timeout=timeout,
            tokens_per_run=tokens_per_run,
            cost_usd_per_run=cost_usd_per_run,
        )
        return await run.result()

    def start(
        self,
        input: str,
        *,
        inputs: Mapping[str, Any] | None = None,
        images: Iterable[Image] | None = None,
        output_schema: Mapping[str, Any] | None = None,
        run_id: str | None = None,
        max_turns: int | None = None,
        timeout: float | None = None,
        tokens_per_run: int | None = None,
        cost_usd_per_run: float | None = None,
    ) -> AsyncRun:
        """Start a run, to be watched: `async for event in run`, then `await run.result()`."""
        budget = (tokens_per_run, cost_usd_per_run)
        shape = (images, output_schema)
        task = self._run_task(input, inputs, shape, run_id, max_turns, timeout, budget)
        return AsyncRun(task, self._tools)


class AsyncRun:
    """A run under way: an asynchronous iterator of its events.

    The iteration of a run that fails ends with its error. Cancelling the asyncio task that iterates
    or waits cancels the run, and so does dropping the last reference to it.
    """

    def __init__(self, task: _aikit.Task, tools: Toolbox) -> None:
        self._reader = _Reader(task, tools)
        self._events: deque[str] = deque()
        self._result: RunResult | None = None
        self._exhausted = False

    def __aiter__(self) -> AsyncRun:
        return self

    async def __anext__(self) -> Event:
        while not self._exhausted:
            if self._events:
                return event(from_json(self._events.popleft()))
            if self._reader.task.ended:
                self._exhausted = True
                await self.result()
            else:
                self._events.extend(await self._reader.events(True))
        raise StopAsyncIteration

    async def result(self) -> RunResult:
        """Wait for the end. Events that were not taken are passed over."""
        if self._result is None:
            self._result = read_result(await self._reader.finish())
            self._events.clear()
            self._exhausted = True
        return self._result

    def cancel(self) -> None:
        """Stop the run. It ends soon after, with what there was and the status `cancelled`."""
        self._reader.task.cancel()

    async def __aenter__(self) -> AsyncRun:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.cancel()


class AsyncCollection(CollectionCore):
    """A collection of documents."""

    async def ingest(
        self,
        path: str | os.PathLike[str],
        *,
        embedding_model: str | None = None,
        strategy: SearchStrategy | None = None,
    ) -> IngestReport:
        """Take in a file or a folder. What is unchanged since the last time costs nothing.

        Vectors are made with `embedding_model`, or the one inside the library; `"keyword"` makes
        none.
        """
        return read_report(await _Reader(self._ingest_task(path, embedding_model, strategy)).finish())

    async def search(
        self,
        query: str,
        *,
        top_k: int | None = None,
        embedding_model: str | None = None,
        strategy: SearchStrategy | None = None,
    ) -> list[Passage]:
        """The passages that fit best, 5 unless `top_k` says otherwise.

        By words and by meaning (`"hybrid"`), or by one of them: `"keyword"`, `"vector"`.
        """
        task = self._search_task(query, top_k, embedding_model, strategy)
        return read_passages(await _Reader(task).finish())

    async def documents(self) -> list[Document]:
        """What is in the collection."""
        return read_documents(await _Reader(self._native.documents()).finish())


class AsyncSpecs(SpecsCore):
    """The spec repository of a kernel's tenant: versions of agents, released like software.

    States go draft, active, deprecated, retired; a deprecated version can be promoted again. An
    agent has at most one active version.
    """

    async def save(
        self,
        spec: Spec,
        *,
        by: str | None = None,
        why: str | None = None,
        replaces: str | None = None,
    ) -> SpecRecord:
        """Keep a new draft, or with `replaces` (its hash) put another content into a draft.

        Raises `SpecConflict` when that version is there, or is not what `replaces` says, and
        `SpecImmutable` when it is no draft any more. `by` defaults to the kernel's `actor`.
        """
        return read_record(await _Reader(self._save_task(spec, by, why, replaces)).finish())

    async def get(self, reference: str) -> SpecRecord:
        """The record of `id@version`, or of the active version of `id`."""
        return read_record(await _Reader(self._native.get(reference)).finish())

    async def load(self, reference: str) -> Spec:
        """The spec of `id@version`, or of the active version of `id`."""
        return Spec(await _Reader(self._native.load(reference)).finish())

    async def list(
        self,
        *,
        status: Status | None = None,
        tag: str | None = None,
        text: str | None = None,
        agent_id: str | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> SpecPage:
        """A page of the versions for which all that is given holds, in the order of id and version.

        `text` is looked for in id, name, description and tags. A page has 50 versions, unless
        `limit` (1 to 500) says otherwise; `after` is the `next` of the page before.
        """
        chosen = options(
            status=status, tag=tag, text=text, agent_id=agent_id, limit=limit, after=after
        )
        return read_page(await _Reader(self._native.list(chosen)).finish())

    async def history(self, agent_id: str) -> builtins.list[HistoryEntry]:
        """Every change of an agent, oldest first."""
        return read_history(await _Reader(self._native.history(agent_id)).finish())

    async def diff(self, a: str, b: str) -> builtins.list[Change]:
        """What is different in version `b`."""
        return read_changes(await _Reader(self._native.diff(a, b)).finish())

    async def promote(
        self, reference: str, *, by: str | None = None, why: str | None = None
    ) -> SpecRecord:
        """Make the draft or deprecated version `id@version` the active one.

        The one before is deprecated. Agents that were made before keep the version they have.
        """
        task = self._native.promote(reference, options(by=by, why=why))
        return read_record(await _Reader(task).finish())

    async def deprecate(
        self,
        reference: str,
        *,
        by: str | None = None,
        why: str | None = None,
        sunset: str | datetime.date | None = None,
        successor: str | None = None,
    ) -> SpecRecord:
        """Deprecate the active version `id@version`.

        `sunset` says when it is to be retired: a date, or a time with its offset. `successor` is
        another version of the agent, or `id@version` of another.
        """
        task = self._deprecate_task(reference, by, why, sunset, successor)
        return read_record(await _Reader(task).finish())

    async def retire(
        self, reference: str, *, by: str | None = None, why: str | None = None
    ) -> SpecRecord:
        """Retire the deprecated version `id@version`: it makes no agents any more."""
        task = self._native.retire(reference, options(by=by, why=why))
        return read_record(await _Reader(task).finish())

    async def delete(
        self, reference: str, *, by: str | None = None, why: str | None = None
    ) -> None:
        """Remove the draft `id@version`. Its history stays."""
        await _Reader(self._native.delete(reference, options(by=by, why=why))).finish()

    async def export(self, *, agent_id: str | None = None) -> SpecBundle:
        """All versions with their states and history, of one agent or of the tenant."""
        return read_bundle(await _Reader(self._native.export(options(agent_id=agent_id))).finish())

    async def import_(
        self,
        bundle: SpecBundle | Mapping[str, Any],
        *,
        by: str | None = None,
        why: str | None = None,
        on_conflict: Literal["fail", "skip"] = "fail",
    ) -> ImportReport:
        """Take in what `export` gave, as it was or as a dictionary: all of it, or nothing.

        A version that is there already raises `SpecConflict`, or is passed over (`skip`).
        """
        return read_import(await _Reader(self._import_task(bundle, by, why, on_conflict)).finish())
