#!/usr/bin/env python3
"""Runs the suites of `make check`, `make test` and `make build`, each to its end, and sums them up.

    scripts/suites.py test                       all suites of `make test`
    scripts/suites.py test --only rust,python    some of them
    scripts/suites.py total                      the sum of what the last runs reported

A suite is a command. What it prints is shown as it comes and kept in target/reports. A suite that
counts its tests is counted in tests, any other counts as one. A skipped test counts as failed: it
proves nothing. The last line is `N passed, N failed`, and the exit status is 1 if any failed.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from suite_list import SUITES, Suite

ROOT = Path(__file__).resolve().parent.parent
REPORTS = ROOT / "target" / "reports"
GB = 1_000_000_000
# What a fresh clone builds at most, in GB; a linker that meets a full disk ends with a signal and no word
# of it. `make check` and `make test` share most of theirs.
ROOM = {"build": 4, "check": 6, "test": 12, "conformance": 4, "isolation": 4}
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass
class Outcome:
    name: str
    passed: int
    failed: int
    seconds: float
    note: str = ""


def count_cargo(text: str) -> tuple[int, int]:
    rows = re.findall(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored", text, re.M)
    return sum(int(r[0]) for r in rows), sum(int(r[1]) + int(r[2]) for r in rows)


def count_busted(text: str) -> tuple[int, int]:
    rows = re.findall(
        r"(\d+) success\w* / (\d+) failures? / (\d+) errors? / (\d+) pending", text
    )
    return sum(int(r[0]) for r in rows), sum(int(n) for r in rows for n in r[1:])


def count_node(text: str) -> tuple[int, int]:
    rows = {k: int(n) for k, n in re.findall(r"^(?:#|ℹ) (\w+) (\d+)$", text, re.M)}
    return rows.get("pass", 0), sum(rows.get(k, 0) for k in ("fail", "cancelled", "skipped", "todo"))


def count_pytest(text: str) -> tuple[int, int]:
    lines = [line for line in text.splitlines() if re.search(r" in [\d.]+s\b", line)]
    rows = dict((k, int(n)) for n, k in re.findall(r"(\d+) ([a-z]+)", lines[-1])) if lines else {}
    bad = ("failed", "error", "errors", "skipped", "xfailed", "xpassed")
    return rows.get("passed", 0), sum(rows.get(k, 0) for k in bad)


def count_unittest(text: str) -> tuple[int, int]:
    ran = sum(int(n) for n in re.findall(r"^Ran (\d+) tests?", text, re.M))
    bad = sum(int(n) for row in re.findall(r"^(?:FAILED|OK) \((.*)\)$", text, re.M)
              for n in re.findall(r"=(\d+)", row))  # fmt: skip
    return max(ran - bad, 0), bad


def count_plain(text: str) -> tuple[int, int]:
    rows = re.findall(r"^(\d+) passed, (\d+) failed$", text, re.M)
    return (int(rows[-1][0]), int(rows[-1][1])) if rows else (0, 0)


COUNTS = {
    "cargo": count_cargo,
    "busted": count_busted,
    "node": count_node,
    "pytest": count_pytest,
    "unittest": count_unittest,
    "plain": count_plain,
}


def judge(suite: Suite, status: int | None, text: str, seconds: float) -> Outcome:
    """What the exit status and the printed counts say together; the worse of the two holds."""
    if suite.counts is None:
        passed, failed = (1, 0) if status == 0 else (0, 1)
    else:
        passed, failed = COUNTS[suite.counts](ANSI.sub("", text))
    note = ""
    if status is None:
        note = f"did not end within {suite.minutes} minutes"
    elif status != 0 and failed == 0:
        note = f"exit status {status}"
    elif passed + failed == 0:
        note = "ran no test"
    if note:
        failed = max(failed, 1)
    return Outcome(suite.name, passed, failed, seconds, note)


def run(suite: Suite, log_folder: Path) -> Outcome:
    """Runs one suite in a process group of its own, so that one that hangs is ended as a whole."""
    print(f"\n=== {suite.name}: {suite.command}", flush=True)
    started = time.monotonic()
    lines: list[str] = []
    late = threading.Event()
    with open(log_folder / f"{suite.name}.log", "w", encoding="utf-8") as log:
        process = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", suite.command],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )

        def end_it() -> None:
            late.set()
            os.killpg(process.pid, signal.SIGKILL)

        clock = threading.Timer(suite.minutes * 60, end_it)
        clock.start()
        try:
            for line in process.stdout:
                sys.stdout.write(line)
                sys.stdout.flush()
                log.write(line)
                lines.append(line)
            process.wait()
        except KeyboardInterrupt:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        finally:
            clock.cancel()
    status = None if late.is_set() else process.returncode
    return judge(suite, status, "".join(lines), time.monotonic() - started)


def no_room(which: str, built: bool, free: int) -> str:
    """What to say when the disk is too small for what will be built, else nothing. What is there
    already is rewritten in place, for the greater part."""
    needed = ROOM[which] * GB // (4 if built else 1)
    if free >= needed:
        return ""
    return (f"make {which} writes up to {needed / GB:.1f} GB in {ROOT / 'target'}, and that disk has "
            f"{free / GB:.1f} GB left. Make room on it (`make clean` removes what is built), or clone to "
            "another disk.")  # fmt: skip


def table(outcomes: list[Outcome]) -> str:
    rows = [f"{'suite':<22}{'passed':>8}{'failed':>8}{'seconds':>9}"]
    for o in outcomes:
        rows.append(f"{o.name:<22}{o.passed:>8}{o.failed:>8}{o.seconds:>9.1f}  {o.note}".rstrip())
    return "\n".join(rows)


def last_line(passed: int, failed: int) -> int:
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed or not passed else 0


def total() -> int:
    reports = [json.loads(p.read_text()) for p in sorted(REPORTS.glob("*.json"))]
    return last_line(sum(r["passed"] for r in reports), sum(r["failed"] for r in reports))


def main() -> int:
    parser = argparse.ArgumentParser(description="runs suites and sums them up")
    parser.add_argument("which", choices=[*SUITES, "total"])
    parser.add_argument("--only", default="", help="names of suites, separated by commas")
    arguments = parser.parse_args()
    if arguments.which == "total":
        return total()

    suites = SUITES[arguments.which]
    wanted = [name for name in arguments.only.split(",") if name]
    unknown = set(wanted) - {s.name for s in suites}
    if unknown:
        parser.error(f"no such suite: {', '.join(sorted(unknown))}; "
                     f"there are {', '.join(s.name for s in suites)}")
    if wanted:
        suites = [s for s in suites if s.name in wanted]

    target = ROOT / "target"
    free = shutil.disk_usage(target if target.exists() else ROOT).free
    problem = no_room(arguments.which, (target / "debug" / "deps").exists(), free)
    # One suite is its caller's to judge.
    if problem and not wanted:
        print(f"suites.py: {problem}", file=sys.stderr)
        return 2

    log_folder = REPORTS / arguments.which
    log_folder.mkdir(parents=True, exist_ok=True)
    outcomes = [run(suite, log_folder) for suite in suites]
    passed, failed = sum(o.passed for o in outcomes), sum(o.failed for o in outcomes)
    report = {"passed": passed, "failed": failed, "suites": [o.__dict__ for o in outcomes]}
    (REPORTS / f"{arguments.which}.json").write_text(json.dumps(report, indent=2) + "\n")

    print(f"\n=== make {arguments.which}, counted in tests (a suite without tests counts as one); "
          f"logs in target/reports/{arguments.which}")
    print(table(outcomes))
    return last_line(passed, failed)


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    # Whoever ends the runner ends the suite under way too.
    signal.signal(signal.SIGTERM, interrupt)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
