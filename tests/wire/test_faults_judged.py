"""Faults from another hand: llmock breaks what it serves, and says what its client did wrong about it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import aikit
import pytest
from providers import LLMOCK, PROVIDERS, Exercise, Provider
from servers import Server, post, unused_key

SENTENCE = "The first half is heard, and then the line is cut before the second one."
REST = " — and here is the rest of it."
PATHS = {
    "openai": "/v1", "openai_responses": "/v1", "anthropic": "/anthropic", "gemini": "/gemini",
    "cohere": "/cohere", "mistral": "/mistral/v1",
}  # fmt: skip
JUDGED = [replace(each, path=PATHS[each.name]) for each in PROVIDERS if each.name in PATHS]
# Events before the first of the text.
BEFORE = {"openai_responses": 4, "anthropic": 3, "gemini": 0, "cohere": 2}


@pytest.fixture(params=JUDGED, ids=lambda provider: provider.name)
def provider(request: pytest.FixtureRequest, exercise: Exercise, llmock: Server) -> Provider:
    """A provider as this stand-in serves it, with nothing left of the test before."""
    post(f"{llmock.root}/_llmock/reset", {})
    chosen: Provider = request.param
    exercise(chosen.name, "faults", LLMOCK)
    return chosen


def script(server: Server, *behaviours: dict[str, Any]) -> None:
    """What the requests to come meet, each once."""
    post(f"{server.root}/_llmock/scenario", {"behaviors": behaviours})


def says(text: str) -> dict[str, Any]:
    return {"type": "reply", "text": text}


def breaks(provider: Provider, kind: str, pieces: int, **more: Any) -> dict[str, Any]:
    """A fault of the stream behind so many pieces of the text."""
    after = BEFORE.get(provider.name, 1) + pieces
    return {"type": "stream_fault", "kind": kind, "after_chunks": after} | more


def findings(server: Server) -> list[str]:
    """What the server has to say against its client."""
    verdict = server.get("/_llmock/verdict")
    return [finding["code"] for finding in verdict["findings"]]


def requests(server: Server) -> int:
    count: int = server.get("/_llmock/requests")["count"]
    return count


def ask(
    server: Server, provider: Provider, *tools: str, **settings: Any
) -> tuple[list[aikit.Event], aikit.RunResult | aikit.Error, list[str]]:
    """The events of a run, its end, and the cities that its tool was called with."""
    config: dict[str, dict[str, Any]] = provider.config(server, unused_key())
    config[provider.name] |= settings
    spec = {"agent": "wire", "model": f"{provider.name}/judged", "tools": tools}
    cities: list[str] = []
    events: list[aikit.Event] = []
    with aikit.open(providers=config) as kernel:

        @kernel.tool
        def weather(city: str) -> str:
            """What the weather is like in a city."""
            cities.append(city)
            return "rain"

        run = kernel.agent(aikit.parse_spec(json.dumps(spec))).start("What is the weather like in Bern?")
        try:
            for event in run:
                events.append(event)  # noqa: PERF402  (what came before an error counts)
            return events, run.result(), cities
        except aikit.Error as error:
            return events, error, cities


def text_of(events: list[aikit.Event]) -> str:
    return "".join(event.text for event in events if event.type == "text_delta")


def retries(events: list[aikit.Event]) -> list[str]:
    return [event.code for event in events if event.type == "retrying"]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"type": "fail", "status": 500}, "model_unavailable"),
        ({"type": "fail", "status": 429, "retry_after": 0.4}, "model_rate_limited"),
        ({"type": "stream_fault", "kind": "disconnect", "after_chunks": 0}, "model_stream_broken"),
        ({"type": "stream_fault", "kind": "truncate", "after_chunks": 0}, "model_stream_broken"),
    ],
    ids=["500", "429", "disconnect", "truncate"],
)
def test_what_fails_before_it_began_is_asked_for_again(
    llmock: Server, provider: Provider, fault: dict[str, Any], code: str
) -> None:
    script(llmock, fault, says(SENTENCE), says(SENTENCE))
    events, result, _ = ask(llmock, provider)
    assert isinstance(result, aikit.RunResult), result
    assert text_of(events) == result.text == SENTENCE
    assert retries(events) == [code]
    assert findings(llmock) == []


@pytest.mark.parametrize("kind", ["disconnect", "truncate", "stall"])
def test_what_breaks_in_the_middle_is_gone_on_with(llmock: Server, provider: Provider, kind: str) -> None:
    stall = {"stall_seconds": 20} if kind == "stall" else {}
    script(llmock, breaks(provider, kind, 3, **stall), says(SENTENCE), says(REST))
    events, result, _ = ask(llmock, provider, between_chunks_ms=800)
    assert isinstance(result, aikit.RunResult), result
    assert text_of(events) == result.text == "The first half " + REST
    assert retries(events) == ["model_unavailable" if kind == "stall" else "model_stream_broken"]


def test_a_piece_that_is_no_json_is_an_error(llmock: Server, provider: Provider) -> None:
    script(llmock, breaks(provider, "malformed", 3), says(SENTENCE), says(REST))
    events, error, _ = ask(llmock, provider)
    assert isinstance(error, aikit.Error), error
    assert error.code == "model_invalid_response"
    assert text_of(events) == "The first half " and retries(events) == []
    assert requests(llmock) == 1


def test_what_stays_down_is_an_error_and_is_not_stormed(llmock: Server, provider: Provider) -> None:
    script(llmock, {"type": "fail", "status": 500, "times": None})
    _, error, _ = ask(llmock, provider)
    assert isinstance(error, aikit.Error), error
    assert (error.code, error.retryable) == ("model_unavailable", True)
    assert requests(llmock) == 3
    # Two random waits may happen to be as long as each other.
    assert set(findings(llmock)) <= {"no_backoff"}


@pytest.mark.parametrize(
    ("status", "code"),
    # Its 404 does not say what was not found.
    [(400, "model_refused"), (401, "model_unauthorized"), (404, "model_refused"), (422, "model_refused")],
)
def test_what_is_refused_is_not_asked_for_again(
    llmock: Server, provider: Provider, status: int, code: str
) -> None:
    script(llmock, {"type": "fail", "status": status})
    _, error, _ = ask(llmock, provider)
    assert isinstance(error, aikit.Error), error
    assert (error.code, error.retryable) == (code, False)
    assert requests(llmock) == 1
    assert findings(llmock) == []


@pytest.mark.parametrize("kind", ["unknown_tool", "malformed_arguments"])
def test_a_call_that_makes_no_sense_is_not_made(llmock: Server, provider: Provider, kind: str) -> None:
    script(llmock, {"type": "tool_fault", "kind": kind})
    events, result, cities = ask(llmock, provider, "weather")
    assert isinstance(result, aikit.RunResult), result
    # The model is told, and answers.
    [finished] = [event for event in events if event.type == "tool_finished"]
    assert finished.error and cities == []
    assert result.text and result.turns == 2
    assert findings(llmock) == []


@pytest.mark.parametrize("kind", ["disconnect", "truncate"])
def test_a_call_that_breaks_off_is_made_once(llmock: Server, provider: Provider, kind: str) -> None:
    call = {"type": "reply", "tool_calls": [{"name": "weather", "arguments": {"city": "Bern, the capital"}}]}
    # Gemini's and Mistral's call come in one piece; theirs are cut before it.
    pieces = 0 if provider.name in ("gemini", "mistral") else 2
    script(llmock, breaks(provider, kind, pieces), call, call, says("It rains."))
    events, result, cities = ask(llmock, provider, "weather")
    assert isinstance(result, aikit.RunResult), result
    assert cities == ["Bern, the capital"]
    assert text_of(events) == result.text == "It rains."
    assert retries(events) == ["model_stream_broken"]
    assert findings(llmock) == []
