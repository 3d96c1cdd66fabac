"""Compares what an adapter observed with what a scenario expects.

The rules, in full (README.md shows examples):

- A map matches a map that has at least its keys, each with a matching value.
- A list matches a list of the same length whose items match one by one.
- Numbers match numbers of the same value (4 and 4.0 are the same: Lua 5.1 knows only doubles);
  everything else matches what is equal to it. `true` is never a number.
- A map whose keys start with `$` is a matcher; if it has several keys, all must hold.
"""

from __future__ import annotations

import re
from typing import Any, Callable

Found = list[str]


class ScenarioError(Exception):
    """A scenario is written wrongly: nobody's observation can be blamed for it."""


def differences(expected: Any, actual: Any, place: str = "") -> Found:
    """Every difference, one line each, with the place inside the document; empty for a match."""
    if is_matcher(expected):
        found: Found = []
        for name, operand in expected.items():
            if name not in MATCHERS:
                raise ScenarioError(f"unknown matcher {name} (there are: {', '.join(MATCHERS)})")
            found += MATCHERS[name](operand, actual, place)
        return found
    if isinstance(expected, dict):
        return _map(expected, actual, place)
    if isinstance(expected, list):
        return _list(expected, actual, place)
    if not _same(expected, actual):
        return [_line(place, f"expected {show(expected)}, got {show(actual)}")]
    return []


def is_matcher(value: Any) -> bool:
    """Whether this expectation is a matcher and not a plain map."""
    if not isinstance(value, dict) or not value:
        return False
    marked = [str(key).startswith("$") for key in value]
    if any(marked) and not all(marked):
        raise ScenarioError(f"matchers and plain keys are mixed in {show(value)}")
    return all(marked)


def show(value: Any) -> str:
    """A value for a report, cut where it would fill the screen."""
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}... ({len(text)} characters)"


def _line(place: str, message: str) -> str:
    return f"{place or 'the value'}: {message}"


def _same(expected: Any, actual: Any) -> bool:
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    if isinstance(expected, (int, float)) and isinstance(actual, (int, float)):
        return expected == actual
    return type(expected) is type(actual) and expected == actual


def _map(expected: dict[str, Any], actual: Any, place: str) -> Found:
    if not isinstance(actual, dict):
        return [_line(place, f"expected a map, got {show(actual)}")]
    found: Found = []
    for key, wanted in expected.items():
        inner = f"{place}.{key}" if place else key
        if wanted == {"$absent": True}:
            if key in actual:
                found.append(_line(inner, f"must not be there, is {show(actual[key])}"))
        elif key not in actual:
            found.append(_line(inner, f"is missing (there are: {', '.join(actual) or 'none'})"))
        else:
            found += differences(wanted, actual[key], inner)
    return found


def _list(expected: list[Any], actual: Any, place: str) -> Found:
    if not isinstance(actual, list):
        return [_line(place, f"expected a list, got {show(actual)}")]
    found: Found = []
    if len(expected) != len(actual):
        found.append(_line(place, f"expected {len(expected)} items, got {len(actual)}: {show(actual)}"))
    for index, (wanted, item) in enumerate(zip(expected, actual)):
        found += differences(wanted, item, f"{place}[{index}]")
    return found


def _contains(operand: Any, actual: Any, place: str) -> Found:
    if isinstance(operand, str):
        if isinstance(actual, str) and operand in actual:
            return []
        return [_line(place, f"expected a text that contains {operand!r}, got {show(actual)}")]
    if not isinstance(operand, list):
        raise ScenarioError("$contains takes a text or a list")
    if not isinstance(actual, list):
        return [_line(place, f"expected a list, got {show(actual)}")]
    return [
        _line(place, f"no item matches {show(wanted)} in {show(actual)}")
        for wanted in operand
        if not any(not differences(wanted, item) for item in actual)
    ]


def _matches(operand: str, actual: Any, place: str) -> Found:
    if isinstance(actual, str) and re.search(operand, actual):
        return []
    return [_line(place, f"expected a text that matches /{operand}/, got {show(actual)}")]


def _any(operand: Any, actual: Any, place: str) -> Found:
    if operand is not True:
        raise ScenarioError("$any takes true")
    return []


