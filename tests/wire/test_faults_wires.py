"""What goes wrong on every wire: an answer is given once and whole, or it is an error that says why; a
call is made once or not at all. One test for each fault, the same for all protocols."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import aikit
import pytest
from between import spoiled
from providers import AIMOCK, PROVIDERS, WIRES, Exercise, Provider
from servers import Server, unused_key

SENTENCE = "The first half is heard, and then the line is cut before the second one."
REST = " — and here is the rest of it."
# What a model is asked that is to go on.
GO_ON = "Your answer broke off"
# How far into the stream the line is cut. aimock sends five letters at a time and some events around
# them: a text or call of these tests is over before the last of them.
ANYWHERE = range(1, 27)
SEATS = {"train": "IC 5", "seats": ["12A", "12B"]}
USAGE = {
    "prompt_tokens": 17, "completion_tokens": 9, "input_tokens": 17, "output_tokens": 9,
    "promptTokenCount": 17, "candidatesTokenCount": 9,
}  # fmt: skip


@pytest.fixture(params=WIRES, ids=lambda provider: provider.name)
def wire(request: pytest.FixtureRequest, exercise: Exercise) -> Provider:
    """One provider of each protocol."""
    chosen: Provider = request.param
    exercise(chosen.name, "faults", AIMOCK)
    return chosen


@pytest.fixture(params=PROVIDERS, ids=lambda provider: provider.name)
def provider(request: pytest.FixtureRequest, exercise: Exercise) -> Provider:
    """Every provider of the table."""
    chosen: Provider = request.param
    exercise(chosen.name, "faults", AIMOCK)
    return chosen


@dataclass
class Outcome:
    """What happened in a run."""

    events: list[aikit.Event] = field(default_factory=list)
    end: aikit.RunResult | aikit.Error | None = None
    booked: list[tuple[str, list[str]]] = field(default_factory=list)
    """What the tool was called with."""

    @property
    def result(self) -> aikit.RunResult:
        assert isinstance(self.end, aikit.RunResult), f"it failed: {self.end!r}"
        return self.end

    @property
    def error(self) -> aikit.Error:
        assert isinstance(self.end, aikit.Error), f"it gave {self.end!r}"
        return self.end

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.events if event.type == "text_delta")

    @property
    def retries(self) -> list[str]:
        return [event.code for event in self.events if event.type == "retrying"]

    def text_before_retry(self) -> str:
        kinds = [event.type for event in self.events]
        before = self.events[: kinds.index("retrying")]
        return "".join(event.text for event in before if event.type == "text_delta")


def ask(
    server: Server, provider: Provider, model: str, *others: tuple[Server, Provider, str],
    tools: bool = False, shape: dict[str, Any] | None = None, **settings: Any,
) -> Outcome:  # fmt: skip
    """A run with this model, and others to fall back on; `settings` are the provider's."""
    config: dict[str, dict[str, Any]] = {}
    for each, (at, who, _) in enumerate([(server, provider, model), *others]):
        config |= who.config(at, unused_key())
        if each == 0:
            config[who.name] |= settings
    spec = {
        "agent": "wire",
        "intelligence": {
            "model": f"{provider.name}/{model}",
            "fallback_models": [f"{who.name}/{name}" for _, who, name in others],
        },
        "tools": ["book"] if tools else [],
        "interface": {"output_schema": shape} if shape else {},
    }
    outcome = Outcome()
    with aikit.open(providers=config) as kernel:

        @kernel.tool
        def book(train: str, seats: list[str]) -> str:
            """Book seats in a train. They are paid for at once."""
            outcome.booked.append((train, seats))
            return "booked"

        run = kernel.agent(aikit.parse_spec(json.dumps(spec))).start("Go")
        try:
            for event in run:
                outcome.events.append(event)
            outcome.end = run.result()
        except aikit.Error as error:
            outcome.end = error
    return outcome


