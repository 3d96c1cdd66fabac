"""Proves that the runner catches what is wrong: python3 -m unittest discover tests/lifecycle"""

from __future__ import annotations

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from frameworks import count_busted, count_node, count_pytest
from run import Host, Report, compiled, run

HOST = Host("fake", "fake", (), ())


class Running(unittest.TestCase):
    def report(self, code: str, timeout: float = 20.0) -> Report:
        return run(HOST, Path("fake.py"), [sys.executable, "-c", code], timeout)

    def fails(self, code: str, words: str, timeout: float = 20.0) -> None:
        report = self.report(code, timeout)
        self.assertTrue(any(words in line for line in report.failures), (words, report))

    def test_what_passes_is_counted(self) -> None:
        report = self.report("print('pass one'); print('something else'); print('pass two')")
        self.assertEqual(report, Report(2, []))

    def test_what_fails_is_told(self) -> None:
        report = self.report("print('pass one'); print('why'); print('fail two: seen three')")
        self.assertEqual(report, Report(1, ["two: seen three", "| why"]))

    def test_a_program_that_reports_nothing_has_failed(self) -> None:
        self.fails("pass", "reported nothing")

    def test_how_a_program_ends_counts(self) -> None:
        self.fails("print('pass x'); raise SystemExit(3)", "exit status 3")
        self.fails("import os; print('pass x', flush=True); os.kill(os.getpid(), 11)", "SIGSEGV")
        self.fails("print('pass x', flush=True); import time; time.sleep(60)", "still running", 0.5)

    def test_nothing_may_be_left_behind(self) -> None:
        code = "import os, time; os.fork() or time.sleep(60); print('pass x')"
        self.fails(code, "left a process behind")

    def test_a_program_that_cannot_start_is_a_failure(self) -> None:
        report = run(HOST, Path("fake.py"), ["/nowhere/program"], 5.0)
        self.assertIn("cannot be started", report.failures[0])

    def test_c_that_does_not_compile_is_a_failure(self) -> None:
        _, problem = compiled(Path("/nowhere/source.c"))
        self.assertNotEqual(problem, "")


class Counting(unittest.TestCase):
    def test_pytest(self) -> None:
        self.assertEqual(count_pytest("...\n3 passed, 1 skipped, 2 errors in 0.52s\n"), (3, 3))
        self.assertEqual(count_pytest("== 1 failed, 25 passed in 208.85s (0:03:28) =="), (25, 1))
        self.assertEqual(count_pytest("no tests ran"), (0, 0))

    def test_node(self) -> None:
        self.assertEqual(count_node("# tests 5\n# pass 3\n# fail 1\n# skipped 1\n"), (3, 2))

    def test_busted(self) -> None:
        text = "3 successes / 1 failure / 1 error / 1 pending : 0.1 seconds"
        self.assertEqual(count_busted(text), (3, 3))


if __name__ == "__main__":
    unittest.main()