def _absent(operand: Any, actual: Any, place: str) -> Found:
    # As the value of a key it is handled by `_map`; anywhere else there is nothing to be absent.
    raise ScenarioError("$absent: true can only stand as the value of a key")


def _bound(word: str, holds: Callable[[Any, Any], bool]) -> Callable[[Any, Any, str], Found]:
    def check(operand: Any, actual: Any, place: str) -> Found:
        number = isinstance(actual, (int, float)) and not isinstance(actual, bool)
        if number and holds(actual, operand):
            return []
        return [_line(place, f"expected a number {word} {operand}, got {show(actual)}")]

    return check


def _len(operand: Any, actual: Any, place: str) -> Found:
    if not isinstance(actual, (str, list, dict)):
        return [_line(place, f"expected something with a length, got {show(actual)}")]
    return differences(operand, len(actual), f"the length of {place or 'the value'}")


def _not(operand: Any, actual: Any, place: str) -> Found:
    if differences(operand, actual, place):
        return []
    return [_line(place, f"must not match {show(operand)}, is {show(actual)}")]


MATCHERS: dict[str, Callable[[Any, Any, str], Found]] = {
    "$any": _any,
    "$absent": _absent,
    "$contains": _contains,
    "$matches": _matches,
    "$gte": _bound("of at least", lambda actual, limit: actual >= limit),
    "$lte": _bound("of at most", lambda actual, limit: actual <= limit),
    "$len": _len,
    "$not": _not,
}


def sequence(expected: list[str], events: list[dict[str, Any]]) -> Found:
    """The types of the events in order, each run of one and the same type counted once."""
    for first, second in zip(expected, expected[1:]):
        if first == second:
            raise ScenarioError(f"sequence: repeats are folded, {first} stands twice in a row")
    folded: list[Any] = []
    for event in events:
        kind = event.get("type")
        if not folded or folded[-1] != kind:
            folded.append(kind)
    if folded == expected:
        return []
    return [f"events: expected the sequence {' '.join(expected)}, got {' '.join(map(str, folded))}"]


def in_order(expected: list[Any], events: list[dict[str, Any]]) -> Found:
    """Each pattern matches an event, and the matched events stand in the order of the patterns."""
    start = 0
    for number, pattern in enumerate(expected):
        for index in range(start, len(events)):
            if not differences(pattern, events[index]):
                start = index + 1
                break
        else:
            closest = min(
                (differences(pattern, event) for event in events[start:]),
                key=len,
                default=["there are no events left"],
            )
            return [f"events: nothing matches pattern {number} {show(pattern)}; "
                    f"closest: {'; '.join(closest)}"]
    return []


def with_seen(expected: Any, seen: dict[str, Any]) -> Any:
    """Replaces `{$seen: [label, key, ...]}` by what stood there in what the labelled step gave."""
    if isinstance(expected, dict):
        if set(expected) == {"$seen"}:
            label, *path = expected["$seen"]
            if label not in seen:
                raise ScenarioError(f"$seen: no step before this one is labelled {label}")
            found = seen[label].get("ok")
            for key in path:
                try:
                    found = found[key]
                except (KeyError, IndexError, TypeError):
                    # Whatever the step gave instead is told of there; here nothing can match it.
                    return {"$not": {"$any": True}}
            return found
        return {key: with_seen(inner, seen) for key, inner in expected.items()}
    if isinstance(expected, list):
        return [with_seen(inner, seen) for inner in expected]
    return expected


EXPECTATIONS = ("ok", "error", "sequence", "events")


def step_differences(expect: dict[str, Any], observation: dict[str, Any]) -> Found:
    """What is wrong with the observation of one step. Without `error`, a step must be ok."""
    found: Found = []
    if "error" in expect:
        if "error" in observation:
            found += differences(expect["error"], observation["error"], "error")
        else:
            found.append(f"expected the error {show(expect['error'])}, got ok {show(observation.get('ok'))}")
    elif "error" in observation:
        found.append(f"failed: {show(observation['error'])}")
    elif "ok" in expect:
        found += differences(expect["ok"], observation.get("ok"), "ok")
    if "sequence" in expect:
        found += sequence(expect["sequence"], observation.get("events") or [])
    if "events" in expect:
        found += in_order(expect["events"], observation.get("events") or [])
    return found
