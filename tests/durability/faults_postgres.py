#!/usr/bin/env python3
"""Lets requests to a PostgreSQL server fail, and looks each time that it is said and nothing is lost.

    tests/postgres/server.py run -- tests/durability/faults_postgres.py
                                    [--points N | --all] [--lock SECONDS] [--only TEXT] [--seed N]

The n-th request fails, for n = 1, 2, 3 ... until a whole run passes without a fault. The suite takes some
of the points of each fault, `--all` takes every one.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import conditions_postgres as conditions
from postgres import GONE, TENANTS, Server
from proxy import Fault, Proxy
from stores import PATIENCE, PROGRAM, Tally, Workplace, lines_of, require

# Seconds for which a silent server is waited for, and how long an operation may take with that.
PATIENT, HURRIED = 30, 3
# A fault may wait for an answer, then for a connection; a crowded machine takes its time too.
BOUND = 40
# Whoever waits in vain takes so much longer than the others.
SLOW = {Fault.SILENCE: 3, Fault.GARBAGE: 1}


@dataclass
class Bench:
    """Where the runs happen, and with what."""

    server: Server
    database: str
    workplace: Workplace
    ledger: list[str]
    runs: int = 0

    def run(self, fault: Fault | None, at: int, number: int) -> tuple[list[str], int, bool]:
        """Runs a writer once: problems, requests that were counted, whether one was spoiled."""
        name = f"{fault.name.lower() if fault else 'none'}-{at}-{number}"
        place = self.workplace.fresh(name)
        (place / "files").mkdir()
        tenant = TENANTS[number % len(TENANTS)]
        seconds = HURRIED if fault in SLOW else PATIENT
        with (
            Proxy(self.server.cluster.settings.port, fault, at, seed=at) as proxy,
            (place / "said").open("wb") as out,
            (place / "errors").open("wb") as errors,
        ):
            url = self.server.url(self.database, port=proxy.port) + f"?answer_timeout={seconds}"
            command = [self.server.program, "write", url, "--tenant", tenant, "--writer", name]
            command += ["--steps", "1", "--bound", str(BOUND), "--files", place / "files"]
            try:
                done = subprocess.run(
                    command, stdout=out, stderr=errors, timeout=PATIENCE, check=False
                )
            except subprocess.TimeoutExpired:
                return [f"hangs ({PATIENCE} s), {proxy.asked[:200]!r}"], proxy.requests, True
            asked, requests = proxy.asked, proxy.requests
        said = lines_of(place / "said")
        problems = judged(
            done.returncode, (place / "errors").read_text(errors="replace"), said, bool(asked)
        )
        problems += self.server.verify(self.database, said)
        self.ledger += said
        if problems:
            problems.append(f"the request: {asked[:300]!r}")
        else:
            shutil.rmtree(place)
        return problems, requests, bool(asked)


def judged(code: int, errors: str, said: list[str], hit: bool) -> list[str]:
    """What is wrong with the way in which a writer met its fault."""
    problems = []
    # A client library's panic over nonsense is caught where it happens, and still prints itself.
    loud = [line for line in errors.splitlines() if "panicked at" in line]
    if code or any(not foreign(line) for line in loud):
        problems.append(f"ended with {code}: {errors.strip()[-400:]}")
    told = [line.split(" ", 2)[1:] for line in said if line.startswith("fail ")]
    problems += [f"told {' '.join(words)}" for words in told if words[0] not in GONE]
    if len(told) > 1:
        problems.append(f"one fault, and {len(told)} operations failed: {told}")
    if told and not hit:
        problems.append("nothing failed, and yet that was told")
    # Only who could not open the store at all does nothing more.
    opened = any(line.startswith("try ") for line in said)
    if "done" not in said and (opened or not told):
        problems.append("it was not done")
    return problems


def foreign(line: str) -> bool:
    return "/sqlx-" in line or "/bytes-" in line


def inject(bench: Bench, fault: Fault, points: int, tally: Tally) -> None:
    bench.runs += 1
    problems, requests, _ = bench.run(None, 0, bench.runs - 1)
    if not tally.note(f"{fault.value}: nothing is", problems):
        return
    stride = max(1, requests // points) if points else 1
    # The number of requests differs a little from run to run: on until one is not reached. Others
    # each time, so that in the long run all of them have failed.
    candidates = list(range(random.randint(1, stride), requests + 1, stride))
    candidates += range(requests + 1, requests + 200, max(stride, 20))
    hits = 0
    with ThreadPoolExecutor(2) as pool:
        for start in range(0, len(candidates), 8):
            batch = candidates[start : start + 8]
            numbers = range(bench.runs, bench.runs + len(batch))
            bench.runs += len(batch)
            outcomes = list(pool.map(lambda at, n: bench.run(fault, at, n), batch, numbers))
            for at, (problems, _, hit) in zip(batch, outcomes, strict=True):
                hits += hit
                tally.note(f"request {at} {fault.value}", problems)
            if batch[-1] > requests and not outcomes[-1][2]:
                break
        else:
            tally.note(fault.value, ["every run was hit: where is the end?"])
    print(f"{hits} of about {requests} requests {fault.value}", flush=True)
    if not hits:
        tally.note(fault.value, ["no request was spoiled: nothing was proved"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--points", type=int, default=16, help="requests that fail in each way")
    parser.add_argument("--all", action="store_true", help="every request")
    parser.add_argument("--lock", type=float, default=7, help="seconds for which a lock is held")
    parser.add_argument("--only", default="", help="what has this text in its name")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--program", type=Path, default=PROGRAM)
    arguments = parser.parse_args()
    require(arguments.program)
    seed = arguments.seed if arguments.seed is not None else random.randrange(1 << 32)
    random.seed(seed)
    print(f"seed {seed}", flush=True)
    server = Server(arguments.program)
    with Workplace() as workplace:
        tally = Tally(workplace)
        bench = Bench(server, server.database(), workplace, [])
        work: list[tuple[str, Callable[[], None]]] = []
        for fault in Fault:
            points = 0 if arguments.all else max(1, arguments.points // SLOW.get(fault, 1))
            work.append((fault.value, lambda f=fault, p=points: inject(bench, f, p, tally)))
        for name, condition in conditions.ALL:
            place = workplace.path / name.replace(" ", "-")
            site = conditions.Site(server, place, arguments.lock)
            work.append((name, lambda n=name, c=condition, s=site: under(tally, n, c, s)))
        for name, step in work:
            if arguments.only in name:
                step()
        if bench.ledger:
            tally.note("all that was said", server.verify(bench.database, bench.ledger))
        return tally.end()


def under(tally: Tally, name: str, condition: Callable, site: conditions.Site) -> None:
    site.folder.mkdir(parents=True)
    try:
        problems = condition(site)
    except conditions.Stuck as stuck:
        problems = [str(stuck)]
    if problems is not None and tally.note(name, problems):
        print(f"{name}: as it should be", flush=True)


if __name__ == "__main__":
    sys.exit(main())
