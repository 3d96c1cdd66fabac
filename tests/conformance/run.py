#!/usr/bin/env python3
"""Runs every scenario in every language and prints the matrix.

    run.py [--postgres [--all-languages]] [--language NAME]... [--scenario PATTERN]...
           [--jobs N] [--keep] [--timeout SECONDS]

Needs PyYAML; `scripts/venv.sh conformance tests/conformance/requirements.txt` makes an environment
that has it and prints its interpreter.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

try:
    import yaml  # noqa: F401
except ImportError:
    sys.exit(
        "run.py needs PyYAML. Run it as\n"
        "  $(scripts/venv.sh conformance tests/conformance/requirements.txt) tests/conformance/run.py"
    )

from compare import ScenarioError, step_differences, with_seen
from invariants import violations
from languages import LANGUAGES, ROOT, Language, environment
from scenarios import Scenario, load
from stores import Failure, Postgres, Sqlite, Staged, Unavailable, server

sys.path.insert(0, str(ROOT / "scripts"))
import small_model


ON_POSTGRES = ("rust", "python")
"""The languages in which the scenarios usually run on PostgreSQL: the store is the core's, and behind
the core; one language beside its own shows that what it gives comes through."""


@dataclass
class Cell:
    """One scenario in one language."""

    scenario: Scenario
    language: Language
    problems: list[str] = field(default_factory=list)
    folder: Path | None = None


def judge(staged: Staged, output: str) -> list[str]:
    """What is wrong with an adapter's output."""
    scenario = staged.scenario
    if any(word in output for word in staged.hidden):
        return ["the output holds a secret"]
    try:
        document = json.loads(output)
    except ValueError as error:
        return [f"the output is not one JSON document ({error}): {output[:300]!r}"]
    observations = document.get("observations") if isinstance(document, dict) else None
    if not isinstance(observations, list):
        return [f"the output has no list `observations`: {output[:300]!r}"]
    steps = scenario.document["steps"]
    if len(observations) != len(steps):
        return [f"{len(steps)} steps gave {len(observations)} observations"]

    problems = []
    labelled: dict[str, Any] = {}
    for number, (step, expect, seen) in enumerate(zip(steps, scenario.expectations, observations)):
        if isinstance(seen, dict):
            found = step_differences(with_seen(expect, labelled), seen) + violations(step, seen)
        else:
            found = [f"an observation is a map, got {seen!r}"]
            seen = {}
        if label := scenario.labels[number]:
            labelled[label] = seen
        problems += [f"step {number} ({step['do']}): {problem}" for problem in found]
    return problems


def observe(command: list[str], folder: Path, env: dict[str, str], timeout: float) -> tuple[str, list[str]]:
    """Runs an adapter in its folder: its output, and what went wrong with the process itself."""
    # A session of its own: what the adapter started ends with it.
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        return "", [f"still running after {timeout:g} s, ended by force", *_tail(err)]
    if process.returncode != 0:
        end = (
            f"ended by {signal.Signals(-process.returncode).name}"
            if process.returncode < 0
            else f"ended with exit code {process.returncode}"
        )
        return "", [f"the adapter {end}", *_tail(err)]
    try:
        return out.decode("utf-8"), []
    except UnicodeDecodeError as error:
        return "", [f"the output is not UTF-8: {error}"]


def _tail(stderr: bytes) -> list[str]:
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    return [f"stderr: {line}" for line in lines[-15:]]


def run_cell(cell: Cell, store: Sqlite | Postgres, timeout: float, keep: bool) -> Cell:
    """Fills in the problems of a cell; whatever goes wrong belongs to that cell alone."""
    missing = cell.language.missing()
    if missing:
        shown = missing.relative_to(ROOT) if missing.is_relative_to(ROOT) else missing
        cell.problems.append(f"{shown} is not there; build it with: {cell.language.build}")
        return cell
    base = Path(tempfile.mkdtemp(prefix=f"aikit-{cell.scenario.name}-{cell.language.name}-"))
    try:
        work = base / "work"
        work.mkdir()
        for name, content in cell.scenario.files.items():
            path = work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        document = base / "scenario.json"
        command = [*cell.language.command, str(document)]
        with store.staged(cell.scenario) as staged:
            document.write_text(json.dumps(staged.scenario.document), encoding="utf-8")
            told = environment(cell.language) | staged.environment
            try:
                output, cell.problems = observe(command, work, told, timeout)
            except OSError as error:
                output, cell.problems = "", [f"{command[0]} cannot be started: {error}"]
            if not cell.problems:
                cell.problems = judge(staged, output)
        if keep:
            (base / "output.json").write_text(output, encoding="utf-8")
            cell.folder = base
    finally:
        if not keep:
            shutil.rmtree(base, ignore_errors=True)
    return cell


