#!/usr/bin/env python3
"""Runs the programs of the README against what was built here: each must print what the README
says it prints.

Every fenced block in one of the six languages is run, so none can go stale unseen. The YAML block
must be the spec file that the programs use, and each `make` target that is named must exist.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
SPEC = ROOT / "examples" / "specs" / "quickstart.yaml"
LANGUAGES = ["rust", "c", "cpp", "lua", "js", "python"]
TIMEOUT = 60


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


def run(command: list[str], environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | (environment or {}), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=TIMEOUT,
    )  # fmt: skip
    if done.returncode:
        raise Failed(f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def run_rust(code: str, _: Path) -> str:
    source = (ROOT / "core/examples/quickstart.rs").read_text(encoding="utf-8")
    if code != without_comments(source, "//!"):
        raise Failed("the block differs from core/examples/quickstart.rs")
    return run([str(ROOT / "target/debug/examples/quickstart")])


def run_native(compiler: list[str], suffix: str, code: str, folder: Path) -> str:
    source, program = folder / f"quickstart.{suffix}", folder / f"quickstart-{suffix}"
    source.write_text(code, encoding="utf-8")
    library = ROOT / "target" / "debug"
    # The built library under the names that it is installed by.
    shutil.copy(library / "libaikit_ffi.so", folder / "libaikit.so.0")
    (folder / "libaikit.so").symlink_to("libaikit.so.0")
    run([*compiler, "-Wall", "-Wextra", "-Werror", str(source), f"-I{ROOT}/include",
         f"-L{folder}", "-laikit", "-o", str(program)])  # fmt: skip
    # Results are JSON there, and the programs print them whole.
    printed = run([str(program)], {"LD_LIBRARY_PATH": str(folder)})
    try:
        return json.loads(printed)["text"]
    except (ValueError, KeyError):
        raise Failed(f"does not print a result: {printed!r}") from None


def run_c(code: str, folder: Path) -> str:
    return run_native(["cc", "-std=c11"], "c", code, folder)


def run_cpp(code: str, folder: Path) -> str:
    return run_native(["c++", "-std=c++17"], "cpp", code, folder)


def run_lua(code: str, folder: Path) -> str:
    source = folder / "quickstart.lua"
    source.write_text(code, encoding="utf-8")
    return run(["lua5.4", str(source)], {"LUA_CPATH": f"{ROOT}/target/lua/5.4/?.so"})


def run_js(code: str, folder: Path) -> str:
    scope = folder / "node_modules" / "@aikit"
    scope.mkdir(parents=True)
    (scope / "core").symlink_to(ROOT / "bindings" / "node")
    source = folder / "quickstart.mjs"
    source.write_text(code, encoding="utf-8")
    return run(["node", str(source)])


def run_python(code: str, folder: Path) -> str:
    source = folder / "quickstart.py"
    source.write_text(code, encoding="utf-8")
    return run([sys.executable, str(source)], {"PYTHONPATH": str(ROOT / "bindings" / "python")})


RUNNERS = {
    "rust": run_rust,
    "c": run_c,
    "cpp": run_cpp,
    "lua": run_lua,
    "js": run_js,
    "python": run_python,
}


def check_programs(text: str) -> list[tuple[str, str]]:
    """The name of each program of the README and what is wrong with it (empty: nothing)."""
    expected = re.search(r"^```text\n(.*?)\n```$", text, re.M | re.S)
    if not expected:
        return [("output", "the README does not say what the programs print")]
    found = [(language, code) for language, code in blocks(text) if language in RUNNERS]
    outcome = [
        (language, "the README has no program in it")
        for language in LANGUAGES
        if language not in {name for name, _ in found}
    ]
    for language, code in found:
        with tempfile.TemporaryDirectory(prefix="aikit-readme-") as folder:
            try:
                printed = RUNNERS[language](code, Path(folder)).strip()
                problem = "" if printed == expected[1] else f"prints {printed!r}"
            except (Failed, OSError, subprocess.TimeoutExpired) as error:
                problem = str(error)
        outcome.append((language, problem))
    return outcome


def check_claims(text: str) -> list[tuple[str, str]]:
    """What the README says about files of this repository."""
    yaml = [code for language, code in blocks(text) if language == "yaml"]
    same = yaml == [without_comments(SPEC.read_text(encoding="utf-8"), "#")]
    outcome = [("spec", "" if same else f"the YAML block is not {SPEC.relative_to(ROOT)}")]

    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"\bmake ([a-z]+)\b", "\n".join(re.findall(r"`[^`]*`|^    .*$|^```sh.*?^```$", text, re.M | re.S))))
    unknown = sorted(n for n in named if not re.search(rf"^{n}:", makefile, re.M))
    outcome.append(("make targets", f"not in the Makefile: {', '.join(unknown)}" if unknown else ""))

    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    dead = sorted({link for link in links if not (ROOT / link).exists()})
    outcome.append(("links", f"lead nowhere: {', '.join(dead)}" if dead else ""))
    return outcome


def main() -> int:
    text = README.read_text(encoding="utf-8")
    outcome = check_programs(text) + check_claims(text)
    for name, problem in outcome:
        print(f"{'FAILED' if problem else 'ok':<7} {name}{': ' + problem if problem else ''}")
    failed = sum(1 for _, problem in outcome if problem)
    print(f"{len(outcome) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
