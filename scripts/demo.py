#!/usr/bin/env python3
"""The same agent, from the same spec, in every language: `make demo`.

    scripts/demo.py                          a scripted model, then a real one in the process: no key,
                                             no server, and no network once the model is there
    scripts/demo.py --model openai/gpt-4o    a real one elsewhere: any OpenAI-compatible address, from
                                             OPENAI_BASE_URL and OPENAI_API_KEY

Builds what is missing, runs the handbook example of each language and shows its answer as it is
streamed. The script's answers, and those of the model in the process, must be the same in every
language, or the exit status is 1.
"""

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from small_model import Unavailable, small_model
from suite_list import EXAMPLES, Example

ROOT = Path(__file__).resolve().parent.parent

LOCAL = (
    "examples/specs/local.yaml",
    "examples/handbook",
    "What is the capital of France, and what is it known for?",
)
"""What the examples are given for the model in the process: spec, documents and question."""


@dataclass
class Seen:
    """What one example reported as its last line, or why there is nothing."""

    language: str
    report: dict | None
    problem: str = ""

    @property
    def answer(self) -> str:
        return self.report["answer"] if self.report else ""


def read_report(line: str) -> tuple[dict | None, str]:
    try:
        report = json.loads(line)
    except ValueError:
        return None, f"the last line is not JSON: {line[:80]!r}"
    wanted = {"answer": str, "events": int, "run_ms": (int, float), "citations": int}
    if not isinstance(report, dict):
        return None, "the last line is not a JSON object"
    if isinstance(report.get("citations"), list):
        report["citations"] = len(report["citations"])
    for key, kind in wanted.items():
        if not isinstance(report.get(key), kind):
            return None, f"the report has no {key}"
    if not report["answer"].strip():
        return None, "the answer is empty"
    return report, ""


def show_all_but_report(output: BinaryIO) -> bytes:
    """Passes on what an example prints, word by word as it streams it, and gives the report. A line
    that opens with a brace may be the report, so it is held back until another line follows."""
    held = line = b""
    while chunk := output.read(256):
        for part in chunk.splitlines(keepends=True):
            line += part
            if not line.startswith(b"{"):
                sys.stdout.buffer.write(held + part)
                held = b""
            elif part.endswith(b"\n"):
                sys.stdout.buffer.write(held)
                held = line
            if part.endswith(b"\n"):
                line = b""
        sys.stdout.flush()
    return line or held


def run(example: Example, model: str, given: tuple[str, ...] = ()) -> Seen:
    """Runs one example, showing what it prints except the report, which is its last line."""
    print(f"\n--- {example.language}: {example.source}", flush=True)
    environment = os.environ | example.environment
    environment.pop("AIKIT_MODEL", None)
    environment["AIKIT_MODELS"] = str(ROOT / ".cache" / "models")
    if model:
        environment["AIKIT_MODEL"] = model
    try:
        process = subprocess.Popen(
            [*example.command, *given, "--json"], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, bufsize=0,
        )  # fmt: skip
    except OSError as error:
        print(f"cannot be started: {error}")
        return Seen(example.language, None, "cannot be started")
    last = show_all_but_report(process.stdout)
    status = process.wait()
    if status != 0:
        return Seen(example.language, None, f"exit status {status}")
    report, problem = read_report(last.decode("utf-8", "replace").strip())
    return Seen(example.language, report, problem)


def table(seen: list[Seen], alike: bool) -> tuple[str, bool]:
    """The closing table, and whether everything is as it should be."""
    reference = next((s.answer for s in seen if s.report), "")
    rows = [f"{'language':<16}{'import ms':>10}{'run ms':>9}{'events':>8}{'citations':>11}  answer"]
    good = True
    for s in seen:
        if s.report is None:
            rows.append(f"{s.language:<16}{'':>10}{'':>9}{'':>8}{'':>11}  FAILED: {s.problem}")
            good = False
            continue
        same = s.answer == reference
        verdict = "same" if same else ("DIFFERENT" if alike else "its own")
        good = good and (same or not alike)
        imported = s.report.get("import_ms")
        import_text = f"{imported:.1f}" if isinstance(imported, (int, float)) else "-"
        rows.append(
            f"{s.language:<16}{import_text:>10}{s.report['run_ms']:>9.1f}"
            f"{s.report['events']:>8}{s.report['citations']:>11}  {verdict}"
        )
    return "\n".join(rows), good


def main() -> int:
    parser = argparse.ArgumentParser(description="the same agent in every language")
    parser.add_argument("--model", default="", help="for instance openai/gpt-4o-mini")
    parser.add_argument("--no-build", action="store_true", help="everything is built already")
    arguments = parser.parse_args()

    if not arguments.no_build:
        print("Building; the first time takes about five minutes.", flush=True)
        build = subprocess.run([sys.executable, ROOT / "scripts/suites.py", "build"])
        if build.returncode:
            return build.returncode

    try:
        good = elsewhere(arguments.model) if arguments.model else scripted_and_local()
    except Unavailable as error:
        print(f"\nThe small model that runs in the process is not there. {error}")
        return 1
    return 0 if good else 1


def elsewhere(model: str) -> bool:
    """The handbook's agent with a model of the user's."""
    title("examples/specs/handbook.yaml", model)
    seen = [run(example, model) for example in EXAMPLES]
    return closed(seen, False, f"Every language got an answer from {model}.")


def scripted_and_local() -> bool:
    """The handbook's agent with its script, and then a real model in the process."""
    title("examples/specs/handbook.yaml", "scripted: tools, passages and citations, the same each time")
    seen = [run(example, "") for example in EXAMPLES]
    good = closed(seen, True, "The same spec gave the same answer in every language.")

    small_model()
    title("examples/specs/local.yaml", "SmolLM2, 135 million parameters, inside of each program")
    seen = [run(example, "", LOCAL) for example in EXAMPLES]
    words = "A real model answered in every language, in the process: no key, no server, no network."
    return closed(seen, True, words) and good


def title(spec: str, model: str) -> None:
    print(f"\n=== One spec ({spec}), {len(EXAMPLES)} programs. Model: {model}")


def closed(seen: list[Seen], alike: bool, words: str) -> bool:
    """Shows the table; whether everything is as it should be."""
    text, good = table(seen, alike)
    print(f"\n{text}\n\n{words if good else 'Not every language gave the answer: see above.'}")
    return good


if __name__ == "__main__":
    sys.exit(main())
