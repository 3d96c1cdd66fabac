"""What importing costs, and what it must not do."""

from __future__ import annotations

import sys

from support import PACKAGE, Script


def test_importing_takes_less_than_20_ms(python: Script) -> None:
    code = """
import time
began = time.process_time()
import {module}
print((time.process_time() - began) * 1000)
"""

    # Processor time, and the best of many: other programs on the machine are not what is measured.
    def milliseconds(module: str) -> float:
        return min(float(python(code.format(module=module)).stdout) for _ in range(9))

    # On a machine where asyncio takes more than 40, half of that.
    assert milliseconds("aikit") < max(20, milliseconds("asyncio") / 2)


def test_importing_starts_no_thread_and_opens_no_descriptor(python: Script) -> None:
    done = python(
        """
import os, sys
before = os.listdir("/proc/self/fd"), os.listdir("/proc/self/task")
modules = set(sys.modules)
import aikit
print((os.listdir("/proc/self/fd"), os.listdir("/proc/self/task")) == before)
heavy = {"asyncio", "dataclasses", "inspect", "json", "typing", "traceback"}
print(sorted((set(sys.modules) - modules) & heavy))
aikit.parse_spec("identity: {agent_id: a}\\nintelligence: {model: scripted/x}\\n")
print(len(os.listdir("/proc/self/task")))
"""
    )
    assert done.stdout.splitlines() == ["True", "[]", "1"], done.stderr


def test_a_module_of_another_version_is_refused(python: Script) -> None:
    done = python(
        """
import sys, types
fake = types.ModuleType("aikit._aikit")
fake.VERSION = "9.9.9"
sys.modules["aikit._aikit"] = fake
import importlib.util
spec = importlib.util.find_spec("aikit")
package = importlib.util.module_from_spec(spec)
sys.modules["aikit"] = package
package._aikit = fake
try:
    spec.loader.exec_module(package)
except ImportError as error:
    print(error)
"""
    )
    assert "9.9.9" in done.stdout, done.stderr


def test_the_versions_of_all_parts_are_one() -> None:
    import aikit
    from aikit import _aikit

    cargo = (PACKAGE.parents[1] / "Cargo.toml").read_text()
    assert aikit.__version__ == _aikit.VERSION
    assert f'version = "{aikit.__version__}"' in cargo


def test_the_native_module_is_of_the_stable_abi() -> None:
    assert (PACKAGE / "aikit" / "_aikit.abi3.so").exists()
    cargo = (PACKAGE / "Cargo.toml").read_text()
    project = (PACKAGE / "pyproject.toml").read_text()
    assert "abi3-py310" in cargo
    assert 'requires-python = ">=3.10"' in project
    assert sys.version_info >= (3, 10)