def says(model: str, text: str, **more: Any) -> dict[str, Any]:
    """A fixture: this model says this."""
    return {"match": {"model": model}, "response": {"content": text, "usage": USAGE}} | more


def first(fixture: dict[str, Any], **fault: Any) -> list[dict[str, Any]]:
    """The same answer with a fault at first, and without it afterwards."""
    return [fixture | {"match": fixture["match"] | {"sequenceIndex": 0}} | fault, fixture]


def goes_on(model: str, response: dict[str, Any]) -> dict[str, Any]:
    """A fixture: asked to go on, this model answers this."""
    return {"match": {"model": model, "userMessage": GO_ON}, "response": response}


def at_once(ask_at: Callable[[int], Outcome], places: Iterable[int]) -> dict[int, Outcome]:
    """The outcomes for all places, some at the same time."""
    with ThreadPoolExecutor(8) as pool:
        return dict(zip(places, pool.map(ask_at, places), strict=True))


def named(fault: str, provider: Provider, place: int | None = None) -> str:
    """A model of this test alone."""
    return f"{fault}-{provider.name}" + ("" if place is None else f"-at{place}-end")


def places_of(provider: Provider, *, every: int = 1) -> Iterable[int]:
    """Where the line is cut: anywhere, or in the middle for the providers whose protocol is another's."""
    return ANYWHERE[::every] if provider in WIRES else (8,)


def test_a_text_that_breaks_off_is_gone_on_with(aimock: Server, provider: Provider) -> None:
    places = places_of(provider)
    for place in places:
        model = named("cut-text", provider, place)
        aimock.teach(
            # It begins anew, as many models do: what it repeats is not given twice.
            goes_on(model, {"content": SENTENCE}),
            *first(says(model, SENTENCE), truncateAfterChunks=place, latency=3),
        )
    outcomes = at_once(lambda place: ask(aimock, provider, named("cut-text", provider, place)), places)
    journal, gone_on = aimock.all_requests(), 0
    for place, outcome in outcomes.items():
        assert outcome.text == outcome.result.text == SENTENCE, place
        requests = journal[named("cut-text", provider, place)]
        if not outcome.retries:
            assert len(requests) == 1, "the answer was over before the line was cut"
            continue
        assert len(requests) == 2
        said = outcome.text_before_retry()
        if not said:
            assert requests[1]["messages"] == requests[0]["messages"]
            continue
        assert outcome.retries == ["model_stream_broken"]
        asked, answered, to_go_on = requests[1]["messages"]
        assert (asked["content"], answered["content"]) == ("Go", said)
        assert answered["role"] == "assistant" and GO_ON in to_go_on["content"]
        gone_on += 1
    assert gone_on >= min(10, len(outcomes)), "cut too early or too late"


@pytest.mark.parametrize(
    ("before", "trains"),
    [("", ["IC 5"]), ("I book them now.", ["IC 5"]), ("", ["IC 5", "RE 7"])],
    ids=["one-call", "text-and-call", "two-calls"],
)
def test_calls_that_break_off_are_made_once(
    aimock: Server, provider: Provider, before: str, trains: list[str]
) -> None:
    fault = f"cut-calls{len(trains)}" + ("-text" if before else "")
    seats = ["12A", "12B"]
    calls = [
        {"name": "book", "id": f"call_{i}", "arguments": json.dumps({"train": train, "seats": seats})}
        for i, train in enumerate(trains)
    ]
    answer: dict[str, Any] = {"toolCalls": calls} | ({"content": before} if before else {})
    places = places_of(provider, every=2 if before or len(trains) > 1 else 1)
    for place in places:
        model = named(fault, provider, place)
        aimock.teach(
            {"match": {"model": model, "hasToolResult": True}, "response": {"content": "Booked."}},
            goes_on(model, answer),
            *first({"match": {"model": model}, "response": answer}, truncateAfterChunks=place, latency=3),
        )
    outcomes = at_once(lambda place: ask(aimock, provider, named(fault, provider, place), tools=True), places)
    journal, broken = aimock.all_requests(), 0
    for place, outcome in outcomes.items():
        assert outcome.booked == [(train, seats) for train in trains], (place, outcome)
        assert outcome.text == before + "Booked.", place
        *_, last = journal[named(fault, provider, place)]
        roles = "".join(message["role"][0] for message in last["messages"])
        # Text and calls of one turn are one message, or two where the protocol has it so.
        assert roles.replace("aa", "a") == "ua" + "t" * len(trains), (place, last["messages"])
        sent = [call for m in last["messages"] for call in m.get("tool_calls") or ()]
        assert [json.loads(call["function"]["arguments"])["train"] for call in sent] == trains
        broken += len(outcome.retries)
    # Gemini's calls come whole, in one event with the end.
    assert broken >= (1 if provider.name == "gemini" else min(5, len(outcomes)))


