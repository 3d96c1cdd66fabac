"""The blocking family, method by method."""

from __future__ import annotations

import gc
import threading
import time
from pathlib import Path

import aikit
import pytest
from support import ROOT, call_of, eventually, fastest, make_spec, slow

HANDBOOK = ROOT / "examples" / "handbook"


def test_a_run_gives_its_result(kernel: aikit.Kernel) -> None:
    agent = kernel.agent(make_spec({"text": "You said {{input}}"}))
    result = agent.run("hi", run_id="first")
    assert (result.text, result.status, result.run_id) == ("You said hi", "finished", "first")
    assert result.turns == 1
    assert result.finish_reason == "stop"
    assert result.model == "scripted/test"
    assert result.citations == ()
    assert result.usage.total_tokens == result.usage.input_tokens + result.usage.output_tokens


def test_events_come_in_order_and_end_once(kernel: aikit.Kernel) -> None:
    run = kernel.agent(make_spec({"deltas": ["a", "b"]})).start("x")
    events = list(run)
    assert [event.type for event in events] == [
        "run_started",
        "model_started",
        "text_delta",
        "text_delta",
        "model_finished",
        "run_finished",
    ]
    assert [event.seq for event in events] == list(range(6))
    assert run.result() is run.result()
    assert run.result().text == "ab"
    assert list(run) == []


def test_result_may_be_asked_for_in_mid_stream(kernel: aikit.Kernel) -> None:
    kernel.tool(lambda: 7, name="seven", parameters={"type": "object"})
    run = kernel.agent(
        make_spec(call_of("seven"), {"text": "it is {{tool.seven}}"}, tools=["seven"])
    ).start("x")
    assert next(run).type == "run_started"
    assert run.result().text == "it is 7"
    assert list(run) == []


def test_the_iteration_of_a_failed_run_ends_with_its_error(kernel: aikit.Kernel) -> None:
    turn = {"text": "part", "error": {"code": "model_refused", "message": "no"}}
    run = kernel.agent(make_spec(turn)).start("x")
    seen = []
    with pytest.raises(aikit.ModelRefused):
        for event in run:
            seen.append(event)
    last = seen[-1]
    assert isinstance(last, aikit.RunFailed)
    assert isinstance(last.error, aikit.ModelRefused)
    assert list(run) == [], "an iterator that ended stays ended"
    with pytest.raises(aikit.ModelRefused):
        run.result()


def test_a_cancelled_run_keeps_what_there_was(kernel: aikit.Kernel) -> None:
    agent = kernel.agent(make_spec(slow()))

    def cancel() -> float:
        run = agent.start("x")
        for event in run:
            if event.type == "text_delta":
                break
        began = time.monotonic()
        run.cancel()
        result = run.result()
        took = time.monotonic() - began
        assert result.status == "cancelled"
        assert result.text.startswith("word")
        return took

    assert fastest(1, cancel) < 1


def test_leaving_a_run_cancels_it(kernel: aikit.Kernel) -> None:
    with kernel.agent(make_spec(slow())).start("x") as run:
        next(run)
    assert run.result().status == "cancelled"


def test_a_run_that_nobody_holds_is_cancelled(kernel: aikit.Kernel) -> None:
    agent = kernel.agent(make_spec(slow()))
    run = agent.start("x", run_id="dropped")
    next(run)
    del run
    gc.collect()
    assert eventually(lambda: kernel.run_events("dropped")[-1].type == "run_cancelled")


def test_run_options_reach_the_core(kernel: aikit.Kernel) -> None:
    with pytest.raises(aikit.Timeout):
        kernel.agent(make_spec(slow())).run("x", timeout=0.1)
    with pytest.raises(aikit.TurnLimit):
        kernel.agent(make_spec(call_of("calculator", expression="1"), tools=["calculator"])).run(
            "x", max_turns=1
        )


def test_past_runs_can_be_read(kernel: aikit.Kernel) -> None:
    run = kernel.agent(make_spec()).start("x", run_id="past")
    live = list(run)
    assert kernel.run_events("past") == live


