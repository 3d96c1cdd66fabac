"""The Gemini wire, against a stand-in that was not written with aikit in mind."""

from __future__ import annotations

import json
from typing import Any

import aikit
import pytest
from conftest import ROOT  # noqa: F401  (puts aikit on the path)
from servers import API_KEY, Server

MODEL = "gemini-2.5-flash"
# A choice at the top: no provider takes it as it is.
EITHER = {
    "type": "object",
    "oneOf": [
        {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]},
        {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
    ],
}


def providers(server: Server, api_key: str = API_KEY) -> dict[str, dict[str, str]]:
    """The option of `aikit.open` that leads to the stand-in."""
    return {"gemini": {"base_url": server.root, "api_key": api_key}}


def spec(*tools: str, **intelligence: Any) -> aikit.Spec:
    """An agent of this model."""
    return aikit.parse_spec(json.dumps({
        "identity": {"agent_id": "wire"},
        "integration": {"tools": list(tools)},
        "intelligence": {"model": f"gemini/{MODEL}", **intelligence},
    }))


def test_an_answer_arrives_in_pieces_with_the_usage_of_the_provider(aimock: Server) -> None:
    with aikit.open(providers=providers(aimock)) as kernel:
        run = kernel.agent(spec(system_prompt="Be brief.")).start("Greet me")
        events = list(run)
        result = run.result()
    deltas = [event.text for event in events if event.type == "text_delta"]
    assert result.text == "Grüße from the other end of the wire 🦀."
    assert "".join(deltas) == result.text
    assert len(deltas) > 3
    assert (result.usage.input_tokens, result.usage.output_tokens) == (17, 9)
    assert result.finish_reason == "stop"


def test_two_calls_in_one_turn_are_kept_apart_and_mapped_back(aimock: Server) -> None:
    with aikit.open(providers=providers(aimock)) as kernel:

        @kernel.tool(name="find_person", parameters=EITHER)
        def find_person(name: str = "", id: int = 0) -> dict[str, Any]:
            """Somebody by name or by number."""
            return {"found": name or id}

        run = kernel.agent(spec("calculator", "find_person")).start("Both, please")
        events = list(run)
        assert run.result().text == "Both came back."
    finished = {e.call_id: e.result for e in events if e.type == "tool_finished"}
    assert finished == {"call_a": 42, "call_b": {"found": "grace"}}
    pieces = [e.arguments for e in events if e.type == "tool_call_delta" and e.call_id == "call_b"]
    assert json.loads("".join(pieces)) == {"name": "grace"}

    requests = [r for r in aimock.requests(MODEL) if r["messages"][0]["content"] == "Both, please"]
    first, second = requests[-2:]
    offered = {tool["function"]["name"]: tool["function"] for tool in first["tools"]}
    assert set(offered) == {"calculator", "find_person"}
    calls = second["messages"][1]["tool_calls"]
    assert json.loads(calls[1]["function"]["arguments"]) == {"value": {"name": "grace"}}
    roles = [(m["role"], m.get("tool_call_id")) for m in second["messages"]]
    assert roles[-2:] == [("tool", "call_a"), ("tool", "call_b")]


def test_a_wrong_key_is_refused_and_not_shown(aimock: Server) -> None:
    with aikit.open(providers=providers(aimock, "sk-wrong-canary")) as kernel:
        with pytest.raises(aikit.Error) as caught:
            kernel.agent(spec()).run("Greet me")
    assert caught.value.code == "model_unauthorized"
    assert "canary" not in str(caught.value) + repr(caught.value)
