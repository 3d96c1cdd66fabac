#!/usr/bin/env python3
"""Lets the files of a store fail, and looks each time that it says so and stays whole.

    faults.py [--points N | --all] [--lock SECONDS] [--only TEXT] [--program PATH]

The n-th write, sync, truncation, opening or removal fails, for n = 1, 2, 3 ... until nothing is hit any
more. The suite takes some of the points of each scenario, `--all` takes every one.
"""

from __future__ import annotations

import argparse
import errno
import os
import random
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import conditions
from stores import (
    GOLDEN,
    GOLDEN_LEDGER,
    HERE,
    PATIENCE,
    PROGRAM,
    Tally,
    Workplace,
    backups_of,
    lines_of,
    require,
    verify,
)

# What a store may say when its files fail. Never that it is damaged: it is not.
TYPED = {"store_failed", "store_full", "store_unavailable"}


@dataclass(frozen=True)
class Fault:
    name: str
    number: int
    sticky: bool
    halves: bool = False


FAULTS = (
    Fault("EIO once", errno.EIO, sticky=False),
    Fault("EIO from then on", errno.EIO, sticky=True),
    Fault("ENOSPC once, half written", errno.ENOSPC, sticky=False, halves=True),
    Fault("ENOSPC from then on, half written", errno.ENOSPC, sticky=True, halves=True),
)


@dataclass(frozen=True)
class Scenario:
    """What the store is before, and what was said of it."""

    name: str
    folder: Path
    ledger: tuple[str, ...]


def library(workplace: Workplace) -> Path:
    """The library that lets calls fail, compiled."""
    made = workplace.path / "faults.so"
    command = [
        "cc",
        "-O1",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-shared",
        "-fPIC",
        "-o",
        made,
        HERE / "faults.c",
    ]
    subprocess.run([*command, "-ldl"], check=True)
    return made


def scenarios(program: Path, workplace: Workplace) -> list[Scenario]:
    new = workplace.fresh("new")
    used = workplace.fresh("used")
    said = workplace.path / "used.said"
    files = workplace.fresh("used.files")
    with said.open("wb") as out:
        command = [program, "write", used / "store.db", "--tenant", "t", "--writer", "before"]
        subprocess.run(
            [*command, "--steps", "2", "--files", files], stdout=out, check=True, timeout=PATIENCE
        )
    old = workplace.fresh("old")
    shutil.copy(GOLDEN, old / "store.db")
    return [
        Scenario("a new store", new, ()),
        Scenario("a store in use", used, tuple(lines_of(said))),
        killed(program, workplace),
        Scenario("a store of an earlier version", old, tuple(GOLDEN_LEDGER)),
    ]


def killed(program: Path, workplace: Workplace) -> Scenario:
    """A store whose writer was killed: its log has not been taken over."""
    folder, said = workplace.fresh("killed"), workplace.path / "killed.said"
    files = workplace.fresh("killed.files")
    command = [program, "write", folder / "store.db", "--tenant", "t", "--writer", "before"]
    with said.open("wb") as out:
        writer = subprocess.Popen([*command, "--files", files], stdout=out)
        end = time.monotonic() + PATIENCE
        while (
            sum(line.startswith("ack ") for line in lines_of(said)) < 25 and time.monotonic() < end
        ):
            time.sleep(0.01)
        writer.kill()
        writer.wait()
    if not (folder / "store.db-wal").stat().st_size:
        sys.exit("the killed store has no log: nothing would be proved")
    return Scenario("a store whose writer was killed", folder, tuple(lines_of(said)))


