"""Proves that the runner catches what is wrong: python -m unittest discover tests/conformance"""

from __future__ import annotations

import copy
import sys
import unittest
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from compare import ScenarioError, differences, in_order, sequence, step_differences, with_seen
from invariants import violations
from languages import Language
from run import Cell, chosen, judge, run_cell
from scenarios import Scenario, load, parse
from stores import Postgres, Sqlite, Staged

USAGE = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
RESULT = {"run_id": "r", "status": "finished", "text": "one two", "citations": [], "usage": USAGE}
EVENTS = [
    {"type": "run_started", "run_id": "r", "seq": 0},
    {"type": "model_started", "run_id": "r", "seq": 1},
    {"type": "text_delta", "run_id": "r", "seq": 2, "text": "one "},
    {"type": "text_delta", "run_id": "r", "seq": 3, "text": "two"},
    {"type": "model_finished", "run_id": "r", "seq": 4, "text": "one two"},
    {"type": "run_finished", "run_id": "r", "seq": 5, "result": RESULT},
]
START = {"do": "start", "input": "x"}


class Comparing(unittest.TestCase):
    def matches(self, expected: Any, actual: Any) -> None:
        self.assertEqual(differences(expected, actual), [])

    def differs(self, expected: Any, actual: Any) -> None:
        self.assertNotEqual(differences(expected, actual), [], (expected, actual))

    def test_maps_match_as_subsets(self) -> None:
        self.matches({"a": 1}, {"a": 1, "b": 2})
        self.differs({"a": 1, "b": 2}, {"a": 1})
        self.differs({"a": 1}, [("a", 1)])
        self.differs({}, [])

    def test_lists_match_exactly(self) -> None:
        self.matches([1, {"a": 1}], [1, {"a": 1, "b": 2}])
        self.differs([1], [1, 2])
        self.differs([1, 2], [2, 1])
        self.differs([], {})
        self.differs([], None)

    def test_values_are_not_confused(self) -> None:
        self.matches(4, 4.0)
        self.differs(True, 1)
        self.differs(1, True)
        self.differs(1, "1")
        self.differs(None, False)
        self.differs("", None)

    def test_matchers(self) -> None:
        cases: list[tuple[Any, Any, Any]] = [
            ({"$any": True}, "anything", None),
            ({"$contains": "bc"}, "abcd", "acbd"),
            ({"$contains": [2, {"a": 1}]}, [1, {"a": 1}, 2], [1, {"a": 2}, 2]),
            ({"$matches": "^a+$"}, "aaa", "aab"),
            ({"$matches": "a"}, "a", 1),
            ({"$gte": 2}, 2, 1),
            ({"$gte": 0}, 0, True),
            ({"$lte": 2}, 2, 2.5),
            ({"$len": 2}, "\u00e9\u00e9", "\u00e9"),
            ({"$len": {"$gte": 1}}, [1], []),
            ({"$gte": 1, "$lte": 3}, 2, 4),
            ({"$not": {"$contains": "secret"}}, "open", "a secret"),
            ({"a": {"$absent": True}}, {"b": 1}, {"a": None}),
        ]
        for expected, right, wrong in cases:
            self.matches(expected, right)
            if expected != {"$any": True}:
                self.differs(expected, wrong)

    def test_a_missing_key_is_not_any(self) -> None:
        self.differs({"a": {"$any": True}}, {})

    def test_wrong_matchers_are_the_scenarios_fault(self) -> None:
        for expected in ({"$unknown": 1}, {"$any": True, "a": 1}, {"$contains": 1}, {"$any": False}):
            with self.assertRaises(ScenarioError):
                differences(expected, "x")

    def test_sequences_fold_repeats_only(self) -> None:
        kinds = ["run_started", "model_started", "text_delta", "model_finished", "run_finished"]
        self.assertEqual(sequence(kinds, EVENTS), [])
        self.assertNotEqual(sequence(kinds[:-1], EVENTS), [])
        self.assertNotEqual(sequence(kinds, EVENTS[:-1]), [])
        self.assertNotEqual(sequence(kinds, []), [])
        with self.assertRaises(ScenarioError):
            sequence(["text_delta", "text_delta"], EVENTS)

    def test_event_patterns_keep_their_order(self) -> None:
        one, two = {"text": "one "}, {"text": "two"}
        self.assertEqual(in_order([one, two], EVENTS), [])
        self.assertNotEqual(in_order([two, one], EVENTS), [])
        self.assertNotEqual(in_order([two, two], EVENTS), [])
        self.assertNotEqual(in_order([one], []), [])

    def test_steps(self) -> None:
        failed = {"error": {"code": "closed", "message": "m", "retryable": False}}
        self.assertEqual(step_differences({}, {"ok": None}), [])
        self.assertNotEqual(step_differences({}, failed), [])
        self.assertNotEqual(step_differences({"ok": {"$any": True}}, failed), [])
        self.assertEqual(step_differences({"error": {"code": "closed"}}, failed), [])
        self.assertNotEqual(step_differences({"error": {"code": "timeout"}}, failed), [])
        self.assertNotEqual(step_differences({"error": {"code": "closed"}}, {"ok": 1}), [])
        self.assertNotEqual(step_differences({"sequence": ["run_started"]}, {"ok": 1}), [])


