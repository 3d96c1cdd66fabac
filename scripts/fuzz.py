#!/usr/bin/env python3
"""Feeds what reads texts of strangers with texts made to break it: `make fuzz`.

    scripts/fuzz.py                                every target for a minute
    scripts/fuzz.py --target spec --seconds 3600   one of them for an hour
    scripts/fuzz.py --target spec --reproduce target/fuzz/artifacts/spec/crash-...

The fuzzer (libFuzzer) changes texts, sees which code each one reaches, and keeps those that reach
something new. It begins with the texts of fuzz/seeds, the examples, and what earlier runs kept in
target/fuzz/corpus. The first text that breaks a promise of fuzz/targets ends the run; it is left in
target/fuzz/artifacts, and how to run it again is printed. Everything runs at the lowest priority.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FUZZ = ROOT / "fuzz"
TARGET_FOLDER = ROOT / "target" / "fuzz"


@dataclass(frozen=True)
class Target:
    """A program of fuzz/targets."""

    # What it starts from, besides fuzz/seeds/NAME.
    examples: tuple[str, ...] = ()
    # The longest text. Bombs are short; long texts only make it slow.
    length: int = 8192
    # Places in the code that every run reaches. Fewer mean that it was blind.
    places: int = 1000


TARGETS = {"spec": Target(examples=("examples/specs",)), "import": Target()}

# What makes the code report what it does, in words of the stable compiler: one counter a branch, and
# the operands of comparisons, from which the fuzzer learns keywords.
INSTRUMENTATION = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
]

LIMITS = [
    # A clock on the wall, on a machine that may have better things to do: this finds what never ends.
    # What merely takes long is found by the target, in CPU time.
    "-timeout=120",
    "-rss_limit_mb=512",
]


def host() -> str:
    about = subprocess.run(["rustc", "-vV"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return re.search(r"^host: (.+)$", about, re.M)[1]


def build(name: str) -> Path:
    """Builds one target, with the dependencies in the versions that the product has."""
    lock, product = FUZZ / "Cargo.lock", ROOT / "Cargo.lock"
    if not lock.exists() or lock.stat().st_mtime < product.stat().st_mtime:
        shutil.copyfile(product, lock)
    # Naming the host keeps the flags away from build scripts and procedural macros.
    machine = host()
    command = ["cargo", "build", "--manifest-path", FUZZ / "Cargo.toml", "--bin", name,
               "--target-dir", TARGET_FOLDER, "--target", machine]  # fmt: skip
    subprocess.run(command, check=True, env=os.environ | {"RUSTFLAGS": " ".join(INSTRUMENTATION)})
    return TARGET_FOLDER / machine / "debug" / name


def fuzz(name: str, seconds: int) -> bool:
    """Runs one target. True if nothing was found."""
    target = TARGETS[name]
    program = build(name)
    corpus, artifacts = TARGET_FOLDER / "corpus" / name, TARGET_FOLDER / "artifacts" / name
    corpus.mkdir(parents=True, exist_ok=True)
    artifacts.mkdir(parents=True, exist_ok=True)
    # New finds go to the first folder; the others are only read.
    starts = [FUZZ / "seeds" / name, *(ROOT / folder for folder in target.examples)]
    command = [program, corpus, *starts, f"-dict={FUZZ / name}.dict", f"-artifact_prefix={artifacts}/",
               f"-max_total_time={seconds}", f"-max_len={target.length}", *LIMITS,
               "-print_final_stats=1"]  # fmt: skip
    print(f"fuzz: {name} for {seconds} seconds", flush=True)
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    places, artifact = 0, None
    try:
        for line in process.stdout:
            if seen := re.search(r"\bcov: (\d+)", line):
                places = int(seen[1])
            if seen := re.search(r"Test unit written to (.+)$", line):
                artifact = seen[1]
            # A line for each text that is kept, and a summary of words: too much to read.
            if not re.search(r"^#\d+\s+(NEW|REDUCE)\b|^\s+NEW_FUNC|# Uses: \d+$", line):
                print(line, end="", flush=True)
    finally:
        process.kill()
        process.wait()
    if artifact or process.returncode:
        print(f"\nfuzz: {name} FAILED (exit status {process.returncode}); to see it again:")
        print(f"    scripts/fuzz.py --target {name} --reproduce {artifact}")
        return False
    if places < target.places:
        print(f"\nfuzz: {name} FAILED: it reached {places} places of at least {target.places}; the "
              "build does not report what it does, or the seeds are gone")  # fmt: skip
        return False
    print(f"fuzz: {name}: {places} places of the code reached, nothing found")
    return True


def reproduce(name: str, text: str) -> int:
    return subprocess.run([build(name), *LIMITS, text]).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description="runs the fuzz targets")
    parser.add_argument("--target", choices=TARGETS, help="one target; else all, one after the other")
    parser.add_argument("--seconds", type=int, default=60, help="how long each target runs")
    parser.add_argument("--reproduce", metavar="FILE", help="run the target on this one text")
    arguments = parser.parse_args()
    os.nice(19)
    try:
        if arguments.reproduce:
            if not arguments.target:
                parser.error("--reproduce needs --target")
            return reproduce(arguments.target, arguments.reproduce)
        wanted = [arguments.target] if arguments.target else list(TARGETS)
        # Each to its end, also after a failure.
        return 0 if all([fuzz(name, arguments.seconds) for name in wanted]) else 1
    except subprocess.CalledProcessError as e:
        print(f"fuzz: {e.cmd[0]} failed; no target was run", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
