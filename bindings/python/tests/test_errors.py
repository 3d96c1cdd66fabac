"""Errors of all kinds: typed, with a place, and with a way out."""

from __future__ import annotations

import ast
import copy
import pickle
from pathlib import Path
from typing import Any

import aikit
import pytest
from aikit import _aikit
from support import PACKAGE, make_spec


def test_every_code_has_a_class_of_its_own() -> None:
    for word, name, _, retryable, meaning in _aikit.CODES:
        kind = getattr(aikit, name)
        assert issubclass(kind, aikit.Error)
        assert kind.__bases__ == (aikit.Error,)
        assert (kind.code, kind.__doc__, kind.__module__) == (word, meaning, "aikit")
        assert kind("x").retryable is retryable
        assert name in aikit.__all__
        assert word.replace("_", "") == name.lower()


def test_the_stub_lists_exactly_the_classes_that_there_are() -> None:
    tree = ast.parse((PACKAGE / "aikit" / "_errors.pyi").read_text())
    listed = {
        node.name: ast.get_docstring(node) for node in tree.body if isinstance(node, ast.ClassDef)
    }
    assert listed.pop("Error")
    assert listed == {name: meaning for _, name, _, _, meaning in _aikit.CODES}
    exported = next(
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"
    )
    assert exported == ["Error", *(name for _, name, _, _, _ in _aikit.CODES)]


def test_a_broken_spec_says_where() -> None:
    with pytest.raises(aikit.SpecInvalid) as caught:
        aikit.parse_spec("identity:\n  agent_id: a\nintelligence:\n  modle: scripted/x\n")
    error = caught.value
    assert error.code == "spec_invalid"
    assert (error.line, error.column) == (4, 3)
    assert error.hint is not None and "model" in error.hint
    assert not error.retryable
    assert [d.code for d in error.diagnostics][:1] == ["AK1002"]
    assert all(d.line >= 1 and d.column >= 1 for d in error.diagnostics)
    assert error.to_dict()["diagnostics"] == [d.to_dict() for d in error.diagnostics]


@pytest.mark.parametrize("text", ["", "[]", "a: [", "a: b: c", "\x00", "identity: 5", "{" * 5000])
def test_no_text_breaks_the_parser(text: str) -> None:
    with pytest.raises(aikit.Error) as caught:
        aikit.parse_spec(text)
    assert caught.value.code in ("spec_invalid", "spec_too_large")


def test_files_that_cannot_be_read(kernel: aikit.Kernel, tmp_path: Path) -> None:
    with pytest.raises(aikit.FileNotFound) as caught:
        aikit.load_spec(tmp_path / "missing.yaml")
    assert "missing.yaml" in (caught.value.path or str(caught.value))
    with pytest.raises(aikit.FileUnreadable):
        aikit.load_spec(tmp_path)
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises((aikit.InvalidUtf8, aikit.FileUnreadable, aikit.SpecInvalid)):
        aikit.load_spec(tmp_path / "binary.yaml")
    with pytest.raises(aikit.FileNotFound):
        kernel.agent(tmp_path / "missing.yaml")
    with pytest.raises(aikit.FileNotFound):
        kernel.collection("c").ingest(tmp_path / "missing")
    with pytest.raises(aikit.Error) as bad:
        aikit.open(tmp_path)
    assert bad.value.code.startswith("store_")
    (tmp_path / "text.db").write_text("no database" * 1000)
    with pytest.raises(aikit.StoreCorrupt):
        aikit.open(tmp_path / "text.db")