class Invariants(unittest.TestCase):
    def broken(self, observation: dict[str, Any], words: str, step: dict[str, Any] = START) -> None:
        found = violations(step, observation)
        self.assertTrue(any(words in line for line in found), (words, found))

    def stream(self) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        events = copy.deepcopy(EVENTS)
        return events, {"ok": copy.deepcopy(RESULT), "events": events}

    def test_a_good_run_is_left_alone(self) -> None:
        self.assertEqual(violations(START, self.stream()[1]), [])

    def test_gaps_and_repeats_in_seq(self) -> None:
        for number in (3, 2):
            events, observation = self.stream()
            for event in events[3:]:
                event["seq"] += 1 if number == 3 else -1
            self.broken(observation, "without gaps")

    def test_endings(self) -> None:
        events, observation = self.stream()
        events.pop()
        self.broken(observation, "exactly one ending")
        events, observation = self.stream()
        events.append(events[-1] | {"seq": 6})
        self.broken(observation, "exactly one ending")
        events, observation = self.stream()
        events.append({"type": "text_delta", "run_id": "r", "seq": 6, "text": "x"})
        self.broken(observation, "exactly one ending")

    def test_lost_deltas(self) -> None:
        events, observation = self.stream()
        del events[3]
        for number, event in enumerate(events):
            event["seq"] = number
        self.broken(observation, "joined deltas")

    def test_a_retry_continues_the_text(self) -> None:
        events, observation = self.stream()
        events[3:3] = [{"type": "retrying", "run_id": "r"}]
        for number, event in enumerate(events):
            event["seq"] = number
        self.assertEqual(violations(START, observation), [])

    def test_the_ending_says_what_the_call_said(self) -> None:
        events, observation = self.stream()
        observation["ok"]["text"] = "other"
        self.broken(observation, "is not the result of the call")
        events, observation = self.stream()
        observation["ok"]["status"] = "cancelled"
        self.broken(observation, "the status is cancelled")
        error = {"code": "timeout", "message": "m", "retryable": True}
        self.broken({"error": error, "events": copy.deepcopy(EVENTS)}, "the call failed with timeout")

    def test_other_runs_events(self) -> None:
        events, observation = self.stream()
        events[2]["run_id"] = "other"
        self.broken(observation, "belong to one run")

    def test_watching_gives_events(self) -> None:
        self.broken({"ok": RESULT}, "gave no events")

    def test_results(self) -> None:
        run = {"do": "run", "input": "x"}
        self.broken({"ok": RESULT | {"usage": USAGE | {"total_tokens": 6}}}, "does not add up", run)
        self.broken({"ok": RESULT | {"status": "done"}}, "status", run)
        self.broken({"ok": RESULT | {"text": None}}, "text", run)
        self.broken({"ok": RESULT | {"citations": {}}}, "citations", run)
        self.broken({"ok": [RESULT, None]}, "a result is a map", {"do": "together", "inputs": []})

    def test_errors(self) -> None:
        close = {"do": "close"}
        self.broken({"error": "text"}, "an error is a map", close)
        self.broken({"error": {"code": "closed", "message": "m"}}, "retryable", close)
        self.broken({"error": {"code": "closed", "message": " ", "retryable": False}}, "empty", close)
        self.broken({}, "either", close)
        self.broken({"ok": 1, "error": {}}, "either", close)


