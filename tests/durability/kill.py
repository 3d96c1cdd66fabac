#!/usr/bin/env python3
"""Kills writers at random points, and looks each time whether all that they were told is there.

    kill.py [--rounds N] [--writers N] [--seed N] [--location URL] [--program PATH]

Two or three processes write to the same store at once. What each was told is kept outside of the store.
A store is used for some rounds. Every fourth round begins with a file of an earlier version, so that the
copy and the migration are killed too.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from stores import (
    GOLDEN,
    GOLDEN_LEDGER,
    PROGRAM,
    Tally,
    Workplace,
    backups_of,
    lines_of,
    require,
    verify,
)

# Rounds with one store: its ledger grows with each.
ROUNDS_A_STORE = 20
# Errors that a writer may be told when nothing is wrong but the crowd.
CROWD = {"store_locked", "store_conflict"}


@dataclass
class Ground:
    """The store of some rounds, and what was said of it."""

    location: str
    folder: Path | None = None
    old: bool = False
    ledger: list[str] = field(default_factory=list)
    rounds: int = 0


@dataclass
class Counts:
    acknowledged: int = 0
    cut: int = 0
    crowded: int = 0


def ground(workplace: Workplace, name: str, location: str | None, old: bool = False) -> Ground:
    if location:
        return Ground(location)
    folder = workplace.fresh(name)
    made = Ground(str(folder / "store.db"), folder, old)
    if old:
        shutil.copy(GOLDEN, made.location)
        made.ledger += GOLDEN_LEDGER
    return made


def one_round(
    program: Path, workplace: Workplace, place: Ground, names: list[str], chance: random.Random
) -> tuple[list[str], Counts]:
    """Starts a writer of each name, kills them, and gives the problems and what happened."""
    outside = workplace.fresh("outside")
    running = []
    for i, name in enumerate(names):
        files = outside / f"files-{name}"
        files.mkdir()
        command = [program, "write", place.location, "--tenant", f"t{i % 2}", "--writer", name]
        if place.folder:
            command += ["--copies", files]
        with (outside / name).open("wb") as said, (outside / f"{name}.err").open("wb") as errors:
            running.append(
                subprocess.Popen([*command, "--files", files], stdout=said, stderr=errors)
            )
    # Some die while they open the store, most while they write, all at once or one after the other.
    longest = chance.choice((0.05, 0.3, 0.8)) if not place.old else 0.05
    time.sleep(chance.uniform(0, longest))
    together = chance.random() < 0.5
    order = list(range(len(running)))
    chance.shuffle(order)
    problems = []
    for i in order:
        code = running[i].poll()
        crowded = any(
            line.split(" ")[1] in CROWD
            for line in lines_of(outside / names[i])
            if line.startswith("fail ")
        )
        # Only who found no way in through the crowd has no more to do.
        if code is not None and (code or not crowded):
            error = (outside / f"{names[i]}.err").read_text(errors="replace")[-400:]
            problems.append(f"writer {names[i]} ended by itself with {code}: {error}")
        running[i].kill()
        if not together:
            time.sleep(chance.uniform(0, 0.05))
    counts = Counts()
    copies = []
    for process, name in zip(running, names, strict=True):
        process.wait()
        open_keys = set()
        for line in lines_of(outside / name):
            word, _, rest = line.partition(" ")
            if word == "fail":
                code = rest.split(" ", 1)[0]
                counts.crowded += 1
                if code not in CROWD:
                    problems.append(f"{name} was told: {rest}")
            elif word == "ack":
                counts.acknowledged += 1
                open_keys.discard(rest)
            elif word == "try":
                open_keys.add(rest)
            # Its copies go with the round.
            (copies if " copy:" in line else place.ledger).append(line)
        counts.cut += bool(open_keys)
    problems += verify(program, place.location, [*place.ledger, *copies])
    if place.folder:
        problems += backups_of(place.folder)
    return problems, counts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--writers", type=int, default=0, help="at once; default: 2 or 3 in turn")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument(
        "--location", default=None, help="a database URL; default: files of its own"
    )
    parser.add_argument("--program", type=Path, default=PROGRAM)
    arguments = parser.parse_args()
    require(arguments.program)
    seed = arguments.seed if arguments.seed is not None else random.randrange(1 << 32)
    print(f"seed {seed}", flush=True)
    chance = random.Random(seed)
    total = Counts()
    with Workplace() as workplace:
        tally = Tally(workplace)
        current = ground(workplace, "store", arguments.location)
        for number in range(arguments.rounds):
            place = current
            if number % 4 == 3 and not arguments.location:
                # One that is killed while it is copied and migrated.
                place = ground(workplace, "old", None, old=True)
            writers = arguments.writers or 2 + number % 2
            names = [f"w{i}r{number}s{seed}" for i in range(writers)]
            problems, counts = one_round(arguments.program, workplace, place, names, chance)
            place.rounds += 1
            total.acknowledged += counts.acknowledged
            total.cut += counts.cut
            total.crowded += counts.crowded
            passed = tally.note(f"round {number}, seed {seed}", problems)
            if not passed or current.rounds == ROUNDS_A_STORE:
                # What is lost stays lost: the next rounds begin with another store.
                current = ground(workplace, f"store-after-{number}", arguments.location)
            if (number + 1) % 10 == 0:
                print(
                    f"round {number + 1}: {total.acknowledged} acknowledged, {total.cut} writers "
                    f"killed inside an operation, {total.crowded} told of a lock",
                    flush=True,
                )
        if not total.acknowledged or not total.cut:
            tally.note(
                "the proof itself", ["no writer was killed while it wrote: nothing was proved"]
            )
        return tally.end()


if __name__ == "__main__":
    sys.exit(main())
