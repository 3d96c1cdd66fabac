"""The same real model over the two protocols that llama.cpp serves: the same greedy answer, counted
the same, and JSON of a schema where the server can hold the model to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import aikit
import pytest
from servers import API_KEY, Server, post

LLAMA = "a real llama.cpp server (xllamacpp) with SmolLM2-135M-Instruct"
MODEL = "smollm2"
PROMPT = "You are a helpful teacher."
QUESTION = "Why is the sky blue? Explain it to a child."
Exercise = Callable[[str, str, str], None]


def asked(server: Server, provider: str, question: str, **more: Any) -> tuple[list[Any], aikit.RunResult]:
    """What happens in a run over one of the protocols."""
    addresses = {"openai": server.base_url, "openai_responses": server.base_url, "anthropic": server.root}
    providers = {provider: {"base_url": addresses[provider], "api_key": API_KEY}}
    spec = {
        "identity": {"agent_id": "wire"},
        "interface": more.pop("interface", {}),
        "intelligence": {
            "model": f"{provider}/{MODEL}", "system_prompt": PROMPT, "temperature": 0, **more,
        },
    }
    with aikit.open(providers=providers) as kernel:
        run = kernel.agent(aikit.parse_spec(json.dumps(spec))).start(question)
        events = list(run)
        return events, run.result()


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_the_answer_is_the_one_that_a_plain_request_gets(
    llama: Server, provider: str, exercise: Exercise
) -> None:
    for feature in ("text", "stream", "usage"):
        exercise(provider, feature, LLAMA)
    plain = post(f"{llama.base_url}/chat/completions", {
        "model": MODEL,
        "messages": [{"role": "system", "content": PROMPT}, {"role": "user", "content": QUESTION}],
        "temperature": 0,
        "max_tokens": 40,
    })
    events, result = asked(llama, provider, QUESTION, max_tokens=40)
    [choice] = plain["choices"]
    assert result.text == choice["message"]["content"]
    assert result.finish_reason == choice["finish_reason"]
    assert result.usage.input_tokens == plain["usage"]["prompt_tokens"]
    assert result.usage.output_tokens == plain["usage"]["completion_tokens"]
    assert len([event for event in events if event.type == "text_delta"]) > 3


def test_the_server_holds_the_model_to_a_schema(llama: Server, exercise: Exercise) -> None:
    exercise("openai", "structured", LLAMA)
    schema = {
        "type": "object",
        "properties": {
            "colour": {"enum": ["red", "green", "blue"]},
            "reason": {"type": "string", "maxLength": 40},
        },
        "required": ["colour", "reason"],
        "additionalProperties": False,
    }
    _, result = asked(
        llama, "openai", "Which colour is the sky?", max_tokens=120, interface={"output_schema": schema}
    )
    assert result.output["colour"] in ("red", "green", "blue")
    assert result.turns == 1, "so small a model does not find it by itself"
