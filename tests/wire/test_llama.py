"""A real model, served by a real llama.cpp. It is a small one: what is asserted is how its answer
gets here, not what it says."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import aikit
from agents import QUESTION, handbook_kernel, spec
from conftest import ROOT
from servers import Server, post

MODEL = "smollm2"
COMMAND = ROOT / "target" / "debug" / "aikit"


def short_handbook() -> aikit.Spec:
    """The handbook agent, told to stop early: the model would go on for long."""
    document = aikit.load_spec(str(ROOT / "examples/specs/handbook.yaml")).to_dict()
    document["intelligence"]["model"] = f"openai/{MODEL}"
    document["intelligence"]["script"] = []
    document["intelligence"]["max_tokens"] = 24
    document["context_policy"]["knowledge"][0]["top_k"] = 1
    return aikit.parse_spec(json.dumps(document))


def test_the_handbook_agent_streams_an_answer(llama: Server) -> None:
    with handbook_kernel(llama.providers()) as kernel:
        run = kernel.agent(short_handbook()).start(QUESTION)
        events = list(run)
        result = run.result()
    kinds = [event.type for event in events]
    assert kinds[:3] == ["run_started", "retrieval_finished", "model_started"]
    [found] = [event.passages for event in events if event.type == "retrieval_finished"]
    assert found[0].source == "handbook/leave.md"
    deltas = [event.text for event in events if event.type == "text_delta"]
    assert len(deltas) > 3, "the text was to arrive in pieces"
    assert result.text.strip() and "".join(deltas) == result.text
    assert result.usage.input_tokens > 100, "the passage and the prompt were to be counted"
    assert 0 < result.usage.output_tokens <= 24 * result.turns


def test_the_answer_is_the_one_that_a_plain_request_gets(llama: Server) -> None:
    prompt, question = "You are a helpful teacher.", "Why is the sky blue? Explain it to a child."
    limits = {"temperature": 0, "max_tokens": 48, "seed": 7}
    plain = post(f"{llama.base_url}/chat/completions", {
        "model": MODEL,
        "messages": [{"role": "system", "content": prompt}, {"role": "user", "content": question}],
        **limits,
    })
    with aikit.open(providers=llama.providers()) as kernel:
        result = kernel.agent(spec(MODEL, system_prompt=prompt, **limits)).run(question)
    [choice] = plain["choices"]
    assert result.text == choice["message"]["content"]
    assert result.finish_reason == choice["finish_reason"]
    assert result.usage.input_tokens == plain["usage"]["prompt_tokens"]
    assert result.usage.output_tokens == plain["usage"]["completion_tokens"]


def test_a_run_is_cancelled_and_the_server_is_free_again(llama: Server) -> None:
    with aikit.open(providers=llama.providers()) as kernel:
        agent = kernel.agent(spec(MODEL, temperature=0, max_tokens=2000))
        times: list[float] = []
        # The best of a few counts: what is measured is aikit, not who else uses the machine.
        while len(times) < 5 and min(times, default=1) >= 0.5:
            run = agent.start("Count from 1 to 500.")
            cancelled = 0.0
            for event in run:
                if event.type == "text_delta" and not cancelled:
                    run.cancel()
                    cancelled = time.monotonic()
            times.append(time.monotonic() - cancelled)
            result = run.result()
            assert result.status == "cancelled"
            assert result.text
        assert min(times) < 0.5, f"seconds from cancel to the end of the run: {times}"
        # The server has one slot: it answers only if the cancelled request was given up.
        again = kernel.agent(spec(MODEL, temperature=0, max_tokens=8)).run("Say hello.")
        assert again.status == "finished"


def test_the_command_asks_the_same_model(llama: Server, tmp_path: Path) -> None:
    assert COMMAND.exists(), f"{COMMAND} is not there; build it with: cargo build --workspace"
    spec_text = json.dumps({
        "identity": {"agent_id": "wire"},
        "intelligence": {"model": f"openai/{MODEL}", "temperature": 0, "max_tokens": 16},
    })
    spec_file = tmp_path / "spec.json"
    spec_file.write_text(spec_text, encoding="utf-8")
    keys = {"OPENAI_BASE_URL": llama.base_url, "OPENAI_API_KEY": "x"}
    done = subprocess.run(
        [str(COMMAND), "run", str(spec_file), "What is the capital of France?", "--format", "json"],
        capture_output=True, text=True, timeout=120, env=os.environ | keys, check=False,
    )
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[0]["type"] == "run_started" and events[-1]["type"] == "run_finished"
    assert [event["seq"] for event in events] == list(range(len(events)))
    assert "Paris" in events[-1]["result"]["text"]
