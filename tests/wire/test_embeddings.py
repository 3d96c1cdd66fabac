"""Vector search with an embedding model over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import aikit
import pytest
from between import batching
from providers import AIMOCK, BEHIND_RELAY, EMBEDDERS, Exercise, Provider
from servers import Server, unused_key

TEXTS = {"cat.txt": "The cat purrs on the sofa.", "car.txt": "The brakes squeal."}


@pytest.fixture(params=EMBEDDERS, ids=lambda provider: provider.name)
def provider(request: pytest.FixtureRequest, exercise: Exercise) -> Provider:
    """Every provider that has embeddings."""
    chosen: Provider = request.param
    exercise(chosen.name, "embeddings", BEHIND_RELAY if chosen.name == "gemini" else AIMOCK)
    return chosen


@pytest.fixture
def server(aimock: Server, provider: Provider) -> Iterator[Server]:
    """Where its embeddings are."""
    with ExitStack() as stack:
        yield stack.enter_context(batching(aimock)) if provider.name == "gemini" else aimock


def opened(server: Server, provider: Provider) -> aikit.Kernel:
    return aikit.open(providers=provider.config(server, unused_key()))


def take_in(kernel: aikit.Kernel, folder: Path, model: str) -> aikit.Collection:
    """One document after the other: the stand-in gives one vector for all texts of a request."""
    collection = kernel.collection("things")
    for name, text in TEXTS.items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        collection.ingest(str(path), embedding_model=model)
    return collection


def test_what_means_the_same_is_found_without_a_common_word(
    server: Server, provider: Provider, tmp_path: Path
) -> None:
    model = f"{provider.name}/vectors"
    with opened(server, provider) as kernel:
        collection = take_in(kernel, tmp_path, model)
        assert collection.search("kitten") == []
        found = collection.search("kitten", embedding_model=model, top_k=2)
    assert [passage.source for passage in found] == ["cat.txt", "car.txt"]
    assert found[0].score > found[1].score


def test_texts_are_embedded_once(aimock: Server, tmp_path: Path) -> None:
    model = "openai/vectors"
    before = len(aimock.requests("vectors"))
    with aikit.open(providers=aimock.providers()) as kernel:
        collection = take_in(kernel, tmp_path, model)
        taken_in = len(aimock.requests("vectors"))
        again = take_in(kernel, tmp_path, model)
        assert taken_in == before + 2
        assert len(aimock.requests("vectors")) == taken_in, "nothing changed, nothing to embed"
        again.search("kitten", embedding_model=model)
        collection.search("kitten", embedding_model=model)
    assert len(aimock.requests("vectors")) == taken_in + 2, "one request for each query"


def test_a_provider_that_fails_leaves_the_documents_in(
    aimock: Server, server: Server, provider: Provider, tmp_path: Path
) -> None:
    model = f"no-vectors-{provider.name}"
    aimock.teach({
        "match": {"endpoint": "embedding", "model": model},
        "response": {"error": {"message": "slow down"}, "status": 429, "retryAfter": 0},
    })
    (tmp_path / "note.txt").write_text(TEXTS["cat.txt"])
    with opened(server, provider) as kernel:
        collection = kernel.collection("things")
        with pytest.raises(aikit.Error) as caught:
            collection.ingest(str(tmp_path / "note.txt"), embedding_model=f"{provider.name}/{model}")
        assert caught.value.code == "model_rate_limited" and caught.value.retryable
        assert "slow down" in caught.value.message
        assert [passage.source for passage in collection.search("cat")] == ["note.txt"]


@pytest.mark.parametrize(
    ("name", "fault", "code"),
    [
        ("dropped", {"chaos": {"disconnectRate": 1}}, None),
        ("fails", {"chaos": {"dropRate": 1}}, None),
        ("no-json", {"chaos": {"malformedRate": 1}}, "model_invalid_response"),
        ("refused", {"response": {"error": {"message": "no"}, "status": 400}}, "model_refused"),
    ],
    ids=["dropped", "500", "no-json", "400"],
)
def test_only_what_can_pass_is_asked_for_again(
    aimock: Server, server: Server, provider: Provider, tmp_path: Path,
    name: str, fault: dict[str, Any], code: str | None,
) -> None:  # fmt: skip
    model = f"{name}-vectors-{provider.name}"
    match = {"endpoint": "embedding", "model": model}
    vector = {"response": {"embedding": [3, 4]}}
    aimock.teach(
        {"match": match | {"sequenceIndex": 0}} | vector | fault,
        {"match": match | {"sequenceIndex": 1}} | vector,
    )
    (tmp_path / "note.txt").write_text(TEXTS["cat.txt"])
    with opened(server, provider) as kernel:
        collection = kernel.collection("things")
        try:
            collection.ingest(str(tmp_path / "note.txt"), embedding_model=f"{provider.name}/{model}")
            assert code is None
        except aikit.Error as error:
            assert (error.code, error.retryable) == (code, False)
    assert len(aimock.requests(model)) == (1 if code else 2)


def test_a_wrong_key_is_refused_and_never_shown(server: Server, provider: Provider, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text(TEXTS["cat.txt"])
    with aikit.open(providers=provider.config(server, "sk-wrong-key-4711")) as kernel:
        with pytest.raises(aikit.Error) as caught:
            kernel.collection("things").ingest(
                str(tmp_path / "note.txt"), embedding_model=f"{provider.name}/vectors"
            )
    assert caught.value.code == "model_unauthorized"
    assert "sk-wrong-key-4711" not in f"{caught.value!r}{caught.value.cause}"


def test_who_has_no_embeddings_says_so(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text(TEXTS["cat.txt"])
    with aikit.open(providers={"anthropic": {"api_key": "x"}}) as kernel:
        with pytest.raises(aikit.Error) as caught:
            kernel.collection("things").ingest(str(tmp_path / "note.txt"), embedding_model="anthropic/any")
    assert caught.value.code == "model_unknown" and caught.value.hint
