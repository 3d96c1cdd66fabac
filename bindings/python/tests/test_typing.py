"""The types hold: for the package itself, and for a program that uses it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from support import PACKAGE, ROOT, Script


def mypy(*arguments: str) -> subprocess.CompletedProcess[str]:
    cache = ROOT / "target" / "mypy"
    return subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(cache), *arguments],
        cwd=PACKAGE,
        capture_output=True,
        text=True,
    )


def test_the_package_is_typed_throughout() -> None:
    done = mypy("--python-version", "3.10", "aikit")
    assert done.returncode == 0, done.stdout


def test_a_typed_program_passes_and_runs(python: Script) -> None:
    sample = PACKAGE / "tests" / "typed_sample.py"
    done = mypy(str(sample))
    assert done.returncode == 0, done.stdout
    ran = python(sample.read_text())
    assert ran.stdout.split() == ["a", "hello", "hello"], ran.stderr
    assert "1:1" in ran.stderr


def test_our_own_programs_are_typed() -> None:
    adapter = ROOT / "tests" / "conformance" / "adapters" / "python" / "adapter.py"
    done = mypy(str(adapter), "bench.py", *map(str, (PACKAGE / "tests").glob("*.py")))
    assert done.returncode == 0, done.stdout


def test_wrong_programs_are_found(tmp_path: Path) -> None:
    program = tmp_path / "wrong.py"
    program.write_text(
        "import aikit\n"
        "kernel = aikit.open(tennant='x')\n"
        "for event in kernel.agent('a').start('x'):\n"
        "    event.text\n"
        "aikit.Usage({}).input_tokens = 'x'\n"
        "aikit.NoSuchError\n"
        "kernel.specs.list(status='asleep')\n"
        "kernel.specs.save('agent: a')\n"
        "aikit.diagnose('x', format='lsp')[0].code\n"
        "admin = aikit.open_admin('x.db', actor='a', tenant='b')\n"
        "admin.create_tenant('a', kind='cat')\n"
        "admin.delete_tenant('a').row\n"
        "admin.rename_tenant('a')\n"
    )
    done = mypy(str(program))
    found = {int(line.split(":")[1]) for line in done.stdout.splitlines() if ": error:" in line}
    assert found == {2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}, done.stdout


def test_the_stub_of_the_native_module_is_true() -> None:
    cache = ROOT / "target" / "mypy"
    done = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "aikit._aikit", "aikit._errors"],
        cwd=PACKAGE,
        env={"PYTHONPATH": str(PACKAGE), "PATH": "", "MYPY_CACHE_DIR": str(cache)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