def test_an_answer_of_a_schema_that_breaks_off_is_given_once(aimock: Server, provider: Provider) -> None:
    answer = {"city": "Bern", "people": 137000}
    whole = json.dumps(answer)
    # Some providers answer by a call.
    call = {"toolCalls": [{"name": "final_answer", "id": "call_answer", "arguments": whole}]}
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "people": {"type": "integer"}},
        "required": list(answer),
        "additionalProperties": False,
    }
    places = places_of(provider, every=2)
    for place in places:
        model = named("cut-shape", provider, place)
        match, cut = {"model": model}, {"truncateAfterChunks": place, "latency": 3}
        aimock.teach(
            goes_on(model, {"content": whole}),
            *first({"match": match | {"toolName": "final_answer"}, "response": call}, **cut),
            *first({"match": match, "response": {"content": whole}}, **cut),
        )
    outcomes = at_once(
        lambda place: ask(aimock, provider, named("cut-shape", provider, place), shape=schema), places
    )
    for place, outcome in outcomes.items():
        assert outcome.result.output == answer, place
        assert json.loads(outcome.text) == answer, (place, outcome.text)
    assert any(outcome.retries for outcome in outcomes.values())


def test_a_call_that_never_comes_whole_is_not_made(aimock: Server, wire: Provider) -> None:
    model = named("never-call", wire)
    call = {"toolCalls": [{"name": "book", "id": "call_seats", "arguments": json.dumps(SEATS)}]}
    text = {"content": "I book them now."}
    # Within the arguments; Gemini's come whole, in one event with the end, so it is cut before that.
    place = 4 if wire.name == "gemini" else 11
    aimock.teach(
        {"match": {"model": model}, "response": text | call, "truncateAfterChunks": place, "latency": 3},
    )
    outcome = ask(aimock, wire, model, tools=True)
    assert outcome.booked == []
    assert outcome.error.code == "model_stream_broken" and outcome.error.retryable
    assert outcome.retries == ["model_stream_broken"] * 2
    assert outcome.text and text["content"].startswith(outcome.text)
    assert outcome.events[-1].type == "run_failed"


def test_a_connection_that_is_dropped_is_made_again(aimock: Server, provider: Provider) -> None:
    model = named("dropped", provider)
    aimock.teach(*first(says(model, SENTENCE), chaos={"disconnectRate": 1}))
    outcome = ask(aimock, provider, model)
    assert outcome.text == outcome.result.text == SENTENCE
    assert outcome.retries == ["model_unavailable"]
    asked, again = aimock.requests(model)
    assert asked == again


def test_what_is_no_json_at_all_is_an_error_at_once(aimock: Server, provider: Provider) -> None:
    model = named("no-json", provider)
    aimock.teach(says(model, SENTENCE, chaos={"malformedRate": 1}))
    outcome = ask(aimock, provider, model)
    assert outcome.error.code == "model_invalid_response" and not outcome.error.retryable
    assert outcome.error.hint and "malformed json" in str(outcome.error.cause)
    assert outcome.text == "" and outcome.retries == []
    assert len(aimock.requests(model)) == 1


