#!/usr/bin/env python3
"""Proves that no tenant reaches another's data, on both back ends and both servers: README.md.

    run.py [--seconds N] [--version N]... [--part NAME]... [--program PATH]

Compares what it found with docs/isolation.md, and fails when that is not current; with BLESS=1 in the
environment it writes the page.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "postgres"))

try:
    import psycopg  # noqa: F401
except ImportError:
    sys.exit(
        "run.py needs psycopg. Run it as\n"
        "  $(scripts/venv.sh isolation tests/isolation/requirements.txt) tests/isolation/run.py"
    )

import crossings
import lint
import matrix
import mutations
import page
import plans
import product
import server
from stage import PROGRAM, ROOT, Stage

PAGE = ROOT / "docs/isolation.md"
# Of the packages, only that of 18 has the module which tells plans.
WITH_PLANS = 18
PARTS = ["matrix", "functions", "lint", "mutations", "aikit", "plans"]


class Tally:
    """Counts, and says what failed."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0

    def note(self, name: str, problems: list[str]) -> None:
        if not problems:
            self.passed += 1
            return
        self.failed += 1
        print(f"FAILED {name}", flush=True)
        for problem in problems[:8]:
            print(f"    {problem}", flush=True)

    def cells(self, results: list[matrix.Result]) -> None:
        for result in results:
            self.note(str(result), [] if result.right else [f"found: {result.found}"])

    def tests(self, where: str, outcome: product.Outcome) -> None:
        for name in outcome.passed:
            self.note(f"{where}: {name}", [])
        for name in outcome.failed:
            self.note(f"{where}: {name}", outcome.output.splitlines()[-30:])


class Runner:
    """One server after the other."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.tally = Tally()
        self.facts = page.Facts()
        self._wanted = set(arguments.part or PARTS)
        self._seconds = arguments.seconds
        self._program = arguments.program
        self._tests = product.build() if self._wanted & {"aikit", "plans"} else Path()

    def _part(self, name: str) -> bool:
        if name in self._wanted:
            print(f"  {time.strftime('%H:%M:%S')} {name}", flush=True)
        return name in self._wanted

    def sqlite(self) -> None:
        print("SQLite", flush=True)
        if self._part("aikit"):
            outcome = product.run(self._tests, product.SQLITE, self._seconds)
            self.tally.tests("SQLite", outcome)
            self.facts.ways["SQLite", product.SQLITE.name] = outcome

    def postgres(self, version: int) -> None:
        with server.private(version, fsync=False, pooler=True) as cluster:
            stage = Stage(cluster.url, self._program)
            print(f"PostgreSQL {stage.server}", flush=True)
            self.facts.servers.append(stage.server)
            with stage.database() as database:
                self._catalogue(stage, database)
            if self._part("lint"):
                self.facts.lint = lint.run(stage)
                for name, problems in self.facts.lint:
                    self.tally.note(f"lint: {name}", problems)
            if self._part("mutations"):
                caught = mutations.run(stage)
                for one in caught:
                    self.tally.note(f"mutation: {one.mutation.name}", one.missed or [])
                self.facts.mutations.append(caught)
            if self._part("aikit"):
                with stage.database() as database:
                    for way in product.ways(stage, database, cluster.pooler_url):
                        outcome = product.run(self._tests, way, self._seconds)
                        self.tally.tests(f"{stage.server}, {way.name}", outcome)
                        self.facts.ways[f"PostgreSQL {stage.server}", way.name] = outcome
            if version == WITH_PLANS and self._part("plans"):
                statements, scanning, failed = plans.run(stage, self._tests, cluster.folder / "log")
                print(f"  {len(statements)} statements were explained", flush=True)
                # Fewer would mean that the log was not read, not that nothing was said.
                too_few = [] if len(statements) > 40 else [f"only {len(statements)} statements"]
                self.tally.note("the run for the plans", failed + too_few)
                for text in sorted(statements):
                    known = next((words for words in plans.SCANNING if words in text), None)
                    self.tally.note(f"plan of: {text}", ["a scan"] if text in scanning and not known else [])
                self.facts.scanning = scanning

    def _catalogue(self, stage: Stage, database: str) -> None:
        if self._part("matrix"):
            self.tally.note("the list of tables", mutations.check_tables(stage, database))
            results = matrix.run(stage, database, stage.tables)
            results += matrix.run_partitions(stage, database)
            self.tally.cells(results)
            self.facts.matrix = results
            self.facts.tables = [table.name for table in stage.tables]
        if self._part("functions"):
            across = crossings.run_crossings(stage, database, stage.tables)
            calls = crossings.run_functions(stage, database)
            self.tally.cells(across + calls)
            self.facts.across, self.facts.calls = across, calls

    def finish(self) -> int:
        """Compares the page, and gives the exit status."""
        if self._wanted == set(PARTS) and len(self.facts.servers) == len(server.PACKAGES):
            if self.tally.failed:
                print("docs/isolation.md was not looked at: what failed comes first")
            else:
                self._compare(page.text(self.facts))
        print(f"{self.tally.passed} passed, {self.tally.failed} failed")
        return 1 if self.tally.failed or not self.tally.passed else 0

    def _compare(self, made: str) -> None:
        if os.environ.get("BLESS") == "1":
            PAGE.write_text(made, encoding="utf-8")
        there = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
        self.tally.note("docs/isolation.md is current", page.differences(there, made))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10, help="how long the pool is pulled about")
    parser.add_argument("--version", type=int, action="append", choices=sorted(server.PACKAGES))
    parser.add_argument("--part", action="append", choices=PARTS)
    parser.add_argument("--program", type=Path, default=PROGRAM, help="the command aikit")
    arguments = parser.parse_args()
    if not arguments.program.exists():
        sys.exit(f"{arguments.program} is not there: cargo build --workspace --bins")
    runner = Runner(arguments)
    runner.sqlite()
    for version in arguments.version or sorted(server.PACKAGES, reverse=True):
        runner.postgres(version)
    return runner.finish()


if __name__ == "__main__":
    sys.exit(main())
