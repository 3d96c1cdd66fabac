"""The servers of the tests, and aikit from this repository."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Callable

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(ROOT / "bindings" / "python"))

import materials
import servers


def _served(start: Callable[[], AbstractContextManager[servers.Server]]) -> Iterator[servers.Server]:
    try:
        context = start()
        server = context.__enter__()
    except materials.Unavailable as error:
        # A failure, and never passed over: what was not tested must be seen.
        pytest.fail(f"THE WIRE IS NOT TESTED: {error}", pytrace=False)
    try:
        yield server
    finally:
        context.__exit__(None, None, None)


@pytest.fixture(scope="session")
def aimock() -> Iterator[servers.Server]:
    """The stand-in for providers."""
    yield from _served(servers.aimock)


@pytest.fixture(scope="session")
def llama() -> Iterator[servers.Server]:
    """The real model."""
    yield from _served(servers.llama)
