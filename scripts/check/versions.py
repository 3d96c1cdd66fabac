#!/usr/bin/env python3
"""One version number everywhere. Cargo.toml says which; every other place must say the same."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Where the version stands: a file (or a pattern of files, at least one of which must exist) and how
# it is written there. The first group is the version.
PLACES = [
    ("Cargo.lock", r'name = "aikit(?:-\w+)?"\nversion = "([^"]+)"'),
    ("CHANGELOG.md", r"\A.*?^## \[?(\d+\.\d+\.\d+)"),
    ("bindings/lua/*.rockspec", r'^version = "([^"-]+)-\d+"'),
    ("bindings/node/package.json", r'^  "version": "([^"]+)"'),
    ("bindings/python/aikit/__init__.py", r'^__version__ = "([^"]+)"'),
    ("include/aikit.h", r'AIKIT_VERSION "([^"]+)"'),
]


def main() -> int:
    manifest = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
    section = manifest.split("[workspace.package]", 1)[1]
    version = re.search(r'^version = "([^"]+)"', section, re.M)[1]
    problems = []
    for pattern, expression in PLACES:
        files = sorted(ROOT.glob(pattern))
        if not files:
            problems.append(f"{pattern}: no such file")
        for file in files:
            name = file.relative_to(ROOT)
            found = re.findall(expression, file.read_text(encoding="utf-8"), re.M | re.S)
            if not found:
                problems.append(f"{name}: no version found")
            problems += [f"{name}: {other}, not {version}" for other in found if other != version]
            if file.suffix == ".rockspec" and not file.name.startswith(f"aikit-{version}-"):
                problems.append(f"{name}: the file is not named by version {version}")
    for problem in problems:
        print(problem)
    print(f"versions: {version} in {len(PLACES)} places, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
