"""The same through aikit itself: `core/tests/isolation`, on each back end and in each way."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from stage import ADMIN, APP, FILTERS, ROOT, Stage

# How long a run may take beside the time that it is given; only one that hangs takes so long.
PATIENCE = 600


@dataclass(frozen=True)
class Way:
    """How aikit reaches a store."""

    name: str
    environment: dict[str, str]


@dataclass(frozen=True)
class Outcome:
    way: str
    passed: list[str]
    failed: list[str]
    output: str


def build() -> Path:
    """The program of the tests."""
    command = ["cargo", "test", "--workspace", "--test", "isolation", "--no-run", "--message-format=json"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    for line in done.stdout.splitlines():
        message = json.loads(line)
        if message.get("executable") and message["target"]["name"] == "isolation":
            return Path(message["executable"])
    raise RuntimeError("cargo built no tests of isolation")


def ways(stage: Stage, database: str, pooler: str | None) -> list[Way]:
    """PostgreSQL: by policies and filters, by filters alone, and through a pooler."""
    common = {
        "AIKIT_TEST_POSTGRES": stage.location(database),
        "AIKIT_TEST_STORE_ADMIN": stage.location(database, ADMIN),
    }
    store = {"AIKIT_TEST_STORE": stage.location(database, APP), "AIKIT_TEST_STORE_LOGIN": APP}
    bare = {"AIKIT_TEST_STORE": stage.location(database, FILTERS), "AIKIT_TEST_STORE_LOGIN": FILTERS}
    found = [
        Way("policies and filters", common | store),
        Way("filters alone", common | bare | {"AIKIT_TEST_STORE_RLS": "off"}),
    ]
    if pooler:
        through = {"AIKIT_TEST_STORE": stage.location(database, APP, pooler), "AIKIT_TEST_POOLED": "1"}
        found.append(Way("through a pooler", common | store | through))
    return found


SQLITE = Way("filters", {})


def run(program: Path, way: Way, seconds: float) -> Outcome:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIKIT_TEST_")}
    environment = kept | {"AIKIT_TEST_SECONDS": f"{seconds:.0f}", "RUST_BACKTRACE": "0"} | way.environment
    # One test after the other: what the server says of a login is said of all of its connections.
    command = [program, "--test-threads=1", "--nocapture"]
    try:
        done = subprocess.run(command, cwd=ROOT / "core", env=environment, capture_output=True, text=True,
                              timeout=PATIENCE + seconds, check=False)  # fmt: skip
    except subprocess.TimeoutExpired as late:
        return Outcome(way.name, [], ["it hangs"], str(late.stdout))
    output = done.stdout + done.stderr
    names = sorted(set(re.findall(r"^test (\S+) \.\.\. ", output, re.M)))
    failed = re.findall(r"^    (\S+)$", output.partition("\nfailures:\n")[2], re.M)
    failed = [name for name in names if name in failed]
    if done.returncode and not failed:
        failed = [f"it ended with {done.returncode}"]
    return Outcome(way.name, [name for name in names if name not in failed], failed, output)
