"""What holds for every run of every scenario, whatever the scenario expects."""

from __future__ import annotations

from typing import Any

from compare import show

ENDINGS = {"run_finished": "finished", "run_cancelled": "cancelled", "run_failed": None}
RUN_STEPS = ("run", "start", "together")


def violations(step: dict[str, Any], observation: dict[str, Any]) -> list[str]:
    """Every broken invariant of one step's observation, one line each."""
    found = _shape(observation)
    if found:
        return found
    if "error" in observation:
        found += _error(observation["error"])
    results: list[Any] = []
    if step["do"] in RUN_STEPS and "ok" in observation:
        results = observation["ok"] if step["do"] == "together" else [observation["ok"]]
        for result in results:
            found += _result(result)
    if found or step["do"] != "start":
        return found

    events = observation.get("events") or []
    if not events:
        return ["a run that was watched gave no events"] if "ok" in observation else []
    return _stream(events) + _end(events, observation)


def _shape(observation: dict[str, Any]) -> list[str]:
    if ("ok" in observation) == ("error" in observation):
        return [f"an observation has either `ok` or `error`, got {show(observation)}"]
    events = observation.get("events", [])
    if not isinstance(events, list) or not all(isinstance(e, dict) for e in events):
        return [f"`events` is a list of maps, got {show(events)}"]
    return []


def _error(error: Any) -> list[str]:
    if not isinstance(error, dict):
        return [f"an error is a map, got {show(error)}"]
    found = []
    for key, kind in (("code", str), ("message", str), ("retryable", bool)):
        if not isinstance(error.get(key), kind):
            found.append(f"error.{key} is {show(error.get(key))}")
    if not found and not error["message"].strip():
        found.append("the error has an empty message")
    return found


def _result(result: Any) -> list[str]:
    if not isinstance(result, dict):
        return [f"a result is a map, got {show(result)}"]
    found = []
    if result.get("status") not in ("finished", "cancelled"):
        found.append(f"result.status is {show(result.get('status'))}")
    if not result.get("run_id") or not isinstance(result["run_id"], str):
        found.append(f"result.run_id is {show(result.get('run_id'))}")
    if not isinstance(result.get("text"), str):
        found.append(f"result.text is {show(result.get('text'))}")
    if not isinstance(result.get("citations"), list):
        found.append(f"result.citations is {show(result.get('citations'))}")
    usage = result.get("usage")
    keys = ("input_tokens", "output_tokens", "total_tokens")
    if not isinstance(usage, dict) or any(not isinstance(usage.get(key), (int, float)) for key in keys):
        found.append(f"result.usage is {show(usage)}")
    elif usage["input_tokens"] + usage["output_tokens"] != usage["total_tokens"]:
        found.append(f"result.usage does not add up: {show(usage)}")
    return found


def _stream(events: list[dict[str, Any]]) -> list[str]:
    found = []
    numbers = [event.get("seq") for event in events]
    if numbers != list(range(len(events))):
        found.append(f"seq counts from 0 without gaps, got {show(numbers)}")
    runs = {str(event.get("run_id")) for event in events}
    if len(runs) != 1:
        found.append(f"all events belong to one run, got {sorted(runs)}")
    if events[0].get("type") != "run_started":
        found.append(f"the first event is run_started, got {events[0].get('type')}")
    endings = [event.get("type") for event in events if event.get("type") in ENDINGS]
    if len(endings) != 1 or events[-1].get("type") not in ENDINGS:
        found.append(f"exactly one ending event, and it is the last: got {endings or 'none'}, "
                     f"last is {events[-1].get('type')}")
    return found + _deltas(events)


def _deltas(events: list[dict[str, Any]]) -> list[str]:
    """The deltas of each model call, joined, are its text."""
    found = []
    joined = ""
    for event in events:
        kind = event.get("type")
        # Text that was given stays when a call is tried again: what follows continues it.
        if kind == "model_started":
            joined = ""
        elif kind == "text_delta":
            if not event.get("text"):
                found.append(f"the delta with seq {event.get('seq')} is empty")
            joined += event.get("text") or ""
        elif kind == "model_finished":
            if joined != event.get("text"):
                found.append(f"the joined deltas {show(joined)} are not the text of the model's turn "
                             f"{show(event.get('text'))}")
        elif kind in ("run_finished", "run_cancelled"):
            text = (event.get("result") or {}).get("text")
            if joined != text:
                found.append(f"the joined deltas {show(joined)} are not the text of the result {show(text)}")
    return found


def _end(events: list[dict[str, Any]], observation: dict[str, Any]) -> list[str]:
    """The ending event says the same as the call did."""
    last = events[-1]
    kind = last.get("type")
    if "error" in observation:
        code = observation["error"].get("code")
        if kind != "run_failed" or (last.get("error") or {}).get("code") != code:
            return [f"the call failed with {code}, the last event is {show(last)}"]
        return []
    if ENDINGS.get(str(kind)) != observation["ok"].get("status"):
        return [f"the status is {observation['ok'].get('status')}, the last event is {kind}"]
    if last.get("result") != observation["ok"]:
        return [f"the result of the last event {show(last.get('result'))} is not the result of the "
                f"call {show(observation['ok'])}"]
    return []
