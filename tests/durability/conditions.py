"""Conditions of a machine that a store must bear: no space, no permission, a lock of another."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stores import GOLDEN, GOLDEN_LEDGER, PATIENCE, backups_of, lines_of, verify

# Whom the system lets write nothing that is not made for all.
NOBODY = 65534


@dataclass(frozen=True)
class Site:
    program: Path
    folder: Path
    lock_seconds: float

    @property
    def store(self) -> Path:
        return self.folder / "store"

    def writer(self, name: str, steps: int, store: Path, **more: Any) -> subprocess.Popen[bytes]:
        """A writer of this name; what it says goes to a file beside the store."""
        files = self.folder / f"files-{name}"
        files.mkdir()
        files.chmod(0o777)
        command = [more.pop("program", self.program), "write", store, "--tenant", "t"]
        command += ["--writer", name, "--steps", str(steps), "--files", files]
        with (
            (self.folder / name).open("wb") as out,
            (self.folder / f"{name}.err").open("wb") as errors,
        ):
            return subprocess.Popen(command, stdout=out, stderr=errors, **more)

    def write(self, name: str, steps: int, store: Path, **more: Any) -> tuple[list[str], list[str]]:
        """Runs a writer to its end: what it said, and what was wrong with how it ended."""
        process = self.writer(name, steps, store, **more)
        try:
            code = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return lines_of(self.folder / name), [f"{name} hangs ({PATIENCE} s)"]
        errors = (self.folder / f"{name}.err").read_text(errors="replace")
        problems = (
            [f"{name} ended with {code}: {errors[-400:]}"] if code or "panicked" in errors else []
        )
        return lines_of(self.folder / name), problems


def told(said: list[str]) -> list[str]:
    """The codes of the failures."""
    return [line.split(" ")[1] for line in said if line.startswith("fail ")]


def only(said: list[str], codes: set[str]) -> list[str]:
    """Problems when something else was told than these, or nothing."""
    found = told(said)
    if not found:
        return ["nothing was told, though nothing could work"]
    return [
        f"told {line}"
        for line in said
        if line.startswith("fail ") and line.split(" ")[1] not in codes
    ]


def works_again(site: Site, store: Path, said: list[str]) -> list[str]:
    """Problems of a store from which what disturbed it was taken away."""
    again, problems = site.write("afterwards", 2, store)
    problems += [line for line in again if line.startswith("fail ")]
    return problems + verify(site.program, str(store), [*said, *again])


def begun(site: Site, store: Path) -> list[str]:
    """What is said of a store that was used before the trouble."""
    said, problems = site.write("before", 1, store)
    if problems or told(said):
        raise RuntimeError(f"the store could not be prepared: {problems} {told(said)}")
    return said


def file_size_limit(site: Site) -> list[str]:
    """No file may grow beyond a size, as with a quota."""
    site.store.mkdir()
    store = site.store / "store.db"
    said = begun(site, store)
    most = max(path.stat().st_size for path in site.store.iterdir()) + 64 * 1024

    def limited() -> None:
        # The signal would end the process before the call could fail.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    # What it says may not grow beyond it either.
    more, problems = site.write("limited", 40, store, preexec_fn=limited, restore_signals=False)
    said += more
    problems += only(more, {"store_full", "store_failed"})
    return problems + works_again(site, store, said)


def full_disk(site: Site) -> list[str] | None:
    """A file system without space; None where none may be made."""
    disk = site.folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        print(
            "no small file system can be made here: a limit on file sizes stands for it", flush=True
        )
        return None
    try:
        store = disk / "store.db"
        said = begun(site, store)
        more, problems = site.write("full", 60, store)
        said += more
        problems += only(more, {"store_full"})
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
        return problems + works_again(site, store, said)
    finally:
        subprocess.run(["umount", disk], check=True)


def _unprivileged(site: Site) -> tuple[dict[str, Any], Callable[[], None]]:
    """How a writer is started that permissions bind, and how its files are cleared away."""
    if os.geteuid():
        return {}, lambda: None
    # Its folders on the way may be closed to others, so it is taken elsewhere.
    place = Path(tempfile.mkdtemp(prefix="aikit-program-"))
    place.chmod(0o755)
    program = place / "durability"
    shutil.copy(site.program, program)
    program.chmod(0o755)
    return {"program": program, "user": NOBODY, "group": NOBODY}, lambda: shutil.rmtree(place)


def _closed(site: Site, close: Callable[[Path], None], again: Callable[[Path], None]) -> list[str]:
    site.store.mkdir()
    site.store.chmod(0o777)
    for folder in (site.folder, *site.folder.parents):
        if folder.stat().st_uid == os.geteuid() and not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)
    store = site.store / "store.db"
    said = begun(site, store)
    os.chmod(store, 0o666)
    before = store.read_bytes()
    how, clear = _unprivileged(site)
    try:
        close(store)
        more, problems = site.write("closed", 1, store, **how)
        problems += only(more, {"store_unavailable"})
        if store.read_bytes() != before:
            problems.append("the file was changed")
    finally:
        again(store)
        clear()
    return problems + works_again(site, store, [*said, *more])


def read_only_file(site: Site) -> list[str]:
    return _closed(site, lambda store: store.chmod(0o444), lambda store: store.chmod(0o666))


def read_only_folder(site: Site) -> list[str]:
    return _closed(
        site, lambda store: store.parent.chmod(0o555), lambda store: store.parent.chmod(0o777)
    )


def lock_of_another(site: Site) -> list[str]:
    """Another process holds the lock for longer than it is waited for; reading goes on."""
    site.store.mkdir()
    store = site.store / "store.db"
    said = begun(site, store)
    holder = subprocess.Popen(
        [site.program, "hold", store], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdin and holder.stdout
    try:
        if holder.stdout.readline() != b"held\n":
            return ["the lock cannot be had"]
        until = time.monotonic() + site.lock_seconds
        # Enough to do that it tries until the end.
        writer = site.writer("locked", 1 + int(site.lock_seconds / 20), store)
        path = site.folder / "locked"
        problems = verify(site.program, str(store), said, how="read")
        end = time.monotonic() + PATIENCE
        # Held for a while, and until the writer was told of it.
        while time.monotonic() < until or not told(lines_of(path)):
            if writer.poll() is not None or time.monotonic() > end:
                break
            time.sleep(0.05)
        if not told(lines_of(path)):
            problems.append("the writer was not told of the lock")
    finally:
        holder.communicate()
    try:
        writer.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        writer.kill()
        problems.append("the writer hangs after the lock was given back")
    more = lines_of(path)
    problems += only(more, {"store_locked"})
    return problems + works_again(site, store, [*said, *more])


def opened_together(site: Site) -> list[str]:
    """Processes that open a file of an earlier version at once: one copies it and migrates."""
    site.store.mkdir()
    store = site.store / "store.db"
    shutil.copy(GOLDEN, store)
    names = ["one", "two", "three", "four"]
    writers = [site.writer(name, 1, store) for name in names]
    problems = []
    said = list(GOLDEN_LEDGER)
    for writer, name in zip(writers, names, strict=True):
        if code := writer.wait(PATIENCE):
            problems.append(f"{name} ended with {code}")
        said += lines_of(site.folder / name)
    problems += [line for line in said if line.startswith("fail ")]
    copies = sorted(path.name for path in site.store.iterdir() if path.name != "store.db")
    if copies != ["store.db.v2.backup"]:
        problems.append(f"beside the store: {copies}")
    return problems + backups_of(site.store) + verify(site.program, str(store), said)


ALL: list[tuple[str, Callable[[Site], list[str] | None]]] = [
    ("a limit on the size of files", file_size_limit),
    ("a full disk", full_disk),
    ("a file that may only be read", read_only_file),
    ("a folder that may only be read", read_only_folder),
    ("a lock of another process", lock_of_another),
    ("an old file opened by four at once", opened_together),
]
