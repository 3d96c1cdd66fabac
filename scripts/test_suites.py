#!/usr/bin/env python3
"""Tests of the runner itself: a suite that fails, hangs, skips or runs nothing must never pass."""

import contextlib
import io
import tempfile
import unittest
from pathlib import Path

import suites
from suite_list import Suite


def outcome(command: str, counts: str | None = None, minutes: float = 1) -> suites.Outcome:
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        return suites.run(Suite("s", command, counts, minutes), Path(folder))


class Counting(unittest.TestCase):
    def test_each_tool(self):
        for counts, text, expected in [
            ("cargo", "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured\n"
             "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured\n", (5, 1)),
            ("cargo", "test result: ok. 3 passed; 0 failed; 2 ignored; 0 measured\n", (3, 2)),
            ("busted", "5 successes / 1 failure / 1 error / 0 pending : 0.1 seconds\n", (5, 2)),
            ("busted", "1 success / 0 failures / 0 errors / 1 pending : 0.1 seconds\n", (1, 1)),
            ("node", "# tests 4\n# pass 2\n# fail 1\n# cancelled 0\n# skipped 1\n# todo 0\n", (2, 2)),
            ("node", "ℹ tests 4\nℹ pass 4\nℹ fail 0\nℹ skipped 0\n", (4, 0)),
            ("pytest", "F.s\n=== 1 failed, 7 passed, 2 skipped in 0.12s ===\n", (7, 3)),
            ("pytest", "9 passed, 1 warning in 61.10s (0:01:01)\n", (9, 0)),
            ("unittest", "Ran 7 tests in 0.1s\n\nFAILED (failures=1, errors=2, skipped=1)\n", (3, 4)),
            ("unittest", "Ran 7 tests in 0.1s\n\nOK\n", (7, 0)),
            ("plain", "1 passed, 1 failed\nmatrix\n12 passed, 3 failed\n", (12, 3)),
        ]:  # fmt: skip
            with self.subTest(counts=counts, text=text):
                self.assertEqual(suites.COUNTS[counts](text), expected)


class Judging(unittest.TestCase):
    def test_a_command_without_tests_counts_as_one(self):
        self.assertEqual(outcome("true").passed, 1)
        self.assertEqual(outcome("false").failed, 1)

    def test_a_failing_command_fails_even_if_all_its_tests_passed(self):
        seen = outcome("echo '3 passed, 0 failed'; exit 1", "plain")
        self.assertEqual((seen.passed, seen.failed), (3, 1))

    def test_a_failure_in_a_pipe_is_seen(self):
        self.assertEqual(outcome("false | cat").failed, 1)

    def test_a_suite_that_ran_no_test_fails(self):
        self.assertEqual(outcome("true", "pytest").failed, 1)

    def test_a_suite_that_hangs_is_ended_and_fails(self):
        seen = outcome("sleep 60 & wait", minutes=0.01)
        self.assertEqual(seen.failed, 1)
        self.assertLess(seen.seconds, 30)


class Room(unittest.TestCase):
    def test_a_disk_that_is_too_small_is_named_before_anything_is_built(self):
        said = suites.no_room("test", built=False, free=8 * suites.GB)
        self.assertIn("make test writes up to 12.0 GB", said)
        self.assertIn("8.0 GB left", said)

    def test_enough_is_enough_and_what_is_built_needs_less(self):
        self.assertEqual(suites.no_room("test", built=False, free=20 * suites.GB), "")
        self.assertEqual(suites.no_room("test", built=True, free=8 * suites.GB), "")


if __name__ == "__main__":
    unittest.main()
