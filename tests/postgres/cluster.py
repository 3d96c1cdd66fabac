"""One private PostgreSQL server: all that it is lies in one folder, which `remove` takes away."""

from __future__ import annotations

import fcntl
import json
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import packages
import pooler
from processes import Failure, alive, free_port, hand_over, kill, perform, release

DATABASE = "aikit_test"
# A Unix socket's path has at most 107 bytes.
LONGEST_FOLDER = 80

CONFIGURATION = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{socket}'
unix_socket_permissions = 0700
cluster_name = '{mark}'
fsync = {fsync}
max_connections = 100
shared_buffers = 64MB
max_wal_size = 256MB
# A file in the data folder: killed or not, it goes with the folder.
dynamic_shared_memory_type = mmap
"""

AUTHENTICATION = """\
local all postgres trust
host all all 127.0.0.1/32 scram-sha-256
"""


@dataclass(frozen=True)
class Settings:
    """What a second process must know to control the server."""

    version: int
    port: int
    password: str
    mark: str
    fsync: bool
    programs: str
    pooler: pooler.Pooler | None = None


class Cluster:
    """A server that `create` made, by its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.data = self.folder / "data"
        try:
            found = json.loads((self.folder / "settings.json").read_text(encoding="utf-8"))
        except OSError as error:
            raise Failure(f"{folder} is not the folder of a private server") from error
        if found["pooler"]:
            found["pooler"] = pooler.Pooler(**found["pooler"])
        self.settings = Settings(**found)

    @property
    def url(self) -> str:
        """A superuser's login over TCP."""
        return self._url(self.settings.port)

    @property
    def pooler_url(self) -> str | None:
        """The same login through the pooler, if there is one."""
        return self._url(self.settings.pooler.port) if self.settings.pooler else None

    def _url(self, port: int) -> str:
        return f"postgres://postgres:{self.settings.password}@127.0.0.1:{port}/{DATABASE}"

    def start(self) -> None:
        """Starts the server, unless it runs, and waits until it answers."""
        with self._alone():
            if not self._postmaster():
                self._bury()
                log = self.folder / "log"
                try:
                    self._pg_ctl("start", "-w", "-t", "120", "-l", str(log))
                except Failure as failure:
                    raise Failure(f"{failure}\n{_tail(log)}") from failure

    def stop(self, mode: str = "fast") -> None:
        """Stops the server, if it runs: `fast` ends its clients, `immediate` does not even tidy up."""
        with self._alone():
            if self._postmaster():
                self._pg_ctl("stop", "-w", "-t", "120", "-m", mode)

    def kill(self) -> None:
        """SIGKILL for the server and all its processes, at once: as when the machine loses them."""
        with self._alone():
            kill(self._postmaster(), *self._marks)

    def query(self, sql: str, database: str = DATABASE) -> str:
        """What the package's own psql prints for a statement: no header, columns divided by `|`."""
        command = [f"{self.settings.programs}/psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1",
                   "-h", f"{self.folder}/socket", "-p", str(self.settings.port), "-U", "postgres",
                   "-d", database, "-c", sql]  # fmt: skip
        return perform(list(command), self.folder, "psql").strip()

    def _pg_ctl(self, action: str, *options: str) -> None:
        program = f"{self.settings.programs}/pg_ctl"
        perform([program, action, "-s", "-D", self.data, *options], self.folder, f"pg_ctl {action}")

    def _postmaster(self) -> int | None:
        """The server's process; None if it does not run, whatever its file of the process id says."""
        pid, _ = self.remains()
        return pid if pid in alive(*self._marks) else None

    @property
    def _marks(self) -> tuple[str, str]:
        """What the command lines of its processes say: of the first, and of those that this one starts."""
        return str(self.data), self.settings.mark

    def _bury(self) -> None:
        """Takes away the files by which a killed server would be taken for a living one.

        PostgreSQL does that itself once the process is gone. But it stays, dead, until its parent looks
        after it, and the parent is whatever adopts processes here.
        """
        postmaster, segment = self.remains()
        kill(postmaster, *self._marks)
        release(segment, postmaster)
        for file in [self.data / "postmaster.pid", *(self.folder / "socket").glob(".s.PGSQL.*")]:
            file.unlink(missing_ok=True)

    def remains(self) -> tuple[int | None, str]:
        """The process and the System V segment that the server's file of the process id tells of."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            return int(lines[0]), lines[6].split()[1] if len(lines) > 6 else ""
        except (OSError, ValueError, IndexError):
            return None, ""

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One process at a time changes whether the server runs."""
        with _locked(self.folder):
            yield


