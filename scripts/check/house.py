#!/usr/bin/env python3
"""What holds for every file of the repository: length, no stubs, no skipped tests, no link of a page
that leads nowhere, and no word that ties it to one machine."""

import re
import subprocess
import sys
from functools import cache
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
    # Those that need models are left out of a bare `cargo test`; `make test` counts a test that was
    # ignored as failed, so that it runs them is held there.
    ("a skipped test", r"\.rs$",
     re.compile(r'#\[ignore(?! = "needs the models of tests/local"\])|cfg_attr\([^)]*ignore')),
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


def links(path: str, text: str) -> list[str]:
    """The links of a Markdown page to files and headings of the repository that are not there."""
    out = []
    for number, line in enumerate(without_code(text).splitlines(), 1):
        for link in re.findall(r"\]\(([^()\s]+)\)", line):
            if re.match(r"[a-z]+:", link):
                continue
            name, _, anchor = link.partition("#")
            target = (ROOT / path).parent / name if name else ROOT / path
            if not target.exists():
                out.append(f"{path}:{number}: a link that leads nowhere: {link}")
            elif anchor and anchor not in (headings(text) if not name else headings_of(target)):
                out.append(f"{path}:{number}: a link to a heading that is not there: {link}")
    return out


def without_code(text: str) -> str:
    """A page with its blocks and words of code left blank, line by line."""
    blank = re.sub(r"^```.*?^```$", lambda block: "\n" * block[0].count("\n"), text, flags=re.M | re.S)
    return re.sub(r"`[^`\n]*`", "", blank)


def headings(text: str) -> set[str]:
    """The headings of a page as links name them."""
    # Code in a heading counts; what is a comment in a block of code does not.
    found = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


@cache
def headings_of(path: Path) -> set[str]:
    return headings(path.read_text(encoding="utf-8"))


def self_test() -> None:
    planted = [
        ("a.rs", "#[ignore]\n"), ("a.rs", "    todo!()\n"), ("a.py", "@pytest.mark.skip\n"),
        ("a.mjs", "test.skip('x')\n"), ("a.lua", "pending('x')\n"), ("a.md", "see /root/x\n"),
        ("a.rs", "\n" * (LONGEST + 1)), ("a.toml", "no end"), ("a.rs", "#[allow(dead_code)]\n"),
    ]  # fmt: skip
    for path, text in planted:
        if len(findings(path, text)) != 1:
            sys.exit(f"house: a planted finding is not caught: {path} {text[:40]!r}")
    for text in ["[a](none.md)", "[a](#none)\n# Some", "[a](LICENSE-MIT) [b](README.md#none)"]:
        if len(links("README.md", text)) != 1:
            sys.exit(f"house: a planted link is not caught: {text!r}")
    good = "# One `two`: three\n[a](#one-two-three) [b](docs/reference/diagnostics.md#ak1001) `[c](no)`\n"
    if links("README.md", good + "```\n[d](no)\n```\n[e](https://example.org/#f)\n"):
        sys.exit("house: finds something in good links")
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
    for path in repository_files():
        if path.endswith(".md") and (text := read(path)) is not None:
            found += links(path, text)
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
