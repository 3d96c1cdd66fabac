#!/usr/bin/env python3
"""The conformance adapter for Python: performs a scenario and prints what it observed.

    adapter.py [--async] SCENARIO.json

Without `--async` through the blocking family, with it through asyncio. Judges nothing.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aikit

Step = dict[str, Any]


def plain(value: Any) -> Any:
    """A value of aikit's as JSON."""
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return value


def answer(behaviour: Step, arguments: dict[str, Any]) -> Any:
    """What a tool of a scenario does."""
    if "fails" in behaviour:
        raise RuntimeError(behaviour["fails"])
    return arguments if behaviour.get("echoes") else behaviour.get("returns")


def tool_function(behaviour: Step) -> Callable[..., Any]:
    def tool(**arguments: Any) -> Any:
        time.sleep(behaviour.get("sleeps_ms", 0) / 1000)
        return answer(behaviour, arguments)

    return tool


def async_tool_function(behaviour: Step) -> Callable[..., Awaitable[Any]]:
    async def tool(**arguments: Any) -> Any:
        await asyncio.sleep(behaviour.get("sleeps_ms", 0) / 1000)
        return answer(behaviour, arguments)

    return tool


def register(kernel: aikit.Kernel | aikit.AsyncKernel, tools: list[Step], is_async: bool) -> None:
    make = async_tool_function if is_async else tool_function
    for tool in tools:
        timeout = tool.get("timeout_ms")
        kernel.tool(
            make(tool.get("behaviour", {})),
            name=tool["name"],
            description=tool.get("description", ""),
            parameters=tool.get("parameters", {"type": "object"}),
            timeout=None if timeout is None else timeout / 1000,
        )


def reply(behaviour: Step, request: dict[str, Any]) -> Any:
    """What a model of a scenario answers."""
    if "fails" in behaviour:
        raise RuntimeError(behaviour["fails"])
    messages = request["messages"]
    if behaviour.get("repeats"):
        return {"text": messages[-1]["content"]}
    return behaviour["answers"][sum(message["role"] == "assistant" for message in messages)]


def model_function(behaviour: Step) -> Callable[..., Any]:
    def chat(request: dict[str, Any]) -> Any:
        time.sleep(behaviour.get("sleeps_ms", 0) / 1000)
        return reply(behaviour, request)

    return chat


def async_model_function(behaviour: Step) -> Callable[..., Awaitable[Any]]:
    async def chat(request: dict[str, Any]) -> Any:
        await asyncio.sleep(behaviour.get("sleeps_ms", 0) / 1000)
        return reply(behaviour, request)

    return chat


def register_models(
    kernel: aikit.Kernel | aikit.AsyncKernel, models: list[Step], is_async: bool
) -> None:
    make = async_model_function if is_async else model_function
    for model in models:
        timeout = model.get("timeout_ms")
        kernel.model(
            model["name"],
            make(model["behaviour"]),
            timeout=None if timeout is None else timeout / 1000,
        )


def run_options(step: Step) -> dict[str, Any]:
    options = given(
        step, "run_id", "max_turns", "tokens_per_run", "cost_usd_per_run", "inputs", "images", "output_schema"
    )
    if "timeout_ms" in step:
        options["timeout"] = step["timeout_ms"] / 1000
    return options


def given(step: Step, *names: str) -> dict[str, Any]:
    return {name: step[name] for name in names if name in step}


def open_options(step: Step) -> dict[str, Any]:
    kernel = given(step, "location", "tenant", "providers", "actor", "default_model", "policy")
    return kernel | given(step, "profile", "reader", "rls")


