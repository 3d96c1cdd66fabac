"""The fixture of the lifecycle tests."""

from __future__ import annotations

import pytest
from programs import Program, run_program


@pytest.fixture
def program() -> Program:
    return run_program
