"""A model in the process has threads of its own: what becomes of them at the end, and in a fork."""

from __future__ import annotations

from programs import Program

MODEL = """
def local(tokens):
    return aikit.parse_spec(json.dumps({
        "agent": "local", "model": "local/SmolLM2-135M-Instruct.Q4_1.gguf",
        "intelligence": {"temperature": 0, "max_tokens": tokens, "system_prompt": "Count."},
    }))

def streaming(kernel):
    run = kernel.agent(local(2000)).start("Count from 1 to 1000.")
    for event in run:
        if event.type == "text_delta": return run

def answer():
    with aikit.open() as kernel:
        return kernel.agent(local(6)).run("Say hello.").text != ""
"""


def test_exit_while_a_model_answers(program: Program) -> None:
    for _ in range(3):
        done = program(MODEL + "kernel = aikit.open(); runs = [streaming(kernel) for _ in range(3)]")
        assert done.stderr == ""


def test_exit_while_a_model_is_loaded(program: Program) -> None:
    for wait in ("0", "0.01", "0.05"):
        code = f"run = aikit.open().agent(local(2000)).start('x'); time.sleep({wait})"
        assert program(MODEL + code).stderr == ""


def test_fork_while_a_model_answers(program: Program) -> None:
    done = program(
        MODEL
        + """
kernel = aikit.open()
run = streaming(kernel)
print(in_child(lambda: (code_of(run.result), answer())))
print(any(event.type == "text_delta" for event in [next(run) for _ in range(3)]))
run.cancel()
print(run.result().status in ("cancelled", "finished"), answer())
"""
    )
    assert done.stdout.splitlines() == [repr(("('forked', True)", 0)), "True", "True True"]


def test_many_answers_at_once_and_a_kernel_that_is_closed(program: Program) -> None:
    program(
        MODEL
        + """
kernel = aikit.open()
agent = kernel.agent(local(2000))
runs = [agent.start(f"Count from {n}.") for n in range(12)]
kernel.close()
ends = {code_of(lambda: run.result().status) for run in runs}
assert ends <= {"cancelled", "closed"}, ends
assert answer()
"""
    )
