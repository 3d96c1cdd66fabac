"""What goes wrong on a wire: each fault has its code, and only what can pass is tried again."""

from __future__ import annotations

import time
from typing import Any

import aikit
import pytest
from agents import spec
from servers import Server, free_port


def watch(server: Server, model: str, **options: Any) -> tuple[list[Any], aikit.RunResult | aikit.Error]:
    """The events of a run, and what it ended with."""
    with aikit.open(providers=options.pop("providers", None) or server.providers()) as kernel:
        run = kernel.agent(spec(model)).start("Hello", **options)
        events = []
        try:
            for event in run:
                events.append(event)
            return events, run.result()
        except aikit.Error as error:
            return events, error


def retries(events: list[Any]) -> list[tuple[int, str]]:
    return [(event.attempt, event.code) for event in events if event.type == "retrying"]


def failed(events: list[Any], outcome: Any, code: str) -> aikit.Error:
    """Checks that the run failed with this code, and that its last event says so too."""
    assert isinstance(outcome, aikit.Error), f"the run gave {outcome}"
    assert outcome.code == code, outcome
    assert events[-1].type == "run_failed"
    assert events[-1].error.code == code
    return outcome


def test_a_rate_limit_is_waited_for_as_long_as_the_provider_asks(aimock: Server) -> None:
    started = time.monotonic()
    events, result = watch(aimock, "busy-once")
    assert isinstance(result, aikit.RunResult), result
    assert result.text == "Now I have time."
    assert retries(events) == [(1, "model_rate_limited")]
    # And a little more, so that many clients do not come back at once.
    assert all(1000 <= e.delay_ms <= 1100 for e in events if e.type == "retrying")
    assert time.monotonic() - started >= 1.0
    assert len(aimock.requests("busy-once")) == 2


def test_a_rate_limit_that_stays_is_an_error(aimock: Server) -> None:
    events, outcome = watch(aimock, "busy")
    error = failed(events, outcome, "model_rate_limited")
    assert error.retryable
    assert "slow down" in error.message
    assert len(retries(events)) == 2
    assert len(aimock.requests("busy")) == 3


def test_a_server_that_recovers_is_asked_again(aimock: Server) -> None:
    events, result = watch(aimock, "fails-once")
    assert isinstance(result, aikit.RunResult), result
    assert result.text == "Back again."
    assert retries(events) == [(1, "model_unavailable")]


def test_a_server_that_keeps_failing_is_unavailable(aimock: Server) -> None:
    events, outcome = watch(aimock, "fails")
    error = failed(events, outcome, "model_unavailable")
    assert "500" in error.message and "the other end fell over" in error.message
    assert error.retryable
    assert len(aimock.requests("fails")) == 3


def test_a_request_that_is_refused_is_not_made_again(aimock: Server) -> None:
    events, outcome = watch(aimock, "refuses")
    error = failed(events, outcome, "model_refused")
    assert "max_tokens is too large" in error.message
    assert not error.retryable
    assert len(aimock.requests("refuses")) == 1


def test_a_stream_that_is_cut_is_never_a_whole_answer(aimock: Server) -> None:
    events, outcome = watch(aimock, "cut")
    error = failed(events, outcome, "model_stream_broken")
    assert error.retryable
    text = "".join(event.text for event in events if event.type == "text_delta")
    assert text and "This sentence never comes to its end".startswith(text), "nothing is shown twice"
    # Asked to go on, it is cut again at the same place.
    assert retries(events) == [(1, "model_stream_broken"), (2, "model_stream_broken")]
    assert len(aimock.requests("cut")) == 3


def test_an_answer_that_is_not_json_is_told_as_that(aimock: Server) -> None:
    events, outcome = watch(aimock, "garbles")
    error = failed(events, outcome, "model_invalid_response")
    assert not error.retryable
    assert len(aimock.requests("garbles")) == 1


def test_a_server_that_hangs_up_is_unavailable(aimock: Server) -> None:
    events, outcome = watch(aimock, "hangs-up")
    failed(events, outcome, "model_unavailable")
    assert len(retries(events)) == 2


def test_a_wrong_key_is_refused_at_once_and_never_shown(aimock: Server) -> None:
    events, outcome = watch(aimock, "plain", providers=aimock.providers("sk-wrong-key-4711"))
    error = failed(events, outcome, "model_unauthorized")
    assert not retries(events)
    assert error.hint and "key" in error.hint
    assert "sk-wrong-key-4711" not in f"{error!r}{error}{error.cause}{error.hint}{events}"


def test_nobody_listens(aimock: Server) -> None:
    address = f"127.0.0.1:{free_port()}"
    providers = {"openai": {"base_url": f"http://{address}/v1", "api_key": "x"}}
    events, outcome = watch(aimock, "plain", providers=providers)
    error = failed(events, outcome, "model_unavailable")
    assert address in error.message
    assert error.retryable
    assert len(retries(events)) == 2


def test_waiting_for_a_retry_is_cut_short_by_the_limit_of_the_run(aimock: Server) -> None:
    times: list[float] = []
    # The best of a few counts; the provider asks for a second.
    while len(times) < 5 and min(times, default=1) >= 0.9:
        started = time.monotonic()
        events, outcome = watch(aimock, "busy", timeout=0.3)
        times.append(time.monotonic() - started)
        failed(events, outcome, "timeout")
    assert min(times) < 0.9, times


@pytest.mark.parametrize("base_url", ["not a url", "ftp://127.0.0.1/v1"])
def test_an_address_that_is_none_is_refused(base_url: str) -> None:
    with aikit.open(providers={"openai": {"base_url": base_url, "api_key": "x"}}) as kernel:
        with pytest.raises(aikit.Error) as caught:
            kernel.agent(spec("plain"))
    assert caught.value.code == "invalid_argument"
    assert "base_url" in caught.value.message
