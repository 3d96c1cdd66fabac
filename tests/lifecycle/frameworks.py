"""Folders whose tests are written for the test framework of their language."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

ROOT = Path(__file__).resolve().parents[2]
Counts = tuple[int, int]


@dataclass(frozen=True)
class Framework:
    """Which files belong to it, what starts it, and how its last lines are read."""

    pattern: str
    arguments: tuple[str, ...]
    """After the interpreter of the language; busted is a program, and is told which Lua to take."""
    count: Callable[[str], Counts]


def count_pytest(text: str) -> Counts:
    """`3 passed, 1 failed in 0.5s`: what was neither passed nor left out by its name has failed."""
    lines = [line for line in text.splitlines() if re.search(r" in [\d.]+s\b", line)]
    rows = {word: int(n) for n, word in re.findall(r"(\d+) ([a-z]+)", lines[-1])} if lines else {}
    bad = ("failed", "error", "errors", "skipped", "xfailed", "xpassed")
    return rows.get("passed", 0), sum(rows.get(word, 0) for word in bad)


def count_node(text: str) -> Counts:
    """`# pass 3`, `# fail 1`, as `node --test` writes them in TAP."""
    rows = {word: int(n) for word, n in re.findall(r"^# (\w+) (\d+)$", text, re.MULTILINE)}
    bad = ("fail", "cancelled", "skipped", "todo")
    return rows.get("pass", 0), sum(rows.get(word, 0) for word in bad)


def count_busted(text: str) -> Counts:
    """`3 successes / 1 failure / 0 errors / 0 pending : 0.1 seconds`."""
    rows = re.findall(r"(\d+) success\w* / (\d+) failures? / (\d+) errors? / (\d+) pending", text)
    return sum(int(row[0]) for row in rows), sum(int(n) for row in rows for n in row[1:])


def python() -> str:
    """An interpreter that has pytest; made the first time."""
    done = subprocess.run(
        [ROOT / "scripts" / "venv.sh", "lifecycle", ROOT / "tests/lifecycle/requirements.txt"],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit("the environment for the lifecycle tests cannot be made")
    return done.stdout.strip()


# By folder. What a folder's framework runs is everything in it; the other files are its parts.
FRAMEWORKS = {
    "python": Framework(
        "test_*.py",
        ("-m", "pytest", "-q", "-p", "no:cacheprovider"),
        count_pytest,
    ),
    "node": Framework("*.test.mjs", ("--test", "--test-reporter=tap"), count_node),
    "lua": Framework("*_spec.lua", ("--output=plainTerminal",), count_busted),
}
