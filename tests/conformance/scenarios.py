"""Reads the scenario files and refuses what is written wrongly in them."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from compare import EXPECTATIONS, ScenarioError

FOLDER = Path(__file__).resolve().parent / "scenarios"

STORES = ("sqlite", "postgres")
"""Where a scenario can keep its things."""

SCENARIO_KEYS = {
    "name", "about", "only", "environment", "spec", "spec_file", "files", "tools", "models", "steps",
}  # fmt: skip
TOOL_KEYS = {"name", "description", "parameters", "timeout_ms", "behaviour"}
BEHAVIOUR_KEYS = {"returns", "echoes", "fails", "sleeps_ms"}
MODEL_KEYS = {"name", "timeout_ms", "behaviour"}
MODEL_BEHAVIOUR_KEYS = {"answers", "repeats", "fails", "sleeps_ms"}
STEP_KEYS: dict[str, set[str]] = {
    "parse": {"spec", "base"},
    "check": set(),
    "diagnose": {"text", "format", "file", "base"},
    "check_in_kernel": set(),
    "render": {"format"},
    "diff_specs": {"other"},
    "edit": {"text", "pointer", "value"},
    "import_spec": {"text", "from", "file"},
    "schema": set(),
    "specs": {"op", "text", "options", "ref", "agent_id", "a", "b", "bundle"},
    "open_admin": {"location", "actor", "profile"},
    "admin": {"op", "arguments"},
    "close_admin": set(),
    "open": {
        "location", "tenant", "providers", "actor", "default_model", "policy", "profile", "reader", "rls",
    },
    "usage": {"days"},
    "config": set(),
    "backup": {"path"},
    "ingest": {"collection", "path", "embedding_model", "strategy"},
    "search": {"collection", "query", "top_k", "embedding_model", "strategy"},
    "documents": {"collection"},
    "agent": {"model", "ref"},
    "run": {"input"},
    "start": {
        "input", "cancel_at", "run_id", "max_turns", "timeout_ms", "tokens_per_run", "cost_usd_per_run",
        "inputs", "images", "output_schema",
    },
    "together": {"inputs"},
    "call_tool": {"name", "arguments"},
    "run_events": {"run_id"},
    "close": set(),
}


@dataclass(frozen=True)
class Scenario:
    """One row of the matrix."""

    name: str
    about: str
    document: dict[str, Any]
    """What the adapter is given: everything but the expectations."""
    expectations: list[dict[str, Any]]
    """One for each step."""
    files: dict[str, bytes] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    """Variables that the adapter sees beside its own."""
    labels: list[str | None] = field(default_factory=list)
    """The name of each step, under which later expectations speak of what it gave."""
    only: str | None = None
    """The store that the scenario is about, if it is about one."""
    steps_only: list[str | None] = field(default_factory=list)
    """The same for each step."""

    def runs_on(self, store: str) -> bool:
        """Whether the scenario says something about this store."""
        return self.only in (None, store)

    def on(self, store: str) -> Scenario:
        """The scenario as it is for one store: without what is only for others."""
        kept = [i for i, only in enumerate(self.steps_only) if only in (None, store)]
        steps = [self.document["steps"][i] for i in kept]
        return replace(
            self,
            document=_chosen(self.document | {"steps": steps}, store),
            expectations=[_chosen(self.expectations[i], store) for i in kept],
            environment=_chosen(self.environment, store),
            labels=[self.labels[i] for i in kept],
            steps_only=[None] * len(kept),
        )


class _Loader(yaml.SafeLoader):  # type: ignore[misc] # PyYAML has no annotations
    """YAML in which a key that stands twice is an error: it would hide an expectation."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise ScenarioError(f"{key_node.start_mark}: the key {key!r} stands twice")
            seen.add(key)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


def load(folder: Path = FOLDER) -> list[Scenario]:
    """All scenarios of a folder, in the order of the file names."""
    found: list[Scenario] = []
    for path in sorted(folder.glob("*.yaml")):
        found += parse(path.read_text(encoding="utf-8"), path.name)
    names = [scenario.name for scenario in found]
    for name in names:
        if names.count(name) > 1:
            raise ScenarioError(f"two scenarios are named {name}")
    return found


def parse(text: str, source: str) -> list[Scenario]:
    """The scenarios of one file: a YAML list."""
    try:
        documents = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise ScenarioError(f"{source}: {error}") from error
    if not isinstance(documents, list):
        raise ScenarioError(f"{source}: a scenario file is a list of scenarios")
    return [_scenario(document, source) for document in documents]


