"""The servers of the tests, and aikit from this repository."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(ROOT / "bindings" / "python"))

import exercised
import materials
import servers

_EXERCISED = exercised.collected()


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
def llmock() -> Iterator[servers.Server]:
    """The stand-in that judges; it has a plugin with a fixture of this name, which pytest.ini leaves out."""
    yield from _served(servers.llmock)


@pytest.fixture(scope="session")
def llama() -> Iterator[servers.Server]:
    """The real model."""
    yield from _served(servers.llama)


@pytest.fixture
def exercise(request: pytest.FixtureRequest) -> Callable[[str, str, str], None]:
    """Notes that a test exercises a feature of a provider against something; counts if it passes."""
    notes: list[tuple[str, str, str]] = []
    request.node.stash[_NOTES] = notes
    return lambda provider, feature, against: notes.append((provider, feature, against))


_NOTES = pytest.StashKey[list[tuple[str, str, str]]]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if report.when == "call" and report.passed:
        for provider, feature, against in item.stash.get(_NOTES, []):
            _EXERCISED[provider][feature].add(against)
    return report


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """The page says what was exercised, neither more nor less."""
    chosen = session.config.getoption("keyword") or any(
        not Path(each).is_dir() for each in session.config.args
    )
    if exitstatus != 0 or chosen:
        return
    found = exercised.difference(_EXERCISED)
    if found:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        sys.stderr.write(f"\n{found}\n1 failed\n")
