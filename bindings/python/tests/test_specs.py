"""Specs as documents: parsed, diagnosed, compared, edited, imported; no kernel is needed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aikit
import pytest
from support import make_spec

SHORT = """\
# An agent for sums.
agent: sums
version: 1.0.0
model: openai/gpt-4o   # a large one
prompt: You add.
tools: [calculator]
"""

# An agent as Microsoft's Agent Framework declares it.
FOREIGN = """\
kind: Prompt
name: Helper
description: Answers questions.
instructions: You are helpful.
model:
  id: gpt-4o-mini
  provider: OpenAI
"""


def test_a_spec_in_its_short_form_is_written_out_in_full() -> None:
    spec = aikit.parse_spec(SHORT)
    assert (spec.agent_id, spec.model, spec.text) == ("sums", "openai/gpt-4o", SHORT)
    document = json.loads(spec.render("json"))
    assert document == spec.to_dict()
    assert document["intelligence"]["system_prompt"] == "You add."
    again = aikit.parse_spec(spec.render("yaml"))
    assert again.to_dict() == document
    assert again.hash == spec.hash
    assert spec.hash.startswith("sha256:") and len(spec.hash) == 71
    assert aikit.parse_spec(SHORT.replace("add", "multiply")).hash != spec.hash


def test_specs_are_exported_to_other_formats() -> None:
    card = json.loads(aikit.parse_spec(SHORT).render("a2a"))
    assert card["name"] == "sums"
    assert json.loads(aikit.parse_spec(SHORT).render("oracle"))["name"] == "sums"
    with pytest.raises(aikit.InvalidArgument) as caught:
        aikit.parse_spec(SHORT).render("toml")  # type: ignore[arg-type]
    assert "yaml" in (caught.value.hint or "")


def test_a_text_may_extend_files_of_the_folder_that_is_named(tmp_path: Path) -> None:
    (tmp_path / "ground.yaml").write_text("model: scripted/x\nprompt: Be brief.\n")
    text = "agent: child\nextends: ground.yaml\n"
    for base in (tmp_path, str(tmp_path)):
        spec = aikit.parse_spec(text, base=base)
        assert spec.model == "scripted/x"
    assert aikit.parse_spec(spec.text).hash == spec.hash, "the text needs no other file"
    (tmp_path / "child.yaml").write_text(text)
    assert aikit.load_spec(tmp_path / "child.yaml").hash == spec.hash
    with pytest.raises(aikit.SpecInvalid):
        aikit.parse_spec(text)


def test_a_finding_in_an_extended_file_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "ground.yaml").write_text("model: scripted/x\nprmpt: Be brief.\n")
    found = aikit.diagnose("agent: child\nextends: ground.yaml\n", base=tmp_path)
    assert [finding.file for finding in found if finding.severity == "error"] == ["ground.yaml"]


def test_everything_that_is_wrong_is_said_at_once() -> None:
    text = "agent: a\nmodel: openai/x\nintelligence:\n  temprature: 1\n  top_p: high\n"
    found = aikit.diagnose(text)
    assert [finding.code for finding in found] == ["AK1002", "AK1003"]
    first, second = found
    assert isinstance(first, aikit.Diagnostic)
    assert (first.severity, first.path) == ("error", "/intelligence/temprature")
    assert (first.line, first.column, first.end_line, first.end_column) == (4, 3, 4, 13)
    assert "temperature" in (first.hint or "")
    assert first.file is None
    assert (second.line, second.column, second.end_column) == (5, 10, 14)
    with pytest.raises(aikit.SpecInvalid) as caught:
        aikit.parse_spec(text)
    assert caught.value.diagnostics == found
    assert aikit.diagnose(SHORT) == []


def test_findings_in_the_forms_of_editors_and_terminals() -> None:
    text = "agent: a\nmodel: openai/x\nintelligence: {top_p: '𝄞'}\n"
    [finding] = aikit.diagnose(text, format="lsp")
    assert finding["source"] == "aikit"
    assert finding["range"]["start"] == {"line": 2, "character": 22}
    assert finding["range"]["end"]["character"] == 26, "counted in UTF-16"
    shown = aikit.diagnose(text, format="text", file=Path("agents/a.yaml"))
    assert shown.startswith("agents/a.yaml:3:23: error[AK1003]")
    assert "^^^" in shown
    assert aikit.diagnose(SHORT, format="text") == ""
    assert aikit.diagnose(SHORT, format="lsp") == []


def test_two_specs_are_compared_field_by_field() -> None:
    before = aikit.parse_spec(SHORT)
    after = aikit.parse_spec(SHORT.replace("1.0.0", "2.0.0") + "tags: [hr]\n")
    version, tags = before.diff(after)
    assert isinstance(version, aikit.Change)
    assert (version.path, version.kind) == ("/identity/version", "changed")
    assert (version.before, version.after) == ("1.0.0", "2.0.0")
    assert (tags.path, tags.kind) == ("/identity/tags", "added")
    assert (tags.before, tags.after) == (None, ["hr"])
    assert after.diff(before)[1].kind == "removed"
    assert before.diff(before) == []


def test_editing_keeps_comments() -> None:
    edited = aikit.edit_spec(SHORT, "/model", "openai/gpt-4o-mini")
    assert "# An agent for sums." in edited
    assert "# a large one" in edited
    assert aikit.parse_spec(edited).model == "openai/gpt-4o-mini"
    for pointer, value, kind in [
        ("/nowhere/at/all", 1, aikit.InvalidArgument),
        ("/model", 5, aikit.SpecInvalid),
        ("/model", float("nan"), aikit.InvalidArgument),
        ("/model", object(), aikit.InvalidArgument),
    ]:
        with pytest.raises(kind):
            aikit.edit_spec(SHORT, pointer, value)
    with pytest.raises(aikit.SpecInvalid):
        aikit.edit_spec("agent: [", "/model", "x")


@pytest.mark.parametrize("from_", [None, "agent-framework"])
def test_agents_of_other_formats_are_read_with_a_report(from_: Any) -> None:
    result = aikit.import_spec(FOREIGN, from_=from_, file="helper.yaml")
    assert result.format == "agent-framework"
    [spec] = result.specs
    assert isinstance(spec, aikit.ImportedSpec)
    read = aikit.parse_spec(spec.text)
    assert (read.agent_id, read.model) == (spec.name, "openai/gpt-4o-mini")
    assert all(isinstance(entry, aikit.ImportEntry) for entry in result.report)
    leaves = ["/kind", "/name", "/description", "/instructions", "/model/id", "/model/provider"]
    assert sorted(entry.path for entry in result.report) == sorted(leaves)
    assert {entry.kind for entry in result.report} <= {"kept", "changed", "lost"}


def test_what_is_no_agent_of_a_known_format_is_refused() -> None:
    with pytest.raises(aikit.InvalidArgument):
        aikit.import_spec("some: text\n")
    with pytest.raises(aikit.InvalidArgument) as caught:
        aikit.import_spec(FOREIGN, from_="word")  # type: ignore[arg-type]
    assert "agent-framework" in (caught.value.hint or "")
    with pytest.raises(aikit.SpecInvalid):
        aikit.import_spec("a: [")


def test_the_schema_describes_specs() -> None:
    schema = aikit.spec_schema()
    assert "$schema" in schema
    assert {"identity", "intelligence", "agent", "model"} <= set(schema["properties"])


def test_a_kernel_says_what_it_lacks() -> None:
    spec = make_spec(tools=["nobody"], context_policy={"knowledge": ["handbook"]})
    with aikit.open(policy={"denied_tools": ["calculator"]}) as kernel:
        found = kernel.check(spec)
        assert {finding.code: finding.severity for finding in found} == {
            "AK3002": "error",
            "AK3006": "warning",
        }
        assert all(isinstance(finding, aikit.Diagnostic) for finding in found)
        with pytest.raises(aikit.ToolUnknown) as caught:
            kernel.agent(spec)
        assert caught.value.diagnostics == [d for d in found if d.severity == "error"]
        assert kernel.check(make_spec()) == []


def test_the_tenants_policy_denies_tools() -> None:
    spec = make_spec(tools=["calculator"])
    policy: dict[str, Any] = {"denied_tools": ["calculator"]}
    with aikit.open(policy=policy) as kernel:
        assert [finding.code for finding in kernel.check(spec)] == ["AK3003"]
        with pytest.raises(aikit.ToolDenied):
            kernel.agent(spec)
        with pytest.raises(aikit.ToolDenied):
            kernel.call_tool("calculator", {"expression": "1"})
    with aikit.open(policy={"allowed_tools": ("calculator",), "quotas": {}}) as kernel:
        assert kernel.call_tool("calculator", {"expression": "1"}) == 1


def test_a_spec_without_a_model_takes_the_kernels() -> None:
    spec = aikit.parse_spec("agent: a\nscript: [{text: hello}]\n")
    assert spec.model == ""
    with aikit.open(default_model="scripted/default") as kernel:
        agent = kernel.agent(spec)
        assert agent.model == "scripted/default"
        assert agent.run("x").text == "hello"
    with aikit.open() as kernel, pytest.raises(aikit.SpecInvalid):
        kernel.agent(spec)


def test_an_agent_has_a_name_with_its_template_filled_in() -> None:
    spec = aikit.parse_spec(
        "agent: a\nname: Clerk of {{ tenant_id }}\nmodel: scripted/x\nscript: [{text: hello}]\n"
    )
    with aikit.open(tenant="acme") as kernel:
        assert kernel.agent(spec).name == "Clerk of acme"
        assert kernel.agent(make_spec()).name == "tester"


def test_inputs_are_checked_and_reach_the_prompts(kernel: aikit.Kernel) -> None:
    agent = kernel.agent(
        make_spec(
            interface={
                "input_schema": {
                    "type": "object",
                    "properties": {"customer": {"type": "string"}},
                    "required": ["customer"],
                }
            },
            intelligence={
                "model": "scripted/x",
                "system_prompt": "You serve {{ inputs.customer }}.",
                "script": [{"text": "hello"}],
            },
        )
    )
    assert agent.run("x", inputs={"customer": "Ada"}).text == "hello"
    assert agent.start("x", inputs={"customer": "Ada"}).result().status == "finished"
    for inputs in (None, {}, {"customer": 5}):
        with pytest.raises(aikit.InvalidArgument):
            agent.run("x", inputs=inputs)
    with pytest.raises(TypeError):
        agent.run("x", inputs=["Ada"])  # type: ignore[arg-type]


def test_a_path_is_a_file_and_a_text_may_be_a_version(
    kernel: aikit.Kernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sums").write_text(SHORT)
    assert kernel.agent(Path("sums")).agent_id == "sums"
    assert kernel.agent("./sums").agent_id == "sums"
    with pytest.raises(aikit.SpecNotFound):
        kernel.agent("sums")