def create(folder: Path, version: int, *, fsync: bool = True, with_pooler: bool = False) -> Cluster:
    """Makes a server in a folder that is empty or does not exist, and starts it."""
    folder = folder.resolve()
    if len(str(folder)) > LONGEST_FOLDER:
        raise Failure(f"{folder} is too long for a Unix socket: choose a shorter folder (TMPDIR)")
    folder.mkdir(mode=0o711, exist_ok=True, parents=True)
    if any(folder.iterdir()):
        raise Failure(f"{folder} is not empty")
    # The programs' user must get to what is its own below; it cannot list what else is there.
    folder.chmod(0o711)
    try:
        cluster = _create(folder, version, fsync=fsync)
        return _with_pooler(cluster) if with_pooler else cluster
    except BaseException:
        remove(folder)
        raise


def _create(folder: Path, version: int, *, fsync: bool) -> Cluster:
    programs = _programs(folder, version)
    for name in ("data", "socket"):
        (folder / name).mkdir()
        hand_over(folder / name)
    log = folder / "log"
    log.touch()
    hand_over(log)
    password = secrets.token_hex(16)
    _initialise(folder, programs, password)
    for attempt in range(5):
        cluster = _configured(folder, Settings(version, free_port(), password, f"aikit-{secrets.token_hex(8)}",
                                               fsync, str(programs)))  # fmt: skip
        try:
            cluster.start()
            break
        except Failure:
            # Someone else took the port between the look and the start.
            if attempt == 4 or "Address already in use" not in _tail(log):
                raise
    cluster.query(f"CREATE DATABASE {DATABASE}", "postgres")
    return cluster


def _programs(folder: Path, version: int) -> Path:
    installed = packages.installation(version)
    programs = packages.programs(installed, version)
    try:
        perform([programs / "postgres", "--version"], folder, "postgres")
    except Failure:
        # The cache lies where the programs' user may not go: below a home folder, say.
        shutil.copytree(installed, folder / "installed")
        programs = packages.programs(folder / "installed", version)
        perform([programs / "postgres", "--version"], folder, f"PostgreSQL {version} of the package")
    return programs


def _initialise(folder: Path, programs: Path, password: str) -> None:
    secret = folder / "password"
    secret.touch(mode=0o600)
    secret.write_text(password)
    hand_over(secret)
    perform([programs / "initdb", "-N", "--no-instructions", "-D", folder / "data", "-U", "postgres",
             "-E", "UTF8", "--locale=C.UTF-8", "--auth-local=trust", "--auth-host=scram-sha-256",
             f"--pwfile={secret}"], folder, "initdb")  # fmt: skip
    secret.unlink()
    (folder / "data" / "pg_hba.conf").write_text(AUTHENTICATION)


def _configured(folder: Path, settings: Settings) -> Cluster:
    text = CONFIGURATION.format(port=settings.port, socket=folder / "socket", mark=settings.mark,
                                fsync="on" if settings.fsync else "off")  # fmt: skip
    # The last line that sets something counts.
    with (folder / "data" / "postgresql.conf").open("a") as file:
        file.write(text)
    return _kept(folder, settings)


def _with_pooler(cluster: Cluster) -> Cluster:
    settings = cluster.settings
    found = pooler.start(cluster.folder, settings.port, settings.password)
    return _kept(cluster.folder, Settings(**{**vars(settings), "pooler": found}))


def _kept(folder: Path, settings: Settings) -> Cluster:
    file = folder / "settings.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps(asdict(settings)), encoding="utf-8")
    return Cluster(folder)


def remove(folder: Path) -> None:
    """Ends whatever runs out of the folder and takes the folder away. Works at any moment, also twice."""
    folder = folder.resolve()
    if not folder.exists():
        return
    # Everything that was started with this folder has it in its command line; the server's own
    # processes have the mark instead.
    marks = [f"{folder}/"]
    with _locked(folder):
        try:
            cluster = Cluster(folder)
        except (Failure, ValueError, TypeError):
            cluster = None  # It was ended while it was being made.
        if cluster:
            marks.append(cluster.settings.mark)
            postmaster, segment = cluster.remains()
            kill(postmaster, *marks)
            release(segment, postmaster)
        deadline = time.monotonic() + 30
        while folder.exists():
            kill(None, *marks)
            shutil.rmtree(folder, ignore_errors=True)
            if time.monotonic() > deadline:
                raise Failure(f"{folder} cannot be removed")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    try:
        file = (folder / "lock").open("w")
    except OSError as error:
        raise Failure(f"{folder} is gone") from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _tail(log: Path) -> str:
    try:
        return log.read_text(errors="replace")[-2000:]
    except OSError:
        return ""