def print_matrix(cells: list[Cell], languages: list[Language], scenarios: list[Scenario]) -> None:
    """One row a scenario, one column a language."""
    verdict = {(c.scenario.name, c.language.name): "FAIL" if c.problems else "ok" for c in cells}
    first = max(len(scenario.name) for scenario in scenarios)
    widths = [max(len(language.name), 4) for language in languages]
    print(" " * first, *(f"{language.name:>{w}}" for language, w in zip(languages, widths)), sep="  ")
    for scenario in scenarios:
        marks = [
            f"{verdict[scenario.name, language.name]:>{w}}" for language, w in zip(languages, widths)
        ]
        print(f"{scenario.name:<{first}}", *marks, sep="  ")


def print_failures(cells: list[Cell]) -> None:
    """What went wrong in each failed cell."""
    for cell in cells:
        if cell.problems:
            print(f"\n{cell.scenario.name} in {cell.language.name}: {cell.scenario.about}")
            for problem in cell.problems:
                print(f"  {problem}")
        if cell.folder:
            print(f"  {cell.scenario.name} in {cell.language.name} is kept in {cell.folder}")


def chosen(names: list[str], patterns: Sequence[str] | None, what: str) -> list[str]:
    """The names that a pattern fits; a pattern that fits none is a mistake of the caller's."""
    for pattern in patterns or []:
        if not fnmatch.filter(names, pattern):
            sys.exit(f"no {what} fits {pattern!r}; there are: {', '.join(names)}")
    return [n for n in names if not patterns or any(fnmatch.fnmatch(n, p) for p in patterns)]


@contextmanager
def opened(postgres: bool) -> Iterator[Sqlite | Postgres]:
    """Where the scenarios keep their things."""
    if not postgres:
        yield Sqlite()
        return
    try:
        # Nothing is tested here that outlives the machine: commits need not reach the disk.
        with server.private(fsync=False) as cluster:
            store = Postgres(cluster)
            store.prepare()
            yield store
    except (Failure, Unavailable) as failure:
        sys.exit(f"no PostgreSQL: {failure}")


def main(arguments: list[str] | None = None) -> int:
    """Runs what the command line asks for; 0 when every cell passed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--language", action="append", metavar="NAME", help="only these columns")
    parser.add_argument("--scenario", action="append", metavar="PATTERN", help="only these rows")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="cells at once")
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds that a cell may take")
    parser.add_argument("--keep", action="store_true", help="keep folders and outputs, print where")
    parser.add_argument("--postgres", action="store_true", help="on a private PostgreSQL server, in "
                        f"{' and '.join(ON_POSTGRES)} if nothing else is said")  # fmt: skip
    parser.add_argument("--all-languages", action="store_true", help="with --postgres: in all of them")
    parser.add_argument("--list", action="store_true", help="print the scenarios and stop")
    options = parser.parse_args(arguments)

    try:
        scenarios = load()
        wanted = set(chosen([s.name for s in scenarios], options.scenario, "scenario"))
        scenarios = [s for s in scenarios if s.name in wanted]
        few = ON_POSTGRES if options.postgres and not options.all_languages else None
        wanted = set(chosen([x.name for x in LANGUAGES], options.language or few, "language"))
        languages = [x for x in LANGUAGES if x.name in wanted]
        if options.list:
            for scenario in scenarios:
                print(f"{scenario.name}: {scenario.about}")
            return 0
        small_model.small_model()
        with opened(options.postgres) as store:
            others = [s.name for s in scenarios if not s.runs_on(store.name)]
            scenarios = [s for s in scenarios if s.runs_on(store.name)]
            cells = [Cell(scenario, language) for scenario in scenarios for language in languages]
            with ThreadPoolExecutor(max(1, options.jobs)) as pool:
                work = partial(run_cell, store=store, timeout=options.timeout, keep=options.keep)
                cells = list(pool.map(work, cells))
    except ScenarioError as error:
        sys.exit(f"a scenario is written wrongly: {error}")
    except small_model.Unavailable as error:
        sys.exit(f"models in the process cannot be tested: {error}")

    print_matrix(cells, languages, scenarios)
    print_failures(cells)
    print(f"\n{len(scenarios)} scenarios on {store.name}; {len(others)} are about another store"
          f"{': ' if others else ''}{', '.join(others)}", end="")  # fmt: skip
    failed = sum(bool(cell.problems) for cell in cells)
    print(f"\n{len(cells) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