SCENARIO = parse("- {name: s, about: a, steps: [{do: close, expect: {ok: null}}]}", "test")[0]


class Cells(unittest.TestCase):
    def problems(self, code: str, timeout: float = 20.0) -> str:
        language = Language("fake", (sys.executable, "-c", code), build="make fake")
        return "\n".join(run_cell(Cell(SCENARIO, language), Sqlite(), timeout, keep=False).problems)

    def test_a_good_adapter_passes(self) -> None:
        good = 'import json, sys; json.load(open(sys.argv[1])); print(\'{"observations": [{"ok": null}]}\')'
        self.assertEqual(self.problems(good), "")

    def test_adapters_do_not_see_the_expectations(self) -> None:
        code = 'import sys; sys.exit(open(sys.argv[1]).read())'
        self.assertNotIn("expect", self.problems(code))

    def test_what_breaks_is_told(self) -> None:
        for code, words in (
            ("raise SystemExit(3)", "exit code 3"),
            ("import sys; print('why', file=sys.stderr); sys.exit(1)", "stderr: why"),
            ("import os; os.kill(os.getpid(), 11)", "SIGSEGV"),
            ("print('{')", "not one JSON document"),
            ("print('{}')", "no list `observations`"),
            ("import sys; sys.stdout.buffer.write(b'\\xff')", "not UTF-8"),
            ("print('{\"observations\": []}')", "1 steps gave 0 observations"),
            ("print('{\"observations\": [7]}')", "an observation is a map"),
            ("print('{\"observations\": [{\"ok\": 1}]}')", "expected None, got 1"),
        ):
            self.assertIn(words, self.problems(code), code)

    def test_a_hang_is_ended(self) -> None:
        self.assertIn("ended by force", self.problems("import time; time.sleep(60)", timeout=0.5))

    def test_a_missing_adapter_fails_and_says_how_to_build_it(self) -> None:
        language = Language("fake", ("x",), build="make fake", needs=(Path("/nowhere/adapter"),))
        problems = run_cell(Cell(SCENARIO, language), Sqlite(), 5.0, keep=False).problems
        self.assertEqual(problems, ["/nowhere/adapter is not there; build it with: make fake"])

    def test_a_program_that_cannot_start_is_a_failure(self) -> None:
        language = Language("fake", ("/nowhere/program",), build="make fake")
        problems = run_cell(Cell(SCENARIO, language), Sqlite(), 5.0, keep=False).problems
        self.assertIn("cannot be started", problems[0])


