"""What the tests of the wire need from outside: fetched once, checked, kept in .cache.

Nothing of it is part of this repository. A download that is impossible fails the tests and says why.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from small_model import CACHE, Unavailable, run, small_model

__all__ = ["Unavailable", "aimock", "small_model"]


def aimock() -> Path:
    """The program of @copilotkit/aimock (MIT), a stand-in for providers' APIs. The lock file pins
    its content."""
    here = Path(__file__).resolve().parent
    folder = CACHE / "aimock"
    program = folder / "node_modules" / "@copilotkit" / "aimock" / "dist" / "cli.js"
    lock, installed = here / "package-lock.json", folder / "package-lock.json"
    if program.exists() and installed.exists() and installed.read_bytes() == lock.read_bytes():
        return program
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy(here / "package.json", folder)
    shutil.copy(lock, folder)
    run(["npm", "ci", "--prefix", str(folder), "--ignore-scripts", "--no-audit", "--no-fund",
         "--loglevel=error"], "the npm package @copilotkit/aimock")
    return program
