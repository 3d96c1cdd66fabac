"""The same agent and the same expectations for every provider: what differs stays below the model."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import aikit
import pytest
from providers import AIMOCK, PROVIDERS, Exercise, Provider
from servers import API_KEY, Server

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture(params=PROVIDERS, ids=lambda provider: provider.name)
def provider(request: pytest.FixtureRequest) -> Provider:
    chosen: Provider = request.param
    return chosen


def watched(
    server: Server, provider: Provider, question: str, *, key: str = API_KEY, tools: bool = False,
    interface: dict[str, Any] | None = None, cassette: Path | None = None, **options: Any,
) -> tuple[list[aikit.Event], aikit.RunResult]:  # fmt: skip
    """What happens in a run that ends well."""
    providers: dict[str, dict[str, Any]] = provider.config(server, key)
    if cassette:
        providers[provider.name]["cassette"] = str(cassette)
    spec = {
        "agent": "wire",
        "model": f"{provider.name}/every-provider",
        "tools": ["calculator"] if tools else [],
        "interface": interface or {},
    }
    with aikit.open(providers=providers) as kernel:
        run = kernel.agent(aikit.parse_spec(json.dumps(spec))).start(question, **options)
        events = list(run)
        return events, run.result()


def sent(cassette: Path) -> str:
    """The body of the last request that was recorded, as a text."""
    body = json.loads(cassette.read_text("utf-8"))["exchanges"][-1]["request"]["body"]
    return json.dumps(body)


def test_text_in_pieces_with_its_usage(aimock: Server, provider: Provider, exercise: Exercise) -> None:
    for feature in ("text", "stream", "usage") if provider.counts else ("text", "stream"):
        exercise(provider.name, feature, AIMOCK)
    events, result = watched(aimock, provider, "Say hello to all.")
    pieces = [event.text for event in events if event.type == "text_delta"]
    assert result.text == "Grüße from the other end of the wire 🦀."
    assert "".join(pieces) == result.text
    assert len(pieces) > 3
    if provider.counts:
        assert (result.usage.input_tokens, result.usage.output_tokens) == (17, 9)
    assert result.finish_reason == "stop"


def test_a_tool_is_called_and_its_result_goes_back(
    aimock: Server, provider: Provider, exercise: Exercise
) -> None:
    exercise(provider.name, "tools", AIMOCK)
    events, result = watched(aimock, provider, "Add it up.", tools=True)
    assert result.text == "It is 42."
    assert result.turns == 2
    if provider.counts:
        assert result.usage.total_tokens == 52
    pieces = [event for event in events if event.type == "tool_call_delta"]
    assert {piece.name for piece in pieces} == {"calculator"}
    assert len({piece.call_id for piece in pieces}) == 1
    assert json.loads("".join(piece.arguments for piece in pieces)) == {"expression": "6 * 7"}
    [finished] = [event for event in events if event.type == "tool_finished"]
    assert finished.result == 42
    assert finished.call_id == pieces[0].call_id
    first, *_ = [event for event in events if event.type == "model_finished"]
    assert first.finish_reason == "tool_calls"


def test_two_calls_of_one_turn_are_kept_apart(
    aimock: Server, provider: Provider, exercise: Exercise
) -> None:
    exercise(provider.name, "parallel tools", AIMOCK)
    events, result = watched(aimock, provider, "Add up both.", tools=True)
    assert result.text == "3 and 50."
    started = {e.call_id: e.arguments for e in events if e.type == "tool_started"}
    finished = {e.call_id: e.result for e in events if e.type == "tool_finished"}
    assert [started[call]["expression"] for call in started] == ["1 + 2", "10 * (2 + 3)"]
    assert [finished[call] for call in started] == [3, 50]


def test_an_answer_of_a_schema(
    aimock: Server, provider: Provider, exercise: Exercise, tmp_path: Path
) -> None:
    exercise(provider.name, "structured", AIMOCK)
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "people": {"type": "integer"}},
        "required": ["city", "people"],
        "additionalProperties": False,
    }
    events, result = watched(
        aimock, provider, "Which city is it?", interface={"output_schema": schema},
        cassette=tmp_path / "cassette.json",
    )  # fmt: skip
    assert result.output == {"city": "Bern", "people": 137000}
    assert result.turns == 1
    pieces = [event.text for event in events if event.type == "text_delta"]
    assert json.loads("".join(pieces)) == result.output
    assert not [event for event in events if event.type in ("tool_call_delta", "tool_started")]
    # The provider hears of the shape, in whatever way it has.
    assert "people" in sent(tmp_path / "cassette.json")


def test_a_picture_goes_with_the_question(
    aimock: Server, provider: Provider, exercise: Exercise, tmp_path: Path
) -> None:
    exercise(provider.name, "images", AIMOCK)
    cassette, question = tmp_path / "cassette.json", "What is on the picture?"
    events, result = watched(aimock, provider, question, images=[PIXEL], cassette=cassette)
    assert result.text == "A pixel."
    body = sent(cassette)
    assert "image/png" in body
    assert base64.b64encode(PIXEL).decode() in body
    # The recording answers without the provider, and the same.
    gone = Server(1)
    again, replayed = watched(gone, provider, question, images=[PIXEL], cassette=cassette)
    assert [event.type for event in again] == [event.type for event in events]
    assert replayed.text == result.text


def test_what_the_model_thinks_is_told_apart_from_what_it_says(
    aimock: Server, provider: Provider, exercise: Exercise
) -> None:
    events, result = watched(aimock, provider, "Think it over.")
    assert result.text.endswith("Four.")
    thought = "".join(event.text for event in events if event.type == "reasoning_delta")
    if provider.reasoning:
        assert result.text == "Four."
        exercise(provider.name, "reasoning", AIMOCK)
        assert thought == "Two and two are added, which gives four."


def test_mistral_counts_without_being_asked(aimock: Server, exercise: Exercise) -> None:
    exercise("mistral", "usage", AIMOCK)
    # At this address the stand-in does so, too.
    _, result = watched(aimock, Provider("mistral", "/api/v1"), "Say hello to all.")
    assert result.text == "Grüße from the other end of the wire 🦀."
    assert (result.usage.input_tokens, result.usage.output_tokens) == (17, 9)


@pytest.mark.parametrize(
    ("question", "code", "tries"),
    [
        ("Be busy.", "model_rate_limited", 3),
        ("Be broken.", "model_unavailable", 3),
        ("Be wrong.", "model_refused", 1),
    ],
)
def test_what_a_provider_refuses(
    aimock: Server, provider: Provider, exercise: Exercise, question: str, code: str, tries: int
) -> None:
    exercise(provider.name, "errors", AIMOCK)
    with pytest.raises(aikit.Error) as caught:
        watched(aimock, provider, question)
    assert caught.value.code == code
    said = {"Be busy.": "too many", "Be broken.": "fell over", "Be wrong.": "temperature"}[question]
    assert said in caught.value.message


def test_a_wrong_key(aimock: Server, provider: Provider, exercise: Exercise) -> None:
    exercise(provider.name, "errors", AIMOCK)
    with pytest.raises(aikit.Error) as caught:
        watched(aimock, provider, "Say hello to all.", key="sk-wrong-key-4711")
    assert caught.value.code == "model_unauthorized"
    assert "sk-wrong-key-4711" not in f"{caught.value!r}{caught.value.cause}"