def test_a_silence_before_the_answer_is_not_waited_for(aimock: Server, wire: Provider) -> None:
    model = named("silent-first", wire)
    aimock.teach(*first(says(model, SENTENCE), chaos={"latencyMs": 30_000}))
    outcome = ask(aimock, wire, model, first_byte_ms=800)
    assert outcome.text == outcome.result.text == SENTENCE
    retrying, *more = [event for event in outcome.events if event.type == "retrying"]
    assert (retrying.code, len(more)) == ("model_unavailable", 0)
    assert "silent for 0.8 s" in retrying.message


def test_what_a_provider_asks_for_is_waited(aimock: Server, wire: Provider) -> None:
    model = named("waits", wire)
    busy = {"error": {"message": "slow down", "type": "rate_limit_error"}, "status": 429, "retryAfter": 1}
    aimock.teach(*first(says(model, SENTENCE), response=busy))
    outcome = ask(aimock, wire, model)
    assert outcome.result.text == SENTENCE
    assert outcome.retries == ["model_rate_limited"]
    entries = [entry for entry in aimock.get("/__aimock/journal") if entry["body"].get("model") == model]
    asked, again = (entry["timestamp"] for entry in entries)
    # It keeps whole milliseconds.
    assert again - asked >= 999


def test_who_asks_for_too_long_a_wait_is_not_waited_for(aimock: Server, wire: Provider) -> None:
    model = named("waits-long", wire)
    busy = {"error": {"message": "slow down", "type": "rate_limit_error"}, "status": 429, "retryAfter": 3600}
    aimock.teach({"match": {"model": model}, "response": busy})
    outcome = ask(aimock, wire, model)
    assert outcome.error.code == "model_rate_limited" and outcome.error.retryable
    assert "slow down" in outcome.error.message
    assert "asks to wait 3600 s, and at most 20 s are waited" in outcome.error.message
    assert outcome.retries == [] and len(aimock.requests(model)) == 1


def test_another_model_takes_over_where_the_first_broke_off(aimock: Server, wire: Provider) -> None:
    # The one that takes over speaks another protocol.
    other = WIRES[(WIRES.index(wire) + 1) % len(WIRES)]
    model, second = named("breaks", wire), named("takes-over", other)
    aimock.teach(
        says(model, SENTENCE, truncateAfterChunks=9, latency=3),
        goes_on(second, {"content": REST}),
    )
    outcome = ask(aimock, wire, model, (aimock, other, second))
    said = outcome.text_before_retry()
    assert said and SENTENCE.startswith(said)
    assert outcome.text == outcome.result.text == said + REST
    [retrying] = [event for event in outcome.events if event.type == "retrying"]
    assert (retrying.code, retrying.model) == ("model_stream_broken", f"{other.name}/{second}")
    assert len(aimock.requests(model)) == 1
    [taken_over] = aimock.requests(second)
    assert [m["role"] for m in taken_over["messages"]] == ["user", "assistant", "user"]
    assert taken_over["messages"][1]["content"] == said


