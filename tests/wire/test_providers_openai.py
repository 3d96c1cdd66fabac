"""OpenAI's two protocols, Azure, OpenRouter and Cohere, against a stand-in that speaks all of them."""

from __future__ import annotations

import json
from typing import Any

import aikit
import pytest
from servers import API_KEY, Server

TOOLS = ["calculator", "leave_balance"]


def providers(server: Server) -> dict[str, dict[str, str]]:
    """Every provider of this file at the stand-in."""
    key = {"api_key": API_KEY}
    return {
        "openai": {"base_url": server.base_url, **key},
        "azure": {"base_url": server.root, "api_version": "2024-10-21", **key},
        "openrouter": {"base_url": f"{server.root}/api/v1", **key},
        "cohere": {"base_url": server.root, **key},
    }


def kernel_of(server: Server) -> aikit.Kernel:
    kernel = aikit.open(providers=providers(server))

    @kernel.tool
    def leave_balance(employee: str) -> dict[str, Any]:
        """Days of annual leave that an employee has left this year."""
        return {"employee": employee, "days": 12}

    return kernel


def spec(model: str, tools: list[str]) -> aikit.Spec:
    return aikit.parse_spec(json.dumps({
        "identity": {"agent_id": "wire"},
        "integration": {"tools": tools},
        "intelligence": {"model": model},
    }))


@pytest.mark.parametrize("provider", ["openai", "openai_responses", "azure", "openrouter"])
def test_what_is_thought_is_told_apart_from_what_is_said(aimock: Server, provider: str) -> None:
    with kernel_of(aimock) as kernel:
        run = kernel.agent(spec(f"{provider}/gpt-5-wire-text", [])).start("Hello")
        events = list(run)
        result = run.result()
    assert result.text == "Thought through."
    text = [event.text for event in events if event.type == "text_delta"]
    thought = [event.text for event in events if event.type == "reasoning_delta"]
    assert "".join(text) == result.text and len(text) > 1
    assert "".join(thought) == "First one thing, then the other."
    assert (result.usage.input_tokens, result.usage.output_tokens) == (40, 30)
    assert result.finish_reason == "stop"


@pytest.mark.parametrize(
    "model",
    [
        "openai/gpt-5-wire-calls",
        "openai_responses/gpt-5-wire-calls",
        "azure/gpt-5-wire-calls",
        "openrouter/gpt-5-wire-calls",
        "cohere/command-a-reasoning-wire",
    ],
)
def test_two_calls_in_one_turn_and_their_results(aimock: Server, model: str) -> None:
    before = len(aimock.get("/__aimock/journal"))
    with kernel_of(aimock) as kernel:
        run = kernel.agent(spec(model, TOOLS)).start("Both, please")
        finished = {e.call_id: e.result for e in run if e.type == "tool_finished"}
        assert run.result().text == "Both came back."
    assert finished == {"call_a": 42, "call_b": {"employee": "grace", "days": 12}}
    entries = aimock.get("/__aimock/journal")[before:]
    assert len(entries) == 2, [entry.get("path") for entry in entries]


@pytest.mark.parametrize("provider", ["openai", "openai_responses", "azure"])
def test_a_conversation_that_is_too_long_has_its_own_code(aimock: Server, provider: str) -> None:
    with kernel_of(aimock) as kernel:
        with pytest.raises(aikit.Error) as caught:
            kernel.agent(spec(f"{provider}/gpt-wire-long", [])).start("Hello").result()
    assert caught.value.code == "model_context_exceeded"
    assert not caught.value.retryable


@pytest.mark.parametrize("provider", ["openai", "azure", "cohere"])
def test_a_wrong_key_is_refused_and_never_shown(aimock: Server, provider: str) -> None:
    config = providers(aimock)
    config[provider]["api_key"] = "sk-wrong-key-4711"
    with aikit.open(providers=config) as kernel:
        with pytest.raises(aikit.Error) as caught:
            kernel.agent(spec(f"{provider}/gpt-5-wire-text", [])).start("Hello").result()
    assert caught.value.code == "model_unauthorized"
    assert "sk-wrong-key-4711" not in f"{caught.value!r}{caught.value.hint}{caught.value.cause}"
