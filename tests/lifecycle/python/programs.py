"""Programs that are run in an interpreter of their own, and how they end."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "bindings" / "python"

PRELUDE = """
import faulthandler, gc, json, os, sys, threading, time
faulthandler.enable()
import aikit

def make_spec(*turns, tools=()):
    return aikit.parse_spec(json.dumps({
        "identity": {"agent_id": "tester"},
        "integration": {"tools": list(tools)},
        "intelligence": {"model": "scripted/test", "script": list(turns) or [{"text": "hello"}]},
    }))

def slow():
    return make_spec({"deltas": ["word "] * 1000, "delay_ms": 20})

def work():
    with aikit.open() as kernel:
        return kernel.agent(make_spec()).run("x").text

def in_child(body):
    '''Runs body in a forked child, and gives what it returns.'''
    out, into = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(into, repr(body()).encode())
            code = 0
        except BaseException as error:
            os.write(into, f"{type(error).__name__}: {error}".encode())
            code = 1
        os._exit(code)
    os.close(into)
    with os.fdopen(out, "rb") as pipe:
        text = pipe.read().decode()
    _, status = os.waitpid(pid, 0)
    return text, os.waitstatus_to_exitcode(status)

def code_of(call):
    try:
        return call()
    except aikit.Error as error:
        return error.code
"""

Program = Callable[..., "subprocess.CompletedProcess[str]"]


def run_program(
    code: str, status: int = 0, timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """Runs a program after the prelude and asserts how it ends."""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", PRELUDE + code],
        env=os.environ | {"PYTHONPATH": str(PACKAGE)},
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    return done