def test_documents_are_ingested_searched_and_listed(kernel: aikit.Kernel) -> None:
    collection = kernel.collection("handbook")
    assert collection.name == "handbook"
    report = collection.ingest(HANDBOOK)
    assert report.added == len(list(HANDBOOK.iterdir()))
    assert report.skipped == ()
    again = collection.ingest(str(HANDBOOK))
    assert (again.added, again.unchanged) == (0, report.added)
    passages = collection.search("carry over days of leave", top_k=2)
    assert len(passages) == 2
    assert passages[0].source.endswith("leave.md")
    assert passages[0].start_line >= 1
    assert {document.source for document in collection.documents()} >= {passages[0].source}


def test_a_file_keeps_what_was_put_in(tmp_path: Path) -> None:
    location = tmp_path / "aikit.db"
    with aikit.open(location, tenant="acme") as kernel:
        assert kernel.tenant == "acme"
        kernel.agent(make_spec()).run("x", run_id="kept")
    with aikit.open(str(location), tenant="acme") as kernel:
        assert kernel.run_events("kept")[-1].type == "run_finished"


def test_the_model_can_be_replaced(kernel: aikit.Kernel) -> None:
    spec = make_spec()
    agent = kernel.agent(spec, model="scripted/other")
    assert (agent.agent_id, agent.version, agent.model) == ("tester", "1.2.3", "scripted/other")
    assert agent.name == "tester"
    assert agent.spec.model == "scripted/test"
    assert agent.run("x").model == "scripted/other"


def test_specs_are_parsed_and_read(tmp_path: Path) -> None:
    spec = make_spec()
    assert (spec.agent_id, spec.version, spec.model) == ("tester", "1.2.3", "scripted/test")
    assert spec.to_dict()["identity"]["agent_id"] == "tester"
    handbook = aikit.load_spec(ROOT / "examples" / "specs" / "handbook.yaml")
    assert handbook.name == "Handbook assistant"
    assert handbook.check() == []


def test_warnings_of_a_spec_have_a_place() -> None:
    spec = aikit.parse_spec(
        "identity: {agent_id: a}\nintelligence:\n  model: openai/x\n  script:\n    - text: hi\n"
    )
    findings = spec.check()
    assert findings
    assert all(isinstance(finding, aikit.Diagnostic) for finding in findings)
    assert findings[0].severity == "warning"
    assert findings[0].line >= 1


def test_a_wait_lets_other_threads_run(kernel: aikit.Kernel) -> None:
    run = kernel.agent(make_spec(slow())).start("x")

    def work() -> None:
        for _ in range(50):
            time.sleep(0.001)
        run.cancel()

    worker = threading.Thread(target=work)
    worker.start()
    status = run.result().status
    worker.join()
    assert status == "cancelled", "the wait held the interpreter's lock until the end of the run"


def test_many_threads_run_at_once(kernel: aikit.Kernel) -> None:
    agent = kernel.agent(make_spec({"text": "{{input}}", "delay_ms": 5}))
    texts: dict[int, str] = {}

    def one(number: int) -> None:
        texts[number] = agent.run(f"n{number}").text

    threads = [threading.Thread(target=one, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == {n: f"n{n}" for n in range(20)}


def test_a_run_can_be_cancelled_from_another_thread(kernel: aikit.Kernel) -> None:
    run = kernel.agent(make_spec(slow())).start("x")
    timer = threading.Timer(0.2, run.cancel)
    timer.start()
    assert run.result().status == "cancelled"


def test_objects_say_what_they_are(kernel: aikit.Kernel) -> None:
    agent = kernel.agent(make_spec())
    assert repr(kernel) == "<aikit.Kernel tenant=default>"
    assert repr(agent) == "<aikit.Agent tester 1.2.3>"
    assert repr(agent.spec) == "<aikit.Spec tester 1.2.3>"
    assert repr(kernel.specs) == "<aikit.Specs tenant=default>"
    assert repr(kernel.collection("docs")) == "<aikit.Collection docs>"
