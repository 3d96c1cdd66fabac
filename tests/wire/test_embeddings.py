"""Vector search with an embedding model over HTTP."""

from __future__ import annotations

from pathlib import Path

import aikit
import pytest
from servers import Server

MODEL = "openai/vectors"


def take_in(kernel: aikit.Kernel, folder: Path) -> aikit.Collection:
    """One document after the other: the stand-in gives one vector for all texts of a request."""
    collection = kernel.collection("things")
    for name, text in (("cat.txt", "The cat purrs on the sofa."), ("car.txt", "The brakes squeal.")):
        path = folder / name
        path.write_text(text, encoding="utf-8")
        collection.ingest(str(path), embedding_model=MODEL)
    return collection


def test_what_means_the_same_is_found_without_a_common_word(aimock: Server, tmp_path: Path) -> None:
    with aikit.open(providers=aimock.providers()) as kernel:
        collection = take_in(kernel, tmp_path)
        assert collection.search("kitten") == []
        found = collection.search("kitten", embedding_model=MODEL, top_k=2)
    assert [passage.source for passage in found] == ["cat.txt", "car.txt"]
    assert found[0].score > found[1].score


def test_texts_are_embedded_once(aimock: Server, tmp_path: Path) -> None:
    before = len(aimock.requests("vectors"))
    with aikit.open(providers=aimock.providers()) as kernel:
        collection = take_in(kernel, tmp_path)
        taken_in = len(aimock.requests("vectors"))
        again = take_in(kernel, tmp_path)
        assert taken_in == before + 2
        assert len(aimock.requests("vectors")) == taken_in, "nothing changed, nothing to embed"
        again.search("kitten", embedding_model=MODEL)
        collection.search("kitten", embedding_model=MODEL)
    assert len(aimock.requests("vectors")) == taken_in + 2, "one request for each query"


def test_a_provider_that_fails_leaves_the_documents_in(aimock: Server, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("The cat purrs.", encoding="utf-8")
    with aikit.open(providers=aimock.providers()) as kernel:
        collection = kernel.collection("things")
        with pytest.raises(aikit.Error) as caught:
            collection.ingest(str(tmp_path / "note.txt"), embedding_model="openai/busy-vectors")
        assert caught.value.code == "model_rate_limited"
        assert [passage.source for passage in collection.search("cat")] == ["note.txt"]
