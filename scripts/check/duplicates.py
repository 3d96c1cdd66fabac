#!/usr/bin/env python3
"""No dependency is built in two versions, except those of duplicates.txt, each with its reason.

A line of that file that is no longer true fails too, so the list can only shrink unseen.
"""

import subprocess
import sys
from collections import defaultdict
from pathlib import Path

LIST = Path(__file__).with_name("duplicates.txt")


def listed() -> dict[str, str]:
    rows = {}
    for line in LIST.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            name, _, reason = line.partition(" ")
            rows[name] = reason.strip()
    return rows


def built_twice() -> dict[str, set[str]]:
    command = [
        "cargo", "tree", "--workspace", "--duplicates", "--edges", "normal,build",
        "--prefix", "none", "--depth", "0", "--locked", "--target", "x86_64-unknown-linux-gnu",
    ]  # fmt: skip
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit("duplicates: cargo cannot read the dependencies; is Cargo.lock up to date?")
    versions = defaultdict(set)
    for line in done.stdout.splitlines():
        if line.strip():
            name, version, *_ = line.split()
            versions[name].add(version)
    return {name: found for name, found in versions.items() if len(found) > 1}


def main() -> int:
    allowed, found = listed(), built_twice()
    problems = [
        f"{name} is built in {len(found[name])} versions ({', '.join(sorted(found[name]))}): "
        f"settle on one, or say in {LIST.name} why not"
        for name in sorted(found.keys() - allowed.keys())
    ]
    problems += [
        f"{name} is built once: remove its line from {LIST.name}"
        for name in sorted(allowed.keys() - found.keys())
    ]
    problems += [f"{name} has no reason in {LIST.name}" for name in allowed if not allowed[name]]
    for problem in problems:
        print(problem)
    print(f"duplicates: {len(found)} packages in two versions, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
