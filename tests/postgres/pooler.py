"""PgBouncer in transaction mode, before a private server: each login of the server works through it."""

from __future__ import annotations

import shutil
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from processes import Failure, free_port, hand_over, perform

# It asks the server for the verifier of whoever logs in, and logs in to the server with what the
# client proved: SCRAM on both sides, and no list of passwords but the superuser's.
CONFIGURATION = """\
[databases]
* = host=127.0.0.1 port={server}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users.txt
auth_user = postgres
auth_query = SELECT usename, passwd FROM pg_shadow WHERE usename = $1
pool_mode = transaction
default_pool_size = 8
max_client_conn = 500
ignore_startup_parameters = extra_float_digits,options
server_login_retry = 1
logfile = {folder}/log
pidfile = {folder}/pid
"""


@dataclass(frozen=True)
class Pooler:
    """Where it listens."""

    port: int


def start(folder: Path, server: int, password: str) -> Pooler:
    """Starts PgBouncer and waits until it takes connections; it ends with the server's folder."""
    # An ordinary user's path does not lead to where system programs lie.
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        raise Failure("pgbouncer is not installed: scripts/setup.sh installs it")
    own = folder / "pooler"
    own.mkdir()
    port = free_port()
    files = {
        "users.txt": f'"postgres" "{password}"\n',
        "pgbouncer.ini": CONFIGURATION.format(server=server, port=port, folder=own),
    }
    for name, text in files.items():
        (own / name).touch(mode=0o600)
        (own / name).write_text(text)
        hand_over(own / name)
    hand_over(own)
    perform([program, "-q", "-d", own / "pgbouncer.ini"], own, "pgbouncer")
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return Pooler(port)
        except OSError as error:
            if time.monotonic() > deadline:
                log = own / "log"
                told = log.read_text(errors="replace")[-2000:] if log.exists() else ""
                raise Failure(f"pgbouncer does not answer: {error}\n{told}") from error
            time.sleep(0.02)
