"""The same real model over the three protocols that llama.cpp serves: the same greedy answer, counted
the same, JSON of a schema where the server can hold the model to it, and the vectors of its texts."""

from __future__ import annotations

import json
from math import hypot
from pathlib import Path
from typing import Any

import aikit
import pytest
from between import spoiled
from providers import LLAMA, Exercise
from servers import API_KEY, Server, post

MODEL = "smollm2"
PROMPT = "You are a helpful teacher."
QUESTION = "Why is the sky blue? Explain it to a child."


WIRES = ["openai", "openai_responses", "anthropic"]
TEXTS = {
    "cat.txt": "The cat purrs on the sofa and washes its paws.",
    "car.txt": "The brakes of the car squeal when it rains.",
    "tax.txt": "Taxes are due on the last day of March.",
    "sea.txt": "Waves roll to the beach, and gulls cry over the sea.",
}


def providers(server: Server, provider: str) -> dict[str, dict[str, str]]:
    base_url = server.root if provider == "anthropic" else server.base_url
    return {provider: {"base_url": base_url, "api_key": API_KEY}}


def agent(provider: str, **more: Any) -> aikit.Spec:
    interface = more.pop("interface", {})
    return aikit.parse_spec(json.dumps({
        "identity": {"agent_id": "wire"},
        "interface": interface,
        "intelligence": {
            "model": f"{provider}/{MODEL}", "system_prompt": PROMPT, "temperature": 0, **more,
        },
    }))  # fmt: skip


def plain(server: Server, max_tokens: int) -> dict[str, Any]:
    """What a request without aikit gets."""
    messages = [{"role": "system", "content": PROMPT}, {"role": "user", "content": QUESTION}]
    body = {"model": MODEL, "messages": messages, "temperature": 0, "max_tokens": max_tokens}
    return post(f"{server.base_url}/chat/completions", body)


@pytest.mark.parametrize("provider", WIRES)
def test_the_answer_is_the_one_that_a_plain_request_gets(
    llama: Server, provider: str, exercise: Exercise
) -> None:
    for feature in ("text", "stream", "usage"):
        exercise(provider, feature, LLAMA)
    expected = plain(llama, max_tokens=40)
    with aikit.open(providers=providers(llama, provider)) as kernel:
        run = kernel.agent(agent(provider, max_tokens=40)).start(QUESTION)
        events = list(run)
        result = run.result()
    [choice] = expected["choices"]
    assert result.text == choice["message"]["content"]
    # The Responses API of this server says `completed` of what was cut short, too.
    if provider != "openai_responses":
        assert result.finish_reason == choice["finish_reason"]
    assert result.usage.input_tokens == expected["usage"]["prompt_tokens"]
    assert result.usage.output_tokens == expected["usage"]["completion_tokens"]
    assert len([event for event in events if event.type == "text_delta"]) > 3


@pytest.mark.parametrize("provider", WIRES)
def test_an_answer_that_breaks_off_is_gone_on_with(
    llama: Server, provider: str, exercise: Exercise
) -> None:
    exercise(provider, "faults", LLAMA)
    with spoiled(llama, lambda events: events[:12], ends=False) as between:
        with aikit.open(providers=providers(between, provider)) as kernel:
            run = kernel.agent(agent(provider, max_tokens=20)).start(QUESTION)
            events = list(run)
            result = run.result()
        assert len(between.bodies) == 2
    kinds = [event.type for event in events]
    assert kinds.count("retrying") == 1
    pieces = [(at, event.text) for at, event in enumerate(events) if event.type == "text_delta"]
    before = "".join(text for at, text in pieces if at < kinds.index("retrying"))
    whole = plain(llama, max_tokens=20)["choices"][0]["message"]["content"]
    assert before and whole.startswith(before)
    # What it goes on with is the model's affair.
    assert result.text.startswith(before) and "".join(text for _, text in pieces) == result.text
    assert result.finish_reason in ("stop", "length")


def test_texts_are_ranked_as_the_models_own_vectors_rank_them(
    llama: Server, exercise: Exercise, tmp_path: Path
) -> None:
    exercise("openai", "embeddings", LLAMA)
    question = "A kitten sleeps on the couch."
    answer = post(f"{llama.base_url}/embeddings", {"model": MODEL, "input": [question, *TEXTS.values()]})
    asked, *vectors = [each["embedding"] for each in answer["data"]]

    def nearness(vector: list[float]) -> float:
        product: float = sum(a * b for a, b in zip(asked, vector, strict=True))
        return product / hypot(*asked) / hypot(*vector)

    expected = sorted(TEXTS, key=lambda name: -nearness(vectors[list(TEXTS).index(name)]))
    for name, text in TEXTS.items():
        (tmp_path / name).write_text(text)
    with aikit.open(providers=providers(llama, "openai")) as kernel:
        collection = kernel.collection("things")
        # All in one request: each has to get its own.
        collection.ingest(str(tmp_path), embedding_model=f"openai/{MODEL}")
        found = collection.search(question, embedding_model=f"openai/{MODEL}", top_k=4)
    assert [passage.source.rpartition("/")[2] for passage in found] == expected
    assert expected[0] == "cat.txt"


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
    with aikit.open(providers=providers(llama, "openai")) as kernel:
        spec = agent("openai", max_tokens=120, interface={"output_schema": schema})
        result = kernel.agent(spec).run("Which colour is the sky?")
    assert result.output["colour"] in ("red", "green", "blue")
    assert result.turns == 1, "so small a model does not find it by itself"
