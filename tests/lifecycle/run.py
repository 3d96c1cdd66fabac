#!/usr/bin/env python3
"""Runs the lifecycle programs of every language and counts what they report.

    run.py [--language NAME]... [--program TEXT] [--timeout SECONDS]
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from frameworks import FRAMEWORKS, ROOT, python

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "scripts"))
from small_model import Unavailable, small_model

LINE = re.compile(r"^(pass|fail) (\S.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Host:
    """One way to run the programs of a folder."""

    name: str
    folder: str
    endings: tuple[str, ...]
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)


def _lua(name: str, program: str) -> Host:
    module = f"{ROOT}/target/lua/{name}/?.so"
    return Host(program, "lua", (".lua",), (program,), {"LUA_CPATH": module})


HOSTS = (
    Host("c", "c", (".c",), ()),
    _lua("5.4", "lua5.4"),
    _lua("luajit", "luajit"),
    Host("node", "node", (".mjs", ".cjs", ".js"), ("node",)),
    Host("python", "python", (".py",), (python(),), {"PYTHONPATH": f"{ROOT}/bindings/python"}),
)


@dataclass
class Report:
    """What one program came to."""

    passed: int = 0
    failures: list[str] = field(default_factory=list)


def commands(host: Host) -> list[tuple[Path, list[str]]]:
    """The programs of a folder, and how each is started."""
    folder = HERE / host.folder
    framework = FRAMEWORKS.get(host.folder)
    tests = sorted(str(path) for path in folder.glob(framework.pattern)) if framework else []
    if framework and tests:
        program = host.command
        if host.folder == "lua":
            program = ("busted", f"--lua={host.command[0]}")
        return [(folder, [*program, *framework.arguments, *tests])]
    found = []
    for path in sorted(folder.glob("*")):
        if path.name.startswith("_") or not path.is_file():
            continue
        if path.suffix == ".sh":
            found.append((path, ["bash", str(path)]))
        elif path.suffix in host.endings:
            found.append((path, [*host.command, str(path)]))
    return found


def compiled(source: Path) -> tuple[list[str], str]:
    """Compiles a C program against the library as it is installed: its command, or what went
    wrong."""
    prefix = ROOT / "target" / "prefix"
    if not prefix.exists():
        return [], "target/prefix is not there; build it with: scripts/build-c.sh"
    program = ROOT / "target" / "lifecycle" / source.stem
    program.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [
            os.environ.get("CC", "cc"), "-std=gnu11", "-g", "-Wall", "-Wextra", "-Werror", "-pthread",
            f"-I{prefix / 'include'}", str(source), "-o", str(program),
            f"-L{prefix / 'lib'}", f"-Wl,-rpath,{prefix / 'lib'}", "-laikit",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    return [str(program)], done.stderr if done.returncode else ""


def run(host: Host, path: Path, command: list[str], timeout: float) -> Report:
    """Runs one program, or all tests of a framework, to the end and reads the report."""
    framework = FRAMEWORKS.get(host.folder) if path.is_dir() else None
    if path.suffix == ".c":
        command, problem = compiled(path)
        if problem:
            return Report(failures=[f"it does not compile:\n{problem}"])
    env = os.environ | host.environment | {
        "AIKIT_ROOT": str(ROOT),
        # Where the small real model is put by `main`.
        "AIKIT_MODELS": str(ROOT / ".cache" / "models"),
    }
    with tempfile.TemporaryDirectory(prefix="aikit-lifecycle-") as folder, \
            tempfile.TemporaryFile() as output:
        try:
            # Into a file: a child that lives on would hold a pipe open and hide that it does.
            process = subprocess.Popen(
                command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
            )
        except OSError as error:
            return Report(failures=[f"{command[0]} cannot be started: {error}"])
        failures = []
        try:
            status = process.wait(timeout)
            if status < 0:
                failures.append(f"ended by {signal.Signals(-status).name}")
            elif status:
                failures.append(f"ended with exit status {status}")
        except subprocess.TimeoutExpired:
            failures.append(f"still running after {timeout:g} s")
        if ended_by_force(process.pid) and not failures:
            failures.append("left a process behind")
        process.wait()
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    if framework:
        passed, failed = framework.count(text)
        if failed or failures or not passed:
            shown = [f"| {line}" for line in text.splitlines()[-60:]]
            failures = ["a test failed"] * failed + (failures if not failed else []) + shown
        return Report(passed, failures if passed or failures else ["ran no test"])
    return judge(text, failures)


def ended_by_force(group: int) -> bool:
    """Ends what is left of a process group; whether there was anything alive."""
    alive = any(state != "Z" for state in states(group))
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return alive


def states(group: int) -> list[str]:
    """The states of a group's processes. Dead ones that nobody has waited for are `Z`: in a
    container they may stay for long, and are nobody's fault."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, member_of, *_ = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(member_of) == group:
            found.append(state)
    return found


def judge(text: str, failures: list[str]) -> Report:
    """Counts the lines of a program's report; what it says besides is shown when it failed."""
    lines = LINE.findall(text)
    passed = sum(word == "pass" for word, _ in lines)
    failures = [rest for word, rest in lines if word == "fail"] + failures
    if not passed and not failures:
        failures = ["reported nothing"]
    if failures:
        other = [line for line in text.splitlines() if not LINE.match(line)]
        failures += [f"| {line}" for line in other[-20:]]
    return Report(passed, failures)


def main() -> int:
    """Runs what the command line asks for; 0 when everything passed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--language", action="append", choices=[h.name for h in HOSTS])
    parser.add_argument("--program", default="", help="only programs whose name contains this")
    parser.add_argument("--timeout", type=float, default=60.0,
                        help="seconds that a program may take; ten times that for a framework")
    options = parser.parse_args()

    try:
        small_model()
    except Unavailable as error:
        sys.exit(f"models in the process cannot be tested: {error}")
    passed = failed = 0
    for host in HOSTS:
        if options.language and host.name not in options.language:
            continue
        programs = [p for p in commands(host) if options.program in p[0].name]
        if not programs and not options.program:
            print(f"FAIL  {host.name}: there is no program in tests/lifecycle/{host.folder}")
            failed += 1
        for path, command in programs:
            report = run(host, path, command, options.timeout * (10 if path.is_dir() else 1))
            passed += report.passed
            # The lines under a failure are told with it and are none of their own.
            failed += sum(not line.startswith("| ") for line in report.failures)
            print(f"{'FAIL' if report.failures else 'ok':4}  {host.name}: {path.name}"
                  f" ({report.passed} passed)", flush=True)
            for line in report.failures:
                print(f"      {line}")
    print(f"\n{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
