"""Ending: in mid-stream, with threads, with closed loops, in another interpreter."""

from __future__ import annotations

import time

import pytest
from programs import Program

TIMES = 20


@pytest.mark.parametrize("ending", ["", "sys.exit(0)", "raise SystemExit(0)"])
def test_exit_in_mid_stream(program: Program, ending: str) -> None:
    code = "kernel = aikit.open(); run = kernel.agent(slow()).start('x'); next(run)\n" + ending
    for _ in range(TIMES):
        began = time.monotonic()
        done = program(code)
        # The run would go on for 20 seconds.
        assert time.monotonic() - began < 20
        assert done.stderr == ""


def test_exit_in_mid_stream_records_the_end_of_the_run(program: Program) -> None:
    program(
        """
import tempfile
location = os.path.join(tempfile.mkdtemp(), "aikit.db")
if os.fork() == 0:
    kernel = aikit.open(location)
    run = kernel.agent(slow()).start("x", run_id="r")
    next(run)
    sys.exit(0)
os.wait()
with aikit.open(location) as kernel:
    assert kernel.run_events("r")[-1].type == "run_cancelled", kernel.run_events("r")
"""
    )


def test_exit_with_many_live_runs(program: Program) -> None:
    for _ in range(5):
        done = program(
            """
kernel = aikit.open()
agent = kernel.agent(slow())
runs = [agent.start(str(n)) for n in range(50)]
for run in runs: next(run)
"""
        )
        assert done.stderr == ""


def test_exit_while_a_daemon_thread_waits(program: Program) -> None:
    for _ in range(TIMES):
        done = program(
            """
kernel = aikit.open()
agent = kernel.agent(slow())
def wait():
    agent.run("x")
for _ in range(3): threading.Thread(target=wait, daemon=True).start()
time.sleep(0.1)
"""
        )
        assert "Fatal" not in done.stderr


def test_exit_while_a_tool_runs_in_a_daemon_thread(program: Program) -> None:
    done = program(
        """
kernel = aikit.open()
kernel.tool(lambda: time.sleep(5), name="sleep", parameters={})
call = {"tool_calls": [{"name": "sleep", "arguments": {}}]}
agent = kernel.agent(make_spec(call, tools=["sleep"]))
threading.Thread(target=lambda: agent.run("x"), daemon=True).start()
time.sleep(0.2)
"""
    )
    assert "Fatal" not in done.stderr


def test_exit_by_signal_and_by_os_exit(program: Program) -> None:
    live = "kernel = aikit.open(); run = kernel.agent(slow()).start('x'); next(run)\n"
    program(live + "os._exit(3)", status=3)
    program(live + "import signal; os.kill(os.getpid(), signal.SIGTERM); time.sleep(9)", status=-15)


def test_an_error_that_ends_the_program_is_shown(program: Program) -> None:
    done = program("aikit.parse_spec('a: 1')", status=1)
    assert "aikit.SpecInvalid: 1:1: " in done.stderr


def test_a_loop_closed_in_mid_stream(program: Program) -> None:
    for _ in range(5):
        done = program(
            """
import asyncio
async def main():
    global kernel, run
    kernel = await aikit.open_async()
    run = (await kernel.agent(slow())).start("x")
    async for event in run:
        break
    asyncio.create_task(run.result())
    await asyncio.sleep(0.05)
asyncio.run(main())
"""
        )
        assert done.stderr == ""


def test_a_loop_stopped_without_ceremony(program: Program) -> None:
    done = program(
        """
import asyncio
loop = asyncio.new_event_loop()
async def main():
    kernel = await aikit.open_async()
    run = (await kernel.agent(slow())).start("x")
    asyncio.create_task(run.result())
    await asyncio.sleep(0.05)
loop.run_until_complete(main())
loop.close()
"""
    )
    assert "Fatal" not in done.stderr
    assert "Event loop is closed" not in done.stderr


def test_a_raising_tool_leaves_everything_usable(program: Program) -> None:
    done = program(
        """
kernel = aikit.open()
def broken(): raise MemoryError("none left")
def recursive(): return recursive()
kernel.tool(broken, parameters={})
kernel.tool(recursive, parameters={})
for name in ("broken", "recursive"):
    call = {"tool_calls": [{"name": name, "arguments": {}}]}
    agent = kernel.agent(make_spec(call, {"text": "went on"}, tools=[name]))
    print(agent.run("x").text)
"""
    )
    assert done.stdout.splitlines() == ["went on", "went on"]


def test_garbage_of_live_runs_is_collected(program: Program) -> None:
    done = program(
        """
kernel = aikit.open()
agent = kernel.agent(slow())
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
def round():
    for _ in range(200):
        run = agent.start("x")
        next(run)
        run.me = run  # a cycle: only the collector finds it
        del run
    gc.collect()
for _ in range(2): round()
before = resident()
for _ in range(5): round()
print((resident() - before) / 1000)
"""
    )
    # What the in-memory store keeps of a run is a few kilobytes; a leaked run holds far more.
    assert float(done.stdout) < 60_000, done.stdout


def test_threads_of_aikits_are_few_and_bounded(program: Program) -> None:
    done = program(
        """
def count(): return len(os.listdir("/proc/self/task"))
print(count())
kernel = aikit.open()
agent = kernel.agent(slow())
few = count()
runs = [agent.start("x") for _ in range(100)]
for run in runs: next(run)
many = count()
print(few, many)
for run in runs: run.cancel()
for run in runs: run.result()
kernels = [aikit.open() for _ in range(5)]
for each in kernels: each.close()
# Threads of closed kernels are about to end.
deadline = time.monotonic() + 50
while count() > many + 2 and time.monotonic() < deadline: time.sleep(0.05)
print(count())
"""
    )
    before, few, many, after = map(int, done.stdout.split())
    # faulthandler's watchdog may be one of them.
    assert before <= 2
    assert many <= few + 4
    assert after <= many + 2


def test_a_second_interpreter_gets_a_clear_answer(program: Program) -> None:
    done = program(
        """
work()
try:
    import _xxsubinterpreters as interpreters
except ImportError:
    import _interpreters as interpreters
other = interpreters.create()
code = "try:\\n import aikit\\n print('works')\\nexcept ImportError as e: print(e)\\n"
interpreters.run_string(other, f"import sys; sys.path[:] = {sys.path!r}\\n" + code)
sys.stdout.flush()
interpreters.destroy(other)
print(work())
"""
    )
    first, second = done.stdout.splitlines()
    assert first == "works" or "subinterpreters" in first
    assert second == "hello"


def test_opening_and_closing_many_kernels(program: Program) -> None:
    done = program(
        """
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
for _ in range(30): work()
gc.collect(); before = resident(); descriptors = len(os.listdir("/proc/self/fd"))
for _ in range(150): work()
gc.collect()
print((resident() - before) / 1e6, len(os.listdir("/proc/self/fd")) - descriptors)
""",
        timeout=120,
    )
    grown, descriptors = done.stdout.split()
    assert float(grown) < 20
    assert int(descriptors) <= 2