def call(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Calls a function. Options that it does not have are refused by Python itself."""
    try:
        inspect.signature(function).bind(*arguments, **options)
    except TypeError as error:
        raise aikit.InvalidArgument(str(error)) from error
    return function(*arguments, **options)


def of_spec(spec: aikit.Spec) -> Step:
    return {key: getattr(spec, key) for key in ("agent_id", "name", "version", "model", "hash")}


# Steps whose names are taken by what they make.
STEPS = {"agent": "make_agent", "admin": "do_admin"}

# Operations of the administrators' door that have another name here.
ADMIN_METHODS = {"usage": "tenant_usage", "digest": "tenant_digest"}


class Scenario:
    """What both families share: the spec, and the steps that never wait."""

    def __init__(self, document: Step) -> None:
        self.document = document
        self.tools: list[Step] = document.get("tools", [])
        self.models: list[Step] = document.get("models", [])
        self.kernel: Any = None
        self.agent: Any = None
        self.admin: Any = None
        self.bundle: Any = None
        # What the last `parse` gave, if it had a text; and what it gave from wherever.
        self.parsed: aikit.Spec | None = None
        self.last: aikit.Spec | None = None

    def spec(self) -> aikit.Spec:
        if self.parsed is not None:
            return self.parsed
        if "spec_file" in self.document:
            return aikit.load_spec(self.document["spec_file"])
        return aikit.parse_spec(self.document["spec"])

    def reference(self, step: Step) -> aikit.Spec | str:
        if "ref" in step:
            return str(step["ref"])
        if self.parsed is None and "spec_file" in self.document:
            return str(self.document["spec_file"])
        return self.spec()

    def parse(self, step: Step) -> Step:
        text = step.get("spec", self.document.get("spec"))
        if text is not None:
            self.parsed = aikit.parse_spec(text, **given(step, "base"))
        self.last = self.spec()
        return of_spec(self.last)

    def check(self, step: Step) -> Any:
        return self.spec().check()

    def diagnose(self, step: Step) -> Any:
        return aikit.diagnose(step["text"], **given(step, "base", "format", "file"))

    def render(self, step: Step) -> Any:
        return self.spec().render(step["format"])

    def diff_specs(self, step: Step) -> Any:
        return self.spec().diff(aikit.parse_spec(step["other"]))

    def edit(self, step: Step) -> Any:
        return aikit.edit_spec(step["text"], step["pointer"], step["value"])

    def import_spec(self, step: Step) -> Any:
        options = given(step, "file") | ({"from_": step["from"]} if "from" in step else {})
        return aikit.import_spec(step["text"], **options)

    def schema(self, step: Step) -> Any:
        return aikit.spec_schema()

    def repository(self, step: Step) -> Any:
        """Calls the repository: gives the result, or in asyncio what is to be awaited for it."""
        specs, op, options = self.kernel.specs, step["op"], step.get("options", {})
        function = getattr(specs, "import_" if op == "import" else op)
        if op == "save":
            spec = aikit.parse_spec(step["text"]) if "text" in step else self.spec()
            return call(function, spec, **options)
        if op == "import":
            return call(function, step.get("bundle", self.bundle), **options)
        return call(function, *given(step, "ref", "agent_id", "a", "b").values(), **options)

    def of_repository(self, step: Step, result: Any) -> Any:
        if step["op"] == "export":
            self.bundle = result
        return of_spec(result) if step["op"] == "load" else result

    def config(self, step: Step) -> Any:
        return self.kernel.config(self.last)

    def administrate(self, step: Step) -> Any:
        """Does an operation: gives the result, or in asyncio what is to be awaited for it."""
        op: str = step["op"]
        arguments = dict(step.get("arguments", {}))
        function = getattr(self.admin, ADMIN_METHODS.get(op, op), None)
        if function is None:
            raise aikit.InvalidArgument(f"there is no operation {op}")
        if "as" in arguments:
            arguments["as_"] = arguments.pop("as")
        return call(function, **arguments)

    def of_agent(self) -> Step:
        return {key: getattr(self.agent, key) for key in ("agent_id", "name", "version", "model")}


class SyncScenario(Scenario):
    """The steps through the blocking family."""

    def open(self, step: Step) -> Step:
        self.kernel = aikit.open(**open_options(step))
        register(self.kernel, self.tools, is_async=False)
        register_models(self.kernel, self.models, is_async=False)
        return {"tenant": self.kernel.tenant}

    def ingest(self, step: Step) -> Any:
        collection = self.kernel.collection(step["collection"])
        return collection.ingest(step["path"], **given(step, "embedding_model", "strategy"))

    def search(self, step: Step) -> Any:
        collection = self.kernel.collection(step["collection"])
        return collection.search(step["query"], **given(step, "top_k", "embedding_model", "strategy"))

    def documents(self, step: Step) -> Any:
        return self.kernel.collection(step["collection"]).documents()

    def make_agent(self, step: Step) -> Step:
        self.agent = self.kernel.agent(self.reference(step), **given(step, "model"))
        return self.of_agent()

    def check_in_kernel(self, step: Step) -> Any:
        return self.kernel.check(self.spec())

    def specs(self, step: Step) -> Any:
        return self.of_repository(step, self.repository(step))

    def run(self, step: Step) -> Any:
        return self.agent.run(step["input"], **run_options(step))

    def start(self, step: Step, events: list[Any]) -> Any:
        run = self.agent.start(step["input"], **run_options(step))
        waiting_for = step.get("cancel_at")
        for event in run:
            events.append(event)
            if event.type == waiting_for:
                waiting_for = None
                run.cancel()
        return run.result()

    def together(self, step: Step) -> Any:
        runs = [self.agent.start(text) for text in step["inputs"]]
        return [run.result() for run in runs]

    def call_tool(self, step: Step) -> Any:
        return self.kernel.call_tool(step["name"], step.get("arguments"))

    def run_events(self, step: Step) -> Any:
        return self.kernel.run_events(step["run_id"])

    def open_admin(self, step: Step) -> None:
        self.admin = aikit.open_admin(**given(step, "location", "actor", "profile"))

    def do_admin(self, step: Step) -> Any:
        return self.administrate(step)

    def close_admin(self, step: Step) -> None:
        self.admin.close()

    def usage(self, step: Step) -> Any:
        return self.kernel.usage(**given(step, "days"))

    def backup(self, step: Step) -> None:
        self.kernel.backup(step["path"])

    def close(self, step: Step) -> None:
        self.kernel.close()

    def perform(self, step: Step, events: list[Any]) -> Any:
        do: str = step["do"]
        if do == "start":
            return self.start(step, events)
        return getattr(self, STEPS.get(do, do))(step)


class AsyncScenario(Scenario):
    """The steps through asyncio."""

    async def open(self, step: Step) -> Step:
        self.kernel = await aikit.open_async(**open_options(step))
        register(self.kernel, self.tools, is_async=True)
        register_models(self.kernel, self.models, is_async=True)
        return {"tenant": self.kernel.tenant}

    async def ingest(self, step: Step) -> Any:
        collection = self.kernel.collection(step["collection"])
        return await collection.ingest(step["path"], **given(step, "embedding_model", "strategy"))

    async def search(self, step: Step) -> Any:
        collection = self.kernel.collection(step["collection"])
        return await collection.search(step["query"], **given(step, "top_k", "embedding_model", "strategy"))

    async def documents(self, step: Step) -> Any:
        return await self.kernel.collection(step["collection"]).documents()

    async def make_agent(self, step: Step) -> Step:
        self.agent = await self.kernel.agent(self.reference(step), **given(step, "model"))
        return self.of_agent()

    async def check_in_kernel(self, step: Step) -> Any:
        return await self.kernel.check(self.spec())

    async def specs(self, step: Step) -> Any:
        return self.of_repository(step, await self.repository(step))

    async def run(self, step: Step) -> Any:
        return await self.agent.run(step["input"], **run_options(step))

    async def start(self, step: Step, events: list[Any]) -> Any:
        run = self.agent.start(step["input"], **run_options(step))
        waiting_for = step.get("cancel_at")
        async for event in run:
            events.append(event)
            if event.type == waiting_for:
                waiting_for = None
                run.cancel()
        return await run.result()

    async def together(self, step: Step) -> Any:
        runs = [self.agent.start(text) for text in step["inputs"]]
        return await asyncio.gather(*(run.result() for run in runs))

    async def call_tool(self, step: Step) -> Any:
        return await self.kernel.call_tool(step["name"], step.get("arguments"))

    async def run_events(self, step: Step) -> Any:
        return await self.kernel.run_events(step["run_id"])

    async def open_admin(self, step: Step) -> None:
        self.admin = await aikit.open_admin_async(**given(step, "location", "actor", "profile"))

    async def do_admin(self, step: Step) -> Any:
        return await self.administrate(step)

    async def close_admin(self, step: Step) -> None:
        await self.admin.close()

    async def usage(self, step: Step) -> Any:
        return await self.kernel.usage(**given(step, "days"))

    async def backup(self, step: Step) -> None:
        await self.kernel.backup(step["path"])

    async def close(self, step: Step) -> None:
        await self.kernel.close()

    async def perform(self, step: Step, events: list[Any]) -> Any:
        do: str = step["do"]
        if do == "start":
            return await self.start(step, events)
        outcome = getattr(self, STEPS.get(do, do))(step)
        return await outcome if asyncio.iscoroutine(outcome) else outcome


def observation(events: list[Any], outcome: Step) -> Step:
    return outcome | ({"events": plain(events)} if events else {})


def observe(scenario: SyncScenario, step: Step) -> Step:
    events: list[Any] = []
    try:
        return observation(events, {"ok": plain(scenario.perform(step, events))})
    except aikit.Error as error:
        return observation(events, {"error": error.to_dict()})


async def observe_async(scenario: AsyncScenario, step: Step) -> Step:
    events: list[Any] = []
    try:
        return observation(events, {"ok": plain(await scenario.perform(step, events))})
    except aikit.Error as error:
        return observation(events, {"error": error.to_dict()})


async def all_async(document: Step) -> list[Step]:
    scenario = AsyncScenario(document)
    return [await observe_async(scenario, step) for step in document["steps"]]


def main() -> None:
    *flags, path = sys.argv[1:]
    document = json.loads(Path(path).read_text(encoding="utf-8"))
    if "--async" in flags:
        observations = asyncio.run(all_async(document))
    else:
        scenario = SyncScenario(document)
        observations = [observe(scenario, step) for step in document["steps"]]
    json.dump({"observations": observations}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
