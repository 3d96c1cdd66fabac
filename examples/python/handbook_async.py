#!/usr/bin/env python3
"""The handbook assistant with asyncio: see handbook.py, which takes the same arguments.

    handbook_async.py [SPEC] [DOCUMENTS] [QUESTION] [--json]
"""

import asyncio
import json
import os
import sys
import time

started = time.perf_counter()
import aikit  # noqa: E402 - the import is measured

import_ms = (time.perf_counter() - started) * 1000

DEFAULTS = [
    "examples/specs/handbook.yaml",
    "examples/handbook",
    "How many days of leave do I have left, and how many may I carry over?",
]


async def main() -> None:
    given = [argument for argument in sys.argv[1:] if argument != "--json"]
    spec, documents, question = given + DEFAULTS[len(given) :]

    async with await aikit.open_async() as kernel:

        @kernel.tool
        async def leave_balance(employee: str) -> dict:
            """Days of leave that an employee has left this year."""
            await asyncio.sleep(0)  # here a database would be asked
            return {"employee": employee, "days": 12}

        await kernel.collection("handbook").ingest(documents)
        agent = await kernel.agent(spec, model=os.environ.get("AIKIT_MODEL"))

        print(f"? {question}")
        began = time.perf_counter()
        events = 0
        run = agent.start(question)
        async for event in run:
            events += 1
            if event.type == "text_delta":
                print(event.text, end="", flush=True)
            elif event.type == "tool_finished":
                print(f"\n  {event.name} -> {event.result}")
        result = await run.result()
        run_ms = (time.perf_counter() - began) * 1000

    print()
    for citation in result.citations:
        print(f"  {citation.marker} {citation.title} ({citation.source}:{citation.start_line})")
    print(f"  {result.usage.total_tokens} tokens in {result.turns} turns")

    if "--json" in sys.argv:
        report = {
            "language": "Python asyncio",
            "answer": result.text,
            "events": events,
            "import_ms": round(import_ms, 2),
            "run_ms": round(run_ms, 2),
            "citations": len(result.citations),
        }
        print(json.dumps(report))


if __name__ == "__main__":
    asyncio.run(main())