def test_lone_surrogates_are_refused_everywhere(kernel: aikit.Kernel) -> None:
    bad = "a\ud800b"
    agent = kernel.agent(make_spec())
    calls: list[Any] = [
        lambda: aikit.parse_spec(bad),
        lambda: aikit.load_spec(bad),
        lambda: aikit.open(bad),
        lambda: aikit.open(tenant=bad),
        lambda: kernel.agent(bad),
        lambda: kernel.agent(make_spec(), model=bad),
        lambda: kernel.collection(bad),
        lambda: kernel.collection("c").search(bad),
        lambda: kernel.call_tool(bad),
        lambda: kernel.call_tool("calculator", {"expression": bad}),
        lambda: kernel.run_events(bad),
        lambda: kernel.tool(lambda: None, name="x", description=bad, parameters={}),
        lambda: agent.run(bad),
        lambda: agent.run("x", run_id=bad),
        lambda: agent.run("x", inputs={"a": bad}),
        lambda: aikit.open(actor=bad),
        lambda: aikit.open(default_model=bad),
        lambda: aikit.open(policy={"denied_tools": [bad]}),
        lambda: aikit.parse_spec("agent: a", base=bad),
        lambda: aikit.diagnose(bad),
        lambda: aikit.diagnose("", file=bad),
        lambda: aikit.edit_spec(bad, "/a", 1),
        lambda: aikit.edit_spec("agent: a", bad, 1),
        lambda: aikit.edit_spec("agent: a", "/agent", bad),
        lambda: aikit.import_spec(bad),
        lambda: make_spec().render(bad),  # type: ignore[arg-type]
        lambda: kernel.specs.save(make_spec(), why=bad),
        lambda: kernel.specs.get(bad),
        lambda: kernel.specs.load(bad),
        lambda: kernel.specs.list(text=bad),
        lambda: kernel.specs.history(bad),
        lambda: kernel.specs.diff("a", bad),
        lambda: kernel.specs.promote(bad),
        lambda: kernel.specs.deprecate("a@1.0.0", successor=bad),
        lambda: kernel.specs.retire(bad),
        lambda: kernel.specs.delete(bad),
        lambda: kernel.specs.export(agent_id=bad),
        lambda: kernel.specs.import_({"format": bad}),
    ]
    for call in calls:
        with pytest.raises(aikit.InvalidUtf8):
            call()


def test_wrong_types_are_type_errors(kernel: aikit.Kernel) -> None:
    agent = kernel.agent(make_spec())
    calls: list[Any] = [
        lambda: aikit.parse_spec(5),  # type: ignore[arg-type]
        lambda: aikit.parse_spec(b"a: b"),  # type: ignore[arg-type]
        lambda: aikit.load_spec(None),  # type: ignore[arg-type]
        lambda: aikit.load_spec(b"x"),  # type: ignore[arg-type]
        lambda: aikit.open(5),  # type: ignore[arg-type]
        lambda: aikit.open(tennant="x"),  # type: ignore[call-arg]
        lambda: kernel.agent(5),  # type: ignore[arg-type]
        lambda: kernel.collection(None),  # type: ignore[arg-type]
        lambda: aikit.open(providers=5),  # type: ignore[arg-type]
        lambda: aikit.open(providers={"openai": "x"}),  # type: ignore[dict-item]
        lambda: kernel.call_tool(5),  # type: ignore[arg-type]
        lambda: kernel.call_tool("calculator", 5),  # type: ignore[arg-type]
        lambda: kernel.call_tool("calculator", "1+1"),  # type: ignore[arg-type]
        lambda: kernel.call_tool("calculator", [("expression", "1")]),  # type: ignore[arg-type]
        lambda: agent.run(5),  # type: ignore[arg-type]
        lambda: agent.run("x", timeout="5"),  # type: ignore[arg-type]
        lambda: agent.run("x", max_truns=5),  # type: ignore[call-arg]
        lambda: kernel.collection("c").search(None),  # type: ignore[arg-type]
        lambda: aikit.open(policy=["calculator"]),  # type: ignore[arg-type]
        lambda: aikit.parse_spec("agent: a", base=5),  # type: ignore[arg-type]
        lambda: aikit.diagnose(None),  # type: ignore[call-overload]
        lambda: aikit.diagnose("", base=b"x"),  # type: ignore[call-overload]
        lambda: aikit.diagnose("", file=5),  # type: ignore[call-overload]
        lambda: aikit.edit_spec(5, "/a", 1),  # type: ignore[arg-type]
        lambda: aikit.edit_spec("agent: a", None, 1),  # type: ignore[arg-type]
        lambda: aikit.import_spec(b"x"),  # type: ignore[arg-type]
        lambda: make_spec().render(5),  # type: ignore[arg-type]
        lambda: make_spec().render(),  # type: ignore[call-arg]
        lambda: make_spec().diff("agent: a"),  # type: ignore[arg-type]
        lambda: kernel.check("a"),  # type: ignore[arg-type]
        lambda: kernel.specs.save("agent: a"),  # type: ignore[arg-type]
        lambda: kernel.specs.save(make_spec(), because="x"),  # type: ignore[call-arg]
        lambda: kernel.specs.get(None),  # type: ignore[arg-type]
        lambda: kernel.specs.load(5),  # type: ignore[arg-type]
        lambda: kernel.specs.list("clerk"),  # type: ignore[call-arg, arg-type]
        lambda: kernel.specs.history(None),  # type: ignore[arg-type]
        lambda: kernel.specs.diff("a", None),  # type: ignore[arg-type]
        lambda: kernel.specs.promote(b"a"),  # type: ignore[arg-type]
        lambda: kernel.specs.deprecate(None),  # type: ignore[arg-type]
        lambda: kernel.specs.import_("{}"),  # type: ignore[arg-type]
        lambda: kernel.specs.import_([]),  # type: ignore[arg-type]
    ]
    for call in calls:
        with pytest.raises(TypeError):
            call()


