"""Results and events as values."""

from __future__ import annotations

import copy
import pickle

import aikit
import pytest
from aikit._events import _CLASSES
from support import make_spec

USAGE = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}


def test_records_are_frozen() -> None:
    usage = aikit.Usage(USAGE)
    with pytest.raises(AttributeError, match="read-only"):
        usage.input_tokens = 5
    with pytest.raises(AttributeError):
        del usage.input_tokens
    with pytest.raises(AttributeError):
        usage.other = 1
    usage.to_dict()["input_tokens"] = 9
    assert usage.input_tokens == usage.to_dict()["input_tokens"] == 1


def test_records_compare_by_content() -> None:
    assert aikit.Usage(USAGE) == aikit.Usage(dict(USAGE))
    assert aikit.Usage(USAGE) != aikit.Usage({**USAGE, "input_tokens": 7})
    assert aikit.Usage(USAGE) != USAGE
    assert len({aikit.Usage(USAGE), aikit.Usage(dict(reversed(USAGE.items())))}) == 1
    assert repr(aikit.Usage(USAGE)).startswith("Usage(input_tokens=1, output_tokens=2, total_tokens=3,")
    assert aikit.Usage(USAGE).reasoning_tokens == 0


def test_records_can_be_copied_and_pickled(kernel: aikit.Kernel) -> None:
    run = kernel.agent(make_spec()).start("x")
    values = [*run, run.result()]
    assert pickle.loads(pickle.dumps(values)) == values
    assert copy.deepcopy(values) == values


def test_a_field_that_is_absent_is_none() -> None:
    diagnostic = aikit.Diagnostic(
        {"code": "AK1", "severity": "error", "message": "m", "path": "", "line": 1, "column": 1}
    )
    assert diagnostic.hint is None
    assert diagnostic.file is None


def test_a_key_that_is_a_word_of_pythons_has_an_underscore() -> None:
    entry = aikit.HistoryEntry({"from": "draft", "to": "active"})
    assert (entry.from_, entry.to) == ("draft", "active")
    assert entry.to_dict() == {"from": "draft", "to": "active"}


def test_every_event_has_its_class_and_the_class_its_fields(kernel: aikit.Kernel) -> None:
    run = kernel.agent(make_spec()).start("x")
    for event in run:
        assert type(event) is _CLASSES[event.type]
        for name in event.to_dict():
            assert getattr(event, name) is not None
    assert all(issubclass(kind, aikit.Event.__args__) for kind in _CLASSES.values())
