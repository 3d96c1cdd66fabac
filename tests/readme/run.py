#!/usr/bin/env python3
"""Runs the programs of the README and of the guides against what was built here: each must print
what its page says it prints.

Every fenced block of these pages that is a program in one of the six languages is run, so none can
go stale unseen. The README's YAML block must be the spec file that its programs use, and each `make`
target that is named must exist.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
SPEC = ROOT / "examples" / "specs" / "quickstart.yaml"
LANGUAGES = ["rust", "c", "cpp", "lua", "js", "python"]
TIMEOUT = 60


@dataclass(frozen=True)
class Page:
    """A page, the languages that it has programs in, and the example of core/examples that its Rust
    program is."""

    path: str
    languages: list[str]
    example: str = ""
    # Whether its programs name files of this repository; else they run in a folder with the files
    # that the page shows: its YAML blocks, whose first lines are `# NAME`.
    at_root: bool = False


PAGES = [
    Page("README.md", LANGUAGES, "quickstart", at_root=True),
    Page("docs/specs.md", LANGUAGES, "promote"),
    Page("docs/c.md", ["c", "cpp"]),
    Page("docs/rust.md", ["rust"], "specs"),
]


class Failed(Exception):
    """A program or a claim of the README does not hold."""


def blocks(text: str) -> list[tuple[str, str]]:
    return re.findall(r"^```(\w+)\n(.*?)^```$", text, re.M | re.S)


def without_comments(text: str, mark: str) -> str:
    """A file without the comment lines at its top."""
    lines = text.splitlines(keepends=True)
    while lines and (lines[0].startswith(mark) or not lines[0].strip()):
        lines.pop(0)
    return "".join(lines)


@dataclass(frozen=True)
class Place:
    """Where a program is written to and built, and where it runs."""

    folder: Path
    at: Path
    example: str

    def run(self, command: list[str], environment: dict[str, str] | None = None) -> str:
        done = subprocess.run(
            command, cwd=self.at, env=os.environ | (environment or {}), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=TIMEOUT,
        )  # fmt: skip
        if done.returncode:
            said = f"{done.stdout}{done.stderr}"
            raise Failed(f"{' '.join(command)}: exit status {done.returncode}\n{said}")
        return done.stdout

    def write(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text, encoding="utf-8")
        return str(self.folder / name)


def run_rust(code: str, place: Place) -> str:
    source = f"core/examples/{place.example}.rs"
    if code != without_comments((ROOT / source).read_text(encoding="utf-8"), "//!"):
        raise Failed(f"the block differs from {source}")
    return place.run([str(ROOT / "target/debug/examples" / place.example)])


def run_native(compiler: list[str], suffix: str, code: str, place: Place) -> str:
    source, program = place.write(f"program.{suffix}", code), str(place.folder / "program")
    library = ROOT / "target" / "debug"
    # The built library under the names that it is installed by.
    shutil.copy(library / "libaikit_ffi.so", place.folder / "libaikit.so.0")
    (place.folder / "libaikit.so").symlink_to("libaikit.so.0")
    place.run([*compiler, "-Wall", "-Wextra", "-Werror", source, f"-I{ROOT}/include",
               f"-L{place.folder}", "-laikit", "-o", program])  # fmt: skip
    printed = place.run([program], {"LD_LIBRARY_PATH": str(place.folder)})
    # Results are JSON there, and the programs print them whole; what they print beside is not this.
    for line in printed.splitlines():
        try:
            return json.loads(line)["text"]
        except (ValueError, KeyError, TypeError):
            continue
    raise Failed(f"does not print a result: {printed!r}")


def run_c(code: str, place: Place) -> str:
    return run_native(["cc", "-std=c11"], "c", code, place)


def run_cpp(code: str, place: Place) -> str:
    return run_native(["c++", "-std=c++17"], "cpp", code, place)


def run_lua(code: str, place: Place) -> str:
    source = place.write("program.lua", code)
    return place.run(["lua5.4", source], {"LUA_CPATH": f"{ROOT}/target/lua/5.4/?.so"})


def run_js(code: str, place: Place) -> str:
    scope = place.folder / "node_modules" / "@aikit"
    scope.mkdir(parents=True)
    (scope / "core").symlink_to(ROOT / "bindings" / "node")
    return place.run(["node", place.write("program.mjs", code)])


def run_python(code: str, place: Place) -> str:
    source = place.write("program.py", code)
    return place.run([sys.executable, source], {"PYTHONPATH": str(ROOT / "bindings" / "python")})


RUNNERS = {
    "rust": run_rust,
    "c": run_c,
    "cpp": run_cpp,
    "lua": run_lua,
    "js": run_js,
    "python": run_python,
}


def is_program(language: str, code: str) -> bool:
    """Whether a block is run: in the compiled languages pages also show parts of programs."""
    return language in RUNNERS and (language not in ("c", "cpp", "rust") or " main(" in code)


def write_files(text: str, folder: Path) -> None:
    for language, code in blocks(text):
        if language == "yaml" and (name := re.match(r"# (\S+\.yaml)\n", code)):
            file = folder / name[1]
            file.parent.mkdir(exist_ok=True)
            file.write_text(code, encoding="utf-8")


def run_block(page: Page, text: str, language: str, code: str) -> str:
    with tempfile.TemporaryDirectory(prefix="aikit-page-") as name:
        folder = Path(name)
        if not page.at_root:
            write_files(text, folder)
        place = Place(folder, ROOT if page.at_root else folder, page.example)
        return RUNNERS[language](code, place).strip()


def check_programs(page: Page) -> list[tuple[str, str]]:
    """The name of each program of a page and what is wrong with it (empty: nothing)."""
    text = (ROOT / page.path).read_text(encoding="utf-8")
    expected = re.search(r"^```text\n(.*?)\n```$", text, re.M | re.S)
    found = [block for block in blocks(text) if is_program(*block)]
    outcome = [
        (f"{page.path}: {language}", "there is no program in it")
        for language in page.languages
        if language not in {name for name, _ in found}
    ]
    for language, code in found:
        try:
            printed = run_block(page, text, language, code)
            same = not expected or printed == expected[1]
            problem = "" if same else f"prints {printed!r}"
        except (Failed, OSError, subprocess.TimeoutExpired) as error:
            problem = str(error)
        outcome.append((f"{page.path}: {language}", problem))
    return outcome


def check_claims(text: str) -> list[tuple[str, str]]:
    """What the README says about files of this repository."""
    yaml = [code for language, code in blocks(text) if language == "yaml"]
    same = yaml == [without_comments(SPEC.read_text(encoding="utf-8"), "#")]
    outcome = [("spec", "" if same else f"the YAML block is not {SPEC.relative_to(ROOT)}")]

    guide = (ROOT / "docs/specs.md").read_text(encoding="utf-8")  # run by cli/tests/spec/page.rs
    shown = [code for language, code in blocks(text) if language == "console"]
    other = [code for code in shown if code not in guide]
    outcome.append(("commands", f"not in docs/specs.md: {other}" if other or not shown else ""))

    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"\bmake ([a-z]+)\b", "\n".join(re.findall(r"`[^`]*`|^    .*$|^```sh.*?^```$", text, re.M | re.S))))
    unknown = sorted(n for n in named if not re.search(rf"^{n}:", makefile, re.M))
    outcome.append(("make targets", f"not in the Makefile: {', '.join(unknown)}" if unknown else ""))
    return outcome


def main() -> int:
    outcome = [line for page in PAGES for line in check_programs(page)]
    outcome += check_claims(README.read_text(encoding="utf-8"))
    for name, problem in outcome:
        print(f"{'FAILED' if problem else 'ok':<7} {name}{': ' + problem if problem else ''}")
    failed = sum(1 for _, problem in outcome if problem)
    print(f"{len(outcome) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
