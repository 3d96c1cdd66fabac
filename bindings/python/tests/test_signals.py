"""Ctrl-C: felt within 100 ms, cancels the run, and raises KeyboardInterrupt."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import PACKAGE, Script, eventually, fastest

PRELUDE = """
import sys, time, signal
import aikit
from support import call_of, make_spec, slow
"""

WAITING = PRELUDE + """
kernel = aikit.open()
run = kernel.agent(make_spec(slow(words=400))).start("x", run_id="r")
next(run)
try:
    print("ready", flush=True)
    {wait}
except KeyboardInterrupt:
    print("interrupted", time.time(), flush=True)
    result = run.result()
    print(result.status, kernel.run_events("r")[-1].type, flush=True)
"""


def asleep(pid: int) -> bool:
    """Whether the main thread of a process has nothing to do, seen ten times in a row. One that was
    not given a processor yet is not asleep."""
    for _ in range(10):
        state = Path(f"/proc/{pid}/task/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        if state != "S":
            return False
        time.sleep(0.02)
    return True


def interrupt(code: str) -> tuple[list[str], float, float, int]:
    """Runs a program, sends SIGINT when it is ready, and gives its lines and the two times."""
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": f"{PACKAGE}{os.pathsep}{PACKAGE / 'tests'}"},
        stdout=subprocess.PIPE,
        text=True,
        # A shell has what it runs in the background ignore the signal, and that is inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    assert eventually(lambda: asleep(process.pid)), "it does not wait"
    sent = time.time()
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    lines = output.splitlines()
    word, felt = lines[0].split()
    assert word == "interrupted"
    return lines[1:], sent, float(felt), process.returncode


@pytest.mark.parametrize("wait", ["run.result()", "list(run)"])
def test_ctrl_c_is_felt_within_100_ms_and_cancels_the_run(wait: str) -> None:
    def latency() -> float:
        lines, sent, felt, status = interrupt(WAITING.format(wait=wait))
        assert lines == ["cancelled run_cancelled"]
        assert status == 0
        return felt - sent

    assert fastest(0.1, latency) < 0.1


def test_ctrl_c_in_a_tool_goes_through() -> None:
    lines, _, _, _ = interrupt(
        PRELUDE
        + """
kernel = aikit.open()
def sleep():
    print("ready", flush=True)
    time.sleep(20)
kernel.tool(sleep, parameters={})
run = kernel.agent(make_spec(call_of("sleep"), tools=["sleep"])).start("x")
try:
    run.result()
except KeyboardInterrupt:
    print("interrupted", time.time(), flush=True)
    print(run.result().status, flush=True)
"""
    )
    assert lines == ["cancelled"]


def test_ctrl_c_in_asyncio_ends_the_program() -> None:
    code = (
        PRELUDE
        + """
import asyncio
async def main():
    kernel = await aikit.open_async()
    run = (await kernel.agent(make_spec(slow(words=400)))).start("x")
    await run.__anext__()
    print("ready", flush=True)
    await run.result()
try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("interrupted", time.time(), flush=True)
"""
    )

    def latency() -> float:
        lines, sent, felt, _ = interrupt(code)
        assert lines == []
        return felt - sent

    assert fastest(1, latency) < 1


def test_a_handler_that_does_not_raise_does_not_disturb(python: Script) -> None:
    done = python(
        PRELUDE
        + """
import threading, os
seen = []
signal.signal(signal.SIGUSR1, lambda *_: seen.append(1))
kernel = aikit.open()
agent = kernel.agent(make_spec(slow(words=10)))
def send():
    for sent in range(3):
        time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGUSR1)
        while len(seen) == sent:  # two that wait at once would be one
            time.sleep(0.001)
thread = threading.Thread(target=send)
thread.start()
statuses = set()
while thread.is_alive():
    statuses.add(agent.run("x").status)
print(statuses, len(seen))
"""
    )
    assert done.stdout.strip() == "{'finished'} 3", done.stderr
