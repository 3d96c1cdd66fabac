"""The wheel: what is in it, and that it works where nothing else is."""

from __future__ import annotations

import re
import subprocess
import sys
import venv
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from support import PACKAGE, ROOT


@pytest.fixture(scope="module")
def wheel() -> Path:
    command = [str(ROOT / "scripts" / "build-python.sh"), "wheel"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return ROOT / done.stdout.split()[-1]


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    tag = r"aikit-[\d.]+-cp310-abi3-linux_\w+\.whl"
    assert re.fullmatch(tag, wheel.name), wheel.name
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata_name = next(name for name in names if name.endswith("METADATA"))
        metadata = Parser().parsestr(archive.read(metadata_name).decode())
    package = {name for name in names if not name.split("/")[0].endswith(".dist-info")}
    ours = {f"aikit/{f.name}" for f in (PACKAGE / "aikit").iterdir() if f.is_file()}
    assert package == ours
    assert {"aikit/py.typed", "aikit/_aikit.abi3.so", "aikit/_errors.pyi"} <= package
    assert sum("LICENSE" in name for name in names) == 2
    assert metadata["Requires-Python"] == ">=3.10"
    assert metadata["License-Expression"] == "MIT OR Apache-2.0"
    assert metadata.get_all("Requires-Dist") is None


def test_the_native_module_needs_only_what_every_linux_has(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        library = archive.extract("aikit/_aikit.abi3.so", tmp_path)
    shown = subprocess.run(["readelf", "-d", library], capture_output=True, text=True, check=True)
    needed = set(re.findall(r"NEEDED.*\[(.+)\]", shown.stdout))
    allowed = {"libc.so.6", "libm.so.6", "libgcc_s.so.1", "libdl.so.2", "libpthread.so.0"}
    assert needed <= allowed | {"ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}, needed
    assert "NODELETE" in shown.stdout, "the image may be unmapped while its threads run"
    exported = subprocess.run(
        ["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert [line.split()[-1] for line in exported if " T PyInit" in line] == ["PyInit__aikit"]
    assert not [line for line in exported if "sqlite3_" in line], "SQLite must stay private"


def test_the_wheel_installs_and_works_in_a_fresh_environment(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "venv"
    venv.create(home, with_pip=True)
    python = home / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--no-index", "--no-deps", str(wheel)]
    done = subprocess.run(install, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    example = ROOT / "examples" / "python" / "handbook.py"
    ran = subprocess.run(
        [python, "-I", example], cwd=ROOT, env={}, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    assert "12 days of leave left" in ran.stdout
    assert "[1] Annual leave" in ran.stdout
    where = subprocess.run(
        [python, "-I", "-c", "import aikit; print(aikit.__file__)"], capture_output=True, text=True
    )
    assert str(home) in where.stdout
    assert sys.prefix not in where.stdout


@pytest.mark.parametrize("name", ["handbook.py", "handbook_async.py"])
def test_the_examples_report_what_the_demo_shows(name: str) -> None:
    import json

    example = ROOT / "examples" / "python" / name
    ran = subprocess.run(
        [sys.executable, example, "--json"],
        cwd=ROOT,
        env={"PYTHONPATH": str(PACKAGE)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    report = json.loads(ran.stdout.splitlines()[-1])
    assert report["language"].startswith("Python")
    assert "12 days" in report["answer"]
    assert report["citations"] == 1
    assert report["events"] > 20
    assert report["import_ms"] > 0 and report["run_ms"] > 0