def _refuse_unknown(what: str, given: Any, known: set[str]) -> None:
    if not isinstance(given, dict):
        raise ScenarioError(f"{what} is not a map")
    unknown = set(given) - known
    if unknown:
        raise ScenarioError(f"{what}: unknown keys {sorted(map(str, unknown))}")


def _scenario(document: Any, source: str) -> Scenario:
    name = document.get("name") if isinstance(document, dict) else None
    what = f"{source}: {name or 'a scenario without a name'}"
    _refuse_unknown(what, document, SCENARIO_KEYS)
    for key in ("name", "about", "steps"):
        if not document.get(key):
            raise ScenarioError(f"{what}: `{key}` is missing")
    for tool in document.get("tools", []):
        _refuse_unknown(f"{what}: a tool", tool, TOOL_KEYS)
        _refuse_unknown(f"{what}: a behaviour", tool.get("behaviour"), BEHAVIOUR_KEYS)

    for model in document.get("models", []):
        _refuse_unknown(f"{what}: a model", model, MODEL_KEYS)
        _refuse_unknown(f"{what}: a behaviour", model.get("behaviour"), MODEL_BEHAVIOUR_KEYS)

    steps, expectations, labels, steps_only = [], [], [], []
    for number, step in enumerate(document["steps"]):
        place = f"{what}: step {number}"
        if not isinstance(step, dict) or step.get("do") not in STEP_KEYS:
            raise ScenarioError(f"{place}: `do` is one of {', '.join(STEP_KEYS)}")
        _refuse_unknown(place, step, STEP_KEYS[step["do"]] | {"do", "expect", "label", "only"})
        step = dict(step)
        expect = step.pop("expect", {})
        _refuse_unknown(f"{place}: expect", expect, set(EXPECTATIONS))
        labels.append(step.pop("label", None))
        steps_only.append(_only(place, step.pop("only", None)))
        steps.append(step)
        expectations.append(_expand(expect))

    lists = {key: document.get(key, []) for key in ("tools", "models")}
    given = {key: document[key] for key in ("name", "spec", "spec_file") if key in document}
    return Scenario(
        name=str(name),
        about=" ".join(document["about"].split()),
        document=_expand(given | lists | {"steps": steps}),
        expectations=expectations,
        files={path: _bytes(content) for path, content in document.get("files", {}).items()},
        environment=_environment(what, document.get("environment", {})),
        labels=labels,
        only=_only(what, document.get("only")),
        steps_only=steps_only,
    )


def _only(what: str, only: Any) -> str | None:
    """`{store: sqlite, because: reason}`: what concerns one store says so, and why."""
    if only is None:
        return None
    _refuse_unknown(f"{what}: only", only, {"store", "because"})
    if only.get("store") not in STORES or not only.get("because"):
        raise ScenarioError(f"{what}: only: `store` is one of {', '.join(STORES)}, `because` says why")
    return str(only["store"])


def _environment(what: str, given: dict[str, Any]) -> dict[str, Any]:
    """Locations, and secrets: long enough that they can be looked for in what an adapter gives."""
    for name, value in given.items():
        secret = isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9-]{12,}", value)
        if not secret and not (isinstance(value, dict) and set(value) == {"$location"}):
            raise ScenarioError(f"{what}: environment: {name} is a secret of 12 letters and digits or "
                                "more, or a `$location`")  # fmt: skip
    return given


def _chosen(value: Any, store: str) -> Any:
    """Replaces `{$on: {sqlite: a, postgres: b}}` by what stands there for the store."""
    if isinstance(value, dict):
        if set(value) == {"$on"}:
            if set(value["$on"]) != set(STORES):
                raise ScenarioError(f"$on has a value for each of {', '.join(STORES)}")
            return _chosen(value["$on"][store], store)
        return {key: _chosen(inner, store) for key, inner in value.items()}
    if isinstance(value, list):
        return [_chosen(inner, store) for inner in value]
    return value


def _expand(value: Any) -> Any:
    """Replaces `{$repeat: [text, n]}` by n times the text."""
    if isinstance(value, dict):
        if set(value) == {"$repeat"}:
            text, count = value["$repeat"]
            return text * count
        return {key: _expand(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_expand(inner) for inner in value]
    return value


def _bytes(content: Any) -> bytes:
    """The content of a file: a text, `{$repeat: [text, n]}` or `{$base64: text}`."""
    if isinstance(content, dict) and set(content) == {"$base64"}:
        return base64.b64decode(content["$base64"], validate=True)
    text = _expand(content)
    if not isinstance(text, str):
        raise ScenarioError(f"a file's content is a text, $repeat or $base64, not {content!r}")
    return text.encode("utf-8")
