#!/usr/bin/env python3
"""What the Python module costs, as one line of JSON. Compare numbers of one machine and build only.

    bench.py [--runs N]

Every figure is the best of several: what others do on the machine only ever adds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

IMPORT = """
import resource, sys, time
sys.path.insert(0, sys.argv[1])
def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()
before, began, worked = resident(), time.perf_counter(), time.process_time()
import aikit
took, work = time.perf_counter() - began, time.process_time() - worked
print(took * 1e3, work * 1e3, (resident() - before) / 1e6)
"""

# One model call that asks for a tool, the tool, and one that answers.
SPEC = {
    "identity": {"agent_id": "bench"},
    "integration": {"tools": ["add"]},
    "intelligence": {
        "model": "scripted/bench",
        "script": [
            {"tool_calls": [{"name": "add", "arguments": {"a": 1, "b": 2}}]},
            {"text": "The sum is {{tool.add}}."},
        ],
    },
}
CHUNKS = 1000


def importing() -> dict[str, float]:
    rows = []
    for _ in range(9):
        command = [sys.executable, "-c", IMPORT, str(Path(__file__).resolve().parent)]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        rows.append([float(number) for number in out.split()])
    wall, cpu, memory = (min(column) for column in zip(*rows, strict=True))
    return {
        "import_ms": round(wall, 2),
        "import_cpu_ms": round(cpu, 2),
        "import_rss_mb": round(memory, 2),
    }


def best_cpu(work: Callable[[], object], times: int, rounds: int = 5) -> float:
    """Processor seconds of one call, all threads together."""
    best = float("inf")
    for _ in range(rounds):
        began = time.process_time()
        for _ in range(times):
            work()
        best = min(best, (time.process_time() - began) / times)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description="what the Python module costs")
    parser.add_argument("--runs", type=int, default=200, help="runs in a round")
    runs: int = parser.parse_args().runs
    figures: dict[str, object] = {"language": "python", "python": sys.version.split()[0]}
    figures |= importing()

    import aikit

    kernel = aikit.open()
    figures["trivial_call_ns"] = round(best_cpu(lambda: kernel.tenant, 100_000) * 1e9)

    def add(a: int, b: int) -> int:
        return a + b

    kernel.tool(add)
    agent = kernel.agent(aikit.parse_spec(json.dumps(SPEC)))
    figures["run_cpu_ms"] = round(best_cpu(lambda: agent.run("x"), runs) * 1e3, 3)

    turn = {"deltas": ["word "] * CHUNKS}
    chunky = kernel.agent(
        aikit.parse_spec(
            json.dumps(SPEC | {"intelligence": {"model": "scripted/x", "script": [turn]}})
        )
    )
    watch = best_cpu(lambda: sum(1 for _ in chunky.start("x")), 5)
    figures["events_1000_cpu_ms"] = round(watch * 1e3, 2)

    async def in_asyncio() -> float:
        async with await aikit.open_async() as kernel:
            kernel.tool(add)
            agent = await kernel.agent(aikit.parse_spec(json.dumps(SPEC)))
            began = time.process_time()
            for _ in range(runs):
                await agent.run("x")
            return (time.process_time() - began) / runs

    figures["run_async_cpu_ms"] = round(min(asyncio.run(in_asyncio()) for _ in range(3)) * 1e3, 3)
    kernel.close()
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
