#!/usr/bin/env python3
"""Installs each package as a user would, somewhere fresh, and runs the README's program with it.

Packs what `make build` has built. Nothing of this repository's folders is on any search path: what
a package forgot to contain is missed here.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT = 900


class Failed(Exception):
    """A package cannot be made, installed or used."""


def run(command: list[str], folder: Path = ROOT, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=folder, env=clean_environment() | environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=TIMEOUT,
    )  # fmt: skip
    if done.returncode:
        raise Failed(
            f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout}{done.stderr}".strip()
        )
    return done.stdout.strip()


def clean_environment() -> dict[str, str]:
    """Without search paths of the user's."""
    paths = ("PYTHONPATH", "PYTHONHOME", "NODE_PATH", "LUA_PATH", "LUA_CPATH", "LD_LIBRARY_PATH",
             "PKG_CONFIG_PATH", "CMAKE_PREFIX_PATH", "CPATH", "LIBRARY_PATH")  # fmt: skip
    return {k: v for k, v in os.environ.items() if not k.startswith(paths)}


def readme(language: str) -> str:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)
    if not block:
        raise Failed(f"the README has no program in {language}")
    return block[1]


def expect(printed: str) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    expected = re.search(r"^```text\n(.*?)\n```$", text, re.M | re.S)
    if not expected or printed != expected[1]:
        raise Failed(f"the program printed {printed!r}")


def program(folder: Path, language: str, name: str) -> str:
    """The README's program as a file. It names documents by paths of the repository, so it runs
    there; only its own folder tells it where packages are."""
    file = folder / name
    file.write_text(readme(language), encoding="utf-8")
    return str(file)


def python_wheel(folder: Path) -> None:
    wheel = run(["scripts/build-python.sh", "wheel"]).splitlines()[-1]
    run([sys.executable, "-m", "venv", str(folder / "venv")])
    python = str(folder / "venv" / "bin" / "python")
    run([python, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", wheel])
    expect(run([python, "-I", program(folder, "python", "quickstart.py")]))
    where = run([python, "-I", "-c", "import aikit; print(aikit.__file__)"])
    if not where.startswith(str(folder)):
        raise Failed(f"python loaded {where}, which is not the wheel's")


def npm_tarball(folder: Path) -> None:
    packed = run(["npm", "pack", "--silent", "--pack-destination", str(folder)], ROOT / "bindings/node")
    tarball = folder / packed.splitlines()[-1]
    project = folder / "project"
    project.mkdir()
    (project / "package.json").write_text('{"private": true}\n', encoding="utf-8")
    run(["npm", "install", "--offline", "--no-audit", "--no-fund", "--silent", str(tarball)], project)
    expect(run(["node", program(project, "js", "quickstart.mjs")]))
    asked = "console.log(require('@aikit/core').version)"
    (project / "version.cjs").write_text(asked, encoding="utf-8")
    run(["node", str(project / "version.cjs")])


def lua_rock(folder: Path) -> None:
    rockspec = next((ROOT / "bindings" / "lua").glob("*.rockspec"), None)
    if rockspec is None:
        raise Failed("bindings/lua has no rockspec")
    tree = folder / "rocks"
    # The dev profile: the release build is measured by `make bench`, and takes ten minutes.
    run(["luarocks", "--lua-version", "5.4", "make", "--tree", str(tree), str(rockspec)],
        rockspec.parent, AIKIT_PROFILE="dev")  # fmt: skip
    path = {
        "LUA_CPATH": f"{tree}/lib/lua/5.4/?.so",
        "LUA_PATH": f"{tree}/share/lua/5.4/?.lua;{tree}/share/lua/5.4/?/init.lua",
    }
    expect(run(["lua5.4", program(folder, "lua", "quickstart.lua")], **path))


def installed(folder: Path) -> Path:
    prefix = folder / "prefix"
    run(["make", "install", f"PREFIX={prefix}", "FROM=target/debug"])
    return prefix


def c_with_pkg_config(folder: Path) -> None:
    prefix = installed(folder)
    configs = ":".join(str(p.parent) for p in prefix.rglob("aikit.pc"))
    flags = run(["pkg-config", "--cflags", "--libs", "aikit"], PKG_CONFIG_PATH=configs).split()
    library = str(next(prefix.rglob("libaikit.so")).parent)
    built = folder / "quickstart"
    run(["cc", "-std=c11", program(folder, "c", "quickstart.c"), *flags, "-o", str(built)])
    expect(json.loads(run([str(built)], LD_LIBRARY_PATH=library))["text"])
    if (prefix / "bin" / "aikit").exists():
        run([str(prefix / "bin" / "aikit"), "--version"])


CMAKE_PROJECT = """cmake_minimum_required(VERSION 3.16)
project(quickstart CXX)
set(CMAKE_CXX_STANDARD 17)
find_package(aikit REQUIRED)
add_executable(quickstart quickstart.cpp)
target_link_libraries(quickstart PRIVATE aikit::aikit)
"""


def cpp_with_cmake(folder: Path) -> None:
    prefix = installed(folder)
    program(folder, "cpp", "quickstart.cpp")
    (folder / "CMakeLists.txt").write_text(CMAKE_PROJECT, encoding="utf-8")
    run(["cmake", "-S", str(folder), "-B", str(folder / "build"), f"-DCMAKE_PREFIX_PATH={prefix}"])
    run(["cmake", "--build", str(folder / "build")])
    expect(json.loads(run([str(folder / "build" / "quickstart")]))["text"])


PACKAGES: list[tuple[str, Callable[[Path], None]]] = [
    ("wheel in a fresh virtual environment", python_wheel),
    ("npm tarball in an empty project", npm_tarball),
    ("rock in a fresh tree", lua_rock),
    ("make install, C by pkg-config", c_with_pkg_config),
    ("make install, C++ by CMake", cpp_with_cmake),
]


def main() -> int:
    failed = 0
    for name, check in PACKAGES:
        folder = Path(tempfile.mkdtemp(prefix="aikit-package-"))
        try:
            check(folder)
            print(f"ok      {name}", flush=True)
        except (Failed, OSError, KeyError, ValueError, StopIteration, subprocess.TimeoutExpired) as error:
            failed += 1
            print(f"FAILED  {name}: {error or type(error).__name__}", flush=True)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"{len(PACKAGES) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
