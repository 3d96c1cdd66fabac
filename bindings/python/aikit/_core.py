"""What both families share: how calls are put to the native module, and results are read."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, TypeVar, overload

    from ._convert import Image
    from ._records import SearchStrategy

    Function = TypeVar("Function", bound=Callable[..., Any])

from . import _aikit
from ._admin_records import Setting
from ._convert import from_json, image, mapping, milliseconds, options, path_text, to_json, whole
from ._events import Event, event
from ._records import Document, IngestReport, Passage, RunResult
from ._spec import Spec, native_spec
from ._tools import HostModel, HostTool, Toolbox


def open_task(
    location: str | os.PathLike[str] | None,
    tenant: str | None,
    providers: Mapping[str, Mapping[str, Any]] | None,
    actor: str | None,
    default_model: str | None,
    policy: Mapping[str, Any] | None,
    profile: str | os.PathLike[str] | None,
    reader: str | None,
    rls: bool,
) -> _aikit.Task:
    chosen = None
    if providers is not None:
        chosen = {
            name: provider_settings(name, provider)
            for name, provider in mapping(providers, "providers").items()
        }
    return _aikit.open(
        options(
            location=None if location is None else path_text(location),
            tenant=tenant,
            providers=chosen,
            actor=actor,
            default_model=default_model,
            policy=None if policy is None else mapping(policy, "policy"),
            profile=None if profile is None else path_text(profile),
            reader=reader,
            rls=rls,
        )
    )


def provider_settings(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    provider = mapping(given, f"the provider {name!r}")
    if provider.get("headers") is not None:
        provider["headers"] = mapping(provider["headers"], f"the headers of the provider {name!r}")
    return provider


def read_report(text: Any) -> IngestReport:
    return IngestReport(from_json(text))


def read_passages(text: Any) -> list[Passage]:
    return [Passage(passage) for passage in from_json(text)]


def read_documents(text: Any) -> list[Document]:
    return [Document(document) for document in from_json(text)]


def read_events(text: Any) -> list[Event]:
    return [event(document) for document in from_json(text)]


def read_result(text: Any) -> RunResult:
    return RunResult(from_json(text))


class KernelCore:
    """The part of a kernel that never waits."""

    def __init__(self, native: _aikit.Kernel) -> None:
        self._native = native
        self._tools = Toolbox()

    @property
    def tenant(self) -> str:
        """The tenant that the kernel was opened for."""
        return self._native.tenant

    if TYPE_CHECKING:

        @overload
        def tool(self, function: Function, /) -> Function: ...
        @overload
        def tool(
            self,
            function: Function,
            /,
            *,
            name: str | None = ...,
            description: str | None = ...,
            parameters: dict[str, Any] | None = ...,
            timeout: float | None = ...,
        ) -> Function: ...
        @overload
        def tool(
            self,
            function: None = ...,
            /,
            *,
            name: str | None = ...,
            description: str | None = ...,
            parameters: dict[str, Any] | None = ...,
            timeout: float | None = ...,
        ) -> Callable[[Function], Function]: ...

    def tool(
        self,
        function: Callable[..., Any] | None = None,
        /,
        *,
        name: str | None = None,
        description: str | None = None,
        parameters: dict[str, Any] | None = None,
        timeout: float | None = None,
    ) -> Any:
        """Register a function as a tool, as a decorator or as a call.

        The name is the function's, the description its docstring, and the JSON Schema of the
        parameters comes from its type hints, unless given. `timeout` is in seconds, default 30.
        Agents may call the tool if their spec names it. The function itself is given back.
        """

        def register(function: Callable[..., Any]) -> Callable[..., Any]:
            tool = HostTool(
                function,
                name=name,
                description=description,
                parameters=parameters,
                timeout=timeout,
            )
            self._native.register_tool(tool.definition)
            self._tools.add(tool)
            return function

        return register if function is None else register(function)

    if TYPE_CHECKING:

        @overload
        def model(
            self, name: str, chat: Function, /, *, timeout: float | None = ...
        ) -> Function: ...
        @overload
        def model(
            self, name: str, chat: None = ..., /, *, timeout: float | None = ...
        ) -> Callable[[Function], Function]: ...

    def model(
        self,
        name: str,
        chat: Callable[..., Any] | None = None,
        /,
        *,
        timeout: float | None = None,
    ) -> Any:
        """Register a function that answers in the place of a model, as a decorator or as a call.

        Specs name it `host/NAME`. The function gets the request as a dictionary (`messages`,
        `tools`, `tool_choice`, ...) and gives a text, or a dictionary with `text`, `reasoning`,
        `tool_calls`, `usage` and `finish_reason`. `timeout` is in seconds, default 120. The
        function itself is given back.
        """

        def register(chat: Callable[..., Any]) -> Callable[..., Any]:
            model = HostModel(name, chat, timeout=timeout)
            self._native.register_model(model.definition)
            self._tools.add(model)
            return chat

        return register if chat is None else register(chat)

    def _agent_task(
        self, reference: Spec | str | os.PathLike[str], model: str | None
    ) -> _aikit.Task:
        chosen = options(model=model)
        if isinstance(reference, Spec):
            return self._native.agent_of_spec(reference._native, chosen)
        if isinstance(reference, str):
            return self._native.agent_of_text(reference, chosen)
        return self._native.agent_of_path(path_text(reference), chosen)

    def _check_task(self, spec: Spec) -> _aikit.Task:
        return self._native.check(native_spec(spec))

    def _call_task(self, name: str, arguments: Mapping[str, Any] | None) -> _aikit.Task:
        given = {} if arguments is None else mapping(arguments, "the arguments")
        return self._native.call_tool(name, to_json(given, "the arguments"))

    def config(self, spec: Spec | None = None) -> list[Setting]:
        """Every setting that holds here, or for the agents of a spec, where it comes from and what
        it overruled. Secrets are shown as where they are."""
        text = self._native.config(None if spec is None else native_spec(spec))
        return [Setting(setting) for setting in from_json(text)]

    def _usage_task(self, days: int) -> _aikit.Task:
        return self._native.usage(whole(days, "days"))

    def _backup_task(self, path: str | os.PathLike[str]) -> _aikit.Task:
        return self._native.backup(path_text(path))

    def __repr__(self) -> str:
        return f"<aikit.{type(self).__name__} tenant={self.tenant}>"


class AgentCore:
    """The part of an agent that never waits."""

    def __init__(self, native: _aikit.Agent, tools: Toolbox) -> None:
        self._native = native
        self._tools = tools

    @property
    def spec(self) -> Spec:
        """The spec that the agent was made from."""
        return Spec(self._native.spec)

    @property
    def agent_id(self) -> str:
        """The agent's id."""
        return self._native.spec.agent_id

    @property
    def name(self) -> str:
        """The agent's name for people, with its template filled in."""
        return self._native.name

    @property
    def version(self) -> str:
        """The agent's version."""
        return self._native.spec.version

    @property
    def model(self) -> str:
        """The model in use: the spec's, or the one given when the agent was made."""
        return self._native.model

    def _run_task(
        self,
        input: str,
        inputs: Mapping[str, Any] | None,
        shape: tuple[Iterable[Image] | None, Mapping[str, Any] | None],
        run_id: str | None,
        max_turns: int | None,
        timeout: float | None,
        budget: tuple[int | None, float | None],
    ) -> _aikit.Task:
        images, output_schema = shape
        tokens_per_run, cost_usd_per_run = budget
        chosen = options(
            inputs=None if inputs is None else mapping(inputs, "inputs"),
            images=None if images is None else [image(each) for each in images],
            output_schema=None
            if output_schema is None
            else mapping(output_schema, "output_schema"),
            run_id=run_id,
            max_turns=max_turns,
            timeout_ms=milliseconds(timeout),
            tokens_per_run=tokens_per_run,
            cost_usd_per_run=cost_usd_per_run,
        )
        return self._native.start(input, chosen)

    def __repr__(self) -> str:
        return f"<aikit.{type(self).__name__} {self.agent_id} {self.version}>"


class CollectionCore:
    """The part of a collection that never waits."""

    def __init__(self, native: _aikit.Collection) -> None:
        self._native = native

    @property
    def name(self) -> str:
        """The collection's name."""
        return self._native.name

    def _ingest_task(
        self,
        path: str | os.PathLike[str],
        embedding_model: str | None,
        strategy: SearchStrategy | None,
    ) -> _aikit.Task:
        given = options(embedding_model=embedding_model, strategy=strategy)
        return self._native.ingest(path_text(path), given)

    def _search_task(
        self,
        query: str,
        top_k: int | None,
        embedding_model: str | None,
        strategy: SearchStrategy | None,
    ) -> _aikit.Task:
        given = options(top_k=top_k, embedding_model=embedding_model, strategy=strategy)
        return self._native.search(query, given)

    def __repr__(self) -> str:
        return f"<aikit.{type(self).__name__} {self.name}>"
