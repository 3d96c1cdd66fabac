"""What the proofs of durability share: the program, its ledger, the stores that they begin with."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PROGRAM = ROOT / "target/debug/examples/durability"
GOLDEN = ROOT / "core/tests/databases/v2.db"
GOLDEN_VERSION = 2
# What the golden database is known to have, in the words of a ledger.
GOLDEN_LEDGER = [
    f"ack {tenant} {key}"
    for tenant in ("acme", "globex")
    for key in ("run:finished finished", "active:clerk 1.1.0", "spec:gone@0.1.0 -")
]
# How long a program may take that has nothing to wait for; only one that hangs takes so long.
PATIENCE = 120


def lines_of(path: Path) -> list[str]:
    """The whole lines of a ledger: a kill may cut the last one."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [line for line in text.split("\n")[:-1] if line]


def verify(program: Path, location: str, ledger: Iterable[str], how: str = "verify") -> list[str]:
    """What is wrong with a store that these lines were said of; empty if nothing is."""
    try:
        done = subprocess.run(
            [program, how, location],
            input="".join(f"{line}\n" for line in ledger),
            capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return [f"{how} hangs ({PATIENCE} s)"]
    problems = [line for line in done.stdout.splitlines() if line.startswith("problem ")]
    if done.returncode and not problems:
        problems = [f"{how} ended with {done.returncode}: {done.stderr.strip()[-600:]}"]
    if not problems and "verified " not in done.stdout:
        problems = [f"{how} said nothing"]
    return problems


def backups_of(folder: Path) -> list[str]:
    """What is wrong with the copies that were made before a migration of the golden database."""
    problems = [f"{path.name} was left behind" for path in folder.glob(".*.part*")]
    for path in folder.glob("*.backup"):
        copy = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
        original = sqlite3.connect(f"file:{GOLDEN}?mode=ro&immutable=1", uri=True)
        try:
            sound = copy.execute("PRAGMA integrity_check").fetchone()[0]
            version = copy.execute("PRAGMA user_version").fetchone()[0]
            question = "SELECT tenant_id, run_id, seq, body FROM run_events ORDER BY 1, 2, 3"
            same = copy.execute(question).fetchall() == original.execute(question).fetchall()
            if (sound, version, same) != ("ok", GOLDEN_VERSION, True):
                problems.append(f"{path.name}: {sound}, version {version}, the same events: {same}")
        except sqlite3.DatabaseError as error:
            problems.append(f"{path.name}: {error}")
        finally:
            copy.close()
            original.close()
    return problems


class Workplace:
    """A temporary folder that stays when something went wrong."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="aikit-durability-"))
        self.keep = False

    def __enter__(self) -> Workplace:
        return self

    def __exit__(self, *_: object) -> None:
        if self.keep:
            print(f"kept: {self.path}")
        else:
            shutil.rmtree(self.path, ignore_errors=True)

    def fresh(self, name: str) -> Path:
        """An empty folder of this name."""
        path = self.path / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        return path


class Tally:
    """Counts, says what failed, and shows that something goes on."""

    def __init__(self, workplace: Workplace) -> None:
        self.passed = 0
        self.failed = 0
        self._workplace = workplace

    def note(self, name: str, problems: list[str]) -> bool:
        if not problems:
            self.passed += 1
            return True
        self.failed += 1
        self._workplace.keep = True
        print(f"FAILED {name}", flush=True)
        for problem in problems[:8]:
            print(f"    {problem}", flush=True)
        return False

    def end(self) -> int:
        """The last line, and the exit code."""
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed or not self.passed else 0


def require(program: Path) -> None:
    if not program.exists():
        sys.exit(f"{program} is not there: cargo build --workspace --examples")
