"""A user's own headers, on every wire: they go with each request once, and nothing else changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aikit
import pytest
from between import batching, spoiled
from providers import PROVIDERS, WIRES, Provider
from servers import API_KEY, Server

OWN = {
    "X-Gateway": "gw-canary-0123456789",
    "HTTP-Referer": "https://shop.example",
    "User-Agent": "shop/1.0",
}
KEYS = ("authorization", "x-api-key", "api-key", "x-goog-api-key")
SENTENCE = "The headers are there."


@pytest.fixture(params=PROVIDERS, ids=lambda provider: provider.name)
def provider(request: pytest.FixtureRequest) -> Provider:
    """Every provider of the table."""
    chosen: Provider = request.param
    return chosen


@pytest.fixture(params=[wire for wire in WIRES if wire.name != "anthropic"], ids=lambda wire: wire.name)
def embedder(request: pytest.FixtureRequest) -> Provider:
    """One provider of each protocol that has embeddings."""
    chosen: Provider = request.param
    return chosen


def unchanged(events: list[bytes]) -> list[bytes]:
    return events


def config(server: Server, provider: Provider, **more: Any) -> dict[str, dict[str, Any]]:
    chosen: dict[str, dict[str, Any]] = provider.config(server)
    return {name: settings | {"headers": OWN} | more for name, settings in chosen.items()}


def check(heads: list[list[tuple[str, str]]]) -> None:
    assert heads
    for head in heads:
        for name, value in OWN.items():
            assert [said for known, said in head if known == name.lower()] == [value]
        keys = [value for name, value in head if name in KEYS]
        assert len(keys) == 1 and keys[0].endswith(API_KEY), keys


def answered(kernel: aikit.Kernel, model: str) -> aikit.RunResult:
    spec = aikit.parse_spec(json.dumps({"agent": "wire", "model": model}))
    return kernel.agent(spec).run("Are they there?")


def test_an_answer_is_asked_for_with_them(aimock: Server, provider: Provider) -> None:
    model = f"headers-{provider.name}"
    aimock.teach({"match": {"model": model}, "response": {"content": SENTENCE}})
    with spoiled(aimock, unchanged) as between, aikit.open(providers=config(between, provider)) as kernel:
        assert answered(kernel, f"{provider.name}/{model}").text == SENTENCE
        check(between.heads)


def test_vectors_are_asked_for_with_them(aimock: Server, embedder: Provider, tmp_path: Path) -> None:
    path = tmp_path / "cat.txt"
    path.write_text("The cat purrs on the sofa.", encoding="utf-8")
    with (
        batching(aimock) as batches,
        spoiled(batches if embedder.name == "gemini" else aimock, unchanged) as between,
        aikit.open(providers=config(between, embedder)) as kernel,
    ):
        kernel.collection("things").ingest(str(path), embedding_model=f"{embedder.name}/vectors")
        check(between.heads)


def test_a_recording_has_none_of_them(aimock: Server, tmp_path: Path) -> None:
    provider = PROVIDERS[0]
    model = "headers-recorded"
    aimock.teach({"match": {"model": model}, "response": {"content": SENTENCE}})
    cassette = tmp_path / "talk.json"
    with spoiled(aimock, unchanged) as between:
        for _ in ("recorded", "replayed"):
            with aikit.open(providers=config(between, provider, cassette=str(cassette))) as kernel:
                assert answered(kernel, f"{provider.name}/{model}").text == SENTENCE
        assert len(between.heads) == 1
    text = cassette.read_text("utf-8")
    for said in ("x-gateway", OWN["X-Gateway"], API_KEY):
        assert said not in text.lower()
