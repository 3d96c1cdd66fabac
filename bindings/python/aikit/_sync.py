"""The blocking family. Waiting lets other threads of Python run, and Ctrl-C end the wait."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
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
from ._events import Event, event
from ._records import Diagnostic, Document, IngestReport, Passage, RunResult
from ._spec import Spec, read_changes, read_findings
from ._spec_records import Change, HistoryEntry, ImportReport, SpecBundle, SpecPage, SpecRecord
from ._specs import SpecsCore, read_bundle, read_history, read_import, read_page, read_record
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
    providers: Mapping[str, Mapping[str, Any]] | None = None,
    actor: str | None = None,
    default_model: str | None = None,
    policy: Mapping[str, Any] | None = None,
    profile: str | os.PathLike[str] | None = None,
    reader: str | None = None,
    rls: bool = True,
) -> Kernel:
    """Open a kernel.

    `location` is the path of an SQLite file, made if need be, or the URL of a PostgreSQL database;
    without it everything is kept in memory. `providers` is `{name: {"base_url": ..., "api_key": ...}}`; without it
    `OPENAI_BASE_URL` and `OPENAI_API_KEY` are read when an `openai/...` model is first used.

    `actor` is who acts, for the history of specs, and `default_model` is for specs that name none.
    `policy` says what the tenant may do: `{"allowed_tools": [...], "denied_tools": [...], "quotas":
    {...}}`, with quotas named as in a spec's `resource_limits` and `rate_limits`.

    `profile` is the path of a TOML file with settings that hold where nothing else is said. `reader`
    is a tenant above this one, to which reading was granted: the kernel then only reads. `rls=False`
    takes a PostgreSQL role that could leave its tenant, which is refused otherwise.
    """
    task = open_task(
        location, tenant, providers, actor, default_model, policy, profile, reader, rls
    )
    return Kernel(_finish(task))


class Kernel(KernelCore):
    """An open kernel, for one tenant. Made by `aikit.open`; may be used from several threads."""

    def agent(
        self, reference: Spec | str | os.PathLike[str], *, model: str | None = None
    ) -> Agent:
        """Make an agent from a spec, from a file, or from a version in the repository.

        A text is a path if it has a `/` or ends in `.yaml`, `.yml` or `.json`; else it is
        `id@version`, or `id` for the active version. `model` replaces the spec's.
        """
        return Agent(_finish(self._agent_task(reference, model)), self._tools)

    def check(self, spec: Spec) -> list[Diagnostic]:
        """Everything that can be said of a spec in this kernel: what `spec.check()` says, and
        whether the tools, models, secrets, collections and quotas that it needs are there."""
        return read_findings(_finish(self._check_task(spec)))

    @property
    def specs(self) -> Specs:
        """The spec repository of the tenant."""
        return Specs(self._native)

    def collection(self, name: str) -> Collection:
        """The collection of this name. It exists as soon as something is put in."""
        return Collection(self._native.collection(name))

    def call_tool(self, name: str, arguments: Mapping[str, Any] | None = None) -> Any:
        """Call a tool directly, without a model. Gives its result."""
        return from_json(_finish(self._call_task(name, arguments), self._tools))

    def run_events(self, run_id: str) -> list[Event]:
        """The events of a past run, as they are kept in the store."""
        return read_events(_finish(self._native.run_events(run_id)))

    def usage(self, *, days: int = 30) -> TenantUsage:
        """What the tenant has, and what it did on the last `days` days on which it did some."""
        return read_usage(_finish(self._usage_task(days)))

    def backup(self, path: str | os.PathLike[str]) -> None:
        """Copy the whole SQLite store, with all tenants, into a new file while it is in use."""
        _finish(self._backup_task(path))

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
        return self.start(
            input,
            inputs=inputs,
            images=images,
            output_schema=output_schema,
            run_id=run_id,
            max_turns=max_turns,
            timeout=timeout,
            tokens_per_run=tokens_per_run,
            cost_usd_per_run=cost_usd_per_run,
        ).result()

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
    ) -> Run:
        """Start a run, to be watched: `for event in run`, then `run.result()`."""
        budget = (tokens_per_run, cost_usd_per_run)
        shape = (images, output_schema)
        task = self._run_task(input, inputs, shape, run_id, max_turns, timeout, budget)
        return Run(task, self._tools)


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
        return read_report(_finish(self._ingest_task(path, embedding_model, strategy)))

    def search(
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
        return read_passages(_finish(self._search_task(query, top_k, embedding_model, strategy)))

    def documents(self) -> list[Document]:
        """What is in the collection."""
        return read_documents(_finish(self._native.documents()))


class Specs(SpecsCore):
    """The spec repository of a kernel's tenant: versions of agents, released like software.

    States go draft, active, deprecated, retired; a deprecated version can be promoted again. An
    agent has at most one active version.
    """

    def save(
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
        return read_record(_finish(self._save_task(spec, by, why, replaces)))

    def get(self, reference: str) -> SpecRecord:
        """The record of `id@version`, or of the active version of `id`."""
        return read_record(_finish(self._native.get(reference)))

    def load(self, reference: str) -> Spec:
        """The spec of `id@version`, or of the active version of `id`."""
        return Spec(_finish(self._native.load(reference)))

    def list(
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
        return read_page(_finish(self._native.list(chosen)))

    def history(self, agent_id: str) -> builtins.list[HistoryEntry]:
        """Every change of an agent, oldest first."""
        return read_history(_finish(self._native.history(agent_id)))

    def diff(self, a: str, b: str) -> builtins.list[Change]:
        """What is different in version `b`."""
        return read_changes(_finish(self._native.diff(a, b)))

    def promote(
        self, reference: str, *, by: str | None = None, why: str | None = None
    ) -> SpecRecord:
        """Make the draft or deprecated version `id@version` the active one.

        The one before is deprecated. Agents that were made before keep the version they have.
        """
        return read_record(_finish(self._native.promote(reference, options(by=by, why=why))))

    def deprecate(
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
        return read_record(_finish(self._deprecate_task(reference, by, why, sunset, successor)))

    def retire(
        self, reference: str, *, by: str | None = None, why: str | None = None
    ) -> SpecRecord:
        """Retire the deprecated version `id@version`: it makes no agents any more."""
        return read_record(_finish(self._native.retire(reference, options(by=by, why=why))))

    def delete(self, reference: str, *, by: str | None = None, why: str | None = None) -> None:
        """Remove the draft `id@version`. Its history stays."""
        _finish(self._native.delete(reference, options(by=by, why=why)))

    def export(self, *, agent_id: str | None = None) -> SpecBundle:
        """All versions with their states and history, of one agent or of the tenant."""
        return read_bundle(_finish(self._native.export(options(agent_id=agent_id))))

    def import_(
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
        return read_import(_finish(self._import_task(bundle, by, why, on_conflict)))
