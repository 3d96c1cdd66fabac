"""What the tests share: the package from the tree, specs with a script, and other interpreters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parents[1]
ROOT = PACKAGE.parents[1]
sys.path.insert(0, str(PACKAGE))

import aikit  # noqa: E402


def make_spec(*turns: dict[str, Any], tools: list[str] | None = None, **blocks: Any) -> aikit.Spec:
    """A spec of a scripted model that takes these turns."""
    document: dict[str, Any] = {
        "identity": {"agent_id": "tester", "version": "1.2.3"},
        "intelligence": {"model": "scripted/test", "script": list(turns) or [{"text": "hello"}]},
        **blocks,
    }
    if tools:
        document["integration"] = {"tools": tools}
    return aikit.parse_spec(json.dumps(document))


def call_of(name: str, **arguments: Any) -> dict[str, Any]:
    """A turn in which the model calls a tool."""
    return {"tool_calls": [{"name": name, "arguments": arguments}]}


def slow(words: int = 200, delay_ms: int = 50) -> dict[str, Any]:
    """A turn that takes its time."""
    return {"deltas": ["word "] * words, "delay_ms": delay_ms}


def fastest(limit: float, measure: Callable[[], float]) -> float:
    """The shortest of a few times in seconds, measured until one is within the limit: what counts is
    how fast the package is, not who else uses the machine."""
    best = measure()
    for _ in range(4):
        if best < limit:
            break
        best = min(best, measure())
    return best


def eventually(attempt: Callable[[], bool]) -> bool:
    """Whether this holds within a minute."""
    deadline = time.monotonic() + 60
    while not (held := attempt()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return held


Script = Callable[..., "subprocess.CompletedProcess[str]"]


def run_python(code: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Runs a program in an interpreter of its own."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": f"{PACKAGE}{os.pathsep}{PACKAGE / 'tests'}"},
        capture_output=True,
        text=True,
        timeout=timeout,
    )
