#!/usr/bin/env python3
"""What holds for every file of the repository: length, no stubs, no skipped tests, and no word that
ties it to one machine."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 600

SOURCE = {
    ".rs", ".py", ".pyi", ".js", ".mjs", ".cjs", ".ts", ".mts", ".lua", ".c", ".h", ".hpp", ".cpp",
    ".sh", ".toml", ".yaml", ".yml", ".md", ".json", ".txt", ".cmake", ".in", "",
}  # fmt: skip

# Written by a tool, or taken over whole: length and words are not ours to choose.
GENERATED = re.compile(r"(^|/)(docs/reference/[^/]+|09-diagnostics\.yaml|Cargo\.lock|package-lock\.json|aikit\.h|LICENSE-[A-Z]+|[^/]*\.d\.ts)$")

# This file names what it looks for.
OWN = "scripts/check/house.py"

RULES = [
    ("a path of one machine", None, re.compile(r"(?<![\w.])/(?:root|home/\w+|Users/\w+)/")),
    ("a stub", r"\.(rs|py|js|mjs|ts|lua|c|h|hpp|cpp)$",
     re.compile(r"\b(?:todo|unimplemented)!\(|raise NotImplementedError|\b(?:FIXME|XXX|HACK)\b|\bdbg!\(")),
    ("a skipped test", r"\.rs$", re.compile(r"#\[ignore|cfg_attr\([^)]*ignore")),
    ("a skipped test", r"\.(js|mjs|ts)$",
     re.compile(r"\b(?:it|test|describe|suite)\.(?:skip|todo)\(|\bx(?:it|describe)\(|\bskip:|\bt\.skip\(")),
    ("a skipped test", r"\.py$",
     re.compile(r"pytest\.(?:mark\.(?:skip|xfail)|skip\(|importorskip)|unittest\.skip")),
    ("a skipped test", r"\.lua$", re.compile(r"(?<![\w.:])pending\(")),
    ("dead code kept quiet", r"\.rs$", re.compile(r"allow\((?:[^)]*\b)?(?:dead_code|unused\w*)")),
]  # fmt: skip


def repository_files() -> list[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    out = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    return sorted({f for f in out.split("\0") if f and (ROOT / f).is_file()})


def findings(path: str, text: str) -> list[str]:
    out = []
    lines = text.splitlines()
    if len(lines) > LONGEST:
        out.append(f"{path}: {len(lines)} lines; a file has at most {LONGEST} and one reason to change")
    for number, line in enumerate(lines, 1):
        for what, only, pattern in RULES:
            if (only is None or re.search(only, path)) and pattern.search(line):
                out.append(f"{path}:{number}: {what}: {line.strip()[:100]}")
    if "\r\n" in text:
        out.append(f"{path}: has line breaks of another system")
    if text and not text.endswith("\n"):
        out.append(f"{path}: does not end with a line break")
    if text.startswith("#!") and not (ROOT / path).stat().st_mode & 0o100:
        out.append(f"{path}: starts with #! and cannot be executed")
    return out


def self_test() -> None:
    planted = [
        ("a.rs", "#[ignore]\n"), ("a.rs", "    todo!()\n"), ("a.py", "@pytest.mark.skip\n"),
        ("a.mjs", "test.skip('x')\n"), ("a.lua", "pending('x')\n"), ("a.md", "see /root/x\n"),
        ("a.rs", "\n" * (LONGEST + 1)), ("a.toml", "no end"), ("a.rs", "#[allow(dead_code)]\n"),
    ]  # fmt: skip
    for path, text in planted:
        if len(findings(path, text)) != 1:
            sys.exit(f"house: a planted finding is not caught: {path} {text[:40]!r}")
    for path, text in [("a.rs", "x.iter().skip(1);\n"), ("a.md", "docs/root/flow\n")]:
        if findings(path, text):
            sys.exit(f"house: finds something in {text!r}")


def main() -> int:
    self_test()
    files = [f for f in repository_files() if f != OWN and not GENERATED.search(f)]
    found = []
    for path in files:
        if Path(path).suffix in SOURCE and (text := read(path)) is not None:
            found += findings(path, text)
    for line in found:
        print(line)
    print(f"house: {len(files)} files, {len(found)} findings")
    return 1 if found else 0


def read(path: str) -> str | None:
    """The text of a file; None for one that is not text."""
    try:
        return (ROOT / path).read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        return None


if __name__ == "__main__":
    sys.exit(main())
