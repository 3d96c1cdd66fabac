"""Programs of the private server: whom they run as, which of them there are, which port is free."""

from __future__ import annotations

import os
import pwd
import random
import signal
import socket
import subprocess
import time
from pathlib import Path

# What belongs to a server. A shell or an editor that stands in its folder is none of it.
NAMES = {"postgres", "initdb", "pg_ctl", "pgbouncer"}


class Failure(Exception):
    """The private server could not do something; the message says what and what to do."""


def identity() -> dict[str, object]:
    """For `subprocess`: PostgreSQL and PgBouncer refuse to run as root, so root runs them as nobody."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def hand_over(path: Path) -> Path:
    """Gives a file or folder to the user that the programs run as, and to nobody else."""
    path.chmod(0o700 if path.is_dir() else 0o600)
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    return path


def perform(command: list[str | Path], folder: Path, what: str) -> str:
    """Runs a program to its end and returns its output. It dies with this process, if that is killed."""
    # Nothing of the caller's environment: PGHOST, PGOPTIONS and the like would lead elsewhere.
    environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
    try:
        done = subprocess.run(["setpriv", "--pdeathsig", "KILL", "--", *command], cwd=folder, env=environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180,
                              check=False, **identity())  # type: ignore[call-overload]  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failure(f"{what} failed: {error}") from error
    if done.returncode != 0:
        raise Failure(f"{what} failed:\n{(done.stderr or done.stdout).strip()[-2000:]}")
    return done.stdout


def alive(*marks: str) -> list[int]:
    """The processes of a server that have one of the marks in their command line."""
    # Working folders and open files would say more, and even root may not read them in a container.
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "comm").read_text().strip() in NAMES:
                line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if any(mark in line for mark in marks):
                    found.append(int(process.name))
        except (OSError, ValueError):
            continue  # It has ended meanwhile.
    return found


def kill(first: int | None, *marks: str) -> None:
    """SIGKILL for all processes with one of the marks; `first` before the others. Waits until none is left."""
    deadline = time.monotonic() + 30
    killed: set[int] = set()
    # One that ends has no command line any more, and still its sockets.
    while (pids := alive(*marks)) or not all(map(ended, killed)):
        killed.update(pids)
        for pid in sorted(pids, key=lambda pid: pid != first):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if time.monotonic() > deadline:
            raise Failure(f"the processes {sorted(killed)} do not end")
        time.sleep(0.01)


def ended(pid: int) -> bool:
    """Whether a process has ended; it may wait for its parent to ask how."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def release(segment: str, creator: int | None) -> None:
    """Gives back a System V segment, which outlives a server that was killed."""
    # key shmid perms size cpid ...
    for row in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]:
        words = row.split()
        if words[1] == segment and words[4] == str(creator):
            subprocess.run(["ipcrm", "-m", segment], check=False, capture_output=True)


def free_port() -> int:
    """A loopback port that nothing listens on.

    Not one that the system gives to outgoing connections: while the server is stopped, a client that
    keeps trying could be given the port, or even be connected to itself.
    """
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for _ in range(200):
        port = random.randrange(10_000, lowest) if lowest > 11_000 else 0
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise Failure("no port of 127.0.0.1 is free")