def test_wrong_values_are_invalid_arguments(kernel: aikit.Kernel) -> None:
    agent = kernel.agent(make_spec())
    calls: list[Any] = [
        lambda: aikit.open(providers={"openai": {"base": "x"}}),
        lambda: agent.run("x", max_turns=-1),
        lambda: agent.run("x", max_turns="many"),  # type: ignore[arg-type]
        lambda: agent.run("x", timeout=0),
        lambda: agent.run("x", timeout=float("nan")),
        lambda: kernel.collection("c").search("x", top_k=-1),
        lambda: kernel.call_tool("calculator", {"expression": object()}),
        lambda: aikit.open(policy={"denied": []}),
        lambda: aikit.open(policy={"denied_tools": {"calculator"}}),
        lambda: aikit.open(policy={"quotas": {"max_memory_mb": -1}}),
        lambda: aikit.open(actor="x" * 201),
        lambda: aikit.open(default_model="no slash"),
        lambda: aikit.diagnose("", format="xml"),  # type: ignore[call-overload]
        lambda: kernel.specs.save(make_spec(), why="x" * 2001),
        lambda: kernel.specs.save(make_spec(), by=5),  # type: ignore[arg-type]
        lambda: kernel.specs.list(limit=0),
        lambda: kernel.specs.list(limit=501),
        lambda: kernel.specs.list(after="elsewhere"),
        lambda: kernel.specs.list(status="asleep"),  # type: ignore[arg-type]
        lambda: kernel.specs.promote("tester"),
        lambda: kernel.specs.import_({}),
        lambda: kernel.specs.import_({"format": object()}),
        lambda: kernel.specs.import_({}, on_conflict="maybe"),  # type: ignore[arg-type]
    ]
    for call in calls:
        with pytest.raises(aikit.InvalidArgument):
            call()
    with pytest.raises(aikit.CollectionInvalid):
        kernel.collection("not a slug")
    with pytest.raises(aikit.TenantInvalid):
        aikit.open(tenant="not a slug")
    with pytest.raises(aikit.ToolUnknown):
        kernel.call_tool("nobody")
    with pytest.raises(aikit.ModelUnknown):
        kernel.agent(make_spec(), model="nobody/x")
    with pytest.raises(aikit.TenantMismatch):
        kernel.agent(make_spec(identity={"agent_id": "a", "tenant_id": "other"}))
    with pytest.raises(aikit.TenantMismatch):
        kernel.specs.save(make_spec(identity={"agent_id": "a", "tenant_id": "other"}))


def test_use_after_close(tmp_path: Path) -> None:
    kernel = aikit.open()
    agent = kernel.agent(make_spec())
    collection = kernel.collection("c")
    specs = kernel.specs
    kernel.close()
    kernel.close()
    calls: list[Any] = [
        lambda: kernel.agent(make_spec()),
        lambda: kernel.collection("d"),
        lambda: kernel.tool(lambda: None, name="x", parameters={}),
        lambda: kernel.run_events("x"),
        lambda: agent.run("x"),
        lambda: list(agent.start("x")),
        lambda: collection.search("x"),
        lambda: collection.documents(),
        lambda: collection.ingest(tmp_path),
        lambda: kernel.check(make_spec()),
        lambda: specs.save(make_spec()),
        lambda: specs.get("a"),
        lambda: specs.load("a"),
        lambda: specs.list(),
        lambda: specs.history("a"),
        lambda: specs.diff("a", "b"),
        lambda: specs.promote("a@1.0.0"),
        lambda: specs.deprecate("a@1.0.0"),
        lambda: specs.retire("a@1.0.0"),
        lambda: specs.delete("a@1.0.0"),
        lambda: specs.export(),
        lambda: specs.import_({"format": "aikit-specs/1", "specs": [], "history": []}),
        lambda: kernel.specs.list(),
    ]
    for call in calls:
        with pytest.raises(aikit.Closed):
            call()


def test_an_error_is_a_value() -> None:
    with pytest.raises(aikit.SpecInvalid) as caught:
        aikit.parse_spec("a: 1\nb: 2\n")
    error = caught.value
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(other) is aikit.SpecInvalid
        assert other.to_dict() == error.to_dict()
        assert str(other) == str(error)
    assert error.message in str(error)
    assert error.hint is None or error.hint in str(error)
