#!/usr/bin/env python3
"""Asks the handbook assistant a question, and shows the answer while it is written.

    handbook.py [SPEC] [DOCUMENTS] [QUESTION] [--json]

`AIKIT_MODEL` (for instance openai/gpt-4o-mini) replaces the spec's scripted model. `--json` prints a
report as the last line. handbook_async.py is the same with asyncio.
"""

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


def main() -> None:
    given = [argument for argument in sys.argv[1:] if argument != "--json"]
    spec, documents, question = given + DEFAULTS[len(given) :]

    with aikit.open() as kernel:

        @kernel.tool
        def leave_balance(employee: str) -> dict:
            """Days of leave that an employee has left this year."""
            return {"employee": employee, "days": 12}

        kernel.collection("handbook").ingest(documents)
        agent = kernel.agent(spec, model=os.environ.get("AIKIT_MODEL"))

        print(f"? {question}")
        began = time.perf_counter()
        events = 0
        run = agent.start(question)
        for event in run:
            events += 1
            if event.type == "text_delta":
                print(event.text, end="", flush=True)
            elif event.type == "tool_finished":
                print(f"\n  {event.name} -> {event.result}")
        result = run.result()
        run_ms = (time.perf_counter() - began) * 1000

    print()
    for citation in result.citations:
        print(f"  {citation.marker} {citation.title} ({citation.source}:{citation.start_line})")
    print(f"  {result.usage.total_tokens} tokens in {result.turns} turns")

    if "--json" in sys.argv:
        report = {
            "language": "Python",
            "answer": result.text,
            "events": events,
            "import_ms": round(import_ms, 2),
            "run_ms": round(run_ms, 2),
            "citations": len(result.citations),
        }
        print(json.dumps(report))


if __name__ == "__main__":
    main()
