"""The columns of the matrix: how each language's adapter is started, and how it is built."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ADAPTERS = ROOT / "tests" / "conformance" / "adapters"


@dataclass(frozen=True)
class Language:
    """One column. `needs` are the files that must be there before the command can run."""

    name: str
    command: tuple[str, ...]
    build: str
    needs: tuple[Path, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)

    def missing(self) -> Path | None:
        """The first file that is needed and not there."""
        return next((path for path in self.needs if not path.exists()), None)


def environment(language: Language) -> dict[str, str]:
    """What the adapter sees: the user's own keys and addresses of providers are kept from it."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("OPENAI_", "AIKIT_", "LUA_", "PYTHON", "NODE_"))
    }
    own = {
        "LC_ALL": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        # Where scripts/small_model.py puts the real model that runs in the process.
        "AIKIT_MODELS": str(ROOT / ".cache" / "models"),
    }
    return kept | own | language.environment


def _lua(name: str, program: str, folder: str) -> Language:
    module = ROOT / "target" / "lua" / folder
    return Language(
        name=name,
        command=(program, str(ADAPTERS / "lua" / "adapter.lua")),
        build="make build",
        needs=(ADAPTERS / "lua" / "adapter.lua", module / "aikit.so"),
        environment={
            "LUA_CPATH": f"{module}/?.so",
            "LUA_PATH": f"{ADAPTERS}/lua/?.lua",
        },
    )


def _python(name: str, *arguments: str) -> Language:
    package = ROOT / "bindings" / "python"
    return Language(
        name=name,
        command=(sys.executable, str(ADAPTERS / "python" / "adapter.py"), *arguments),
        build="make build",
        needs=(ADAPTERS / "python" / "adapter.py", package / "aikit" / "_aikit.abi3.so"),
        environment={"PYTHONPATH": str(package)},
    )


LANGUAGES: tuple[Language, ...] = (
    Language(
        name="rust",
        command=(str(ROOT / "target/debug/examples/conformance"),),
        build="cargo build --workspace --lib --bins --examples",
        needs=(ROOT / "target/debug/examples/conformance",),
    ),
    Language(
        name="c",
        command=(str(ROOT / "target/conformance/c/adapter"),),
        build="make build",
        needs=(ROOT / "target/conformance/c/adapter",),
    ),
    _lua("lua", "lua5.4", "5.4"),
    _lua("lua5.1", "lua5.1", "5.1"),
    _lua("luajit", "luajit", "luajit"),
    Language(
        name="node",
        command=("node", str(ADAPTERS / "node" / "adapter.mjs")),
        build="make build",
        needs=(ADAPTERS / "node" / "adapter.mjs",),
    ),
    _python("python"),
    _python("python-async", "--async"),
)