class Scenarios(unittest.TestCase):
    def test_the_scenarios_load(self) -> None:
        self.assertGreater(len(load()), 30)

    def test_repeat_is_expanded_everywhere(self) -> None:
        text = """
- name: s
  about: a
  files: {f.txt: {$repeat: [ab, 3]}}
  steps: [{do: run, input: {$repeat: [x, 4]}, expect: {ok: {text: {$repeat: [y, 2]}}}}]
"""
        scenario = parse(text, "test")[0]
        self.assertEqual(scenario.document["steps"][0]["input"], "xxxx")
        self.assertEqual(scenario.expectations[0]["ok"]["text"], "yy")
        self.assertEqual(scenario.files["f.txt"], b"ababab")

    def test_mistakes_are_refused(self) -> None:
        for text in (
            "{}",
            "- {name: s, about: a}",
            "- {name: s, about: a, steps: [{do: fly}]}",
            "- {name: s, about: a, steps: [{do: close, expct: {}}]}",
            "- {name: s, about: a, steps: [{do: close, expect: {oks: 1}}]}",
            "- {name: s, about: a, steps: [{do: close}], tool: []}",
            "- {name: s, about: a, steps: [{do: close}], tools: [{name: t}]}",
            "- {name: s, name: t, about: a, steps: [{do: close}]}",
        ):
            with self.assertRaises(ScenarioError, msg=text):
                parse(text, "test")

    def test_a_pattern_without_a_match_is_refused(self) -> None:
        self.assertEqual(chosen(["ab", "cd"], ["a*"], "row"), ["ab"])
        with self.assertRaises(SystemExit):
            chosen(["ab"], ["x"], "row")

    def test_output_of_another_shape(self) -> None:
        self.assertNotEqual(judge(Staged(SCENARIO, {}, ()), "[]"), [])

    def test_what_is_only_for_one_store_is_left_out_on_the_other(self) -> None:
        text = """
- name: s
  about: a
  steps:
    - {do: run, input: {$on: {sqlite: a, postgres: b}}, expect: {ok: {$on: {sqlite: 1, postgres: 2}}}}
    - {do: close, only: {store: sqlite, because: why}, label: end}
    - {do: schema, expect: {ok: 3}}
"""
        scenario = parse(text, "test")[0]
        sqlite, postgres = scenario.on("sqlite"), scenario.on("postgres")
        self.assertEqual([step["do"] for step in sqlite.document["steps"]], ["run", "close", "schema"])
        self.assertEqual(sqlite.labels, [None, "end", None])
        self.assertEqual(postgres.document["steps"], [{"do": "run", "input": "b"}, {"do": "schema"}])
        self.assertEqual(postgres.expectations, [{"ok": 2}, {"ok": 3}])
        for wrong in (
            "- {name: s, about: a, only: {store: oracle, because: x}, steps: [{do: close}]}",
            "- {name: s, about: a, only: {store: sqlite}, steps: [{do: close}]}",
            "- {name: s, about: a, only: sqlite, steps: [{do: close}]}",
            "- {name: s, about: a, environment: {A: short}, steps: [{do: close}]}",
        ):
            with self.assertRaises(ScenarioError, msg=wrong):
                parse(wrong, "test")
        with self.assertRaises(ScenarioError):
            parse("- {name: s, about: a, steps: [{do: run, input: {$on: {sqlite: 1}}}]}", "test")[0].on("sqlite")

    def test_what_an_earlier_step_gave(self) -> None:
        seen = {"first": {"ok": {"a": [1, {"b": "x"}]}}, "failed": {"error": {}}}
        expected = with_seen({"ok": {"c": {"$seen": ["first", "a", 1]}}}, seen)
        self.assertEqual(step_differences(expected, {"ok": {"c": {"b": "x"}}}), [])
        self.assertNotEqual(step_differences(expected, {"ok": {"c": {"b": "y"}}}), [])
        for nowhere in (["first", "z"], ["first", "a", 7], ["failed", "a"]):
            expected = with_seen({"ok": {"$seen": nowhere}}, seen)
            self.assertNotEqual(step_differences(expected, {"ok": None}), [], nowhere)
        with self.assertRaises(ScenarioError):
            with_seen({"$seen": ["later"]}, seen)

    def test_secrets_are_found(self) -> None:
        text = "- {name: s, about: a, environment: {KEY: canary-0000-0001}, steps: [{do: close}]}"
        with Sqlite().staged(parse(text, "test")[0]) as staged:
            self.assertEqual(staged.environment, {"KEY": "canary-0000-0001"})
            self.assertEqual(judge(staged, '{"observations": [{"ok": null}]}'), [])
            found = judge(staged, '{"observations": [{"ok": null}], "x": "a canary-0000-0001"}')
            self.assertEqual(found, ["the output holds a secret"])