@dataclass
class Bench:
    """Where the runs happen, and with what."""

    program: Path
    preload: Path
    workplace: Workplace

    def run(self, scenario: Scenario, fault: Fault | None, at: int) -> tuple[list[str], int, int]:
        """Runs the writer once: problems, calls that were counted, calls that failed."""
        place = self.workplace.fresh(f"{scenario.folder.name}-{fault.name if fault else ''}-{at}")
        store, files, report = place / "store", place / "files", place / "report"
        shutil.copytree(scenario.folder, store)
        files.mkdir()
        (store / "copies").mkdir()
        environment = {
            **os.environ,
            "LD_PRELOAD": str(self.preload),
            "FAULT_FOLDER": str(store),
            "FAULT_AT": str(at),
            "FAULT_ERRNO": str(fault.number if fault else 0),
            "FAULT_STICKY": str(int(fault.sticky if fault else 0)),
            "FAULT_SHORT": str(int(fault.halves if fault else 0)),
            "FAULT_REPORT": str(report),
        }
        command = [self.program, "write", store / "store.db", "--tenant", "t", "--writer", "w"]
        with (place / "said").open("wb") as out, (place / "errors").open("wb") as errors:
            try:
                done = subprocess.run(
                    [*command, "--steps", "1", "--files", files, "--copies", store / "copies"],
                    env=environment, stdout=out, stderr=errors, timeout=PATIENCE, check=False,
                )  # fmt: skip
            except subprocess.TimeoutExpired:
                return [f"hangs ({PATIENCE} s)"], 0, 1
        said = lines_of(place / "said")
        counted, failed = struct.unpack("=QQ", report.read_bytes()[:16])
        first = report.read_bytes()[16:].rstrip(b"\0").decode(errors="replace")
        problems = judged(
            done.returncode, (place / "errors").read_text(errors="replace"), said, failed
        )
        location = str(store / "store.db")
        problems += verify(self.program, location, [*scenario.ledger, *said])
        problems += backups_of(store)
        if problems:
            problems.append(f"the call that failed first: {first}")
            self.workplace.keep = True
        else:
            shutil.rmtree(place)
        return problems, counted, failed


def judged(code: int, errors: str, said: list[str], failed: int) -> list[str]:
    """What is wrong with the way in which a writer met its fault."""
    problems = []
    if code or "panicked" in errors:
        problems.append(f"ended with {code}: {errors.strip()[-400:]}")
    told = [line.split(" ", 2)[1:] for line in said if line.startswith("fail ")]
    problems += [f"told {' '.join(words)}" for words in told if words[0] not in TYPED]
    if not failed and (told or "done" not in said):
        problems.append(f"nothing failed, and yet it was not done: {told}")
    return problems


def inject(bench: Bench, scenario: Scenario, fault: Fault, points: int, tally: Tally) -> None:
    problems, calls, _ = bench.run(scenario, None, 0)
    if not tally.note(f"{scenario.name}, nothing fails", problems):
        return
    stride = max(1, calls // points) if points else 1
    # The number of calls differs a little from run to run: on until one is not reached.
    # Others each time, so that in the long run all of them have failed.
    candidates = list(range(random.randint(1, stride), calls + 1, stride)) + list(
        range(calls + 1, calls + 400, max(stride, 20))
    )
    hits = 0
    with ThreadPoolExecutor(2) as pool:
        for start in range(0, len(candidates), 8):
            batch = candidates[start : start + 8]
            outcomes = list(pool.map(lambda at: bench.run(scenario, fault, at), batch))
            for at, (problems, _, failed) in zip(batch, outcomes, strict=True):
                hits += bool(failed)
                tally.note(f"{scenario.name}, {fault.name}, call {at}", problems)
            if batch[-1] > calls and not any(failed for _, _, failed in outcomes):
                break
        else:
            tally.note(f"{scenario.name}, {fault.name}", ["every run was hit: where is the end?"])
    print(f"{scenario.name}, {fault.name}: {hits} of about {calls} calls failed", flush=True)
    if not hits:
        tally.note(
            f"{scenario.name}, {fault.name}", ["no call was made to fail: nothing was proved"]
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--points", type=int, default=12, help="calls of each scenario that fail")
    parser.add_argument("--all", action="store_true", help="every call")
    parser.add_argument("--lock", type=float, default=7, help="seconds for which a lock is held")
    parser.add_argument("--only", default="", help="what has this text in its name")
    parser.add_argument("--program", type=Path, default=PROGRAM)
    arguments = parser.parse_args()
    require(arguments.program)
    with Workplace() as workplace:
        tally = Tally(workplace)
        bench = Bench(arguments.program, library(workplace), workplace)
        work: list[tuple[str, Callable[[], None]]] = []
        for scenario in scenarios(arguments.program, workplace):
            for fault in FAULTS:
                points = 0 if arguments.all else arguments.points
                name = f"{scenario.name}, {fault.name}"
                work.append(
                    (name, lambda s=scenario, f=fault, p=points: inject(bench, s, f, p, tally))
                )
        for name, condition in conditions.ALL:
            place = workplace.path / name.replace(" ", "-")
            site = conditions.Site(arguments.program, place, arguments.lock)
            work.append((name, lambda n=name, c=condition, s=site: under(tally, n, c, s)))
        for name, step in work:
            if arguments.only in name:
                step()
        return tally.end()


def under(tally: Tally, name: str, condition: Callable, site: conditions.Site) -> None:
    site.folder.mkdir(parents=True)
    problems = condition(site)
    if problems is not None and tally.note(name, problems):
        print(f"{name}: as it should be", flush=True)


if __name__ == "__main__":
    sys.exit(main())
