#!/usr/bin/env python3
"""Kills writers at random points, and looks each time whether all that they were told is there.

    kill.py [--rounds N | --seconds N] [--writers N] [--seed N] [--program PATH]
    tests/postgres/server.py run -- tests/durability/kill.py --postgres [--server-every N] ...

Two or three processes write to the same store at once. What each was told is kept outside of the store.
A store is used for some rounds. Every fourth round of files begins with one of an earlier version, so that
the copy and the migration are killed too. With `--postgres`, each N-th round kills the server, with all of
its processes, instead; half of the writers live on, and have to find it again.
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

from postgres import GONE, TENANTS, Server
from stores import (
    GOLDEN,
    GOLDEN_LEDGER,
    PATIENCE,
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
    database: str = ""
    ledger: list[str] = field(default_factory=list)
    rounds: int = 0


@dataclass
class Counts:
    acknowledged: int = 0
    cut: int = 0
    crowded: int = 0
    lost: int = 0
    servers: int = 0

    def add(self, other: Counts) -> None:
        for name, number in vars(other).items():
            setattr(self, name, getattr(self, name) + number)


@dataclass
class Slaughter:
    """What all rounds share."""

    program: Path
    workplace: Workplace
    chance: random.Random
    server: Server | None

    def ground(self, name: str, old: bool = False) -> Ground:
        if self.server:
            database = self.server.database()
            return Ground(self.server.url(database), database=database)
        folder = self.workplace.fresh(name)
        made = Ground(str(folder / "store.db"), folder, old)
        if old:
            shutil.copy(GOLDEN, made.location)
            made.ledger += GOLDEN_LEDGER
        return made

    def leave(self, place: Ground) -> list[str]:
        """The last look at a store, at all that was ever said of it."""
        if not self.server:
            return []
        problems = self.server.verify(place.database, place.ledger)
        if not problems:
            self.server.drop(place.database)
        return problems

    def one_round(
        self, place: Ground, names: list[str], kill_server: bool
    ) -> tuple[list[str], Counts]:
        """Starts a writer of each name, kills them, and gives the problems and what happened."""
        outside = self.workplace.fresh("outside")
        running = [self._writer(place, outside, i, name) for i, name in enumerate(names)]
        # Some die while they open the store, most while they write, all at once or one after the other.
        longest = self.chance.choice((0.05, 0.3, 0.8)) if not place.old else 0.05
        if self.server and longest > 0.05:
            # A server takes its time to let them in.
            _until(running, [outside / name for name in names], self.chance.randint(1, 60))
            longest = 0.03
        time.sleep(self.chance.uniform(0, longest))
        problems = self._kill_server(running, outside, names) if kill_server else []
        problems += self._kill_writers(running, outside, names, kill_server)
        counts = Counts(servers=int(kill_server))
        copies, said = [], []
        for name in names:
            open_keys = set()
            for line in lines_of(outside / name):
                word, _, rest = line.partition(" ")
                if word == "fail":
                    code = rest.split(" ", 1)[0]
                    if code in CROWD:
                        counts.crowded += 1
                    elif kill_server and code in GONE:
                        counts.lost += 1
                    else:
                        problems.append(f"{name} was told: {rest}")
                elif word == "ack":
                    counts.acknowledged += 1
                    open_keys.discard(rest)
                elif word == "try":
                    open_keys.add(rest)
                # Its copies go with the round.
                (copies if " copy:" in line else said).append(line)
            counts.cut += bool(open_keys)
        place.ledger += said
        if self.server:
            # What was said before is looked at once more when the store is left.
            problems += self.server.verify(place.database, said)
        else:
            problems += verify(self.program, place.location, [*place.ledger, *copies])
        if place.folder:
            problems += backups_of(place.folder)
        return problems, counts

    def _writer(self, place: Ground, outside: Path, i: int, name: str) -> subprocess.Popen[bytes]:
        files = outside / f"files-{name}"
        files.mkdir()
        command = [self.program, "write", place.location, "--tenant", TENANTS[i % 2]]
        command += ["--writer", name, "--files", files]
        if place.folder:
            command += ["--copies", files]
        with (outside / name).open("wb") as said, (outside / f"{name}.err").open("wb") as errors:
            return subprocess.Popen(command, stdout=said, stderr=errors)

    def _kill_server(
        self, running: list[subprocess.Popen[bytes]], outside: Path, names: list[str]
    ) -> list[str]:
        """Kills the server. Those that do not die with it must be told, and work again."""
        assert self.server
        self.server.cluster.kill()
        fall = [process for process in running if self.chance.random() < 0.5]
        for process in fall:
            process.kill()
        # Who had not yet connected ends by itself, and is no problem.
        self.server.cluster.start()
        problems = []
        for process, name in zip(running, names, strict=True):
            before = _acknowledged(outside / name)
            end = time.monotonic() + PATIENCE
            while process.poll() is None and _acknowledged(outside / name) == before:
                if time.monotonic() > end:
                    problems.append(f"{name} does nothing more after the server came back")
                    break
                time.sleep(0.02)
        return problems

    def _kill_writers(
        self,
        running: list[subprocess.Popen[bytes]],
        outside: Path,
        names: list[str],
        kill_server: bool,
    ) -> list[str]:
        problems = []
        together = self.chance.random() < 0.5
        order = list(range(len(running)))
        self.chance.shuffle(order)
        for i in order:
            code = running[i].poll()
            fails = [line for line in lines_of(outside / names[i]) if line.startswith("fail ")]
            allowed = CROWD | GONE if kill_server else CROWD
            refused = any(line.split(" ")[1] in allowed for line in fails)
            # Only who found no way in through the crowd, or no server, has no more to do.
            ended = code is not None and not (kill_server and code == -9)
            if ended and (code or not refused):
                problems.append(f"writer {names[i]} ended by itself with {code}")
            running[i].kill()
            if not together:
                time.sleep(self.chance.uniform(0, 0.05))
        for process, name in zip(running, names, strict=True):
            process.wait()
            errors = (outside / f"{name}.err").read_text(errors="replace")
            if errors:
                problems.append(f"{name} said: {errors[-400:]}")
        return problems


def _until(running: list[subprocess.Popen[bytes]], said: list[Path], count: int) -> None:
    """Waits until that many operations were acknowledged, or all writers have ended."""
    end = time.monotonic() + PATIENCE
    while sum(map(_acknowledged, said)) < count and time.monotonic() < end:
        if all(process.poll() is not None for process in running):
            return
        time.sleep(0.01)


def _acknowledged(path: Path) -> int:
    return sum(line.startswith("ack ") for line in lines_of(path))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=0, help="instead of a number of rounds")
    parser.add_argument("--writers", type=int, default=0, help="at once; default: 2 or 3 in turn")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--postgres", action="store_true", help="on the server beside this program")
    parser.add_argument("--server-every", type=int, default=6, help="each such round kills it")
    parser.add_argument("--program", type=Path, default=PROGRAM)
    arguments = parser.parse_args()
    require(arguments.program)
    seed = arguments.seed if arguments.seed is not None else random.randrange(1 << 32)
    print(f"seed {seed}", flush=True)
    chance = random.Random(seed)
    total = Counts()
    begun = time.monotonic()
    server = Server(arguments.program) if arguments.postgres else None
    with Workplace() as workplace:
        tally = Tally(workplace)
        all_rounds = Slaughter(arguments.program, workplace, chance, server)
        current = all_rounds.ground("store")
        number = 0
        while (
            time.monotonic() < begun + arguments.seconds
            if arguments.seconds
            else number < arguments.rounds
        ):
            place = current
            if number % 4 == 3 and not server:
                # One that is killed while it is copied and migrated.
                place = all_rounds.ground("old", old=True)
            writers = arguments.writers or 2 + number % 2
            names = [f"w{i}r{number}s{seed}" for i in range(writers)]
            every = arguments.server_every
            kill_server = bool(server) and every > 0 and number % every == every - 1
            problems, counts = all_rounds.one_round(place, names, kill_server)
            place.rounds += 1
            total.add(counts)
            passed = tally.note(f"round {number}, seed {seed}", problems)
            number += 1
            if not passed or current.rounds == ROUNDS_A_STORE:
                if passed:
                    tally.note(f"the store after round {number}", all_rounds.leave(current))
                # What is lost stays lost: the next rounds begin with another store.
                current = all_rounds.ground(f"store-after-{number}")
            if number % 10 == 0:
                print(told(number, total), flush=True)
        tally.note("the last store", all_rounds.leave(current))
        print(f"{told(number, total)}; {time.monotonic() - begun:.0f} s", flush=True)
        if not total.acknowledged or not total.cut:
            tally.note(
                "the proof itself", ["no writer was killed while it wrote: nothing was proved"]
            )
        if server and arguments.server_every and not (total.servers and total.lost):
            tally.note("the proof itself", ["no writer lost its server: nothing was proved"])
        return tally.end()


def told(rounds: int, total: Counts) -> str:
    text = (
        f"{rounds} rounds: {total.acknowledged} acknowledged, {total.cut} writers killed inside an "
        f"operation, {total.crowded} told of a lock"
    )
    if total.servers:
        text += f"; the server killed {total.servers} times, {total.lost} operations lost it"
    return text


if __name__ == "__main__":
    sys.exit(main())