class FakeCluster:
    """Remembers what it is asked."""

    url = "postgres://postgres:of-the-superuser@127.0.0.1:1/aikit_test"

    class settings:  # noqa: N801
        password = "of-the-superuser"

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def query(self, sql: str, database: str = "aikit_test") -> str:
        self.asked.append((database, sql))
        return ""


class Databases(unittest.TestCase):
    def staged(self, steps: str, more: str = "") -> tuple[Scenario, list[tuple[str, str]], Staged]:
        scenario = parse(f"- {{name: s, about: a, {more} steps: [{steps}]}}", "test")[0]
        cluster = FakeCluster()
        store = Postgres(cluster, password="of-the-logins")  # type: ignore[arg-type]
        with store.staged(scenario) as staged:
            asked = list(cluster.asked)
        dropped = [sql for _, sql in cluster.asked if sql.startswith("DROP")]
        self.assertEqual(len(dropped), sum(sql.startswith("CREATE") for _, sql in cluster.asked))
        return staged.scenario, asked, staged

    def locations(self, scenario: Scenario) -> list[str]:
        return [step.get("location", "") for step in scenario.document["steps"]]

    def test_files_become_databases_and_kernels_in_memory_get_their_own(self) -> None:
        scenario, asked, staged = self.staged(
            "{do: open, location: a.db, tenant: x}, {do: open, location: a.db, tenant: y}, {do: open}, {do: open}"
        )
        first, second, third, fourth = self.locations(scenario)
        self.assertEqual(first, "postgres://aikit_conformance:of-the-logins@127.0.0.1:1/cell_0_0")
        self.assertEqual(first, second)
        self.assertEqual(len({first, third, fourth}), 3)
        made = [sql for database, sql in asked if database == "cell_0_0"]
        self.assertEqual(len(made), 1)
        self.assertIn("('x'", made[0])
        self.assertIn("('y'", made[0])
        self.assertIn("of-the-logins", staged.hidden)
        self.assertIn("of-the-superuser", staged.hidden)

    def test_tenants_that_the_scenario_makes_are_left_to_it(self) -> None:
        scenario, asked, _ = self.staged(
            "{do: open_admin, location: a.db, actor: z}, {do: admin, op: create_tenant, arguments: {id: x}},"
            "{do: open, location: a.db, tenant: x}, {do: admin, op: copy_tenant, arguments: {id: x, to: b.db}},"
            "{do: open, location: b.db, tenant: x}, {do: open, location: b.db, tenant: '../no'}"
        )
        self.assertFalse([sql for _, sql in asked if sql.startswith("INSERT")], asked)
        steps = scenario.document["steps"]
        self.assertIn("aikit_conformance_admin:", steps[0]["location"])
        self.assertIn("aikit_conformance_admin:", steps[3]["arguments"]["to"])
        self.assertEqual(steps[3]["arguments"]["to"].rpartition("/")[2], steps[4]["location"].rpartition("/")[2])

    def test_scenarios_of_postgres_alone_choose_logins_and_get_no_tenants(self) -> None:
        scenario, asked, _ = self.staged(
            "{do: open, location: {$location: a.db, login: superuser, empty: true}}",
            "only: {store: postgres, because: why},",
        )
        self.assertEqual(self.locations(scenario), [FakeCluster.url.replace("aikit_test", "cell_0_0")])
        self.assertEqual(asked, [("aikit_test", "CREATE DATABASE cell_0_0 TEMPLATE template1")])


if __name__ == "__main__":
    unittest.main()