def test_another_model_makes_the_call_that_broke_off(aimock: Server, wire: Provider) -> None:
    other = WIRES[(WIRES.index(wire) + 1) % len(WIRES)]
    model, second = named("breaks-call", wire), named("takes-over-call", other)

    def call(seat: str) -> dict[str, Any]:
        arguments = json.dumps({"train": "IC 5", "seats": [seat]})
        return {"toolCalls": [{"name": "book", "id": "call_seats", "arguments": arguments}]}

    # Gemini's call is one event with the end, so it is cut before it.
    place = 1 if wire.name == "gemini" else 7
    aimock.teach(
        {"match": {"model": model}, "response": call("1"), "truncateAfterChunks": place, "latency": 3},
        {"match": {"model": second, "hasToolResult": False}, "response": call("2")},
        {"match": {"model": second, "hasToolResult": True}, "response": {"content": "Booked."}},
        {"match": {"model": model, "hasToolResult": True}, "response": {"content": "Booked."}},
    )
    outcome = ask(aimock, wire, model, (aimock, other, second), tools=True, max_retries=0)
    assert outcome.booked == [("IC 5", ["2"])]
    assert outcome.result.text == "Booked."
    [started] = [event for event in outcome.events if event.type == "tool_started"]
    pieces = [e for e in outcome.events if e.type == "tool_call_delta" and e.call_id == started.call_id]
    assert json.loads("".join(piece.arguments for piece in pieces)) == {"train": "IC 5", "seats": ["2"]}


def no_text(events: list[bytes]) -> list[bytes]:
    """The ninth event is no UTF-8."""
    return events[:8] + [b'data: {"type": "\xff\xfe"}\n\n'] + events[8:]


def test_another_model_takes_over_from_what_makes_no_sense(aimock: Server, wire: Provider) -> None:
    other = WIRES[(WIRES.index(wire) + 1) % len(WIRES)]
    model, second = named("spoiled-over", wire), named("takes-over-spoiled", other)
    aimock.teach(says(model, SENTENCE), goes_on(second, {"content": REST}))
    with spoiled(aimock, no_text) as between:
        outcome = ask(between, wire, model, (aimock, other, second))
    said = outcome.text_before_retry()
    assert outcome.retries == ["model_invalid_response"]
    assert said and outcome.text == outcome.result.text == said + REST


def test_a_call_whose_pieces_are_no_json_is_not_made(aimock: Server, wire: Provider) -> None:
    model = named("spoiled-call", wire)
    call = {"toolCalls": [{"name": "book", "id": "call_seats", "arguments": json.dumps(SEATS)}]}
    aimock.teach({"match": {"model": model}, "response": call})

    def spoil(events: list[bytes]) -> list[bytes]:
        # The last event that has something of the arguments.
        at = max(i for i, event in enumerate(events) if b"12B" in event or b"]}" in event)
        return events[:at] + [re.sub(rb"}\s*$", b"\n\n", events[at])] + events[at + 1 :]

    with spoiled(aimock, spoil) as between:
        outcome = ask(between, wire, model, tools=True)
    assert outcome.error.code == "model_invalid_response"
    assert outcome.booked == []


def test_a_line_that_is_cut_within_an_event_is_gone_on_with(aimock: Server, wire: Provider) -> None:
    model = named("cut-within", wire)
    aimock.teach(goes_on(model, {"content": REST}), says(model, SENTENCE))

    def spoil(events: list[bytes]) -> list[bytes]:
        return [*events[:8], events[8][: len(events[8]) // 2]]

    with spoiled(aimock, spoil, ends=False) as between:
        outcome = ask(between, wire, model)
    said = outcome.text_before_retry()
    assert said and SENTENCE.startswith(said)
    assert outcome.text == outcome.result.text == said + REST
    assert outcome.retries == ["model_stream_broken"]


def test_a_line_that_is_cut_behind_a_whole_answer_costs_nothing(aimock: Server, wire: Provider) -> None:
    model = named("cut-behind", wire)
    aimock.teach(goes_on(model, {"content": REST}), says(model, SENTENCE))

    def spoil(events: list[bytes]) -> list[bytes]:
        # What is sent last says nothing that was not said.
        over = events[-1].startswith(b"data: [DONE]") or b"message_stop" in events[-1]
        return events[:-1] if over else events

    with spoiled(aimock, spoil, ends=False) as between:
        outcome = ask(between, wire, model)
        assert len(between.bodies) == 1
    assert outcome.text == outcome.result.text == SENTENCE
    assert outcome.result.finish_reason == "stop" and outcome.result.usage.total_tokens == 26
    assert outcome.retries == []
