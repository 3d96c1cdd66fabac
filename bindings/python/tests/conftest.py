"""The fixtures of the tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import support  # before aikit: it is what makes the package of the tree importable
from support import Script

import aikit


@pytest.fixture
def kernel() -> Iterator[aikit.Kernel]:
    with aikit.open() as kernel:
        yield kernel


@pytest.fixture
def python() -> Script:
    return support.run_python
